export { accuracy } from './accuracy.ts';
export { averagePrecision } from './averagePrecision.ts';
export { type BootstrapOptions, bootstrap, type ConfidenceInterval } from './bootstrap.ts';
export { type CalibrationBin, type CalibrationOptions, calibrationBins, calibrationError } from './calibrationError.ts';
export type { ClassOrLabels } from './classTally.ts';
export { computeMetricsWith, confidenceIntervalsWith, type MetricPrediction } from './computeMetrics.ts';
export { type ConfusionMatrix, type ConfusionMatrixOptions, confusionMatrix } from './confusionMatrix.ts';
export { type Entity, lenientEntities } from './entities.ts';
export type { EntityScores, SeqevalReport } from './entityCounts.ts';
export type { EntityScheme } from './entityScheme.ts';
export { type GlueTask, glueMetrics } from './glue.ts';
export { type AnyMetric, combine, loadMetric, type MetricByName, type MetricName, metricNames } from './loadMetric.ts';
export { logLoss } from './logLoss.ts';
export { matthewsCorrelation } from './matthews.ts';
export { meanAbsoluteError } from './meanAbsoluteError.ts';
export { type MeanSquaredErrorOptions, meanSquaredError, rootMeanSquaredError } from './meanSquaredError.ts';
export {
  defineMetric,
  type Metric,
  type MetricAccumulator,
  type MetricInput,
  type MetricTraits,
  type RowAccumulator,
  type Scores,
} from './metric.ts';
export { metrics, metricsFor } from './metricsFor.ts';
export { pearson } from './pearson.ts';
export { perplexity } from './perplexity.ts';
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
export type { RankAverage, RankOptions } from './rankScores.ts';
export { rocAuc } from './rocAuc.ts';
export { type RougeOptions, type RougeType, rouge, rougeScores } from './rouge.ts';
export type { RougeScore } from './rougeText.ts';
export type { ClassScores, ClassTruth } from './scoreRows.ts';
export { type SeqevalOptions, type SeqevalScores, seqeval, seqevalReport } from './seqeval.ts';
export { spearman } from './spearman.ts';
export { type SquadScores, squad } from './squad.ts';
export type { SquadPrediction, SquadReference } from './squadRows.ts';
export { type SquadV2Options, type SquadV2Scores, squadV2 } from './squadV2.ts';
