import { ArgumentError, didYouMean } from '../core/errors.ts';
import { accuracy } from './accuracy.ts';
import { matthewsCorrelation } from './matthews.ts';
import { meanAbsoluteError } from './meanAbsoluteError.ts';
import { meanSquaredError } from './meanSquaredError.ts';
import type { Metric } from './metric.ts';
import { pearson } from './pearson.ts';
import { f1, precision, precisionRecallF1, recall } from './precisionRecallF1.ts';
import { spearman } from './spearman.ts';

/** Every metric whose scores are plain numbers, by its name. */
export const metrics: ReadonlyMap<string, Metric> = new Map(
  (
    [
      accuracy,
      precision,
      recall,
      f1,
      precisionRecallF1,
      matthewsCorrelation,
      pearson,
      spearman,
      meanSquaredError,
      meanAbsoluteError,
    ] as readonly Metric[]
  ).map((metric) => [metric.name, metric]),
);

/** What GLUE scores each of its tasks by (gluebenchmark.com/faq), by Hugging Face's configuration names. */
export const glueMetrics: Readonly<Record<string, readonly Metric[]>> = {
  cola: [matthewsCorrelation],
  sst2: [accuracy],
  mrpc: [accuracy, f1],
  qqp: [accuracy, f1],
  stsb: [pearson, spearman],
  mnli: [accuracy],
  mnli_matched: [accuracy],
  mnli_mismatched: [accuracy],
  qnli: [accuracy],
  rte: [accuracy],
  wnli: [accuracy],
};

/**
 * The metrics that a name stands for: those of one of GLUE's tasks (`'mrpc'`: accuracy and F1), or one metric (`'f1'`).
 * Throws `ERR_UNKNOWN_METRIC` with the nearest name.
 */
export function metricsFor(name: string): readonly Metric[] {
  const metric = metrics.get(name);
  if (metric !== undefined) return [metric];
  if (Object.hasOwn(glueMetrics, name)) return glueMetrics[name];
  const near = didYouMean(name, [...metrics.keys(), ...Object.keys(glueMetrics)]);
  throw new ArgumentError('ERR_UNKNOWN_METRIC', {
    owner: 'metricsFor',
    what: 'there is no such metric',
    got: name,
    expected: `one of ${[...metrics.keys()].join(', ')}, or one of GLUE's tasks (${Object.keys(glueMetrics).join(', ')})`,
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}
