import { EnvironmentError } from '../core/errors.ts';
import type { NativeLibrary, NativePlatform, Pointer } from './native.node.ts';

export type {
  NativeFunction,
  NativeLibrary,
  NativePlatform,
  NativeStruct,
  NativeValue,
  Pointer,
  StructTypes,
} from './native.node.ts';

/** There are no native libraries in a browser: everything that needs one says so and names what works instead. */
function unavailable(owner: string): never {
  throw new EnvironmentError('ERR_NATIVE_CALLS', {
    owner,
    what: 'native libraries cannot be called in a browser',
    hint: 'use the WebAssembly or the WebGPU engine there',
  });
}

/** @throws EnvironmentError always. */
export async function openLibrary(_path: string): Promise<NativeLibrary> {
  return unavailable('openLibrary');
}

/** @throws EnvironmentError always. */
export function addressOf(_array: ArrayBufferView): Pointer {
  return unavailable('addressOf');
}

/** @throws EnvironmentError always. */
export function readPointer(_address: Pointer, _index = 0): Pointer | null {
  return unavailable('readPointer');
}

/** @throws EnvironmentError always. */
export function readInt64s(_address: Pointer, _length: number): number[] {
  return unavailable('readInt64s');
}

/** @throws EnvironmentError always. */
export function readString(_address: Pointer): string {
  return unavailable('readString');
}

/** @throws EnvironmentError always. */
export function copyFrom(_address: Pointer, _target: ArrayBufferView): void {
  unavailable('copyFrom');
}

/** @throws EnvironmentError always. */
export function cStrings(_texts: readonly string[]): { readonly memory: Uint8Array; readonly addresses: Pointer[] } {
  return unavailable('cStrings');
}

/** A browser, as far as native libraries are concerned. */
export function nativePlatform(): NativePlatform {
  return { os: 'browser', arch: 'wasm' };
}

/** No package's files can be seen from a browser. */
export function packageFile(_packageName: string, _relativePath: string): string | undefined {
  return undefined;
}

/** No package's files can be seen from a browser. */
export function packageVersion(_packageName: string): string | undefined {
  return undefined;
}
