import { ArgumentError, didYouMean } from '../core/errors.ts';
import { accuracy } from './accuracy.ts';
import { averagePrecision } from './averagePrecision.ts';
import { calibrationError } from './calibrationError.ts';
import type { ClassOrLabels } from './classTally.ts';
import { combineMetrics, withAverage, withOptions } from './combine.ts';
import { type GlueTask, glueMetrics } from './glue.ts';
import { logLoss } from './logLoss.ts';
import { matthewsCorrelation } from './matthews.ts';
import { meanAbsoluteError } from './meanAbsoluteError.ts';
import { meanSquaredError, rootMeanSquaredError } from './meanSquaredError.ts';
import type { Metric, Scores } from './metric.ts';
import { pearson } from './pearson.ts';
import { perplexity } from './perplexity.ts';
import { f1, precision, precisionRecallF1, recall } from './precisionRecallF1.ts';
import { rocAuc } from './rocAuc.ts';
import { rouge } from './rouge.ts';
import type { ClassScores, ClassTruth } from './scoreRows.ts';
import { seqeval } from './seqeval.ts';
import { spearman } from './spearman.ts';
import { squad } from './squad.ts';
import type { SquadPrediction, SquadReference } from './squadRows.ts';
import { squadV2 } from './squadV2.ts';

/** Every metric whose scores are plain numbers, by Hugging Face's and scikit-learn's names; `f1_macro` is `f1` with `average: 'macro'`. */
const registry = {
  accuracy,
  precision,
  ...withAverage('precision', precision),
  recall,
  ...withAverage('recall', recall),
  f1,
  ...withAverage('f1', f1),
  precision_recall_f1: precisionRecallF1,
  matthews_correlation: matthewsCorrelation,
  pearson,
  spearmanr: spearman,
  mse: meanSquaredError,
  rmse: rootMeanSquaredError,
  mae: meanAbsoluteError,
  roc_auc: rocAuc,
  ...withAverage('roc_auc', rocAuc),
  average_precision: averagePrecision,
  ...withAverage('average_precision', averagePrecision),
  log_loss: logLoss,
  calibration_error: calibrationError,
  squad,
  squad_v2: squadV2,
  seqeval,
  rouge,
  perplexity,
} as const;

/** Other names that people know some of them by. */
const aliases = {
  pearsonr: 'pearson',
  spearman: 'spearmanr',
  matthews: 'matthews_correlation',
  mcc: 'matthews_correlation',
  mean_squared_error: 'mse',
  root_mean_squared_error: 'rmse',
  mean_absolute_error: 'mae',
  ece: 'calibration_error',
  auc: 'roc_auc',
} as const satisfies Record<string, keyof typeof registry>;

type Registry = typeof registry;
type Aliases = typeof aliases;

/** The name of a metric, for {@link loadMetric}. */
export type MetricName = keyof Registry | keyof Aliases;

/** The metric of a name. */
export type MetricByName<N extends MetricName> = N extends keyof Registry
  ? Registry[N]
  : N extends keyof Aliases
    ? Registry[Aliases[N]]
    : never;

type PredictionOf<M> = M extends Metric<infer _O, infer _S, infer P, infer _R> ? P : never;
type ReferenceOf<M> = M extends Metric<infer _O, infer _S, infer _P, infer R> ? R : never;
type OptionsOf<M> = M extends Metric<infer O, infer _S, infer _P, infer _R> ? O : never;

/** A metric whose name was not known when the program was written: `takes` says what its rows are. */
export type AnyMetric =
  | (Metric<object, Scores, ClassOrLabels, ClassOrLabels> & { readonly takes: 'classes' })
  | (Metric & { readonly takes: 'numbers' | 'losses' })
  | (Metric<object, Scores, ClassScores, ClassTruth> & { readonly takes: 'scores' })
  | (Metric<object, Scores, readonly string[], readonly string[]> & { readonly takes: 'tags' })
  | (Metric<object, Scores, SquadPrediction, SquadReference> & { readonly takes: 'answers' })
  | (Metric<object, Scores, string, string | readonly string[]> & { readonly takes: 'texts' });

/** All names that {@link loadMetric} knows, but for GLUE's tasks. */
export const metricNames: readonly string[] = [...Object.keys(registry), ...Object.keys(aliases)];

/**
 * A metric by name, as Hugging Face's `evaluate.load`: `loadMetric('f1')`, `loadMetric('f1', { average: 'macro' })`, `loadMetric('f1_macro')`,
 * and GLUE's tasks, `loadMetric('mrpc')` or `loadMetric('glue', 'mrpc')`, whose metrics come as one.
 *
 * @param options options that the metric has from now on; a call's own go before. After `'glue'`, the task's name.
 * @throws ArgumentError `ERR_UNKNOWN_METRIC` with the nearest name.
 */
export function loadMetric<N extends MetricName>(name: N, options?: OptionsOf<MetricByName<N>>): MetricByName<N>;
export function loadMetric(name: GlueTask): Metric;
export function loadMetric(name: 'glue', task: GlueTask): Metric;
export function loadMetric(name: string, options?: object | string): AnyMetric;
export function loadMetric(name: string, options?: object | string): unknown {
  if (name === 'glue' || typeof options === 'string') return glueMetric(name, options);
  const known = Object.hasOwn(aliases, name) ? aliases[name as keyof Aliases] : name;
  if (Object.hasOwn(registry, known)) {
    // Each has the `takes` that its rows ask for, which the type of a table of them cannot say.
    const metric = registry[known as keyof Registry] as unknown as AnyMetric;
    return options === undefined ? metric : (withOptions(metric as Metric, options) as AnyMetric);
  }
  if (Object.hasOwn(glueMetrics, name)) return glueMetric('glue', name);
  const near = didYouMean(name, [...metricNames, ...Object.keys(glueMetrics)]);
  throw new ArgumentError('ERR_UNKNOWN_METRIC', {
    owner: 'loadMetric',
    what: 'there is no such metric',
    got: name,
    expected: describeNames(),
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}

/** All names in a line: the averages' own names are told once. */
function describeNames(): string {
  const averaged = Object.keys(registry).flatMap((name) => /^(.+)_macro$/.exec(name)?.slice(1) ?? []);
  const plain = Object.keys(registry).filter((name) => !averaged.some((other) => name.startsWith(`${other}_m`)));
  const names = plain.filter((name) => !/_(weighted|samples)$/.test(name)).join(', ');
  const tasks = Object.keys(glueMetrics).join(', ');
  return `one of ${names} (${averaged.join(', ')} also with _macro, _micro, _weighted or _samples), or one of GLUE's tasks (${tasks})`;
}

function glueMetric(name: string, task: object | string | undefined): AnyMetric {
  if (name === 'glue' && typeof task === 'string' && Object.hasOwn(glueMetrics, task)) {
    return { ...combineMetrics(glueMetrics[task]), name: `glue/${task}` } as AnyMetric;
  }
  const near = typeof task === 'string' ? didYouMean(task, Object.keys(glueMetrics)) : undefined;
  throw new ArgumentError('ERR_UNKNOWN_METRIC', {
    owner: 'loadMetric',
    what: name === 'glue' ? "'glue' needs the name of one of its tasks" : `only 'glue' has tasks, '${name}' has none`,
    got: task,
    expected: name === 'glue' ? `one of ${Object.keys(glueMetrics).join(', ')}` : 'an object of options',
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}

/**
 * Several metrics as one, as Hugging Face's `evaluate.combine`: by name (`combine(['accuracy', 'f1_macro'])`), or metrics themselves, one's own
 * among them. See {@link combineMetrics} for names that clash.
 *
 * @throws ArgumentError where a name is unknown, a metric comes twice, or they take different rows.
 */
export function combine<N extends MetricName>(
  names: readonly N[],
): Metric<object, Scores, PredictionOf<MetricByName<N>>, ReferenceOf<MetricByName<N>>>;
export function combine<P, R>(metrics: readonly Metric<object, Scores, P, R>[]): Metric<object, Scores, P, R>;
export function combine(metrics: readonly (string | Metric)[]): AnyMetric;
export function combine(metrics: readonly (string | Metric)[]): AnyMetric {
  const loaded = metrics.map((one) => (typeof one === 'string' ? (loadMetric(one) as Metric) : one));
  return combineMetrics(loaded) as AnyMetric;
}
