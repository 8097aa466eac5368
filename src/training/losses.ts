import { ArgumentError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { LossFunction } from '../models/loss.ts';
import { crossEntropy } from '../nn/losses.ts';
import { balancedWeights, classWeightsInput, withClassWeights } from '../tasks/classWeights.ts';
import type { Task } from '../tasks/task.ts';
import type { ClassWeights } from './optionValues.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/**
 * The loss that a run asks for in place of the head's own; undefined where that one stays.
 * @param own a user's, which label smoothing and class weights do not go with.
 * @param classes how many labels the model has.
 * @throws ArgumentError where two losses are asked for; and when it is traced, where the head has no classes.
 */
export function lossFor(
  args: TrainingArguments,
  own: LossFunction | undefined,
  classes: number,
): LossFunction | undefined {
  const { labelSmoothingFactor: labelSmoothing, classWeights } = args;
  const asked = labelSmoothing > 0 ? 'labelSmoothingFactor' : classWeights === undefined ? undefined : 'classWeights';
  if (asked === undefined) return own;
  if (own !== undefined) {
    throw new ArgumentError('ERR_LOSS', {
      owner: 'Trainer',
      what: `${asked} changes the loss that computeLossFunc replaces`,
      hint: 'leave one of them out; crossEntropy of fettle/nn takes labelSmoothing and classWeights',
    });
  }
  return ({ logits }, labels) => {
    const ofClasses = labels.dtype === 'int64' && logits?.shape.length === 2;
    if (!ofClasses || (classWeights !== undefined && logits.shape[1] !== classes)) {
      throw new ArgumentError('ERR_LOSS', {
        owner: asked,
        what: `the model's labels are not ${classWeights === undefined ? 'classes, one a row' : 'one of its named classes a row'}`,
        got: `labels ${labels}`,
        hint: 'leave it out, or pass computeLossFunc',
      });
    }
    const weights =
      classWeights === undefined ? undefined : labels.graph.input(classWeightsInput, 'float32', [classes]);
    return crossEntropy(logits, labels, { labelSmoothing, classWeights: weights });
  };
}

/**
 * A task that weighs classes as the arguments say; the same task where they say nothing.
 * @param labels the names of the classes in the order of their ids.
 * @param trainFeatures the training data, asked for where it says the weights.
 * @throws ArgumentError where the weights do not fit the classes, or the labels are no classes.
 */
export async function weighClasses(
  task: Task,
  args: TrainingArguments,
  labels: readonly string[],
  trainFeatures: () => Promise<readonly unknown[]>,
): Promise<Task> {
  const { classWeights } = args;
  if (classWeights === undefined) return task;
  if (classWeights !== 'balanced') return withClassWeights(task, listed(classWeights, labels));
  const weights = balancedWeights(task, await trainFeatures(), labels);
  log.info(
    `class weights: ${labels.map((label, i) => `${label} ${Number(weights[i].toPrecision(4))}`).join(', ')} (balanced)`,
  );
  return withClassWeights(task, weights);
}

function listed(given: Exclude<ClassWeights, 'balanced'>, labels: readonly string[]): readonly number[] {
  const refuse = (what: string, got: unknown, hint?: string) =>
    new ArgumentError('ERR_CLASS_WEIGHTS', {
      owner: 'classWeights',
      what,
      got,
      expected: `a number for each of ${labels.join(', ')}`,
      hint,
    });
  if (Array.isArray(given)) {
    const weights = given as readonly number[];
    if (weights.length !== labels.length) throw refuse('there is not one number a class', `${weights.length} numbers`);
    if (weights.every((weight) => weight === 0)) throw refuse('no class counts', weights);
    return weights;
  }
  const byName = given as Readonly<Record<string, number>>;
  const unknown = Object.keys(byName).find((name) => !labels.includes(name));
  if (unknown !== undefined) {
    const near = didYouMean(unknown, labels);
    throw refuse('there is no such label', unknown, near === undefined ? undefined : `did you mean '${near}'?`);
  }
  const missing = labels.filter((name) => byName[name] === undefined);
  if (missing.length > 0) throw refuse('a label has no weight', `none for ${missing.join(', ')}`);
  return labels.map((name) => byName[name]);
}
