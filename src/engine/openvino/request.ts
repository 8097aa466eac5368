import { addressOf, type Pointer } from '#platform/native';
import type { EngineTensor } from '../engine.ts';
import type { OpenVinoEnvironment } from './environment.ts';
import { check } from './status.ts';
import { tensorOver } from './tensors.ts';

interface Place {
  readonly address: Pointer;
  readonly type: EngineTensor['type'];
  readonly dims: readonly number[];
}

type Side = 'input' | 'output';

/**
 * An `ov_infer_request_t` and what it reads from and writes to. It keeps the tensors that it was given: one is set again
 * only where another place, type or shape comes, since a training step feeds hundreds that stand where they stood. A
 * place is only an address; nothing is read there between runs, so it may outlive the array that it was made for.
 */
export class InferRequest {
  readonly handle: Pointer;
  readonly #environment: OpenVinoEnvironment;
  readonly #places = { input: new Map<number, Place>(), output: new Map<number, Place>() };

  constructor(environment: OpenVinoEnvironment, compiled: Pointer) {
    this.#environment = environment;
    const out = new BigUint64Array(1);
    const { api } = environment;
    check(api, api.compiled_model_create_infer_request(compiled, addressOf(out)), 'making an infer request');
    this.handle = out[0];
  }

  /** Whether all outputs that were ever given a place are among these: what has one cannot be without it again. */
  canRun(placed: ReadonlySet<number>): boolean {
    return [...this.#places.output.keys()].every((index) => placed.has(index));
  }

  /** Reads an input from, or writes an output to, a tensor's own memory; the caller has checked its size. */
  place(side: Side, index: number, { type, dims, data }: EngineTensor): void {
    // An empty tensor has no address of its own, and OpenVINO wants one; nothing is read or written there.
    const address = data.length === 0 ? emptyAddress() : addressOf(data);
    const known = this.#places[side].get(index);
    if (known !== undefined && known.address === address && known.type === type && sameDims(known.dims, dims)) return;
    this.#places[side].delete(index);
    const { api, types } = this.#environment;
    const tensor = tensorOver(api, types.codeOf(type), dims, address);
    try {
      const set = side === 'input' ? api.infer_request_set_input_tensor : api.infer_request_set_output_tensor;
      check(api, set(this.handle, index, tensor), `giving ${side} ${index} its place`);
    } finally {
      api.tensor_free(tensor); // the request holds one of its own
    }
    this.#places[side].set(index, { address, type, dims: dims.slice() });
  }

  /** What `use` makes of an output's `ov_tensor_t`. */
  output<T>(index: number, use: (tensor: Pointer) => T): T {
    const { api } = this.#environment;
    const out = new BigUint64Array(1);
    check(api, api.infer_request_get_output_tensor(this.handle, index, addressOf(out)), 'fetching an output');
    const tensor = out[0];
    try {
      return use(tensor);
    } finally {
      api.tensor_free(tensor);
    }
  }
}

/** Whether two shapes are the same. */
export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

let placeholder: Uint8Array | undefined;

function emptyAddress(): Pointer {
  placeholder ??= new Uint8Array(64);
  return addressOf(placeholder);
}
