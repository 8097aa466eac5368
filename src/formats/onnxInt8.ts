import type { OnnxModel, OnnxNode, OnnxTensor } from './onnx.ts';

/** The weights of a model that are its inputs: float32 elements by input name. */
export type OnnxWeights = ReadonlyMap<string, { readonly dims: readonly number[]; readonly data: Float32Array }>;

/** Fewer rows than this are left float32: a head of a few labels gains nothing and decides everything. */
const fewestRows = 32;

/** A model with its weights inside, as float32. */
export function embedWeights(model: OnnxModel, weights: OnnxWeights): OnnxModel {
  return withInitializers(
    model,
    model.nodes,
    new Map([...weights].map(([name, { dims, data }]) => [name, [{ name, dtype: 'float32', dims, data }]])),
  );
}

/**
 * A model with its weights inside, matrices as signed 8-bit numbers with a scale a row: for a linear layer that is a scale
 * an output channel, for an embedding one a token. What goes into a product is quantized as the model runs, with one scale
 * for all of it (dynamic quantization), so an answer depends a little on the texts beside it. Everything else, and the
 * heads of fewer than 32 outputs, is computed in float32.
 *
 * A weight is rounded to w ≈ scale · q with scale = max |w| / 127: symmetric, so that zero is zero.
 */
export function quantizeWeights(model: OnnxModel, weights: OnnxWeights): OnnxModel {
  const users = new Map<string, (readonly [node: OnnxNode, input: number])[]>();
  for (const node of model.nodes) {
    node.inputs.forEach((name, i) => {
      if (weights.has(name)) users.set(name, [...(users.get(name) ?? []), [node, i]]);
    });
  }
  const stored = new Map<string, OnnxTensor[]>();
  const looked = new Set<string>();
  const multiplied = new Set<string>();
  for (const [name, { dims, data }] of weights) {
    const uses = users.get(name) ?? [];
    const fits =
      dims.length === 2 && dims[0] >= fewestRows && uses.every(([node, i]) => isProduct(node, i) || isLookUp(node, i));
    if (!fits) {
      stored.set(name, [{ name, dtype: 'float32', dims, data }]);
      continue;
    }
    const isTable = uses.some(([node, i]) => isLookUp(node, i));
    if (isTable) looked.add(name);
    else multiplied.add(name);
    stored.set(name, quantized(name, dims, data, isTable));
  }
  const nodes: OnnxNode[] = [];
  const activations = new Set<string>();
  for (const node of model.nodes) {
    if (isLookUp(node, 0) && looked.has(node.inputs[0])) nodes.push(...lookUp(node));
    else if (isProduct(node, 1) && (looked.has(node.inputs[1]) || multiplied.has(node.inputs[1]))) {
      nodes.push(...product(node, looked.has(node.inputs[1]), activations));
    } else nodes.push(node);
  }
  const flattens = nodes.some(({ inputs }) => inputs.includes(minusOne));
  if (flattens) stored.set(minusOne, [{ name: minusOne, dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) }]);
  return withInitializers(model, nodes, stored);
}

function withInitializers(
  model: OnnxModel,
  nodes: readonly OnnxNode[],
  stored: ReadonlyMap<string, readonly OnnxTensor[]>,
): OnnxModel {
  return {
    ...model,
    nodes,
    inputs: model.inputs.filter(({ name }) => !stored.has(name)),
    initializers: [...model.initializers, ...[...stored.values()].flat()],
  };
}

/** x Wᵀ + b, by a weight `[out, in]`. */
function isProduct(node: OnnxNode, input: number): boolean {
  return (
    input === 1 && node.type === 'Gemm' && node.attributes['transB'] === 1 && node.attributes['transA'] === undefined
  );
}

function isLookUp(node: OnnxNode, input: number): boolean {
  return input === 0 && node.type === 'Gather' && node.attributes['axis'] === 0;
}

const integersOf = (name: string) => `${name}.int8`;
const scalesOf = (name: string) => `${name}.scale`;

/** The integers, row by row where rows are looked up, else as MatMulInteger takes them (`[in, out]`), and the rows' scales. */
function quantized(
  name: string,
  [rows, columns]: readonly number[],
  data: Float32Array,
  isTable: boolean,
): OnnxTensor[] {
  const integers = new Int8Array(data.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let largest = 0;
    for (let i = start; i < start + columns; i++) largest = Math.max(largest, Math.abs(data[i]));
    const scale = largest === 0 ? 1 : largest / 127;
    scales[row] = scale;
    for (let i = 0; i < columns; i++) {
      integers[isTable ? start + i : i * rows + row] = Math.round(data[start + i] / scale);
    }
  }
  const dims = isTable ? [rows, columns] : [columns, rows];
  return [
    { name: integersOf(name), dtype: 'int8', dims, data: integers },
    { name: scalesOf(name), dtype: 'float32', dims: isTable ? [rows, 1] : [rows], data: scales },
  ];
}

/** q[ids] · scale[ids] */
function lookUp(node: OnnxNode): OnnxNode[] {
  const [table, ids] = node.inputs;
  const emit = emitter(node);
  const rows = emit('Gather', [integersOf(table), ids], { axis: 0 });
  const numbers = emit('Cast', [rows], { to: 1 });
  const scales = emit('Gather', [scalesOf(table), ids], { axis: 0 });
  emit('Mul', [numbers, scales], {}, node.outputs);
  return emit.nodes;
}

/** scaleX · scaleW ⊙ (qx − zeroX) qW + b, in ONNX's own ops: ONNX Runtime makes one of them, with the same bits and speed. */
function product(node: OnnxNode, isTable: boolean, activations: Set<string>): OnnxNode[] {
  const [x, weight, bias] = node.inputs;
  const emit = emitter(node);
  // The table of a tied decoder stands as rows; the engine turns it once, when it loads the model.
  const integers = isTable ? emit('Transpose', [integersOf(weight)], { perm: [1, 0] }) : integersOf(weight);
  const flat = (name: string) => (isTable ? emit('Reshape', [name, minusOne]) : name);
  const scales = flat(scalesOf(weight));
  const [xIntegers, xScale, xZero] = ['int8', 'scale', 'zero'].map((part) => `${x}.${part}`);
  if (!activations.has(x)) emit('DynamicQuantizeLinear', [x], {}, [xIntegers, xScale, xZero]);
  activations.add(x);
  const sums = emit('Cast', [emit('MatMulInteger', [xIntegers, integers, xZero])], { to: 1 });
  const factor = emit('Mul', [xScale, scales]);
  if (bias === undefined) emit('Mul', [sums, factor], {}, node.outputs);
  else emit('Add', [emit('Mul', [sums, factor]), bias], {}, node.outputs);
  return emit.nodes;
}

/** The shape of a vector, whatever its length. */
const minusOne = 'int8.flat';

/** Makes nodes in the place of another, named after it. */
function emitter(node: OnnxNode) {
  const nodes: OnnxNode[] = [];
  const emit = (
    type: string,
    inputs: readonly string[],
    attributes: OnnxNode['attributes'] = {},
    outputs: readonly string[] = [`${node.outputs[0]}.${nodes.length}`],
  ): string => {
    nodes.push({ type, domain: '', inputs, outputs, attributes, name: `${node.name}.${nodes.length}` });
    return outputs[0];
  };
  return Object.assign(emit, { nodes });
}
