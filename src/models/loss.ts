import { ArgumentError } from '../core/errors.ts';
import { sameShape, Value } from '../graph/value.ts';
import { weightedTotal } from '../nn/losses.ts';
import type { Traced } from './programs.ts';

/** What a loss of one's own may need beside outputs and labels. */
export interface LossContext {
  /** What each row counts, `[rows]`: 1, or 0 where there is filler in place of a row. */
  readonly labelWeights: Value;
  /**
   * What a sum over rows is to be multiplied by, a scalar: 1 / what all batches of the optimizer step count (Hugging
   * Face's `num_items_in_batch`), so that accumulated batches equal one large batch.
   */
  readonly lossScale: Value;
}

/**
 * A loss of one's own, written in ops of `fettle/nn` over symbolic values (Hugging Face's `compute_loss_func`).
 * @param outputs the model's by name: `logits`, `[rows, classes]`.
 * @param labels int64 `[rows]` for classes, float32 `[rows, outputs]` for numbers or several labels at once. Tokens that
 * have the label −100 are no rows here.
 * @returns the loss row by row, `[rows]`, which is averaged; or a scalar, which is taken as it is: a sum that leaves filler
 * out by `labelWeights` and is multiplied by `lossScale`.
 */
export type LossFunction = (outputs: Readonly<Record<string, Value>>, labels: Value, context: LossContext) => Value;

/**
 * A traced model with another loss over its labels.
 * @throws ArgumentError where the head has no `labels`, or the loss is no value of this graph that has a row's or a
 * scalar's shape.
 */
export function withLoss({ outputs, loss }: Traced, lossFunction: LossFunction): Traced {
  if (loss === undefined) return { outputs };
  const { inputs } = loss.graph;
  const [labels, labelWeights, lossScale] = ['labels', 'label_weights', 'loss_scale'].map((name) => inputs.get(name));
  if (labels === undefined || labelWeights === undefined || lossScale === undefined) {
    throw new ArgumentError('ERR_LOSS', {
      owner: 'computeLossFunc',
      what: 'this head has a loss over several kinds of labels, which no other can take the place of',
      hint: 'leave out computeLossFunc, labelSmoothingFactor and classWeights',
    });
  }
  const made: unknown = lossFunction(outputs, labels, { labelWeights, lossScale });
  if (!(made instanceof Value) || made.graph !== loss.graph) {
    throw new ArgumentError('ERR_LOSS', {
      owner: 'computeLossFunc',
      what: 'the result is no value of the graph of its arguments',
      got: made instanceof Promise ? 'a promise' : made,
      expected: 'a symbolic value, made of outputs and labels by ops of fettle/nn',
    });
  }
  if (made.dtype === 'float32' && made.shape.length === 0) return { outputs, loss: made };
  if (made.dtype === 'float32' && sameShape(made.shape, labelWeights.shape))
    return { outputs, loss: weightedTotal(made, labelWeights, lossScale) };
  throw new ArgumentError('ERR_LOSS', {
    owner: 'computeLossFunc',
    what: 'the result has not the shape of a loss',
    got: `${made}`,
    expected: `float32, ${labelWeights.shape.length === 1 ? 'a number a row' : 'a number a label'} [${labelWeights.shape.join(', ')}], or a scalar`,
    hint: 'take the mean or the sum over all axes but the first',
  });
}
