import { ArgumentError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { type BootstrapOptions, bootstrap, type ConfidenceInterval } from './bootstrap.ts';
import { mergeScores } from './combine.ts';
import { type AnyMetric, loadMetric } from './loadMetric.ts';
import { withMetricRows } from './metricRows.ts';
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
  const metrics = loadMetrics('computeMetricsWith', names);
  return (prediction) => ({
    ...mergeScores(
      metrics.map(({ name }) => name),
      metrics.map((metric) =>
        withMetricRows(metric, prediction, (own, predictions, references) => own.compute(predictions, references)),
      ),
    ),
  });
}

/**
 * How sure the scores of {@link computeMetricsWith} are of an evaluation's answers, by their names: see {@link bootstrap}.
 * @throws ArgumentError as `computeMetricsWith` and `bootstrap` do.
 */
export function confidenceIntervalsWith(
  names: readonly string[],
  prediction: MetricPrediction,
  options: Omit<BootstrapOptions, 'options'> = {},
): Record<string, ConfidenceInterval> {
  const metrics = loadMetrics('confidenceIntervalsWith', names);
  const found = metrics.map((metric) =>
    withMetricRows(metric, prediction, (own, predictions, references) =>
      bootstrap(own, predictions, references, options),
    ),
  );
  // The names are those of the scores: each stands for its place in a list of all.
  const all = found.flatMap((own) => Object.values(own));
  let next = 0;
  const places = found.map((own) => Object.fromEntries(Object.keys(own).map((key) => [key, next++])));
  const merged = mergeScores(
    metrics.map(({ name }) => name),
    places,
  );
  return Object.fromEntries(Object.entries(merged).map(([key, place]) => [key, all[place]]));
}

/** @throws ArgumentError for names that cannot be had together from logits and labels. */
function loadMetrics(owner: string, names: readonly string[]): AnyMetric[] {
  const metrics = names.map((name) => loadMetric(name));
  const twice = names.find((name, k) => names.indexOf(name) !== k);
  if (names.length === 0 || twice !== undefined) {
    throw new ArgumentError('ERR_METRIC_COMBINE', {
      owner,
      what: twice === undefined ? 'there are no metrics' : 'a metric comes twice',
      got: twice,
    });
  }
  for (const { name, takes } of metrics) {
    if (takes !== 'tags' && takes !== 'texts' && takes !== 'losses') continue;
    throw new ArgumentError('ERR_METRIC_COMBINE', {
      owner,
      what: `a metric takes ${takes}, which are not to be had from logits and labels`,
      got: name,
      hint:
        takes === 'texts'
          ? 'compute it on the texts themselves'
          : 'token classification and language modelling give their own metrics without being asked',
    });
  }
  return metrics;
}
