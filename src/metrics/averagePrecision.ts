import { log } from '../core/log.ts';
import { defineMetric, type Metric } from './metric.ts';
import { RankAccumulator, type RankOptions } from './rankScores.ts';
import type { ClassScores, ClassTruth } from './scoreRows.ts';

/** Σ (R_n − R_{n−1}) P_n over the thresholds from the highest score down, rows of equal score at once; 0 where no row is of the class. */
function areaUnderPrecision(scores: readonly number[], truths: readonly number[], neverTrue: () => void): number {
  const order = scores.map((_, row) => row).sort((a, b) => scores[b] - scores[a]);
  const positive = truths.reduce((sum, truth) => sum + truth, 0);
  if (positive === 0) {
    neverTrue();
    return 0;
  }
  let correct = 0;
  let sum = 0;
  for (let start = 0; start < order.length; ) {
    let stop = start;
    let more = 0;
    while (stop < order.length && scores[order[stop]] === scores[order[start]]) more += truths[order[stop++]];
    correct += more;
    sum += (more / positive) * (correct / stop);
    start = stop;
  }
  return sum;
}

/**
 * Average precision, the area under the precision-recall curve without interpolation, as scikit-learn's average_precision_score. Rows as for
 * `rocAuc`, but any scores will do. A class that is never true counts as 0, with a warning.
 *
 * Memory: a number a row and class is kept.
 */
export const averagePrecision: Metric<RankOptions, { readonly average_precision: number }, ClassScores, ClassTruth> =
  defineMetric(
    'average_precision',
    (options) => {
      let missing = 0;
      const score = (scores: readonly number[], truths: readonly number[]) =>
        areaUnderPrecision(scores, truths, () => missing++);
      const result = (value: number) => {
        if (missing > 0)
          log.warn('[average_precision] what is never true counts as 0: a class, or a row without labels');
        missing = 0;
        return { average_precision: value };
      };
      return new RankAccumulator('average_precision', options, score, result, false);
    },
    { takes: 'scores' },
  );
