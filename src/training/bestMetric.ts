import { ArgumentError, didYouMean } from '../core/errors.ts';
import { loadMetric, metricNames } from '../metrics/index.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** The metric that says which step is best, and which way. */
export interface BestMetric {
  /** With its prefix: `eval_loss`. */
  readonly name: string;
  readonly greaterIsBetter: boolean;
}

/** What every evaluation gives besides its metrics. */
export const speeds = /_(runtime|samples_per_second|steps_per_second)$/;

/** Names of metrics that are better the smaller they are, also behind a prefix: `eval_loss`, `eval_german_mse`. */
const smallerIsBetter = new RegExp(
  `(^|_)(${['loss', 'error', ...metricNames.filter((name) => !loadMetric(name).greaterIsBetter)].join('|')})$`,
);

/** Whether more of a metric is better, as far as its name tells: yes, but for losses, errors and the metrics that say otherwise. */
export function greaterIsBetter(name: string): boolean {
  return !smallerIsBetter.test(name);
}

/**
 * Finds `metricForBestModel` among an evaluation's metrics, with or without `eval_`; where the argument is left out, the
 * loss, of several evaluation sets that of the first.
 * @param known the names of an evaluation's metrics, in order.
 * @throws ArgumentError where there is no such metric, with those that there are.
 */
export function findBestMetric(args: TrainingArguments, known: readonly string[]): BestMetric {
  const asked = args.metricForBestModel;
  const candidates = known.filter((name) => !speeds.test(name));
  const name =
    asked === undefined
      ? (candidates.find((each) => each === 'eval_loss') ?? candidates.find((each) => each.endsWith('_loss')))
      : candidates.find((each) => each === asked || each === `eval_${asked}`);
  if (name === undefined) {
    const short = candidates.map((each) => each.replace(/^eval_/, ''));
    const near = asked === undefined ? undefined : didYouMean(asked.replace(/^eval_/, ''), short);
    throw new ArgumentError('ERR_METRIC', {
      owner: 'Trainer',
      what: 'metricForBestModel is none of the metrics of an evaluation',
      got: asked ?? 'loss',
      expected: `one of ${short.join(', ')}`,
      hint: near === undefined ? 'take one of these, or give it in computeMetrics' : `did you mean '${near}'?`,
    });
  }
  return { name, greaterIsBetter: args.greaterIsBetter ?? greaterIsBetter(name) };
}

/**
 * Whether a metric is better than the best so far, which is null where there is none; NaN never is.
 * @param threshold how much better it must be.
 */
export function isBetter(value: number, best: number | null, { greaterIsBetter }: BestMetric, threshold = 0): boolean {
  if (Number.isNaN(value)) return false;
  if (best === null) return true;
  const gain = greaterIsBetter ? value - best : best - value;
  return gain > threshold;
}
