import { ArgumentError } from '../core/errors.ts';
import { defineMetric, type Metric, type RowAccumulator } from './metric.ts';
import { type ClassScores, type ClassTruth, readProbabilities } from './scoreRows.ts';

/** Options of {@link calibrationError} and {@link calibrationBins}. */
export interface CalibrationOptions {
  /** How many bins of equal width confidence is put into. Default 15, as in Guo et al. 2017. */
  readonly bins?: number | undefined;
}

/** The rows of one bin of confidence. */
export interface CalibrationBin {
  /** Confidence above this … */
  readonly above: number;
  /** … up to and including this. */
  readonly upTo: number;
  readonly rows: number;
  /** The mean confidence of the bin's rows; NaN where there are none. */
  readonly confidence: number;
  /** The share of the bin's rows whose predicted class is the true one; NaN where there are none. */
  readonly accuracy: number;
}

/** Counts by bin: memory grows with the bins only. */
class CalibrationCounts {
  readonly #owner: string;
  readonly #edges: readonly number[];
  readonly #rows: number[];
  readonly #confidence: number[];
  readonly #right: number[];

  constructor(owner: string, options: CalibrationOptions | undefined) {
    const bins = options?.bins ?? 15;
    if (!Number.isInteger(bins) || bins < 1) {
      throw new ArgumentError('ERR_METRIC_OPTION', {
        owner,
        what: 'bins is no number of bins',
        got: bins,
        expected: 'a whole number from 1',
      });
    }
    this.#owner = owner;
    this.#edges = Array.from({ length: bins + 1 }, (_, k) => (k === bins ? 1 : k * (1 / bins)));
    this.#rows = new Array<number>(bins).fill(0);
    this.#confidence = new Array<number>(bins).fill(0);
    this.#right = new Array<number>(bins).fill(0);
  }

  add(predictions: ArrayLike<ClassScores>, references: ArrayLike<ClassTruth>, rowsBefore: number): void {
    for (let i = 0; i < references.length; i++) {
      const row = readProbabilities(this.#owner, predictions[i], references[i], rowsBefore + i + 1);
      const { probabilities } = row;
      let predicted = 0;
      for (let k = 1; k < probabilities.length; k++) if (probabilities[k] > probabilities[predicted]) predicted = k;
      const bin = this.#binOf(probabilities[predicted]);
      this.#rows[bin]++;
      this.#confidence[bin] += probabilities[predicted];
      if (predicted === row.truth) this.#right[bin]++;
    }
  }

  #binOf(confidence: number): number {
    const last = this.#rows.length - 1;
    for (let bin = 0; bin < last; bin++) if (confidence <= this.#edges[bin + 1]) return bin;
    return last;
  }

  bins(): CalibrationBin[] {
    return this.#rows.map((rows, k) => ({
      above: this.#edges[k],
      upTo: this.#edges[k + 1],
      rows,
      confidence: this.#confidence[k] / rows,
      accuracy: this.#right[k] / rows,
    }));
  }
}

type Accumulator<S extends object> = RowAccumulator<S, ClassScores, ClassTruth>;

/**
 * How far confidence is from being right (Guo et al. 2017, "On calibration of modern neural networks"): confidence is the highest
 * probability of a row; `ece` is the mean over rows of |share of right rows − mean confidence| of the row's bin, `mce` the largest of these
 * over bins. 0 is best: of rows with confidence 0.8, 80 % are right. A row is the probability of class 1, or one for each class.
 */
export const calibrationError: Metric<
  CalibrationOptions,
  { readonly ece: number; readonly mce: number },
  ClassScores,
  ClassTruth
> = defineMetric(
  'calibration_error',
  (options): Accumulator<{ readonly ece: number; readonly mce: number }> => {
    const counts = new CalibrationCounts('calibration_error', options);
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute() {
        const bins = counts.bins().filter(({ rows }) => rows > 0);
        const all = bins.reduce((sum, { rows }) => sum + rows, 0);
        const gaps = bins.map(({ accuracy, confidence }) => Math.abs(accuracy - confidence));
        return { ece: gaps.reduce((sum, gap, k) => sum + gap * bins[k].rows, 0) / all, mce: Math.max(...gaps) };
      },
    };
  },
  { greaterIsBetter: false, takes: 'scores' },
);

/** The bins behind {@link calibrationError}: what a reliability diagram shows. */
export const calibrationBins: Metric<
  CalibrationOptions,
  { readonly bins: readonly CalibrationBin[] },
  ClassScores,
  ClassTruth
> = defineMetric(
  'calibration_bins',
  (options): Accumulator<{ readonly bins: readonly CalibrationBin[] }> => {
    const counts = new CalibrationCounts('calibration_bins', options);
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute: () => ({ bins: counts.bins() }),
    };
  },
  { takes: 'scores' },
);
