import { addressOf, type Pointer } from '#platform/native';
import { byteSize } from '../../core/dtypes.ts';
import type { EngineTensor } from '../engine.ts';
import { elementCode } from './elementTypes.ts';
import type { OrtEnvironment } from './environment.ts';
import { check } from './status.ts';

interface Entry {
  readonly address: Pointer;
  readonly type: EngineTensor['type'];
  readonly dims: readonly number[];
  readonly value: Pointer;
}

/**
 * The `OrtValue`s over typed arrays, one a name, kept from run to run: a training step feeds hundreds of parameters that
 * stand where they stood. A value is only an address, a type and dims, so it can outlive the array that it was made for:
 * it is used again where an array at the same address comes with the same type and dims, and replaced otherwise.
 */
export class ValueCache {
  readonly #environment: OrtEnvironment;
  readonly #entries = new Map<string, Entry>();

  constructor(environment: OrtEnvironment) {
    this.#environment = environment;
  }

  /** The value of a tensor whose data has as many elements as its dims say (the caller has checked it). */
  valueOf(name: string, { type, dims, data }: EngineTensor): Pointer {
    // An empty tensor has no address of its own, and ONNX Runtime wants one; it reads nothing there.
    const address = data.length === 0 ? emptyAddress() : addressOf(data);
    const known = this.#entries.get(name);
    if (known !== undefined) {
      if (known.address === address && known.type === type && sameDims(known.dims, dims)) return known.value;
      this.#entries.delete(name);
      this.#environment.api.ReleaseValue(known.value);
    }
    const { api, memoryInfo } = this.#environment;
    const shape = BigInt64Array.from(dims, BigInt);
    const out = new BigUint64Array(1);
    const status = api.CreateTensorWithDataAsOrtValue(
      memoryInfo,
      address,
      data.length * byteSize(type),
      addressOf(shape),
      shape.length,
      elementCode(type),
      addressOf(out),
    );
    check(api, status, `making a value for '${name}'`);
    this.#entries.set(name, { address, type, dims: dims.slice(), value: out[0] });
    return out[0];
  }

  /** How many values are held. */
  get size(): number {
    return this.#entries.size;
  }

  /** Frees every value. */
  clear(): void {
    for (const { value } of this.#entries.values()) this.#environment.api.ReleaseValue(value);
    this.#entries.clear();
  }
}

function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

let placeholder: Uint8Array | undefined;

function emptyAddress(): Pointer {
  placeholder ??= new Uint8Array(64);
  return addressOf(placeholder);
}
