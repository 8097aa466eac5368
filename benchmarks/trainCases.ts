import type { CaseReport, Timing } from './report.ts';
import { pairedRatios, spread } from './statistics.ts';
import type { CheckResult, FettleSteps, Precision, PythonSteps, StepResult } from './steps.ts';
import { type Batch, fullBatches, hasMrpc, type ModelName, mrpcBatches } from './workloads.ts';

type Limits = Readonly<Partial<Record<Precision, number>>>;

/** One line of the table: a model's shape, and the batches that both sides step through in turn. */
export interface TrainCase {
  readonly name: string;
  readonly model: ModelName;
  /** The largest quotient, our time over Python's, that is good enough. */
  readonly limits: Limits;
  /** The same where ours computes in bfloat16. */
  readonly bf16Limits: Limits;
  batches(count: number): Batch[] | Promise<Batch[]>;
}

const fullLimits = { limits: { default: 0.55, medium: 0.9 }, bf16Limits: { default: 0.36, bf16: 0.9 } };
const mrpcLimits = { limits: { default: 0.42, medium: 0.7 }, bf16Limits: { default: 0.28, bf16: 0.67 } };

/** The cases that can run here; those on MRPC need its files. */
export const trainCases: readonly TrainCase[] = [
  full('bert-base', 8, 64),
  full('bert-base', 8, 128),
  full('MiniLM', 16, 64),
  ...(hasMrpc ? [mrpc('MiniLM'), mrpc('bert-base')] : []),
];

function full(model: ModelName, sequences: number, length: number): TrainCase {
  return {
    name: `${model} ${sequences}×${length}`,
    model,
    ...fullLimits,
    batches: (count) => fullBatches(count, sequences, length),
  };
}

function mrpc(model: ModelName): TrainCase {
  return { name: `${model} MRPC ×8`, model, ...mrpcLimits, batches: (count) => mrpcBatches(count, 8) };
}

/** How far loss and gradient norm may differ, relatively where they are above 1. */
const tolerance = { float32: 1e-4, bf16: 1e-2 };

/** After a turn the other side's threads may still spin for some milliseconds (OpenMP's do); nobody is timed meanwhile. */
const pauseMilliseconds = 50;

export interface CaseOptions {
  readonly rounds: number;
  readonly warmUp: number;
  readonly precisions: readonly Precision[];
  readonly onProgress: (text: string) => void;
}

/** Checks that both sides compute the same, then steps in turn. Both sides hold the same weights, freshly loaded. */
export async function runCase(
  { name, limits: float32Limits, bf16Limits, batches: makeBatches }: TrainCase,
  fettle: FettleSteps,
  python: PythonSteps,
  { rounds, warmUp, precisions, onProgress }: CaseOptions,
): Promise<CaseReport> {
  const half = fettle.engine.precision === 'bf16';
  const limits: Limits = half ? bf16Limits : float32Limits;
  const near = (ours: number, theirs: number) =>
    Math.abs(ours - theirs) <= tolerance[half ? 'bf16' : 'float32'] * Math.max(1, Math.abs(theirs));
  const batches = await makeBatches(warmUp + rounds);
  onProgress(`${name}: check`);
  const check = { ours: await fettle.check(batches[0]), python: await python.check(batches[0]) };
  const agrees = near(check.ours.loss, check.python.loss) && near(check.ours.gradientNorm, check.python.gradientNorm);

  const idle = { processor: 0, elapsed: 0 };
  const contenders: { results: StepResult[]; step: (batch: Batch) => Promise<StepResult> }[] = [
    { results: [], step: (batch) => fettle.step(batch) },
    ...precisions.map((precision) => ({
      results: [] as StepResult[],
      step: async (batch: Batch) => {
        const before = process.cpuUsage();
        const start = performance.now();
        const result = await python.step(batch, precision);
        const { user, system } = process.cpuUsage(before);
        idle.processor += (user + system) / 1000;
        idle.elapsed += performance.now() - start;
        return result;
      },
    })),
  ];
  for (const [round, batch] of batches.entries()) {
    onProgress(`${name}: ${round < warmUp ? 'warm-up' : `round ${round - warmUp + 1} of ${rounds}`}`);
    // Who comes first changes, so that nobody always follows the same one.
    for (let turn = 0; turn < contenders.length; turn++) {
      const { results, step } = contenders[(round + turn) % contenders.length];
      await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds));
      const result = await step(batch);
      if (round >= warmUp) results.push(result);
    }
  }

  const [ours, ...theirs] = contenders.map(({ results }) => results);
  const times = (results: readonly StepResult[], what: 'milliseconds' | 'forwardBackward') =>
    results.map((result) => result[what]);
  const timing = (results: readonly StepResult[]): Timing => ({
    step: spread(times(results, 'milliseconds')),
    forwardBackward: spread(times(results, 'forwardBackward')),
  });
  return {
    name,
    tokens: countTokens(batches.slice(warmUp)),
    oursWhilePythonRan: idle.processor / idle.elapsed,
    check: { ours: pickCheck(check.ours), python: pickCheck(check.python), agrees },
    ours: timing(ours),
    python: Object.fromEntries(precisions.map((precision, i) => [precision, timing(theirs[i])])),
    ratios: Object.fromEntries(
      precisions.map((precision, i) => [
        precision,
        {
          step: pairedRatios(times(ours, 'milliseconds'), times(theirs[i], 'milliseconds')),
          forwardBackward: pairedRatios(times(ours, 'forwardBackward'), times(theirs[i], 'forwardBackward')),
          ...(limits[precision] === undefined ? {} : { limit: limits[precision] }),
        },
      ]),
    ),
  };
}

function pickCheck({ loss, gradientNorm }: CheckResult): CheckResult {
  return { loss, gradientNorm };
}

function countTokens(batches: readonly Batch[]): { real: number; padded: number } {
  let real = 0;
  let padded = 0;
  for (const { inputIds } of batches) {
    const lengths = inputIds.map((ids) => ids.length);
    real += lengths.reduce((a, b) => a + b, 0);
    padded += lengths.length * Math.max(...lengths);
  }
  return { real: real / batches.length, padded: padded / batches.length };
}
