import { add, mul, neg, sub } from '../graph/ops/arithmetic.ts';
import { softplus, square } from '../graph/ops/elementwise.ts';
import { logSoftmax } from '../graph/ops/normalization.ts';
import { mean, sum } from '../graph/ops/reductions.ts';
import { pickColumns } from '../graph/ops/rows.ts';
import type { Value } from '../graph/value.ts';

/*
 * Losses are given row by row; `weightedTotal` adds them up. What they are divided by is an input of the graph, since the
 * batch that an optimizer step sees may come in several pieces, and only the whole knows what it counts.
 */

/** What cross-entropy may be told. */
export interface CrossEntropyOptions {
  /** The share ε of each label's weight that is spread evenly over all classes (Szegedy et al. 2016); 0 by default. */
  readonly labelSmoothing?: number | undefined;
  /** How much each class counts, float32 `[classes]`; 1 by default. */
  readonly classWeights?: Value | undefined;
}

/**
 * −log softmax(logits)[label], row by row. logits: `[rows, classes]`; labels: int64 `[rows]`; result `[rows]`.
 *
 * With class weights w and label smoothing ε, as PyTorch's `CrossEntropyLoss`: (1 − ε) w[label] loss[label] +
 * ε ⁄ classes · Σ w[class] loss[class]. Its mean divides by Σ w[label] over the rows.
 */
export function crossEntropy(
  logits: Value,
  labels: Value,
  { labelSmoothing = 0, classWeights }: CrossEntropyOptions = {},
): Value {
  const ofAll = neg(logSoftmax(logits)); // [rows, classes]
  const weighted = classWeights === undefined ? ofAll : mul(ofAll, classWeights);
  const ofLabels = pickColumns(weighted, labels);
  if (labelSmoothing === 0) return ofLabels;
  return add(mul(ofLabels, 1 - labelSmoothing), mul(mean(weighted, { axes: [1] }), labelSmoothing));
}

/** Binary cross-entropy of sigmoid(logits), averaged over the classes. logits, targets: `[rows, classes]`; result `[rows]`. */
export function binaryCrossEntropyWithLogits(logits: Value, targets: Value): Value {
  // −y log σ(x) − (1 − y) log(1 − σ(x)) = softplus(x) − x y
  return mean(sub(softplus(logits), mul(logits, targets)), { axes: [1] });
}

/** (prediction − target)², averaged over the outputs. predictions, targets: `[rows, outputs]`; result `[rows]`. */
export function squaredError(predictions: Value, targets: Value): Value {
  return mean(square(sub(predictions, targets)), { axes: [1] });
}

/** Σ weights ⊙ losses · scale, a scalar. losses, weights: `[rows]`; scale: a scalar, 1 / what the whole batch counts. */
export function weightedTotal(losses: Value, weights: Value, scale: Value): Value {
  return mul(sum(mul(losses, weights)), scale);
}
