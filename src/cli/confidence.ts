import { ArgumentError } from '../core/errors.ts';
import { type ConfidenceInterval, confidenceIntervalsWith, metricNames } from '../metrics/index.ts';
import type { EvalPrediction, Metrics } from '../tasks/task.ts';
import type { TaskName, TrainableModel } from '../tasks/taskFor.ts';
import type { MetricFlags } from './metricFlags.ts';

/** What {@link confidenceOf} goes by. */
interface Evaluated {
  readonly task: TaskName;
  readonly model: TrainableModel;
  readonly metrics: Metrics;
  readonly prediction: EvalPrediction;
}

/** How sure an evaluation's metrics are, by their names with `eval_`, as `--confidence` asks. */
export function confidenceOf(
  flags: MetricFlags,
  confidence: number,
  { task, model, metrics, prediction }: Evaluated,
): Record<string, ConfidenceInterval> {
  const names = flags.metrics ?? ownMetrics(task, model, metrics);
  const found = confidenceIntervalsWith(names, prediction, { confidence });
  return Object.fromEntries(Object.entries(found).map(([name, interval]) => [`eval_${name}`, interval]));
}

/** `95 % confidence: eval_accuracy 0.71 to 0.78` */
export function describeConfidence(
  confidence: number,
  intervals: Readonly<Record<string, ConfidenceInterval>>,
): string {
  const each = Object.entries(intervals).map(([name, { low, high }]) => `${name} ${show(low)} to ${show(high)}`);
  return `${Number((100 * confidence).toPrecision(6))} % confidence: ${each.join(', ')}`;
}

function show(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** The metrics of an evaluation as names that can be asked for again. */
function ownMetrics(task: TaskName, model: TrainableModel, metrics: Metrics): string[] {
  const given = Object.keys(metrics).map((name) => name.replace(/^eval_/, ''));
  const several = 'problemType' in model && model.problemType === 'multi_label_classification';
  const { length } = model.config.id2label;
  const names =
    task === 'question-answering'
      ? [given.includes('exact_match') ? 'squad' : 'squad_v2']
      : task === 'text-classification' && !several
        ? // The F1 of more than two classes is their mean.
          given.flatMap((name) => (metricNames.includes(name) ? [name === 'f1' && length > 2 ? 'f1_macro' : name] : []))
        : [];
  if (names.length > 0) return names;
  throw new ArgumentError('ERR_METRIC_COMBINE', {
    owner: 'fettle evaluate',
    what: `--confidence does not know how to draw rows anew for the metrics of ${several ? 'several labels a row' : task}`,
    hint: several ? 'name them: --metrics f1_micro,f1_macro' : 'leave it out',
  });
}
