import { ArgumentError, didYouMean } from '../core/errors.ts';
import { accuracy } from './accuracy.ts';
import { glueMetrics } from './glue.ts';
import { loadMetric, metricNames } from './loadMetric.ts';
import { matthewsCorrelation } from './matthews.ts';
import { meanAbsoluteError } from './meanAbsoluteError.ts';
import { meanSquaredError } from './meanSquaredError.ts';
import type { Metric } from './metric.ts';
import { pearson } from './pearson.ts';
import { f1, precision, precisionRecallF1, recall } from './precisionRecallF1.ts';
import { spearman } from './spearman.ts';

/** The metrics whose rows and scores are plain numbers, by name. */
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

/**
 * The metrics that a name stands for, of those whose rows are a number: one of GLUE's tasks (`'mrpc'`: accuracy and F1), or one metric (`'f1'`,
 * `'f1_macro'`). For others (probabilities, answers, tags, texts) see `loadMetric`.
 *
 * @throws ArgumentError `ERR_UNKNOWN_METRIC`, with the nearest name, or where the metric's rows are not numbers.
 */
export function metricsFor(name: string): readonly Metric[] {
  const metric = metrics.get(name);
  if (metric !== undefined) return [metric];
  if (Object.hasOwn(glueMetrics, name)) return glueMetrics[name];
  const known = metricNames.includes(name) ? loadMetric(name) : undefined;
  if (known?.takes === 'classes' || known?.takes === 'numbers') return [known];
  const near = known === undefined ? didYouMean(name, [...metricNames, ...Object.keys(glueMetrics)]) : undefined;
  throw new ArgumentError('ERR_UNKNOWN_METRIC', {
    owner: 'metricsFor',
    what:
      known === undefined ? 'there is no such metric' : `a row of this metric is no number: it takes ${known.takes}`,
    got: name,
    expected: `one of ${[...metrics.keys()].join(', ')}, or one of GLUE's tasks (${Object.keys(glueMetrics).join(', ')})`,
    hint: known !== undefined ? 'use loadMetric(name)' : near === undefined ? undefined : `did you mean '${near}'?`,
  });
}
