import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import {
  type ClassCounts,
  type ClassOrLabels,
  type ClassTally,
  MultiLabelTally,
  SingleClassTally,
} from './classTally.ts';
import { defineMetric, type Metric } from './metric.ts';

/** How the scores of several classes become one; scikit-learn's words. */
export type Average =
  /** The scores of class `posLabel`, where there are two classes. */
  | 'binary'
  /** Over all rows as one: true positives, false positives and false negatives of all classes are added up first. */
  | 'micro'
  /** The mean over classes. */
  | 'macro'
  /** The mean over classes, weighted by how often each is true. */
  | 'weighted'
  /** The mean over rows, each scored over its own labels; only where a row may have several. */
  | 'samples';

/** Options of precision, recall and F1. */
export interface PrecisionRecallF1Options {
  /** Default `'binary'`, which rows with several labels do not have. */
  readonly average?: Average | undefined;
  /** The class that `'binary'` scores. Default 1. */
  readonly posLabel?: number | undefined;
  /** The classes that count, among all that occur. Default all. Not for `'binary'`. */
  readonly labels?: readonly number[] | undefined;
  /** The score of a class where a division by zero would give it: never predicted, or never true. Default 0, with a warning. `NaN` leaves it out of averages. */
  readonly zeroDivision?: number | undefined;
}

/** Precision tp/(tp + fp), recall tp/(tp + fn), F1 2tp/(2tp + fp + fn). */
export interface PrecisionRecallF1 {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** The same, class by class. */
export interface PerClassScores {
  /** The classes, ascending unless given. */
  readonly labels: readonly number[];
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly f1: readonly number[];
  /** How often each class is true. */
  readonly support: readonly number[];
}

function scoresOf({ correct, predicted, actual }: ClassCounts, zeroDivision: number): PrecisionRecallF1 {
  const divide = (a: number, b: number) => (b === 0 ? zeroDivision : a / b);
  return {
    precision: divide(correct, predicted),
    recall: divide(correct, actual),
    // 2tp + fp + fn = predicted + actual
    f1: divide(2 * correct, predicted + actual),
  };
}

/** The counts of all rows, and the running mean over rows for `'samples'`. */
class Counts {
  readonly #owner: string;
  readonly #options: PrecisionRecallF1Options;
  readonly #sums = { precision: 0, recall: 0, f1: 0 };
  readonly #rows = { precision: 0, recall: 0, f1: 0 };
  #tally: ClassTally | undefined;
  #several = false;
  #undefinedRows = 0;

  constructor(owner: string, options: PrecisionRecallF1Options) {
    this.#owner = owner;
    this.#options = options;
    const kinds: readonly unknown[] = ['binary', 'micro', 'macro', 'weighted', 'samples', undefined];
    if (kinds.includes(options.average)) return;
    throw new ArgumentError('ERR_METRIC_AVERAGE', {
      owner,
      what: 'there is no such average',
      got: options.average,
      expected: kinds.filter((kind) => kind !== undefined).join(', '),
    });
  }

  add(predictions: ArrayLike<ClassOrLabels>, references: ArrayLike<ClassOrLabels>, rowsBefore: number): void {
    if (references.length === 0) return;
    this.#tally ??= this.#begin(typeof references[0] === 'object');
    this.#tally.add(predictions, references, rowsBefore);
  }

  #begin(several: boolean): ClassTally {
    this.#several = several;
    return several
      ? new MultiLabelTally(this.#owner, this.#options.labels, (row) => this.#addRow(row))
      : new SingleClassTally(this.#owner);
  }

  /** What is not defined does not count (only where zeroDivision is NaN). */
  #addRow(row: ClassCounts): void {
    if (this.#undefined(row)) this.#undefinedRows++;
    const scores = scoresOf(row, this.#options.zeroDivision ?? 0);
    for (const key of ['precision', 'recall', 'f1'] as const) {
      if (Number.isNaN(scores[key])) continue;
      this.#sums[key] += scores[key];
      this.#rows[key]++;
    }
  }

  /** Whether a score that the metric gives divides by zero. */
  #undefined({ predicted, actual }: ClassCounts): boolean {
    if (this.#owner === 'precision') return predicted === 0;
    if (this.#owner === 'recall') return actual === 0;
    if (this.#owner === 'f1') return predicted + actual === 0;
    return predicted === 0 || actual === 0;
  }

  /** Says which classes have no score of their own, unless zeroDivision was given: then it is known. */
  #sayUndefined(labels: readonly number[], classes: readonly ClassCounts[]): void {
    if (this.#options.zeroDivision !== undefined) return;
    const empty = labels.filter((_, k) => this.#undefined(classes[k]));
    if (empty.length === 0) return;
    const which = `${empty.length === 1 ? 'class' : 'classes'} ${empty.slice(0, 8).join(', ')}${empty.length > 8 ? ', …' : ''}`;
    log.warn(
      `[${this.#owner}] ${which}: never ${whatIsMissing(this.#owner)}, so a score counts as 0 (option zeroDivision)`,
    );
  }

  /** The classes that count. */
  labels(): readonly number[] {
    return this.#options.labels ?? this.#tally?.labels() ?? [];
  }

  byClass(): readonly ClassCounts[] {
    const labels = this.labels();
    const classes = this.#tally?.counts(labels) ?? [];
    this.#sayUndefined(labels, classes);
    return classes;
  }

  averaged(): PrecisionRecallF1 {
    const kind = this.#options.average ?? 'binary';
    const zeroDivision = this.#options.zeroDivision ?? 0;
    if (kind === 'binary') {
      if (this.#several)
        throw this.#wrongAverage("average 'binary' is for rows with one class", 'several labels a row');
      const label = binaryLabel(this.#tally?.labels() ?? [], this.#owner, this.#options);
      const counts = this.#tally?.counts([label])[0] ?? { correct: 0, predicted: 0, actual: 0 };
      this.#sayUndefined([label], [counts]);
      return scoresOf(counts, zeroDivision);
    }
    if (kind === 'samples') {
      if (!this.#several)
        throw this.#wrongAverage("average 'samples' is for rows with several labels", 'one class a row');
      if (this.#undefinedRows > 0 && this.#options.zeroDivision === undefined) {
        const missing = whatIsMissing(this.#owner);
        log.warn(
          `[${this.#owner}] ${this.#undefinedRows} rows with no label ${missing}: a score of theirs counts as 0 (option zeroDivision)`,
        );
      }
      const mean = (key: keyof PrecisionRecallF1) => this.#sums[key] / this.#rows[key];
      return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
    }
    if (kind !== 'micro') return averageOf(kind, this.byClass(), zeroDivision);
    const all = this.#tally?.counts(this.labels()) ?? [];
    if (this.#options.zeroDivision === undefined && all.every((one) => this.#undefined(one))) {
      log.warn(
        `[${this.#owner}] no class is ${whatIsMissing(this.#owner).replace('never ', '')}: a score counts as 0 (option zeroDivision)`,
      );
    }
    return averageOf(kind, all, zeroDivision);
  }

  #wrongAverage(what: string, got: string): ArgumentError {
    const hint = `choose average 'macro', 'micro'${this.#several ? ", 'samples'" : ''} or 'weighted'`;
    return new ArgumentError('ERR_METRIC_AVERAGE', { owner: this.#owner, what, got, hint });
  }
}

function whatIsMissing(owner: string): string {
  if (owner === 'precision') return 'predicted';
  if (owner === 'recall') return 'true';
  return owner === 'f1' ? 'true nor predicted' : 'true, or never predicted';
}

function averageOf(
  kind: 'micro' | 'macro' | 'weighted',
  classes: readonly ClassCounts[],
  zeroDivision: number,
): PrecisionRecallF1 {
  if (kind === 'micro') {
    const total = (key: keyof ClassCounts) => classes.reduce((sum, one) => sum + one[key], 0);
    return scoresOf(
      { correct: total('correct'), predicted: total('predicted'), actual: total('actual') },
      zeroDivision,
    );
  }
  const scores = classes.map((one) => scoresOf(one, zeroDivision));
  const weights = classes.map(({ actual }) => (kind === 'weighted' ? actual : 1));
  const mean = (key: keyof PrecisionRecallF1) =>
    weightedMean(
      scores.map((score) => score[key]),
      weights,
    );
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

/** Values that are NaN do not count; where no weight is left, all count alike (as scikit-learn's _nanaverage). */
function weightedMean(values: readonly number[], weights: readonly number[]): number {
  let sum = 0;
  let weight = 0;
  values.forEach((value, k) => {
    if (Number.isNaN(value)) return;
    sum += value * weights[k];
    weight += weights[k];
  });
  if (weight > 0) return sum / weight;
  const counted = values.filter((value) => !Number.isNaN(value));
  return counted.reduce((total, value) => total + value, 0) / counted.length;
}

function binaryLabel(present: readonly number[], owner: string, options: PrecisionRecallF1Options): number {
  const label = options.posLabel ?? 1;
  if (options.labels !== undefined) {
    throw new ArgumentError('ERR_CONFLICTING_OPTIONS', {
      owner,
      what: "labels mean nothing with average 'binary'",
      hint: "leave them out, or choose average 'macro', 'micro' or 'weighted'",
    });
  }
  if (present.length > 2) {
    throw new ArgumentError('ERR_METRIC_AVERAGE', {
      owner,
      what: "average 'binary' is for two classes",
      got: `classes ${present.join(', ')}`,
      hint: "choose average 'macro', 'micro' or 'weighted'",
    });
  }
  if (present.length === 2 && !present.includes(label)) {
    throw new ArgumentError('ERR_METRIC_POS_LABEL', {
      owner,
      what: 'posLabel is none of the classes',
      got: label,
      expected: present.join(' or '),
    });
  }
  return label;
}

/** A metric of rows with one class, or of rows that are lists of 0 and 1, one for each label. */
type ClassMetric<O extends object, S extends object> = Metric<O, S, ClassOrLabels, ClassOrLabels>;

function define<S extends object>(
  name: string,
  pick: (scores: PrecisionRecallF1) => S,
): ClassMetric<PrecisionRecallF1Options, S> {
  return defineMetric(name, (options) => {
    const counts = new Counts(name, options ?? {});
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute: () => pick(counts.averaged()),
    };
  });
}

/** Precision, recall and F1 together, averaged as the options say; scikit-learn's precision_recall_fscore_support. */
export const precisionRecallF1: ClassMetric<PrecisionRecallF1Options, PrecisionRecallF1> = define(
  'precision_recall_f1',
  (scores) => scores,
);

/** Of the rows predicted as a class, the share that is of it. */
export const precision: ClassMetric<PrecisionRecallF1Options, { readonly precision: number }> = define(
  'precision',
  ({ precision }) => ({ precision }),
);

/** Of the rows of a class, the share predicted as it. */
export const recall: ClassMetric<PrecisionRecallF1Options, { readonly recall: number }> = define(
  'recall',
  ({ recall }) => ({
    recall,
  }),
);

/** The harmonic mean of precision and recall. */
export const f1: ClassMetric<PrecisionRecallF1Options, { readonly f1: number }> = define('f1', ({ f1 }) => ({ f1 }));

/** Precision, recall, F1 and support of each class. */
export const perClassScores: ClassMetric<
  Omit<PrecisionRecallF1Options, 'average' | 'posLabel'>,
  PerClassScores
> = defineMetric('per_class_scores', (options) => {
  const counts = new Counts('per_class_scores', options ?? {});
  return {
    add: (predictions, references, before) => counts.add(predictions, references, before),
    compute() {
      const classes = counts.byClass();
      const scores = classes.map((one) => scoresOf(one, options?.zeroDivision ?? 0));
      return {
        labels: counts.labels(),
        precision: scores.map((score) => score.precision),
        recall: scores.map((score) => score.recall),
        f1: scores.map((score) => score.f1),
        support: classes.map(({ actual }) => actual),
      };
    },
  };
});
