import { checkLabels, defineMetric, type Metric } from './metric.ts';

/** Which true class was taken for which. */
export interface ConfusionMatrix {
  /** The classes of rows and columns, ascending. */
  readonly labels: readonly number[];
  /** `matrix[i][j]`: rows of true class `labels[i]` that were predicted as `labels[j]`. */
  readonly matrix: readonly (readonly number[])[];
}

/** Options of {@link confusionMatrix}. */
export interface ConfusionMatrixOptions {
  /** The classes to show, in this order; rows with another class on either side are left out. Default: all that occur. */
  readonly labels?: readonly number[] | undefined;
}

/** Counts pairs of true and predicted class as they come: memory grows with the classes, not the rows. */
export class ConfusionCounts {
  readonly #counts = new Map<number, Map<number, number>>();
  readonly #owner: string;

  constructor(owner: string) {
    this.#owner = owner;
  }

  add(predictions: ArrayLike<number>, references: ArrayLike<number>, rowsBefore = 0): void {
    checkLabels(this.#owner, predictions, references, rowsBefore);
    for (let row = 0; row < references.length; row++) {
      let predicted = this.#counts.get(references[row]);
      if (predicted === undefined) {
        predicted = new Map();
        this.#counts.set(references[row], predicted);
      }
      predicted.set(predictions[row], (predicted.get(predictions[row]) ?? 0) + 1);
    }
  }

  /** The classes that occur on either side, ascending. */
  labels(): number[] {
    const seen = new Set<number>();
    for (const [reference, predicted] of this.#counts) {
      seen.add(reference);
      for (const prediction of predicted.keys()) seen.add(prediction);
    }
    return [...seen].sort((a, b) => a - b);
  }

  /** The matrix over these classes: `[references][predictions]`. */
  matrix(labels: readonly number[]): number[][] {
    return labels.map((reference) => {
      const predicted = this.#counts.get(reference);
      return labels.map((prediction) => predicted?.get(prediction) ?? 0);
    });
  }
}

/** The confusion matrix, rows by true class, columns by predicted class, as scikit-learn's. */
export const confusionMatrix: Metric<ConfusionMatrixOptions, ConfusionMatrix> = defineMetric(
  'confusion_matrix',
  (options) => {
    const counts = new ConfusionCounts('confusion_matrix');
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute() {
        const labels = options?.labels ?? counts.labels();
        return { labels, matrix: counts.matrix(labels) };
      },
    };
  },
);
