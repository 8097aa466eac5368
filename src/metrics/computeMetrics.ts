import { ArgumentError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { mergeScores } from './combine.ts';
import { type AnyMetric, loadMetric } from './loadMetric.ts';
import type { Scores } from './metric.ts';
import type { SquadReference } from './squadRows.ts';

/** What the Trainer gives to `computeMetrics` (its `EvalPrediction`). */
export interface MetricPrediction {
  /** Raw answers: logits of classes or labels, or one number a row. */
  readonly predictions: Tensor;
  /** Classes (whole numbers), a 0 or 1 for each label, or numbers. */
  readonly labelIds: Tensor;
  /** Question answering: what the model answers. */
  readonly answers?: readonly AnswerRow[] | undefined;
  /** Question answering: what is true. */
  readonly references?: readonly SquadReference[] | undefined;
}

/** An answer as the question answering task gives it. */
interface AnswerRow {
  readonly id?: string;
  readonly predictionText: string;
  readonly nullScoreDiff?: number;
}

/**
 * A function for the Trainer's `computeMetrics` from metrics' names: `computeMetricsWith(['accuracy', 'f1_macro', 'roc_auc'])`. Each gets what it
 * takes: the class of the highest logit (of several labels those above 0), probabilities (softmax, of several labels sigmoid), the
 * numbers of a regression, or answers. Where two have a score of the same name, each gets its metric's name in front.
 *
 * @param names of {@link loadMetric}, GLUE's tasks among them.
 * @throws ArgumentError at once where a name is unknown, comes twice, or its rows (tags, texts, losses) are not what a Trainer's answers can be
 * made into; later where an evaluation's answers do not fit.
 */
export function computeMetricsWith(names: readonly string[]): (prediction: MetricPrediction) => Record<string, number> {
  const metrics = names.map((name) => loadMetric(name));
  const twice = names.find((name, k) => names.indexOf(name) !== k);
  if (names.length === 0 || twice !== undefined) {
    throw new ArgumentError('ERR_METRIC_COMBINE', {
      owner: 'computeMetricsWith',
      what: twice === undefined ? 'there are no metrics' : 'a metric comes twice',
      got: twice,
    });
  }
  for (const { name, takes } of metrics) {
    if (takes !== 'tags' && takes !== 'texts' && takes !== 'losses') continue;
    throw new ArgumentError('ERR_METRIC_COMBINE', {
      owner: 'computeMetricsWith',
      what: `a metric takes ${takes}, which are not to be had from logits and labels`,
      got: name,
      hint:
        takes === 'texts'
          ? 'compute it on the texts themselves'
          : 'token classification and language modelling give their own metrics without being asked',
    });
  }
  return (prediction) => ({
    ...mergeScores(
      metrics.map(({ name }) => name),
      metrics.map((metric) => scoreOf(metric, prediction)),
    ),
  });
}

function scoreOf(metric: AnyMetric, prediction: MetricPrediction): Scores {
  if (metric.takes === 'answers') {
    const { answers, references } = prediction;
    if (answers === undefined || references === undefined)
      throw unfit(metric.name, 'no answers to questions', 'answers');
    const rows = answers.map(({ id, predictionText, nullScoreDiff }) => ({
      id,
      predictionText,
      noAnswerProbability: nullScoreDiff,
    }));
    return metric.compute(rows, references);
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
    return metric.compute(values.flat(), labels.flat());
  }
  if ((width ?? 1) < 2) throw unfit(metric.name, shape, 'a logit for each class or label');
  if (metric.takes === 'classes') {
    return several
      ? metric.compute(
          values.map((row) => row.map((logit) => Number(logit > 0))),
          labels,
        )
      : metric.compute(values.map(largest), labels.flat());
  }
  if (metric.takes === 'scores') {
    return several
      ? metric.compute(
          values.map((row) => row.map((logit) => 1 / (1 + Math.exp(-logit)))),
          labels,
        )
      : metric.compute(values.map(softmax), labels.flat());
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
