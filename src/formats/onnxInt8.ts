import type { OnnxModel, OnnxNode, OnnxTensor } from './onnx.ts';

/** The weights of a model that are its inputs: float32 elements by input name. */
export type OnnxWeights = ReadonlyMap<string, { readonly dims: readonly number[]; readonly data: Float32Array }>;

/** Fewer rows than this are left float32: a head of a few labels gains nothing and decides everything. */
const fewestRows = 32;

/**
 * A product's input is quantized in pieces of at most so many columns, each with a range of its own: one column of large numbers then
 * takes the precision from its piece alone. Smaller pieces are more exact and slower; these cost nothing measurable.
 */
const widestPiece = 384;

/** The largest integer that stands for a number of a product's matrix. */
export const int8Range = {
  /** All of 8 bits, for engines that multiply them exactly. */
  full: 127,
  /**
   * 7 bits, which every processor multiplies exactly: x86 without VNNI adds two products with unsigned 8-bit numbers in 16 bits
   * (`vpmaddubsw`), and 2 · 255 · 64 fits there (ONNX Runtime's `reduce_range`).
   */
  reduced: 63,
} as const;

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
 * an output channel, for an embedding one a token. What goes into a product is quantized as the model runs (dynamic
 * quantization), in pieces of up to 384 columns with one scale for all rows, so an answer depends a little on the texts beside
 * it. Everything else, and the heads of fewer than 32 outputs, is computed in float32.
 *
 * A weight is rounded to w ≈ scale · q with scale = max |w| / range: symmetric, so that zero is zero. What is only looked up has
 * all of 8 bits in any case.
 */
export function quantizeWeights(
  model: OnnxModel,
  weights: OnnxWeights,
  range: (typeof int8Range)[keyof typeof int8Range],
): OnnxModel {
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
    const isMultiplied = uses.some(([node, i]) => isProduct(node, i));
    const largest = isMultiplied ? range : int8Range.full;
    stored.set(name, isTable ? quantized(name, dims, data, largest, true) : quantizedPieces(name, dims, data, largest));
  }
  const nodes: OnnxNode[] = [];
  const activations = new Set<string>();
  for (const node of model.nodes) {
    if (isLookUp(node, 0) && looked.has(node.inputs[0])) nodes.push(...lookUp(node));
    else if (isProduct(node, 1) && (looked.has(node.inputs[1]) || multiplied.has(node.inputs[1]))) {
      const isTable = looked.has(node.inputs[1]);
      const columns = weights.get(node.inputs[1])!.dims[1];
      nodes.push(...product(node, isTable, isTable ? 1 : piecesOf(columns), activations));
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
  range: number,
  isTable: boolean,
): OnnxTensor[] {
  const integers = new Int8Array(data.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let largest = 0;
    for (let i = start; i < start + columns; i++) largest = Math.max(largest, Math.abs(data[i]));
    const scale = largest === 0 ? 1 : largest / range;
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

const piecesOf = (columns: number) => Math.ceil(columns / widestPiece);
const pieceName = (name: string, piece: number, pieces: number) => (pieces === 1 ? name : `${name}.${piece}`);

/** A product's weight in pieces of columns, as ONNX's Split cuts the input: all of the same width but the last. */
function quantizedPieces(
  name: string,
  [rows, columns]: readonly number[],
  data: Float32Array,
  range: number,
): OnnxTensor[] {
  const pieces = piecesOf(columns);
  const width = Math.ceil(columns / pieces);
  return Array.from({ length: pieces }, (_, piece) => {
    const from = piece * width;
    const to = Math.min(columns, from + width);
    const part = new Float32Array(rows * (to - from));
    for (let row = 0; row < rows; row++) {
      part.set(data.subarray(row * columns + from, row * columns + to), row * (to - from));
    }
    return quantized(pieceName(name, piece, pieces), [rows, to - from], part, range, false);
  }).flat();
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

/**
 * Σ scaleX · scaleW ⊙ (qx − zeroX) qW + b over the pieces, in ONNX's own ops: ONNX Runtime makes one of each piece's, with
 * the same bits and speed.
 */
function product(node: OnnxNode, isTable: boolean, pieces: number, activations: Set<string>): OnnxNode[] {
  const [x, weight, bias] = node.inputs;
  const emit = emitter(node);
  const parts = Array.from({ length: pieces }, (_, piece) => pieceName(x, piece, pieces));
  const isNew = !activations.has(x);
  activations.add(x);
  if (isNew && pieces > 1) emit('Split', [x], { axis: -1, num_outputs: pieces }, parts);
  const products = parts.map((part, piece) => {
    const own = pieceName(weight, piece, pieces);
    // The table of a tied decoder stands as rows; the engine turns it once, when it loads the model.
    const integers = isTable ? emit('Transpose', [integersOf(own)], { perm: [1, 0] }) : integersOf(own);
    const scales = isTable ? emit('Reshape', [scalesOf(own), minusOne]) : scalesOf(own);
    const [xIntegers, xScale, xZero] = ['int8', 'scale', 'zero'].map((what) => `${part}.${what}`);
    if (isNew) emit('DynamicQuantizeLinear', [part], {}, [xIntegers, xScale, xZero]);
    const sums = emit('Cast', [emit('MatMulInteger', [xIntegers, integers, xZero])], { to: 1 });
    const isAll = pieces === 1 && bias === undefined;
    return emit('Mul', [sums, emit('Mul', [xScale, scales])], {}, isAll ? node.outputs : undefined);
  });
  const summands = [...products, ...(bias === undefined ? [] : [bias])];
  summands
    .slice(1)
    .reduce(
      (sum, summand, i) => emit('Add', [sum, summand], {}, i === summands.length - 2 ? node.outputs : undefined),
      summands[0],
    );
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
