import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../formats/onnx.ts';
import { onnxElementType } from '../formats/onnx.ts';

/** How an output is given. */
export type OutputForm =
  /** Rows of all tokens as `[batch_size, sequence_length, width]`; rows of sequences as they are. */
  | 'rows'
  /** Two scores a token as the two outputs `start_logits` and `end_logits`, `[batch_size, sequence_length]` each. */
  | 'spans';

/** What our graphs in padded layout are fed, and how it is made of transformers' inputs. Names of nodes end in what they make. */
const made: Readonly<Record<string, (emit: Emit) => void>> = {
  input_ids: (emit) => emit('Reshape', ['input_ids', constants.flat], {}, inner('input_ids')),
  token_type_ids: (emit) => emit('Reshape', ['token_type_ids', constants.flat], {}, inner('token_type_ids')),
  // 0, 1, … sequence_length − 1 for each text
  position_ids: (emit) => {
    const length = emit('Gather', [shapeName, constants.one], { axis: 0 });
    const positions = emit('Range', [constants.zero, length, constants.one]);
    emit('Reshape', [emit('Expand', [positions, shapeName]), constants.flat], {}, 'position_ids');
  },
  // (1 − mask) · −1e9 as [batch_size, 1, 1, sequence_length]
  attention_bias: (emit) => {
    const mask = emit('Cast', ['attention_mask'], { to: onnxElementType.float32 });
    const absent = emit('Mul', [emit('Sub', [constants.floatOne, mask]), constants.absent]);
    emit('Unsqueeze', [absent, constants.axes12], {}, 'attention_bias');
  },
  // 0, sequence_length, 2 · sequence_length, …
  first_tokens: (emit) => {
    const count = emit('Gather', [shapeName, constants.zero], { axis: 0 });
    const length = emit('Gather', [shapeName, constants.one], { axis: 0 });
    emit('Mul', [emit('Range', [constants.zero, count, constants.one]), length], {}, 'first_tokens');
  },
};

const shapeName = 'boundary/shape';
const constants = {
  flat: 'boundary/flat',
  zero: 'boundary/0',
  one: 'boundary/1',
  floatOne: 'boundary/1.0',
  absent: 'boundary/absent',
  axes12: 'boundary/axes',
} as const;

const constantTensors: readonly OnnxTensor[] = [
  { name: constants.flat, dtype: 'int64', dims: [1], data: BigInt64Array.of(-1n) },
  { name: constants.zero, dtype: 'int64', dims: [], data: BigInt64Array.of(0n) },
  { name: constants.one, dtype: 'int64', dims: [], data: BigInt64Array.of(1n) },
  { name: constants.floatOne, dtype: 'float32', dims: [], data: Float32Array.of(1) },
  // As the graph's own bias: finite, and e to its power is 0.
  { name: constants.absent, dtype: 'float32', dims: [], data: Float32Array.of(-1e9) },
  { name: constants.axes12, dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) },
];

const inner = (name: string) => `boundary/${name}`;

type Emit = (type: string, inputs: readonly string[], attributes?: OnnxNode['attributes'], output?: string) => string;

/**
 * Gives a graph in padded layout the inputs and outputs that transformers' models have: `input_ids`, `attention_mask` and
 * `token_type_ids`, int64 `[batch_size, sequence_length]` of any lengths.
 * @returns the graph, or the names of inputs that cannot be made of those.
 */
export function transformersBoundary(
  model: OnnxModel,
  form: OutputForm,
  isWeight: (name: string) => boolean,
): OnnxModel | { readonly strange: readonly string[] } {
  const fed = model.inputs.filter(({ name }) => !isWeight(name));
  const strange = fed.filter(({ name }) => !Object.hasOwn(made, name)).map(({ name }) => name);
  if (strange.length > 0) return { strange };

  const nodes: OnnxNode[] = [];
  const emit: Emit = (type, inputs, attributes = {}, output = `boundary/${type}.${nodes.length}`) => {
    nodes.push({ type, domain: '', inputs, outputs: [output], attributes, name: `boundary/${type}#${nodes.length}` });
    return output;
  };
  emit('Shape', ['input_ids'], {}, shapeName);
  for (const { name } of fed) made[name](emit);

  const outer = new Set(['input_ids', 'token_type_ids', ...model.outputs.map(({ name }) => name)]);
  const renamed = (name: string) => (outer.has(name) ? inner(name) : name);
  nodes.push(
    ...model.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
  );
  const shapes: OnnxTensor[] = [];
  const outputs = model.outputs.flatMap(({ name, dtype, shape }): OnnxValueInfo[] => {
    const [rows, width] = shape;
    if (rows !== 'tokens') {
      emit('Identity', [inner(name)], {}, name);
      return [{ name, dtype, shape: shape.map((dim) => (dim === 'sequences' ? 'batch_size' : dim)) }];
    }
    const widthName = `boundary/width ${width}`;
    if (!shapes.some((tensor) => tensor.name === widthName)) {
      shapes.push({ name: widthName, dtype: 'int64', dims: [1], data: BigInt64Array.of(BigInt(width)) });
    }
    const shapeOfRows = emit('Concat', [shapeName, widthName], { axis: 0 });
    const grid = ['batch_size', 'sequence_length'];
    if (form === 'rows') {
      emit('Reshape', [inner(name), shapeOfRows], {}, name);
      return [{ name, dtype, shape: [...grid, width] }];
    }
    const both = emit('Reshape', [inner(name), shapeOfRows]);
    emit('Gather', [both, constants.zero], { axis: 2 }, 'start_logits');
    emit('Gather', [both, constants.one], { axis: 2 }, 'end_logits');
    return ['start_logits', 'end_logits'].map((span) => ({ name: span, dtype, shape: grid }));
  });
  return {
    graphName: model.graphName,
    nodes,
    inputs: [
      ...['input_ids', 'attention_mask', 'token_type_ids'].map(
        (name): OnnxValueInfo => ({ name, dtype: 'int64', shape: ['batch_size', 'sequence_length'] }),
      ),
      ...model.inputs.filter(({ name }) => isWeight(name)),
    ],
    outputs,
    initializers: [...model.initializers, ...constantTensors, ...shapes],
  };
}
