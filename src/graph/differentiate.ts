import { GraphError } from '../core/errors.ts';
import { reachableNodes } from './graph.ts';
import { constant, inContext } from './op.ts';
import { add } from './ops/arithmetic.ts';
import { sum } from './ops/reductions.ts';
import { scatterAddRows } from './ops/rows.ts';
import { expand, reshape } from './ops/shaping.ts';
import { formatShape, type Node, type Shape, sameShape, type Value } from './value.ts';

/**
 * Reverse-mode differentiation: extends the graph by d loss / d value for each of `values`; undefined where the loss does
 * not depend on it. The walk goes back only along nodes that lie between the loss and one of `values`: below the lowest
 * trained parameter nothing is made.
 *
 * @param loss a scalar.
 * @throws GraphError where an op on the way has no gradient, naming the op and the layer.
 */
export function differentiate(loss: Value, values: readonly Value[]): (Value | undefined)[] {
  if (loss.shape.length !== 0) {
    throw new GraphError('ERR_LOSS_SHAPE', {
      owner: 'differentiate',
      what: 'the loss is not a scalar',
      got: `${loss}`,
      hint: 'sum or average it over its axes',
    });
  }
  const { graph } = loss;
  const nodes = reachableNodes(graph, [loss]);
  const depends = new Set<Value>(values);
  for (const node of nodes) {
    if (node.inputs.some((input) => input !== undefined && depends.has(input))) {
      for (const output of node.outputs) depends.add(output);
    }
  }
  const cotangents = new Map<Value, Value>();
  if (depends.has(loss)) cotangents.set(loss, constant(graph, 1));
  for (const node of nodes.reverse()) {
    if (!depends.has(node.outputs[0]) || !node.outputs.some((output) => cotangents.has(output))) continue;
    const inputGradients = graph.inLayer(node.layer, () => applyRule(node, cotangents));
    node.inputs.forEach((input, i) => {
      const gradient = inputGradients[i];
      if (input === undefined || gradient === undefined || !depends.has(input)) return;
      graph.inLayer(node.layer, () => {
        const reduced = sumToShape(gradient, input.shape, node);
        const known = cotangents.get(input);
        cotangents.set(input, known === undefined ? reduced : add(known, reduced));
      });
    });
  }
  return values.map((value) => cotangents.get(value));
}

function applyRule(node: Node, cotangents: ReadonlyMap<Value, Value>): readonly (Value | undefined)[] {
  const { gradient } = node.op.rules;
  if (gradient === null) {
    throw new GraphError('ERR_NO_GRADIENT', {
      owner: 'differentiate',
      what: `${node.op.name} has no gradient (in ${node.layer || 'the graph'})`,
      hint: 'compute the loss without it, or freeze the parameters below it',
    });
  }
  const [output, ...others] = node.outputs;
  // Only other outputs may be read: LayerNorm's statistics, by its own gradient when that is differentiated.
  const first = cotangents.get(output) ?? expand(constant(output.graph, 0), { shape: output.shape });
  return inContext(node.op, node.layer, node.inputs, () =>
    gradient({
      inputs: node.inputs as Value[],
      outputs: node.outputs,
      cotangents: [first, ...others.map((other) => cotangents.get(other))],
      attributes: node.attributes,
    }),
  );
}

/** Undoes broadcasting: sums a cotangent over the axes along which its input was repeated. */
function sumToShape(gradient: Value, shape: Shape, node: Node): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.shape.length - shape.length;
  const axes = [...gradient.shape.keys()].filter(
    (axis) => axis < extra || (shape[axis - extra] === 1 && gradient.shape[axis] !== 1),
  );
  const fits = shape.every((dim, axis) => dim === 1 || dim === gradient.shape[axis + extra]);
  if (extra < 0 || !fits) {
    throw new GraphError('ERR_GRADIENT_SHAPE', {
      owner: node.op.name,
      what: 'the gradient rule gave a shape that its input does not broadcast to',
      got: formatShape(gradient.shape),
      expected: `${formatShape(shape)} or what it broadcasts to (in ${node.layer || 'the graph'})`,
    });
  }
  return reshape(sum(gradient, { axes, keepDims: true }), { shape });
}

/** A gradient of a table that is nothing but rows added up: which rows, and what is added to each. */
export interface RowGradient {
  /** int64 `[n]` */
  readonly ids: Value;
  /** `[n, …]` */
  readonly rows: Value;
}

/**
 * The ids and rows behind a gradient that is one {@link scatterAddRows}, as an embedding's is: a batch touches a few
 * hundred of 30,522 rows, so the dense table need not be made. undefined for any other gradient.
 */
export function gradientRows(gradient: Value): RowGradient | undefined {
  const { node } = gradient;
  if (node === undefined || node.op.rules !== scatterAddRows.rules) return undefined;
  const [ids, rows] = node.inputs as [Value, Value];
  return { ids, rows };
}
