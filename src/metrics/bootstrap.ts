import { ArgumentError } from '../core/errors.ts';
import { configureLog, log } from '../core/log.ts';
import { RandomStream } from '../core/random.ts';
import { type Metric, noRows } from './metric.ts';

/** Options of {@link bootstrap}. */
export interface BootstrapOptions<O extends object = object> {
  /** How often rows are drawn. Default 1000. */
  readonly resamples?: number | undefined;
  /** The share of resamples that the interval holds, between 0 and 1. Default 0.95. */
  readonly confidence?: number | undefined;
  /** Default 42. The same seed, rows and options give the same interval, to the last bit, on every machine. */
  readonly seed?: number | undefined;
  /** The metric's own options, such as `{ average: 'macro' }`. */
  readonly options?: O | undefined;
}

/** A score and how sure it is. */
export interface ConfidenceInterval {
  /** The score of the rows as they are. */
  readonly score: number;
  /** The interval's ends: percentiles of the resamples' scores. */
  readonly low: number;
  readonly high: number;
  /** The standard deviation of the resamples' scores. */
  readonly standardError: number;
}

/**
 * How far a metric's scores would move with other rows of the same kind: as many rows are drawn with replacement, again and again, and scored;
 * the interval holds the middle `confidence` of these scores (the percentile method, Efron and Tibshirani 1993, section 13.3). It speaks of the
 * choice of test rows only, not of the seed that the model was trained with.
 *
 * Resamples in which a score is not defined (ROC-AUC of rows of one class) are left out, and their number is said. Time: `resamples` times
 * the metric over all rows; texts and sentences are compared only once.
 *
 * @returns by the score's name, such as `{ accuracy: { score, low, high, standardError } }`.
 * @throws ArgumentError where an option is out of its range; whatever the metric throws on these rows.
 */
export function bootstrap<O extends object, S extends object, P, R>(
  metric: Metric<O, S, P, R>,
  predictions: ArrayLike<P>,
  references: ArrayLike<R>,
  options: BootstrapOptions<O> = {},
): Record<string, ConfidenceInterval> {
  const { resamples = 1000, confidence = 0.95, seed = 42 } = options;
  if (!Number.isInteger(resamples) || resamples < 2) {
    throw wrongOption('resamples', resamples, 'a whole number from 2; 1000 is usual');
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw wrongOption('confidence', confidence, 'a number between 0 and 1, such as 0.95');
  }
  if (!Number.isSafeInteger(seed)) throw wrongOption('seed', seed, 'a whole number');
  const score = metric.resampler(predictions, references, options.options);
  const rows = references.length;
  if (rows === 0) throw noRows(metric.name);
  const actual = numbersOf(score(Int32Array.from({ length: rows }, (_, row) => row)), metric.name);
  const drawn = new Map(Object.keys(actual).map((name) => [name, [] as number[]]));
  for (const scores of draws(score, rows, resamples, seed)) {
    for (const [name, values] of drawn) {
      const value = (scores as Record<string, unknown>)[name];
      if (typeof value === 'number' && !Number.isNaN(value)) values.push(value);
    }
  }
  return Object.fromEntries(
    [...drawn].map(([name, values]) => {
      if (values.length < resamples) {
        log.warn(
          `[bootstrap] ${name} is not defined in ${resamples - values.length} of ${resamples} resamples: they are left out`,
        );
      }
      return [name, interval(actual[name], values, confidence)];
    }),
  );
}

/** The scores of each resample. What a metric has to say about its rows is said once, by the rows themselves. */
function draws<S>(score: (rows: Int32Array) => S, rows: number, resamples: number, seed: number): S[] {
  const random = new RandomStream(seed, 'bootstrap');
  const restore = configureLog({ level: 'silent' });
  try {
    return Array.from({ length: resamples }, () =>
      score(Int32Array.from({ length: rows }, () => random.integer(rows))),
    );
  } finally {
    restore();
  }
}

function interval(score: number, values: readonly number[], confidence: number): ConfidenceInterval {
  const sorted = Float64Array.from(values).sort();
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    score,
    low: quantile(sorted, (1 - confidence) / 2),
    high: quantile(sorted, (1 + confidence) / 2),
    standardError: Math.sqrt(squares / (sorted.length - 1)),
  };
}

/** The value below which the given share of sorted values lies, straight between neighbours (numpy's default); NaN of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

function numbersOf(scores: object, metric: string): Record<string, number> {
  const entries = Object.entries(scores).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  if (entries.length > 0) return Object.fromEntries(entries);
  throw new ArgumentError('ERR_METRIC_OPTION', {
    owner: 'bootstrap',
    what: 'the metric gives no plain number',
    got: metric,
    expected: 'one whose scores are numbers, such as f1',
  });
}

function wrongOption(name: string, got: unknown, expected: string): ArgumentError {
  return new ArgumentError('ERR_METRIC_OPTION', { owner: 'bootstrap', what: `${name} is out of range`, got, expected });
}
