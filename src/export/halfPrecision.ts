import { float32ToFloat16 } from '../formats/half.ts';
import { type OnnxModel, type OnnxNode, type OnnxTensor, onnxElementType } from '../formats/onnx.ts';

/** The largest that a constant may be: float16 ends at 65,504, and what is added to it must not take it to infinity. */
const largest = 60_000;

/**
 * A model in float16, weights and computation. LayerNorm stays float32, since its epsilon of 1e-12 is 0 in float16, and so
 * do the outputs. An engine without float16 products computes them in float32.
 * @param model with its weights inside.
 */
export function halfPrecision(model: OnnxModel): OnnxModel {
  const isNorm = (node: OnnxNode) => node.type === 'LayerNormalization';
  const normWeights = new Set(model.nodes.filter(isNorm).flatMap((node) => node.inputs.slice(1)));
  const initializers = model.initializers.map((tensor) =>
    tensor.dtype === 'float32' && !normWeights.has(tensor.name) ? inHalf(tensor) : tensor,
  );
  const floatOutputs = new Set(model.outputs.filter(({ dtype }) => dtype === 'float32').map(({ name }) => name));
  const renamed = (name: string) => (floatOutputs.has(name) ? `${name}.half` : name);
  const nodes = model.nodes.flatMap((original): OnnxNode[] => {
    const node = { ...original, inputs: original.inputs.map(renamed), outputs: original.outputs.map(renamed) };
    if (node.type === 'Cast' && node.attributes['to'] === onnxElementType.float32) {
      return [{ ...node, attributes: { to: onnxElementType.float16 } }];
    }
    if (!isNorm(node)) return [node];
    const [x, ...weights] = node.inputs;
    const [y, ...statistics] = node.outputs;
    return [
      cast(x, `${y}.in`, 'float32', node.name),
      { ...node, inputs: [`${y}.in`, ...weights], outputs: [`${y}.out`, ...statistics] },
      cast(`${y}.out`, y, 'float16', node.name),
    ];
  });
  return {
    ...model,
    initializers,
    nodes: [...nodes, ...[...floatOutputs].map((name) => cast(`${name}.half`, name, 'float32', name))],
  };
}

function cast(from: string, to: string, type: 'float16' | 'float32', near: string): OnnxNode {
  const attributes = { to: onnxElementType[type] };
  return { type: 'Cast', domain: '', inputs: [from], outputs: [to], attributes, name: `${near}/to ${type}` };
}

function inHalf(tensor: OnnxTensor): OnnxTensor {
  const { data } = tensor as { data: Float32Array };
  const clamped = data.length === 1 ? data.map((x) => Math.max(-largest, Math.min(largest, x))) : data;
  return { ...tensor, dtype: 'float16', data: float32ToFloat16(clamped) };
}
