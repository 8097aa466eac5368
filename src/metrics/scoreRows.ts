import { DataError } from '../core/errors.ts';
import { differentLengths } from './metric.ts';

/**
 * What a model says of one row before it decides: the score of class 1, or one score for each class or label. Probabilities, unless a
 * metric says that any score will do. (`tensor.tolist()` gives rows of these.)
 */
export type ClassScores = number | ArrayLike<number>;

/** The truth of one row: its class, or for several labels at once a 0 or 1 for each. */
export type ClassTruth = number | ArrayLike<number>;

/** One row of scores in the three forms there are. */
export type ScoredRow =
  | { readonly kind: 'binary'; readonly score: number; readonly truth: number }
  | { readonly kind: 'classes'; readonly scores: ArrayLike<number>; readonly truth: number }
  | { readonly kind: 'labels'; readonly scores: ArrayLike<number>; readonly truth: ArrayLike<number> };

/**
 * Reads a row: a number as its truth means one class (binary, where the scores are a number or a pair), a list means several labels.
 * @throws DataError where scores are not numbers, widths differ, or the truth is no class or label.
 */
export function readRow(owner: string, scores: ClassScores, truth: ClassTruth, row: number): ScoredRow {
  const wrong = (what: string, got: unknown, expected: string, hint?: string) =>
    new DataError('ERR_METRIC_SCORE', { owner, what, got, expected, row, hint });
  const list = typeof scores === 'number' ? [scores] : scores;
  for (let k = 0; k < list.length; k++) {
    if (Number.isNaN(list[k]) || typeof list[k] !== 'number')
      throw wrong('a score is not a number', list[k], 'a number');
  }
  if (typeof truth !== 'number') {
    if (list.length !== truth.length) throw differentLengths(owner, list.length, truth.length, row);
    for (let k = 0; k < truth.length; k++) {
      if (truth[k] === 0 || truth[k] === 1) continue;
      throw wrong('a label is neither there nor not there', truth[k], '0 or 1');
    }
    return { kind: 'labels', scores: list, truth };
  }
  if (typeof scores !== 'number' && scores.length < 2) {
    throw wrong('there are too few scores', scores.length, 'one for each class');
  }
  const classes = typeof scores === 'number' ? 2 : scores.length;
  if (!Number.isInteger(truth) || truth < 0 || truth >= classes) {
    throw wrong(
      'a reference is no class label',
      truth,
      `a whole number from 0 to ${classes - 1}, since there are scores of ${classes} classes`,
      truth === -1 || truth === -100 ? 'this row has no label: leave it out of the evaluation' : undefined,
    );
  }
  if (typeof scores === 'number') return { kind: 'binary', score: scores, truth };
  return scores.length === 2 ? { kind: 'binary', score: scores[1], truth } : { kind: 'classes', scores, truth };
}

/** How far probabilities of a row may be from adding up to 1: float32 and bfloat16 softmaxes round. */
const tolerance = 1e-2;

/**
 * The row's class probabilities, two where one score is given.
 * @throws DataError where they are no probabilities: logits would give a number, and a wrong one.
 */
export function readProbabilities(
  owner: string,
  scores: ClassScores,
  truth: ClassTruth,
  row: number,
): { readonly probabilities: ArrayLike<number>; readonly truth: number } {
  if (typeof truth !== 'number') {
    throw new DataError('ERR_METRIC_SCORE', {
      owner,
      what: 'a row has several labels',
      expected: 'one class a row',
      row,
    });
  }
  readRow(owner, scores, truth, row);
  const probabilities = typeof scores === 'number' ? [1 - scores, scores] : scores;
  checkProbabilities(owner, probabilities, row);
  return { probabilities, truth };
}

/** @throws DataError where a row's scores are not in [0, 1] or do not add up to 1. */
export function checkProbabilities(owner: string, probabilities: ArrayLike<number>, row: number): void {
  let sum = 0;
  let inside = true;
  for (let k = 0; k < probabilities.length; k++) {
    sum += probabilities[k];
    inside &&= probabilities[k] >= 0 && probabilities[k] <= 1 + tolerance;
  }
  if (inside && Math.abs(sum - 1) <= tolerance) return;
  throw new DataError('ERR_METRIC_SCORE', {
    owner,
    what: "a row's scores are no probabilities of its classes",
    got: `[${Array.from(probabilities).slice(0, 6).join(', ')}${probabilities.length > 6 ? ', …' : ''}]`,
    expected: 'numbers from 0 to 1 that add up to 1',
    row,
    hint: 'logits need softmax first',
  });
}
