import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { MachineDescription } from './machine.ts';
import { type Spread, table } from './statistics.ts';
import type { CheckResult, Precision } from './steps.ts';

/** Milliseconds of one contender. */
export interface Timing {
  readonly step: Spread;
  readonly forwardBackward: Spread;
}

/** Our times over Python's, round by round on the same batch. */
export interface Ratio {
  readonly step: Spread;
  readonly forwardBackward: Spread;
  /** What is required of the step's median, if anything. */
  readonly limit?: number;
}

export interface CaseReport {
  readonly name: string;
  /** Real tokens of a batch, and tokens with the padding that Python computes: means over the timed batches. */
  readonly tokens: { readonly real: number; readonly padded: number };
  /** Processors that our process used while it was Python's turn: near 0 where no thread of ours spins. */
  readonly oursWhilePythonRan: number;
  readonly check: { readonly ours: CheckResult; readonly python: CheckResult; readonly agrees: boolean };
  readonly ours: Timing;
  readonly python: Readonly<Partial<Record<Precision, Timing>>>;
  readonly ratios: Readonly<Partial<Record<Precision, Ratio>>>;
}

/** What a run of the benchmark writes. */
export interface TrainReport {
  readonly date: string;
  readonly machine: MachineDescription;
  /** The share of processor time that other work took before the run began; its times mean little where this is high. */
  readonly loadOfOthers: number;
  readonly engine: {
    readonly name: string;
    readonly version: string;
    readonly precision: string;
    readonly threads: number;
  };
  readonly python: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly warmUp: number;
  readonly cases: readonly CaseReport[];
}

const precisions: readonly Precision[] = ['default', 'medium', 'bf16'];

/** The report as people read it. */
export function reportTable(report: TrainReport): string {
  const present = precisions.filter((precision) => report.cases.some(({ python }) => precision in python));
  const head = ['whole step, ms', 'ours', ...present.flatMap((name) => [`Python ${name}`, 'ours/Python', 'required'])];
  const rows = report.cases.map(({ name, ours, python, ratios }) => [
    name,
    milliseconds(ours.step),
    ...present.flatMap((precision) => {
      const ratio = ratios[precision];
      if (ratio === undefined) return ['', '', ''];
      const { step, limit } = ratio;
      return [
        milliseconds(python[precision]!.step),
        `${step.median.toFixed(3)} (${step.lower.toFixed(2)}–${step.upper.toFixed(2)})`,
        limit === undefined ? '' : `${limit.toFixed(2)} ${step.median <= limit ? 'met' : 'MISSED'}`,
      ];
    }),
  ]);
  const checks = report.cases.map(({ name, check: { ours, python, agrees } }) => [
    name,
    agrees ? 'agrees' : 'DIFFERS',
    `loss ${ours.loss.toFixed(6)} and ${python.loss.toFixed(6)}`,
    `gradient norm ${ours.gradientNorm.toFixed(6)} and ${python.gradientNorm.toFixed(6)}`,
  ]);
  const { machine, engine, python } = report;
  return [
    table([head, ...rows]),
    '',
    'Medians with quartiles; a ratio is the median of the rounds’ ratios. Without dropout, from the same weights:',
    table(checks),
    '',
    `${machine.cpu}, ${machine.cores} cores, ${machine.instructions.join(' ')}; ${engine.threads} threads on both sides`,
    `fettle ${machine.fettle} in ${engine.precision} on ${engine.name} ${engine.version}, Node ${machine.node}; PyTorch ${python['torch']}, transformers ${python['transformers']}`,
    `While it was Python’s turn, our process used at most ${Math.max(...report.cases.map((one) => one.oursWhilePythonRan)).toFixed(3)} processors.`,
    ...(report.loadOfOthers > 0.1
      ? [
          `Other work took ${Math.round(report.loadOfOthers * 100)} % of the processors before the run: do not trust it.`,
        ]
      : []),
  ].join('\n');
}

function milliseconds({ median, lower, upper }: Spread): string {
  const digits = median < 100 ? 1 : 0;
  return `${median.toFixed(digits)} (${lower.toFixed(digits)}–${upper.toFixed(digits)})`;
}

/** The cases whose required ratio was not reached, in words. */
export function missedLimits(report: TrainReport): string[] {
  return report.cases.flatMap(({ name, ratios }) =>
    Object.entries(ratios)
      .filter(([, { limit, step }]) => limit !== undefined && step.median > limit)
      .map(([precision, { limit, step }]) => `${name}: ${step.median.toFixed(3)} of ${precision}, required ${limit}`),
  );
}

/** Writes a report as JSON, its folder too. */
export async function writeReport(file: string, report: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(report, (_, value) => rounded(value), 2)}\n`);
}

/** Six significant digits: more is noise. */
function rounded(value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}
