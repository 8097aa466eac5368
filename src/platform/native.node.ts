import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EnvironmentError } from '../core/errors.ts';

/** An address in this process's memory; `null` comes back from C where a function returned NULL. */
export type Pointer = bigint;

/** What can be given to a C function or comes back from one. Typed arrays go in by their address, {@link addressOf}. */
export type NativeValue = Pointer | number | boolean | string | null | undefined | NativeStruct;

/** A struct that is given by value, by its fields' names. */
export interface NativeStruct {
  readonly [field: string]: Pointer | number;
}

/** Structs that a prototype names, each as the C types of its fields in order. */
export type StructTypes = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A C function. Called as it is, it runs on this thread. */
export interface NativeFunction {
  (...args: NativeValue[]): NativeValue;
  /**
   * Runs on a thread of Node's pool, so the event loop stays free and the process stays alive until it returns.
   * @param keep whatever owns the memory that the arguments point to: it is not collected while the call is under way.
   */
  async(keep: unknown, ...args: NativeValue[]): Promise<NativeValue>;
}

/** A shared library that was opened; it stays loaded until the process ends. */
export interface NativeLibrary {
  readonly path: string;
  /**
   * The exported function of a prototype like `'void *create(const char *, size_t)'` (parameters without names).
   * After the parameters may stand `...`: then each further argument is given as two, its C type as a text and its value.
   * @param structs the structs that are given by value, where the prototype names any.
   */
  func(prototype: string, structs?: StructTypes): NativeFunction;
  /** The function that stands at an address, by the same kind of prototype; its name is for error messages only. */
  functionAt(address: Pointer, prototype: string): NativeFunction;
}

/** What this process runs on, in Node's words. */
export interface NativePlatform {
  readonly os: string;
  readonly arch: string;
}

type Koffi = typeof import('koffi').default;
type KoffiFunction = ReturnType<ReturnType<Koffi['load']>['func']>;

/**
 * The stack that an asynchronous call gets, bytes. koffi's own 128 KiB is less than numeric libraries need: a matrix
 * product alone keeps packed panels of 64 KiB and more on the stack. 8 MiB is what a program's main thread has; only
 * the pages that are used cost memory.
 */
const asyncStackBytes = 8 << 20;
const leastAsyncStackBytes = 1 << 20;

let loaded: { readonly koffi: Koffi } | undefined;

/** What owns memory that native calls under way point to, one entry a call. */
const inUse = new Set<{ readonly keep: unknown }>();

async function loadKoffi(): Promise<Koffi> {
  if (loaded !== undefined) return loaded.koffi;
  let koffi: Koffi;
  try {
    koffi = (await import('koffi')).default;
  } catch (cause) {
    throw new EnvironmentError('ERR_NATIVE_CALLS', {
      owner: 'openLibrary',
      what: `native libraries cannot be called on ${process.platform} ${process.arch}, since koffi does not load`,
      hint: 'reinstall with `npm install` on this very platform (its prebuilt files are optional packages), or use the WebAssembly engine',
      cause,
    });
  }
  try {
    koffi.config({ async_stack_size: asyncStackBytes });
  } catch (cause) {
    // Settings are fixed once any library has been loaded, by this program's other users of koffi too.
    const stack = koffi.config().async_stack_size ?? 0;
    if (stack < leastAsyncStackBytes) {
      throw new EnvironmentError('ERR_NATIVE_STACK', {
        owner: 'openLibrary',
        what: 'koffi was used before with too small a stack for asynchronous calls',
        got: `${stack} bytes`,
        expected: `at least ${leastAsyncStackBytes}`,
        hint: `call \`koffi.config({ async_stack_size: ${asyncStackBytes} })\` before the first \`koffi.load\` of this program`,
        cause,
      });
    }
  }
  loaded = { koffi };
  return koffi;
}

function koffiNow(): Koffi {
  if (loaded === undefined) throw new TypeError('a library must be opened before its memory is read');
  return loaded.koffi;
}

/**
 * Opens a shared library for good: it is never unloaded, since threads of its own may run until the process ends.
 * @throws EnvironmentError `ERR_NATIVE_LIBRARY` where the file is missing, damaged, or made for another system.
 */
export async function openLibrary(path: string): Promise<NativeLibrary> {
  const koffi = await loadKoffi();
  let library: ReturnType<Koffi['load']>;
  try {
    library = koffi.load(path);
  } catch (cause) {
    throw new EnvironmentError('ERR_NATIVE_LIBRARY', {
      owner: 'openLibrary',
      what: existsSync(path)
        ? `the native library does not load: ${cause instanceof Error ? cause.message : String(cause)}`
        : 'there is no native library at this path',
      file: path,
      hint: 'reinstall the package that brings it, for this operating system and processor',
      cause,
    });
  }
  opened.add(library);
  return {
    path,
    func(prototype, structs = {}) {
      const { name, result, parameters } = parsePrototype(prototype);
      // Without a name of their own: koffi refuses to register a name twice in a process.
      const types = parameters.map((type) => (type in structs ? koffi.struct(structs[type]) : type));
      try {
        return wrap(library.func(name, result, types));
      } catch (cause) {
        throw new EnvironmentError('ERR_NATIVE_LIBRARY', {
          owner: 'openLibrary',
          what: `the native library has no function '${name}'`,
          file: path,
          hint: 'install the version that the documentation names',
          cause,
        });
      }
    },
    functionAt(address, prototype) {
      const { result, parameters } = parsePrototype(prototype);
      return wrap(koffi.decode(address, koffi.proto(result, parameters)) as KoffiFunction);
    },
  };
}

/** Keeps koffi from unloading libraries when their handles are collected. */
const opened = new Set<unknown>();

function wrap(native: KoffiFunction): NativeFunction {
  const call = (...args: NativeValue[]): NativeValue => native(...args) as NativeValue;
  const async = (keep: unknown, ...args: NativeValue[]): Promise<NativeValue> =>
    new Promise((resolve, reject) => {
      const entry = { keep };
      inUse.add(entry);
      const settle = (error: unknown, result: NativeValue) => {
        inUse.delete(entry);
        if (error) reject(error);
        else resolve(result);
      };
      try {
        native.async(...args, settle);
      } catch (error) {
        settle(error, undefined);
      }
    });
  return Object.assign(call, { async });
}

/** `'const char *name(void *, size_t)'` as result, name and parameters. Anonymous, so koffi registers no type name twice. */
function parsePrototype(prototype: string): { name: string; result: string; parameters: string[] } {
  const match = /^(.*?)\s*(\w+)\s*\(([^()]*)\)$/.exec(prototype.trim());
  if (match === null || match[1] === '') throw new TypeError(`not a C prototype: ${prototype}`);
  const parameters = match[3].split(',').map((type) => type.trim());
  return {
    result: match[1],
    name: match[2],
    parameters: parameters.length === 1 && (parameters[0] === '' || parameters[0] === 'void') ? [] : parameters,
  };
}

/**
 * The small arrays whose addresses were last asked for. An address is a number: an array that a call is given by address alone,
 * and that nobody reads afterwards, might be collected while the call's other arguments are still being made.
 */
const temporaryBytes = 4096;
const lately: (ArrayBufferView | undefined)[] = new Array(32).fill(undefined);
let latest = 0;

/**
 * Where a typed array's elements stand. They do not move as long as the array's buffer lives and is not detached;
 * 0 for an array without elements. Memory shared with WebAssembly is accepted. A small array (4 KiB) lives
 * until 32 others have been asked for, so the arguments of a call that is not asynchronous need no other owner.
 */
export function addressOf(array: ArrayBufferView): Pointer {
  // V8 keeps small arrays inside its own heap, where the collector moves them, until their buffer is asked for.
  if (array.buffer.byteLength === 0 || array.byteLength === 0) return 0n;
  if (array.buffer.byteLength <= temporaryBytes) {
    latest = (latest + 1) % lately.length;
    lately[latest] = array;
  }
  return koffiNow().address(array);
}

/** The pointer that stands at an address (plus `index` pointers), or `null`. */
export function readPointer(address: Pointer, index = 0): Pointer | null {
  return koffiNow().decode(address, index * 8, 'void *') as Pointer | null;
}

/** The `int64_t` numbers from an address on; they must be such as a JavaScript number holds. */
export function readInt64s(address: Pointer, length: number): number[] {
  const numbers = new BigInt64Array(length);
  copyFrom(address, numbers);
  return Array.from(numbers, Number);
}

/** The NUL-terminated UTF-8 text at an address. */
export function readString(address: Pointer): string {
  return koffiNow().decode.string(address);
}

/** Copies native memory into a typed array, as many bytes as the array holds. */
export function copyFrom(address: Pointer, target: ArrayBufferView): void {
  const { byteLength } = target;
  if (byteLength === 0) return;
  const source = new Uint8Array(koffiNow().view(address, byteLength));
  new Uint8Array(target.buffer, target.byteOffset, byteLength).set(source);
}

/** NUL-terminated UTF-8, one after the other in one block that the caller keeps, and the address of each. */
export function cStrings(texts: readonly string[]): { readonly memory: Uint8Array; readonly addresses: Pointer[] } {
  const encoder = new TextEncoder();
  const encoded = texts.map((text) => encoder.encode(`${text}\0`));
  // One byte more, so that the empty list too has memory.
  const memory = new Uint8Array(encoded.reduce((sum, bytes) => sum + bytes.length, 1));
  const start = addressOf(memory);
  let at = 0;
  const addresses = encoded.map((bytes) => {
    memory.set(bytes, at);
    const address = start + BigInt(at);
    at += bytes.length;
    return address;
  });
  return { memory, addresses };
}

/** What this process runs on: `process.platform` and `process.arch`. */
export function nativePlatform(): NativePlatform {
  return { os: process.platform, arch: process.arch };
}

/**
 * A file of an installed npm package, looked up as an import from here would be.
 * @returns its absolute path, or undefined where the package or the file is not there.
 */
export function packageFile(packageName: string, relativePath: string): string | undefined {
  const folder = packageFolder(packageName);
  if (folder === undefined) return undefined;
  const path = join(folder, relativePath);
  return existsSync(path) ? path : undefined;
}

/** The version of an installed npm package, or undefined where it is not installed. */
export function packageVersion(packageName: string): string | undefined {
  const folder = packageFolder(packageName);
  if (folder === undefined) return undefined;
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: unknown };
  return typeof version === 'string' ? version : undefined;
}

function packageFolder(packageName: string): string | undefined {
  const { resolve } = createRequire(import.meta.url);
  // `resolve` obeys a package's exports, which may not list package.json: then its folder is looked for by hand.
  try {
    return dirname(resolve(`${packageName}/package.json`));
  } catch {
    const folders = resolve.paths(packageName) ?? [];
    return folders
      .map((folder) => join(folder, packageName))
      .find((folder) => existsSync(join(folder, 'package.json')));
  }
}
