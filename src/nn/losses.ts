import { mul, neg, sub } from '../graph/ops/arithmetic.ts';
import { softplus, square } from '../graph/ops/elementwise.ts';
import { logSoftmax } from '../graph/ops/normalization.ts';
import { mean, sum } from '../graph/ops/reductions.ts';
import { pickColumns } from '../graph/ops/rows.ts';
import type { Value } from '../graph/value.ts';

/*
 * Losses are given row by row; `weightedTotal` adds them up. What they are divided by is an input of the graph, since the
 * batch that an optimizer step sees may come in several pieces, and only the whole knows what it counts.
 */

/** −log softmax(logits)[label], row by row. logits: `[rows, classes]`; labels: int64 `[rows]`; result `[rows]`. */
export function crossEntropy(logits: Value, labels: Value): Value {
  return neg(pickColumns(logSoftmax(logits), labels));
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
