import { Graph, reachableNodes } from './graph.ts';
import type { NamedOutputs } from './lowering.ts';
import { type Node, Value } from './value.ts';

/**
 * The border between what is fixed and what changes: values that are computed from neither a trained parameter nor a
 * dropout mask, and are used by what is. For the same rows they are the same at every step, so they need computing once.
 * @param canKeep whether a value has a form in which it can be kept; where one has not, the border is drawn below it.
 */
export function fixedFrontier(
  graph: Graph,
  outputs: readonly Value[],
  trained: ReadonlySet<Value>,
  canKeep: (value: Value) => boolean = () => true,
): Value[] {
  const changing = new Set<Value>([...trained, ...graph.dropoutMasks.map((mask) => mask.value)]);
  const frontier = new Set<Value>();
  // A constant or an input is at hand anyway; only what takes computing is worth keeping.
  const isKept = (value: Value | undefined): value is Value =>
    value?.node !== undefined && value.node.inputs.length > 0 && !changing.has(value);
  const nodes = reachableNodes(graph, outputs);
  for (const node of nodes) {
    if (!node.inputs.some((input) => input !== undefined && changing.has(input))) continue;
    for (const output of node.outputs) changing.add(output);
  }
  const cross = (value: Value | undefined) => {
    if (!isKept(value)) return;
    if (canKeep(value)) frontier.add(value);
    else for (const output of value.node!.outputs) changing.add(output);
  };
  for (const output of outputs) cross(output);
  // Backwards, so that a border that was drawn lower is crossed by what feeds it.
  for (const node of nodes.toReversed())
    if (node.outputs.some((output) => changing.has(output))) for (const input of node.inputs) cross(input);
  for (const value of frontier) if (changing.has(value)) frontier.delete(value);
  return [...frontier];
}

/** The nodes that must run to compute `values`, as far as they are products of matrices: what makes keeping them pay. */
export function countProducts(graph: Graph, values: readonly Value[]): number {
  return reachableNodes(graph, values).filter(({ op }) => op.name === 'Gemm' || op.name === 'MatMul').length;
}

/** A graph without what lies below some of its values: these are inputs of the new graph, under the names given. */
export function cutGraph(
  graph: Graph,
  outputs: NamedOutputs,
  inputNames: ReadonlyMap<Value, string>,
): { readonly graph: Graph; readonly outputs: NamedOutputs } {
  const result = new Graph({ training: graph.training });
  const copies = new Map<Value, Value>();
  for (const [value, name] of inputNames) copies.set(value, result.input(name, value.dtype, value.shape));
  const parameters = new Map([...graph.parameters].map(([parameter, value]) => [value, parameter]));
  const masks = new Map(graph.dropoutMasks.map((mask) => [mask.value, mask]));
  const copy = (value: Value): Value => {
    let own = copies.get(value);
    if (own === undefined) {
      const parameter = parameters.get(value);
      const mask = masks.get(value);
      if (parameter !== undefined) own = result.parameter(parameter);
      else if (mask !== undefined) {
        own = new Value(result, value.dtype, value.shape, { name: mask.name });
        result.dropoutMasks.push({ ...mask, value: own });
      } else own = result.input(value.name!, value.dtype, value.shape);
      copies.set(value, own);
    }
    return own;
  };
  for (const node of nodesAbove(graph, Object.values(outputs), inputNames)) {
    const copied: Value[] = [];
    const { op, attributes, layer } = node;
    const inputs = node.inputs.map((input) => input && copy(input));
    const own: Node = { op, inputs, outputs: copied, attributes, layer };
    for (const output of node.outputs) {
      copied.push(new Value(result, output.dtype, output.shape, { node: own }));
      copies.set(output, copied.at(-1)!);
    }
    result.nodes.push(own);
  }
  return {
    graph: result,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, copy(value)])),
  };
}

/** The nodes that must run to make `outputs` when the `given` values are there already. */
function nodesAbove(graph: Graph, outputs: readonly Value[], given: ReadonlyMap<Value, string>): Node[] {
  const needed = new Set<Node>();
  const pending = [...outputs];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    const { node } = value;
    if (node === undefined || given.has(value) || needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) if (input !== undefined) pending.push(input);
  }
  return graph.nodes.filter((node) => needed.has(node));
}
