export { accuracy } from './accuracy.ts';
export { type ConfusionMatrix, type ConfusionMatrixOptions, confusionMatrix } from './confusionMatrix.ts';
export { matthewsCorrelation } from './matthews.ts';
export { meanAbsoluteError } from './meanAbsoluteError.ts';
export { type MeanSquaredErrorOptions, meanSquaredError } from './meanSquaredError.ts';
export type { Metric, MetricAccumulator, Scores } from './metric.ts';
export { glueMetrics, metrics, metricsFor } from './metricsFor.ts';
export { pearson } from './pearson.ts';
export {
  type Average,
  f1,
  type PerClassScores,
  type PrecisionRecallF1,
  type PrecisionRecallF1Options,
  perClassScores,
  precision,
  precisionRecallF1,
  recall,
} from './precisionRecallF1.ts';
export { spearman } from './spearman.ts';
