import { allocate, type DType, type DTypeArrays, type TypedArray } from './dtypes.ts';
import { ArgumentError } from './errors.ts';

/** Nested lists of numbers, as deep as a tensor has dimensions. */
export type NestedNumbers = number | NestedNumbers[];

function flatten(values: NestedNumbers): number[] {
  return Array.isArray(values) ? values.flatMap(flatten) : [values];
}

/**
 * A concrete, small, row-major array: what a tokenizer gives and a model returns (PyTorch's names).
 * Symbolic values of a graph are `Value`s, not tensors.
 */
export class Tensor<T extends DType = DType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: DTypeArrays[T];

  /** @throws ArgumentError where `data` has not as many elements as `dims` say. */
  constructor(type: T, data: DTypeArrays[T], dims: readonly number[]) {
    if (data.length !== dims.reduce((product, dim) => product * dim, 1)) {
      throw new ArgumentError('ERR_TENSOR_SIZE', {
        owner: 'Tensor',
        what: `data and dims [${dims.join(', ')}] do not fit`,
        got: `${data.length} elements`,
        expected: `${dims.reduce((product, dim) => product * dim, 1)}`,
      });
    }
    this.type = type;
    this.data = data;
    this.dims = dims;
  }

  /** A float32 tensor from nested lists. */
  static from(values: NestedNumbers): Tensor<'float32'>;
  static from<T extends DType>(values: NestedNumbers, type: T): Tensor<T>;
  static from(values: NestedNumbers, type: DType = 'float32'): Tensor {
    const dims: number[] = [];
    for (let level = values; Array.isArray(level); level = level[0]) dims.push(level.length);
    const flat = flatten(values);
    const data = allocate(type, flat.length);
    const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
    flat.forEach((value, i) => {
      (data as { [index: number]: number | bigint })[i] = big ? BigInt(value) : value;
    });
    return new Tensor(type, data, dims);
  }

  get size(): number {
    return this.data.length;
  }

  /** The only element, as a number. @throws ArgumentError where there are none or several. */
  item(): number {
    if (this.data.length !== 1) {
      throw new ArgumentError('ERR_TENSOR_ITEM', {
        owner: 'Tensor.item',
        what: 'only a tensor of one element has an item',
        got: `dims [${this.dims.join(', ')}]`,
        hint: 'use tolist()',
      });
    }
    return Number(this.data[0]);
  }

  /** Nested lists of numbers (a number for a scalar). */
  tolist(): NestedNumbers {
    const nest = (axis: number, offset: number, stride: number): NestedNumbers => {
      if (axis === this.dims.length) return Number(this.data[offset]);
      const inner = stride / this.dims[axis];
      return Array.from({ length: this.dims[axis] }, (_, i) => nest(axis + 1, offset + i * inner, inner));
    };
    return nest(0, 0, this.data.length);
  }

  /** The index of the largest element along `axis`; of equals, the first. The axis is dropped. */
  argmax(axis = -1): Tensor<'int64'> {
    const { outer, length, inner, dims } = this.#split(axis, 'Tensor.argmax');
    const result = new BigInt64Array(outer * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        let best = 0;
        for (let k = 1; k < length; k++) {
          if (this.data[(o * length + k) * inner + i] > this.data[(o * length + best) * inner + i]) best = k;
        }
        result[o * inner + i] = BigInt(best);
      }
    }
    return new Tensor('int64', result, dims);
  }

  /** exp(x − max) / Σ exp(x − max) along `axis`. */
  softmax(axis = -1): Tensor<'float32'> {
    const { outer, length, inner } = this.#split(axis, 'Tensor.softmax');
    const result = new Float32Array(this.data.length);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const at = (k: number) => (o * length + k) * inner + i;
        let max = Number.NEGATIVE_INFINITY;
        for (let k = 0; k < length; k++) max = Math.max(max, Number(this.data[at(k)]));
        let sum = 0;
        for (let k = 0; k < length; k++) sum += Math.exp(Number(this.data[at(k)]) - max);
        for (let k = 0; k < length; k++) result[at(k)] = Math.exp(Number(this.data[at(k)]) - max) / sum;
      }
    }
    return new Tensor('float32', result, this.dims);
  }

  /** 1 / (1 + exp(−x)), element by element. */
  sigmoid(): Tensor<'float32'> {
    return new Tensor(
      'float32',
      Float32Array.from(
        this.data as ArrayLike<number | bigint> & Iterable<number>,
        (x) => 1 / (1 + Math.exp(-Number(x))),
      ),
      this.dims,
    );
  }

  /** The same elements under other dims; one of them may be −1. Shares `data`. */
  reshape(dims: readonly number[]): Tensor<T> {
    const known = dims.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
    return new Tensor(
      this.type,
      this.data,
      dims.map((dim) => (dim === -1 ? this.data.length / known : dim)),
    );
  }

  /** Rows `start` to `end` of the first axis. Shares `data`. */
  slice(start: number, end: number = this.dims[0]): Tensor<T> {
    const row = this.data.length / this.dims[0];
    return new Tensor(
      this.type,
      (this.data as Float32Array).subarray(start * row, end * row) as DTypeArrays[T] & TypedArray,
      [end - start, ...this.dims.slice(1)],
    );
  }

  #split(axis: number, owner: string) {
    const rank = this.dims.length;
    const at = axis < 0 ? axis + rank : axis;
    if (!(at >= 0 && at < rank)) {
      throw new ArgumentError('ERR_TENSOR_AXIS', {
        owner,
        what: 'no such axis',
        got: axis,
        expected: `−${rank} to ${rank - 1}`,
      });
    }
    const product = (dims: readonly number[]) => dims.reduce((p, dim) => p * dim, 1);
    return {
      outer: product(this.dims.slice(0, at)),
      length: this.dims[at],
      inner: product(this.dims.slice(at + 1)),
      dims: this.dims.filter((_, i) => i !== at),
    };
  }
}
