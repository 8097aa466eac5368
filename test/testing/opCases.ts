import { RandomStream } from '../../src/core/random.ts';
import { Graph } from '../../src/graph/graph.ts';
import { type NdArray, ndarray } from '../../src/graph/ndarray.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { sum } from '../../src/graph/ops/reductions.ts';
import type { Value } from '../../src/graph/value.ts';
import { concrete, type Lengths, randomArray } from './arrays.ts';
import type { OpCase, OpInput } from './opTable.ts';

/** A row of the table as a graph: inputs `x0`, `x1`, …, the op's result and Σ weights ⊙ result. */
export interface TracedCase {
  readonly graph: Graph;
  readonly result: Value;
  readonly loss: Value;
  /** The inputs that have derivatives. */
  readonly trainable: readonly Value[];
}

export function traceCase(row: OpCase): TracedCase {
  const graph = new Graph();
  const inputs = row.inputs.map(({ shape, dtype = 'float32' }, i) => graph.input(`x${i}`, dtype, shape));
  const result = row.build(...inputs);
  const loss = sum(mul(result, graph.input('weights', 'float32', result.shape)));
  const trainable = inputs.filter((value, i) => value.dtype === 'float32' && row.inputs[i].data === undefined);
  return { graph, result, loss, trainable };
}

/** What a traced row is fed at the given lengths: every input, and weights between ½ and 2. */
export function feedCase(row: OpCase, graph: Graph, lengths: Lengths): Map<Value, NdArray> {
  return new Map(
    [...graph.inputs.values()].map((value, i) => {
      const shape = concrete(value.shape, lengths);
      const input = row.inputs[i];
      return [
        value,
        input === undefined ? randomArray(shape, 'weights', 0.5, 2) : fill(input, shape, lengths, `${row.op} ${i}`),
      ];
    }),
  );
}

function fill(input: OpInput, shape: readonly number[], lengths: Lengths, purpose: string): NdArray {
  if (input.data !== undefined) return ndarray(shape, input.data);
  if (input.below !== undefined) {
    const random = new RandomStream(7, purpose);
    const bound = typeof input.below === 'number' ? input.below : lengths[input.below];
    return ndarray(shape, () => random.integer(bound));
  }
  const array = randomArray(shape, purpose, ...(input.range ?? []));
  const { awayFromZero: least = 0 } = input;
  return ndarray(shape, (i) => {
    const value = array.data[i];
    return Math.abs(value) < least ? Math.fround(value < 0 ? value - least : value + least) : value;
  });
}
