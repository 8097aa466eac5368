import { ArgumentError } from '../core/errors.ts';
import type { Metric, MetricAccumulator, Scores } from './metric.ts';

/** A metric with its options fixed; those given to `compute` or `create` go before. */
export function withOptions<O extends object, S extends object, P, R>(
  metric: Metric<O, S, P, R>,
  options: O,
): Metric<O, S, P, R> {
  return {
    ...metric,
    compute: (predictions, references, own) => metric.compute(predictions, references, { ...options, ...own }),
    create: (own) => metric.create({ ...options, ...own }),
    resampler: (predictions, references, own) => metric.resampler(predictions, references, { ...options, ...own }),
  };
}

/** The averages that have names of their own. `'binary'` is what the plain name means. */
const averages = ['macro', 'micro', 'weighted', 'samples'] as const;

/** A metric under one name for each average, its score under that name too: `f1_macro`, `f1_micro`, … */
export function withAverage<N extends string, O extends { readonly average?: unknown }, P, R>(
  name: N,
  metric: Metric<O, Scores, P, R>,
): Record<`${N}_${(typeof averages)[number]}`, Metric<Omit<O, 'average'>, Scores, P, R>> {
  const named = averages.map((average) => {
    const own = `${name}_${average}`;
    const rename = (scores: Scores): Scores =>
      Object.fromEntries(Object.entries(scores).map(([key, value]) => [key === name ? own : key, value]));
    const full = (options: Omit<O, 'average'> | undefined) => ({ ...options, average }) as unknown as O;
    const renamed: Metric<Omit<O, 'average'>, Scores, P, R> = {
      ...metric,
      name: own,
      compute: (predictions, references, options) => rename(metric.compute(predictions, references, full(options))),
      create(options) {
        const accumulator = metric.create(full(options));
        return {
          add: (predictions, references) => accumulator.add(predictions, references),
          compute: () => rename(accumulator.compute()),
        };
      },
      resampler(predictions, references, options) {
        const resampler = metric.resampler(predictions, references, full(options));
        return (rows) => rename(resampler(rows));
      },
    };
    return [own, renamed] as const;
  });
  return Object.fromEntries(named) as Record<`${N}_${(typeof averages)[number]}`, (typeof named)[number][1]>;
}

/**
 * Several metrics as one: each sees every row, and their scores come together. Where two have a score of the same name, each such score gets its
 * metric's name in front (`f1_f1`, `squad_f1`), as in Hugging Face's `evaluate.combine`. `greaterIsBetter` is the first one's.
 *
 * @throws ArgumentError where there is none, one comes twice, or they take different rows (classes and probabilities).
 */
export function combineMetrics<P, R>(metrics: readonly Metric<object, Scores, P, R>[]): Metric<object, Scores, P, R> {
  const [first, ...others] = metrics;
  if (first === undefined) {
    throw new ArgumentError('ERR_METRIC_COMBINE', {
      owner: 'combine',
      what: 'there are no metrics',
      expected: 'one or more',
    });
  }
  for (const other of others) {
    if (other.takes === first.takes) continue;
    throw new ArgumentError('ERR_METRIC_COMBINE', {
      owner: 'combine',
      what: 'the metrics take different rows',
      got: `${first.name} takes ${first.takes}, ${other.name} takes ${other.takes}`,
      hint: 'compute them one by one, each on its own rows',
    });
  }
  const names = metrics.map(({ name }) => name);
  const twice = names.find((name, k) => names.indexOf(name) !== k);
  if (twice !== undefined) {
    throw new ArgumentError('ERR_METRIC_COMBINE', {
      owner: 'combine',
      what: 'a metric comes twice',
      got: twice,
      hint: 'leave one out',
    });
  }
  return {
    name: names.join('+'),
    greaterIsBetter: first.greaterIsBetter,
    takes: first.takes,
    compute: (predictions, references, options) =>
      mergeScores(
        names,
        metrics.map((metric) => metric.compute(predictions, references, options)),
      ),
    create(options): MetricAccumulator<Scores, P, R> {
      const accumulators = metrics.map((metric) => metric.create(options));
      return {
        add(predictions, references) {
          for (const accumulator of accumulators) accumulator.add(predictions, references);
        },
        compute: () =>
          mergeScores(
            names,
            accumulators.map((accumulator) => accumulator.compute()),
          ),
      };
    },
    resampler(predictions, references, options) {
      const resamplers = metrics.map((metric) => metric.resampler(predictions, references, options));
      return (rows) =>
        mergeScores(
          names,
          resamplers.map((resampler) => resampler(rows)),
        );
    },
  };
}

/** Scores of several metrics as one record; a name that several have gets the metric in front. */
export function mergeScores(names: readonly string[], scores: readonly Scores[]): Scores {
  const seen = new Map<string, number>();
  for (const key of scores.flatMap(Object.keys)) seen.set(key, (seen.get(key) ?? 0) + 1);
  return Object.fromEntries(
    scores.flatMap((own, k) =>
      Object.entries(own).map(([key, value]) => [(seen.get(key) ?? 0) > 1 ? `${names[k]}_${key}` : key, value]),
    ),
  );
}
