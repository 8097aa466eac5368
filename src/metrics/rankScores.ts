import { ArgumentError, DataError } from '../core/errors.ts';
import type { RowAccumulator } from './metric.ts';
import { type ClassScores, type ClassTruth, checkProbabilities, readRow, type ScoredRow } from './scoreRows.ts';

/** How the scores of several classes or labels become one; scikit-learn's words. */
export type RankAverage =
  /** The mean over classes (the default). */
  | 'macro'
  /** The mean over classes, weighted by how often each is true. */
  | 'weighted'
  /** Over all pairs of row and class as one column. */
  | 'micro'
  /** The mean over rows; several labels only. */
  | 'samples';

/** Options of ROC-AUC and average precision. */
export interface RankOptions {
  /** Default `'macro'`. Means nothing where there are two classes. */
  readonly average?: RankAverage | undefined;
}

/** A score for a column of scores and truths (0 or 1). */
export type ColumnScore = (scores: readonly number[], truths: readonly number[]) => number;

/**
 * Keeps every score, since ranks need all of them: one number and one bit a row and class. A row's form (two classes, several classes,
 * several labels) is taken from the first one; all must be alike.
 */
export class RankAccumulator<S extends object> implements RowAccumulator<S, ClassScores, ClassTruth> {
  readonly #owner: string;
  readonly #average: RankAverage;
  readonly #score: ColumnScore;
  readonly #result: (value: number) => S;
  readonly #needsProbabilities: boolean;
  #kind: ScoredRow['kind'] | undefined;
  /** By class: scores of all rows; where there are two classes, one column. */
  #scores: number[][] = [];
  #truths: number[][] = [];

  constructor(
    owner: string,
    options: RankOptions | undefined,
    score: ColumnScore,
    result: (value: number) => S,
    needsProbabilities: boolean,
  ) {
    this.#owner = owner;
    this.#average = options?.average ?? 'macro';
    this.#score = score;
    this.#result = result;
    this.#needsProbabilities = needsProbabilities;
    if (!['macro', 'weighted', 'micro', 'samples'].includes(this.#average)) {
      throw new ArgumentError('ERR_METRIC_AVERAGE', {
        owner,
        what: 'there is no such average',
        got: this.#average,
        expected: "'macro', 'weighted', 'micro' or 'samples'",
      });
    }
  }

  add(predictions: ArrayLike<ClassScores>, references: ArrayLike<ClassTruth>, rowsBefore: number): void {
    for (let i = 0; i < references.length; i++) {
      const row = rowsBefore + i + 1;
      const read = readRow(this.#owner, predictions[i], references[i], row);
      const width = read.kind === 'binary' ? 1 : read.scores.length;
      if (this.#kind === undefined) this.#begin(read.kind, width);
      if (read.kind !== this.#kind || width !== this.#scores.length) throw this.#unlike(read.kind, width, row);
      if (read.kind === 'binary') {
        this.#scores[0].push(read.score);
        this.#truths[0].push(read.truth);
        continue;
      }
      // One class against the rest compares scores of different rows, which only probabilities allow.
      if (read.kind === 'classes' && this.#needsProbabilities) checkProbabilities(this.#owner, read.scores, row);
      for (let k = 0; k < width; k++) {
        this.#scores[k].push(read.scores[k]);
        this.#truths[k].push(read.kind === 'labels' ? read.truth[k] : Number(read.truth === k));
      }
    }
  }

  #begin(kind: ScoredRow['kind'], width: number): void {
    this.#kind = kind;
    this.#scores = Array.from({ length: width }, () => []);
    this.#truths = Array.from({ length: width }, () => []);
    if (this.#average !== 'samples' || kind === 'labels') return;
    throw new ArgumentError('ERR_METRIC_AVERAGE', {
      owner: this.#owner,
      what: "average 'samples' is for rows with several labels",
      hint: "choose average 'macro', 'weighted' or 'micro'",
    });
  }

  #unlike(kind: string, width: number, row: number): DataError {
    const say = (what: string, columns: number) =>
      what === 'binary' ? 'two classes' : `${columns} ${what === 'labels' ? 'labels at once' : 'classes'}`;
    return new DataError('ERR_METRIC_SCORE', {
      owner: this.#owner,
      what: 'a row is not like those before it',
      got: say(kind, width),
      expected: say(this.#kind ?? kind, this.#scores.length),
      row,
    });
  }

  compute(): S {
    return this.#result(this.#value());
  }

  #value(): number {
    if (this.#kind === 'binary') return this.#score(this.#scores[0], this.#truths[0]);
    if (this.#average === 'micro') return this.#score(this.#scores.flat(), this.#truths.flat());
    if (this.#average === 'samples') return mean(this.#byRow());
    const scores = this.#scores.map((column, k) => this.#score(column, this.#truths[k]));
    if (this.#average === 'macro') return mean(scores);
    const weights = this.#truths.map((column) => column.reduce((sum, truth) => sum + truth, 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    // A class that is never true has no weight, even where its score is not defined.
    return total === 0
      ? 0
      : scores.reduce((sum, one, k) => (weights[k] === 0 ? sum : sum + one * weights[k]), 0) / total;
  }

  #byRow(): number[] {
    return this.#scores[0].map((_, row) =>
      this.#score(
        this.#scores.map((column) => column[row]),
        this.#truths.map((column) => column[row]),
      ),
    );
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
