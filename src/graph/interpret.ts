import { GraphError } from '../core/errors.ts';
import { type Graph, reachableNodes } from './graph.ts';
import type { NdArray } from './ndarray.ts';
import { formatShape, type Shape, type Value } from './value.ts';

/** A fed value of the interpreter. */
export type Feeds = ReadonlyMap<Value, NdArray>;

/**
 * Computes values of a graph in plain float64 by the ops' reference rules: what every engine is held against, and what
 * finite differences are taken of. Slow; for small shapes.
 *
 * @param feeds every input, parameter and mask that `values` need.
 * @throws GraphError where a feed is missing or two feeds disagree about a symbolic length.
 */
export function interpret(graph: Graph, values: readonly Value[], feeds: Feeds): NdArray[] {
  const lengths = bindLengths(feeds);
  const dims = (shape: Shape) =>
    shape.map((dim) => {
      const length = typeof dim === 'number' ? dim : lengths.get(dim);
      if (length !== undefined) return length;
      throw new GraphError('ERR_FEED', { owner: 'interpret', what: `no feed says how long '${dim}' is` });
    });
  const computed = new Map<Value, NdArray>(feeds);
  const lookUp = (value: Value) => {
    const found = computed.get(value);
    if (found !== undefined) return found;
    throw new GraphError('ERR_FEED', { owner: 'interpret', what: `the input '${value.name}' (${value}) is not fed` });
  };
  for (const node of reachableNodes(graph, values)) {
    const inputs = node.inputs.map((input) => (input === undefined ? undefined : lookUp(input)));
    const result = node.op.rules.reference(inputs as NdArray[], node.attributes, dims);
    const results = Array.isArray(result) ? (result as readonly NdArray[]) : [result as NdArray];
    node.outputs.forEach((output, i) => {
      const expected = dims(output.shape);
      if (results[i].shape.join() !== expected.join()) {
        throw new GraphError('ERR_REFERENCE_SHAPE', {
          owner: node.op.name,
          what: `the reference rule and the shape rule disagree (in ${node.layer || 'the graph'})`,
          got: formatShape(results[i].shape),
          expected: formatShape(expected),
        });
      }
      computed.set(output, results[i]);
    });
  }
  return values.map(lookUp);
}

function bindLengths(feeds: Feeds): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const [value, { shape }] of feeds) {
    const refuse = (expected: string) => {
      const what = `the input '${value.name}' does not fit`;
      throw new GraphError('ERR_FEED', { owner: 'interpret', what, got: formatShape(shape), expected });
    };
    if (value.shape.length !== shape.length) refuse(`${value}`);
    value.shape.forEach((dim, axis) => {
      const known = typeof dim === 'number' ? dim : (lengths.get(dim) ?? shape[axis]);
      if (known !== shape[axis]) refuse(`${value} with ${dim} = ${known}`);
      if (typeof dim === 'string') lengths.set(dim, shape[axis]);
    });
  }
  return lengths;
}
