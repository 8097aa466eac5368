import type { NodeTime } from '../src/engine/engine.ts';

/** What the nodes of a BERT step are for; the order is that of the table. */
export const opFamilies = [
  'products of linear layers',
  'transposes and bias gradients of linear layers',
  'attention: products',
  'attention: packing there and back',
  'attention: softmax and its gradient',
  'LayerNorm and its gradient',
  'GELU and its gradient',
  'dropout',
  'residuals',
  'embeddings',
  'between layouts and precisions',
  'head, loss and other',
] as const;

export type OpFamily = (typeof opFamilies)[number];

/**
 * What a node is for, by the layer in its name (`bert.encoder.layer.1.attention.self/Softmax#51`) and its type. Where an engine
 * gave it a name of its own, its type alone must tell.
 */
export function familyOf({ name, type }: Pick<NodeTime, 'name' | 'type'>): OpFamily {
  if (/^(Reorder|Convert|Cast)$/.test(type)) return 'between layouts and precisions';
  // What gives a gradient may be called by it: `gradient.bert.encoder.layer.1.output.dense.weight`.
  const layer = /^(.*)\/\w+[#.]\d+/.exec(name)?.[1] ?? /^gradient\.(.*)\.(?:weight|bias)$/.exec(name)?.[1];
  if (layer === undefined) return byType(type);
  if (/dropout$/.test(layer)) return 'dropout';
  if (/LayerNorm$/.test(layer)) return 'LayerNorm and its gradient';
  if (/(^|\.)embeddings/.test(layer)) return 'embeddings';
  if (/attention\.self$/.test(layer)) {
    if (isProduct(type)) return 'attention: products';
    return isLayout(type) ? 'attention: packing there and back' : 'attention: softmax and its gradient';
  }
  if (/\.(intermediate|transform)$/.test(layer)) return 'GELU and its gradient';
  if (/\.output$/.test(layer)) return 'residuals';
  if (/(^|\.)(dense|query|key|value|classifier|decoder)$/.test(layer))
    return isProduct(type) ? 'products of linear layers' : 'transposes and bias gradients of linear layers';
  return 'head, loss and other';
}

function byType(type: string): OpFamily {
  if (/^(MVN|RMS)$|LayerNorm/.test(type)) return 'LayerNorm and its gradient';
  if (/Softmax/.test(type)) return 'attention: softmax and its gradient';
  if (/Gelu|Erf/.test(type)) return 'GELU and its gradient';
  if (isProduct(type)) return 'attention: products';
  return 'head, loss and other';
}

function isProduct(type: string): boolean {
  return /^(Gemm|MatMul|FusedMatMul|FusedGemm|FullyConnected)$/.test(type);
}

function isLayout(type: string): boolean {
  return /^(Gather|Transpose|Reshape|Concat|Shape|ShapeOf|Unsqueeze|Squeeze)$/.test(type);
}

/** Microseconds by family, of those that occur. */
export function sumByFamily(nodes: readonly NodeTime[]): Map<OpFamily, number> {
  const sums = new Map<OpFamily, number>();
  for (const node of nodes) {
    const family = familyOf(node);
    sums.set(family, (sums.get(family) ?? 0) + node.microseconds);
  }
  return sums;
}
