// Python's training step and ours in turn, on the same batches, from the same weights.
//   npm run bench:train -- [--rounds 15] [--warm-up 3] [--only TEXT] [--precisions default,medium,bf16] [--quick]
//                          [--bf16] [--threads N] [--json] [--output FILE] [--require]
// --bf16 makes ours compute in bfloat16, which needs OpenVINO.
// A complete run is written to benchmarks/results/train.json or train-bf16.json; --quick and --only write only where --output says.
// Exit code 1: the two sides did not compute the same, or, with --require, a required ratio was missed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, loadOfOthers } from './machine.ts';
import { repository } from './python.ts';
import { type CaseReport, missedLimits, reportTable, type TrainReport, writeReport } from './report.ts';
import { FettleSteps, type Precision, PythonSteps } from './steps.ts';
import { runCase, trainCases } from './trainCases.ts';
import { hasMiniLm, hasMrpc, type ModelName, miniLmFolder, shapes } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string' },
    'warm-up': { type: 'string' },
    only: { type: 'string' },
    precisions: { type: 'string', default: 'default,medium,bf16' },
    threads: { type: 'string' },
    bf16: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    output: { type: 'string' },
    require: { type: 'boolean', default: false },
  },
});

const rounds = count('rounds', options.rounds, options.quick ? 3 : 15);
const warmUp = count('warm-up', options['warm-up'], options.quick ? 1 : 3);
const threads = options.threads === undefined ? undefined : count('threads', options.threads, 1);
const precisions = options.precisions.split(',').map(precision);
const cases = trainCases.filter(({ name }) => options.only === undefined || name.includes(options.only));
if (cases.length === 0) {
  refuse(`--only '${options.only}' leaves no case of: ${trainCases.map(({ name }) => name).join('; ')}`);
}

const report = await run();
const output =
  options.output ??
  (options.quick || options.only !== undefined
    ? undefined
    : join(repository, 'benchmarks', 'results', options.bf16 ? 'train-bf16.json' : 'train.json'));
if (output !== undefined) await writeReport(output, report);
console.log(options.json ? JSON.stringify(report) : reportTable(report));
const missed = options.require ? missedLimits(report) : [];
for (const line of missed) console.error(`missed: ${line}`);
process.exitCode = missed.length > 0 || report.cases.some(({ check }) => !check.agrees) ? 1 : 0;

async function run(): Promise<TrainReport> {
  const machine = describeMachine();
  const others = await loadOfOthers();
  if (!hasMrpc) console.error('The cases on MRPC are left out: its files are not beside the checkout.');
  const python = new PythonSteps();
  const folder = await mkdtemp(join(tmpdir(), 'fettle-bench-'));
  try {
    const reports: CaseReport[] = [];
    const saved = new Map<ModelName, string>();
    let versions: Record<string, string> | undefined;
    let engine: TrainReport['engine'] | undefined;
    for (const benchCase of cases) {
      versions ??= await python.start(threads ?? machine.cores);
      const directory = saved.get(benchCase.model) ?? join(folder, benchCase.model);
      if (!saved.has(benchCase.model)) await saveModel(python, benchCase.model, directory);
      saved.set(benchCase.model, directory);
      await python.load(directory);
      const fettle = await FettleSteps.load(directory, threads ?? machine.cores, options.bf16);
      engine = fettle.engine;
      try {
        reports.push(await runCase(benchCase, fettle, python, { rounds, warmUp, precisions, onProgress: progress }));
      } finally {
        await fettle.dispose();
      }
    }
    return {
      date: new Date().toISOString().slice(0, 10),
      machine,
      loadOfOthers: others,
      engine: engine!,
      python: versions!,
      rounds,
      warmUp,
      cases: reports,
    };
  } finally {
    await python.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The weights that both sides start from: MiniLM's own where they are at hand, else random ones. */
async function saveModel(python: PythonSteps, model: ModelName, directory: string): Promise<void> {
  progress(`${model}: weights`);
  if (model === 'MiniLM' && hasMiniLm) {
    await python.load(miniLmFolder);
    await python.save(directory);
  } else await python.create(directory, shapes[model]);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text.endsWith('check')) process.stderr.write(`${text}\n`);
}

function precision(name: string): Precision {
  if (name === 'default' || name === 'medium' || name === 'bf16') return name;
  return refuse(`--precisions has '${name}', expected default, medium or bf16`);
}

function count(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  return Number.isInteger(value) && value >= (name === 'warm-up' ? 0 : 1)
    ? value
    : refuse(`--${name} is '${text}', expected a whole number`);
}

function refuse(what: string): never {
  console.error(`[bench:train] ${what}`);
  process.exit(2);
}
