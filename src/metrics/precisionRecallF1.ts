import { ArgumentError } from '../core/errors.ts';
import { ConfusionCounts } from './confusionMatrix.ts';
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
  | 'weighted';

/** Options of precision, recall and F1. */
export interface PrecisionRecallF1Options {
  /** Default `'binary'`. */
  readonly average?: Average | undefined;
  /** The class that `'binary'` scores. Default 1. */
  readonly posLabel?: number | undefined;
  /** The classes that count, among all that occur. Default all. Not for `'binary'`. */
  readonly labels?: readonly number[] | undefined;
  /** The score of a class where a division by zero would give it: never predicted, or never true. Default 0. `NaN` leaves it out of averages. */
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

/** What is counted of one class: correct, predicted and true rows. */
interface ClassCounts {
  readonly correct: number;
  readonly predicted: number;
  readonly actual: number;
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

function classCounts(counts: ConfusionCounts, labels: readonly number[]): ClassCounts[] {
  const all = [...new Set([...counts.labels(), ...labels])];
  const matrix = counts.matrix(all);
  return labels.map((label) => {
    const k = all.indexOf(label);
    return {
      correct: matrix[k][k],
      predicted: matrix.reduce((sum, row) => sum + row[k], 0),
      actual: matrix[k].reduce((sum, count) => sum + count, 0),
    };
  });
}

function average(counts: ConfusionCounts, owner: string, options: PrecisionRecallF1Options): PrecisionRecallF1 {
  const kind = options.average ?? 'binary';
  const zeroDivision = options.zeroDivision ?? 0;
  if (kind === 'binary') {
    const label = binaryLabel(counts.labels(), owner, options);
    return scoresOf(classCounts(counts, [label])[0], zeroDivision);
  }
  const classes = classCounts(counts, options.labels ?? counts.labels());
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

function define<S extends object>(
  name: string,
  pick: (scores: PrecisionRecallF1) => S,
): Metric<PrecisionRecallF1Options, S> {
  return defineMetric(name, (options) => {
    const counts = new ConfusionCounts(name);
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute: () => pick(average(counts, name, options ?? {})),
    };
  });
}

/** Precision, recall and F1 together, averaged as the options say; scikit-learn's precision_recall_fscore_support. */
export const precisionRecallF1: Metric<PrecisionRecallF1Options, PrecisionRecallF1> = define(
  'precision_recall_f1',
  (scores) => scores,
);

/** Of the rows predicted as a class, the share that is of it. */
export const precision: Metric<PrecisionRecallF1Options, { readonly precision: number }> = define(
  'precision',
  ({ precision }) => ({ precision }),
);

/** Of the rows of a class, the share predicted as it. */
export const recall: Metric<PrecisionRecallF1Options, { readonly recall: number }> = define('recall', ({ recall }) => ({
  recall,
}));

/** The harmonic mean of precision and recall. */
export const f1: Metric<PrecisionRecallF1Options, { readonly f1: number }> = define('f1', ({ f1 }) => ({ f1 }));

/** Precision, recall, F1 and support of each class. */
export const perClassScores: Metric<
  Omit<PrecisionRecallF1Options, 'average' | 'posLabel'>,
  PerClassScores
> = defineMetric('per_class_scores', (options) => {
  const counts = new ConfusionCounts('per_class_scores');
  return {
    add: (predictions, references, before) => counts.add(predictions, references, before),
    compute() {
      const labels = options?.labels ?? counts.labels();
      const classes = classCounts(counts, labels);
      const scores = classes.map((one) => scoresOf(one, options?.zeroDivision ?? 0));
      return {
        labels,
        precision: scores.map((score) => score.precision),
        recall: scores.map((score) => score.recall),
        f1: scores.map((score) => score.f1),
        support: classes.map(({ actual }) => actual),
      };
    },
  };
});
