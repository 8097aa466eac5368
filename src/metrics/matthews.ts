import { ConfusionCounts } from './confusionMatrix.ts';
import { defineMetric, type Metric } from './metric.ts';

/**
 * Matthews' correlation coefficient between true and predicted classes, for any number of classes (Gorodkin 2004, R_K):
 * (c·s − Σ t_k·p_k) / √((s² − Σ p_k²)(s² − Σ t_k²)), with c correct rows of s, t_k rows of class k and p_k predicted so.
 * 0 where all rows are of one class on either side, as in scikit-learn.
 */
export const matthewsCorrelation: Metric<object, { readonly matthews_correlation: number }> = defineMetric(
  'matthews_correlation',
  () => {
    const counts = new ConfusionCounts('matthews_correlation');
    return {
      add: (predictions, references, before) => counts.add(predictions, references, before),
      compute: () => ({ matthews_correlation: coefficient(counts.matrix(counts.labels())) }),
    };
  },
);

function coefficient(matrix: readonly (readonly number[])[]): number {
  const actual = matrix.map((row) => row.reduce((sum, count) => sum + count, 0));
  const predicted = matrix.map((_, k) => matrix.reduce((sum, row) => sum + row[k], 0));
  const rows = actual.reduce((sum, count) => sum + count, 0);
  const correct = matrix.reduce((sum, row, k) => sum + row[k], 0);
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, k) => sum + value * b[k], 0);
  const spread = (rows ** 2 - dot(predicted, predicted)) * (rows ** 2 - dot(actual, actual));
  return spread === 0 ? 0 : (correct * rows - dot(actual, predicted)) / Math.sqrt(spread);
}
