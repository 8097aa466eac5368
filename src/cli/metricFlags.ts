import type { Command } from 'commander';
import { setExitCode, writeError } from '#platform/process';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import { computeMetricsWith } from '../metrics/index.ts';
import type { EvalPrediction, Metrics } from '../tasks/task.ts';
import { greaterIsBetter, speeds } from '../training/bestMetric.ts';

/** The flags about metrics that `train` and `evaluate` share. */
export interface MetricFlags {
  readonly metrics?: readonly string[];
  readonly require?: readonly string[];
}

/** A bound that a metric is to reach: `accuracy=0.8`. */
export interface Requirement {
  /** As it was given: without `eval_`, or with it. */
  readonly metric: string;
  readonly bound: number;
}

/** A requirement that was not met. */
export interface Missed extends Requirement {
  readonly value: number;
}

/** Gives a command `--metrics` and `--require`. */
export function addMetricFlags(command: Command): void {
  command
    .optionsGroup('Metrics:')
    .option(
      '--metrics <names>',
      "metrics in place of the task's own, with commas: accuracy,f1_macro",
      (text: string, earlier: readonly string[] = []) => [...earlier, ...listOf(text)],
    )
    .option(
      '--require <metric=bound>',
      'end with exit code 5 where a metric is worse than this: accuracy=0.8, loss=0.5; may be given several times',
      (text: string, earlier: readonly string[] = []) => [...earlier, ...listOf(text)],
    );
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The function for `computeMetrics` that `--metrics` asks for; undefined where it does not. */
export function flaggedMetrics({ metrics }: MetricFlags): ((prediction: EvalPrediction) => Metrics) | undefined {
  return metrics === undefined ? undefined : computeMetricsWith(metrics);
}

/** @throws ArgumentError for what is no `metric=number`. */
export function readRequirements({ require = [] }: MetricFlags): Requirement[] {
  return require.map((text) => {
    const [, metric, bound] = /^([^=<>]+?)\s*=\s*(.+)$/.exec(text) ?? [];
    if (metric !== undefined && bound.trim() !== '' && Number.isFinite(Number(bound)))
      return { metric, bound: Number(bound) };
    throw new ArgumentError('ERR_FLAG_VALUE', {
      owner: 'fettle',
      what: '--require has a wrong value',
      got: text,
      expected: 'a metric and its bound, such as accuracy=0.8',
    });
  });
}

/**
 * Refuses requirements of metrics that an evaluation does not give, so that no work is done for nothing.
 * @param known the names of an evaluation's metrics.
 * @throws ArgumentError with the nearest name.
 */
export function checkRequirements(requirements: readonly Requirement[], known: readonly string[]): void {
  const short = known.filter((name) => !speeds.test(name)).map((name) => name.replace(/^eval_/, ''));
  for (const { metric } of requirements) {
    if (nameOf(metric, known) !== undefined) continue;
    const near = didYouMean(metric.replace(/^eval_/, ''), short);
    throw new ArgumentError('ERR_METRIC', {
      owner: 'fettle',
      what: '--require names none of the metrics of the evaluation',
      got: metric,
      expected: `one of ${short.join(', ')}`,
      hint: near === undefined ? 'ask for it with --metrics' : `did you mean '${near}'?`,
    });
  }
}

/** The requirements that an evaluation does not meet; what is no number meets none. */
export function missedRequirements(requirements: readonly Requirement[], metrics: Metrics): Missed[] {
  return requirements.flatMap(({ metric, bound }) => {
    const name = nameOf(metric, Object.keys(metrics));
    const value = name === undefined ? Number.NaN : metrics[name];
    const met = greaterIsBetter(metric) ? value >= bound : value <= bound;
    return met ? [] : [{ metric, bound, value }];
  });
}

/** `accuracy is 0.7123, required: at least 0.8` */
export function describeMissed({ metric, bound, value }: Missed): string {
  return `${metric} is ${Number(value.toPrecision(4))}, required: at ${greaterIsBetter(metric) ? 'least' : 'most'} ${bound}`;
}

/** Says what was missed, and has the command end with exit code 5. */
export function reportMissed(missed: readonly Missed[]): void {
  if (missed.length === 0) return;
  for (const each of missed) writeError(`error: ${describeMissed(each)}\n`);
  setExitCode(5);
}

function nameOf(metric: string, known: readonly string[]): string | undefined {
  return known.find((name) => name === metric || name === `eval_${metric}`);
}
