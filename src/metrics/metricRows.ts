import { ArgumentError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import type { MetricPrediction } from './computeMetrics.ts';
import type { AnyMetric } from './loadMetric.ts';
import type { Metric, Scores } from './metric.ts';

/** What is done with a metric and the rows that it takes. */
type Use<T> = <P, R>(metric: Metric<object, Scores, P, R>, predictions: readonly P[], references: readonly R[]) => T;

/**
 * Makes of a Trainer's answers the rows that a metric takes: the class of the highest logit (of several labels those above 0),
 * probabilities (softmax, of several labels sigmoid), the numbers of a regression, or answers.
 * @throws ArgumentError `ERR_METRIC_COMBINE` where the answers are none of these.
 */
export function withMetricRows<T>(metric: AnyMetric, prediction: MetricPrediction, use: Use<T>): T {
  if (metric.takes === 'answers') {
    const { answers, references } = prediction;
    if (answers === undefined || references === undefined)
      throw unfit(metric.name, 'no answers to questions', 'answers');
    const rows = answers.map(({ id, predictionText, nullScoreDiff }) => ({
      id,
      predictionText,
      noAnswerProbability: nullScoreDiff,
    }));
    return use(metric, rows, references);
  }
  const { predictions, labelIds } = prediction;
  const [rows, width] = predictions.dims;
  const shape = `predictions [${predictions.dims.join(', ')}] and labels [${labelIds.dims.join(', ')}]`;
  if (predictions.dims.length > 2 || labelIds.dims.length > 2 || labelIds.dims[0] !== rows) {
    throw unfit(metric.name, shape, 'one row of answers, and one of labels, for each row of data');
  }
  const values = rowsOf(predictions);
  const labels = rowsOf(labelIds);
  const several = (labelIds.dims[1] ?? 1) > 1;
  if (metric.takes === 'numbers') {
    if (several || (width ?? 1) !== 1) throw unfit(metric.name, shape, 'one number a row');
    return use(metric, values.flat(), labels.flat());
  }
  if ((width ?? 1) < 2) throw unfit(metric.name, shape, 'a logit for each class or label');
  if (metric.takes === 'classes') {
    return several
      ? use(
          metric,
          values.map((row) => row.map((logit) => Number(logit > 0))),
          labels,
        )
      : use(metric, values.map(largest), labels.flat());
  }
  if (metric.takes === 'scores') {
    return several
      ? use(
          metric,
          values.map((row) => row.map((logit) => 1 / (1 + Math.exp(-logit)))),
          labels,
        )
      : use(metric, values.map(softmax), labels.flat());
  }
  throw unfit(metric.name, shape, metric.takes);
}

/** In float64: scores near 1 keep their order. */
function softmax(logits: readonly number[]): number[] {
  const highest = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

function largest(values: readonly number[]): number {
  return values.reduce((best, value, k) => (value > values[best] ? k : best), 0);
}

function rowsOf(tensor: Tensor): number[][] {
  const [rows, width = 1] = tensor.dims;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (_, k) => Number(tensor.data[row * width + k])),
  );
}

function unfit(metric: string, got: string, expected: string): ArgumentError {
  return new ArgumentError('ERR_METRIC_COMBINE', {
    owner: metric,
    what: 'the task gives no rows that this metric takes',
    got,
    expected,
    hint: "choose a metric of the task, or write computeMetrics by hand with the metric's own compute",
  });
}
