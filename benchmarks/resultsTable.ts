import type { MachineDescription } from './machine.ts';

/** What one run of a seed came to. */
export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly trainSeconds: number;
  readonly trainLoss: number;
  /** By the names of Hugging Face's log, without `eval_`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The same after each epoch. */
  readonly epochs?: readonly Readonly<Record<string, number>>[];
  readonly versions?: Readonly<Record<string, string>>;
}

/** One task: the arguments of its runs, and what both sides came to. */
export interface TaskResults {
  readonly metrics: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly trainRows: number;
  readonly validationRows: number;
  readonly ours: Outcome[];
  readonly python: Outcome[];
}

export interface ResultsReport {
  readonly date: string;
  readonly machine: MachineDescription;
  readonly precision: 'float32' | 'bfloat16';
  readonly tasks: Record<string, TaskResults>;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** The variance of the population that a sample comes from. */
const variance = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);

/** Python's script names the F1 of many classes `f1` too. */
const pythonName = (name: string) => name.replace('f1_macro', 'f1');

/**
 * Means over the seeds, their difference, and whether it is at most a point or twice its standard error: a Markdown table,
 * one line a metric.
 */
export function resultsTable({ tasks }: ResultsReport): string {
  const lines = Object.entries(tasks).flatMap(([task, results]) =>
    [...results.metrics.split(','), 'loss'].map((name) => {
      const ours = results.ours.map(({ metrics }) => metrics[name]);
      const python = results.python.map(({ metrics }) => metrics[pythonName(name)]);
      const difference = mean(ours) - mean(python);
      const error = Math.sqrt(variance(ours) / ours.length + variance(python) / python.length);
      const within = Math.abs(difference) <= Math.max(0.01, 2 * error);
      const cell = (values: readonly number[]) =>
        `${mean(values).toFixed(4)} (${values.map((value) => value.toFixed(3)).join(', ')})`;
      return `| ${task} | ${name} | ${cell(ours)} | ${cell(python)} | ${difference.toFixed(4)} ± ${error.toFixed(4)} | ${within ? 'yes' : '**no**'} |`;
    }),
  );
  return [
    '| task | metric | Fettle: mean (seeds) | Python: mean (seeds) | difference ± standard error | within 0.01 or 2 errors |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}
