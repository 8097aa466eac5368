import { log } from '../core/log.ts';
import { defineMetric, type Metric } from './metric.ts';
import { RankAccumulator, type RankOptions } from './rankScores.ts';
import type { ClassScores, ClassTruth } from './scoreRows.ts';
import { ranks } from './spearman.ts';

/**
 * The area under the ROC curve: how likely a row of the class has a higher score than one of the others, ties counting half.
 * P rows with the class, N without: (Σ ranks of the P − P(P + 1)/2) / (P·N) (Mann and Whitney 1947), the trapezoids of the curve exactly.
 * NaN where all rows are of the class or none is.
 */
function areaUnderRoc(scores: readonly number[], truths: readonly number[]): number {
  const positive = truths.reduce((sum, truth) => sum + truth, 0);
  const negative = truths.length - positive;
  if (positive === 0 || negative === 0) return Number.NaN;
  let sum = 0;
  ranks(scores).forEach((rank, row) => {
    sum += rank * truths[row];
  });
  return (sum - (positive * (positive + 1)) / 2) / (positive * negative);
}

/**
 * ROC-AUC, as scikit-learn's roc_auc_score. Two classes: a row's score of class 1 (any score that grows with it), or a pair of scores, of which
 * the second counts. More classes: a probability for each, every class against the rest (`ovr`), averaged. Several labels at once: a score and a
 * 0 or 1 for each, averaged. 0.5 is chance. NaN, with a warning, where a class that counts is true in all rows or in none.
 *
 * Memory: ranks need all rows at once, so a number a row and class is kept.
 */
export const rocAuc: Metric<RankOptions, { readonly roc_auc: number }, ClassScores, ClassTruth> = defineMetric(
  'roc_auc',
  (options) =>
    new RankAccumulator(
      'roc_auc',
      options,
      areaUnderRoc,
      (value) => {
        if (Number.isNaN(value)) {
          log.warn('[roc_auc] the area is not defined (NaN): a class is true in every row, or in none');
        }
        return { roc_auc: value };
      },
      true,
    ),
  { takes: 'scores' },
);
