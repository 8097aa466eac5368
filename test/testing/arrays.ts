import type { DType } from '../../src/core/dtypes.ts';
import { allocate } from '../../src/core/dtypes.ts';
import { RandomStream } from '../../src/core/random.ts';
import type { EngineTensor } from '../../src/engine/engine.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { type NdArray, ndarray } from '../../src/graph/ndarray.ts';
import type { Shape, Value } from '../../src/graph/value.ts';

/** The lengths of symbolic dimensions. */
export type Lengths = Readonly<Record<string, number>>;

/** A shape with its symbolic lengths filled in. */
export function concrete(shape: Shape, lengths: Lengths): number[] {
  return shape.map((dim) => (typeof dim === 'number' ? dim : lengths[dim]));
}

/** Numbers between `low` and `high` that float32 holds exactly, the same for the same purpose. */
export function randomArray(shape: readonly number[], purpose: string, low = -2, high = 2): NdArray {
  const random = new RandomStream(42, purpose);
  return ndarray(shape, () => Math.fround(low + (high - low) * random.uniform()));
}

/** An array as an engine takes it. */
export function engineTensor(type: DType, { shape, data }: NdArray): EngineTensor {
  const elements = allocate(type, data.length);
  const big = elements instanceof BigInt64Array || elements instanceof BigUint64Array;
  data.forEach((value, i) => {
    (elements as { [index: number]: number | bigint })[i] = big ? BigInt(value) : value;
  });
  return { type, dims: shape, data: elements };
}

/** An engine's tensor in float64. */
export function fromEngineTensor({ dims, data }: EngineTensor): NdArray {
  return { shape: dims, data: Float64Array.from(data as ArrayLike<number | bigint> & Iterable<number>, Number) };
}

/** d Σ loss / d x for one fed value, by central differences of the interpreter. */
export function finiteDifferences(
  graph: Graph,
  loss: Value,
  feeds: ReadonlyMap<Value, NdArray>,
  x: Value,
  step = 1e-5,
): NdArray {
  const at = feeds.get(x)!;
  const lossAt = (index: number, shift: number) => {
    const moved = { shape: at.shape, data: at.data.map((value, i) => (i === index ? value + shift : value)) };
    return interpret(graph, [loss], new Map(feeds).set(x, moved))[0].data[0];
  };
  return ndarray(at.shape, (index) => (lossAt(index, step) - lossAt(index, -step)) / (2 * step));
}

/** The largest difference of two arrays, relative to the larger of 1 and the largest element of the second. */
export function largestDifference(actual: NdArray, expected: NdArray): number {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new Error(`shapes differ: [${actual.shape.join(', ')}] and [${expected.shape.join(', ')}]`);
  }
  const scale = expected.data.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  let largest = 0;
  expected.data.forEach((value, i) => {
    if (Object.is(actual.data[i], value)) return; // equal infinities are no difference
    const difference = Math.abs(actual.data[i] - value) / scale;
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  });
  return largest;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}
