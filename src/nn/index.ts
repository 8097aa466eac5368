/**
 * What models, heads and losses are made of (experimental: names may change before 1.0): modules over symbolic values,
 * ops, differentiation, and batches without padding.
 */
export { differentiate, gradientRows, type RowGradient } from '../graph/differentiate.ts';
export { type DropoutMask, Graph, type GraphOptions } from '../graph/graph.ts';
export { type Feeds, interpret } from '../graph/interpret.ts';
export { type Lowering, type NamedOutputs, requiredInputs, toOnnx } from '../graph/lowering.ts';
export { type NdArray, ndarray } from '../graph/ndarray.ts';
export {
  constant,
  type DefinedOp,
  defineOp,
  type GradientContext,
  type Operand,
  type OpRules,
  shapeError,
} from '../graph/op.ts';
export * from '../graph/ops/activations.ts';
export * from '../graph/ops/arithmetic.ts';
export * from '../graph/ops/elementwise.ts';
export * from '../graph/ops/heads.ts';
export * from '../graph/ops/normalization.ts';
export { linear, type MatmulAttributes, matmul } from '../graph/ops/products.ts';
export { mean, type ReductionAttributes, sum } from '../graph/ops/reductions.ts';
export * from '../graph/ops/rows.ts';
export { concat, expand, pad, reshape, slice, transpose } from '../graph/ops/shaping.ts';
export { constantInitializer, type Initializer, normalInitializer, Parameter } from '../graph/parameter.ts';
export { validateGraph } from '../graph/validate.ts';
export type { Dim, Node, Shape, Value } from '../graph/value.ts';
export { Dropout, Embedding, LayerNorm, Linear } from './layers.ts';
export { BatchLayout, type LayoutForm, type Reads, type Rows } from './layout.ts';
export { binaryCrossEntropyWithLogits, crossEntropy, squaredError, weightedTotal } from './losses.ts';
export { Module, type ModuleBase, nameParameters } from './module.ts';
export {
  type PackedBatch,
  type PackOptions,
  packBatch,
  type RowPlaces,
  type TokenSequence,
  unpack,
} from './packing.ts';
