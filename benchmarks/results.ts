// The results page: `fettle train` and Python's Trainer on the same slices of five tasks, with the same arguments and seeds.
// Each run's outcome is kept in benchmarks/results/results.json as it ends, and what stands there is not run again.
//   tsx benchmarks/results.ts [--tasks mrpc,sst2] [--seeds 42,1,2] [--threads 1] [--side ours,python] [--float32] [--output FILE] [--table]
// Ours and Python's run side by side, one a core: what they reach is compared here, not how long they take.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Dataset, loadDataset } from '../src/data/index.ts';
import { describeMachine } from './machine.ts';
import { repository, requirePython } from './python.ts';
import { writeReport } from './report.ts';
import { type Outcome, type ResultsReport, resultsTable } from './resultsTable.ts';
import { miniLmFolder } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    tasks: { type: 'string', default: 'mrpc,sst2,cola,stsb,agnews' },
    seeds: { type: 'string', default: '42,1,2' },
    threads: { type: 'string', default: '1' },
    float32: { type: 'boolean', default: false },
    side: { type: 'string', default: 'ours,python' },
    table: { type: 'boolean', default: false },
    output: { type: 'string', default: join(repository, 'benchmarks', 'results', 'results.json') },
  },
});
const data = (...names: string[]) => join(repository, '..', 'shared', 'data', ...names);

interface Row {
  readonly text: string;
  readonly text_pair?: string;
  readonly label: number;
}

/** Rows of a task and the arguments that both sides train with. */
interface Task {
  readonly rows: () => Promise<{ readonly train: readonly Row[]; readonly validation: readonly Row[] }>;
  readonly metrics: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly regression?: true;
}

async function glue(folder: string, text: string, pair?: string, trainRows = Number.POSITIVE_INFINITY) {
  const files = await loadDataset(data('glue', folder));
  const rows = (dataset: Dataset): Row[] =>
    [...dataset].map((row) => ({
      text: String(row[text]),
      ...(pair === undefined ? {} : { text_pair: String(row[pair]) }),
      label: Number(row['label']),
    }));
  return { train: rows(files['train']).slice(0, trainRows), validation: rows(files['validation']) };
}

const tasks: Readonly<Record<string, Task>> = {
  // The tutorial's arguments.
  mrpc: {
    rows: () => glue('MRPC', 'sentence1', 'sentence2'),
    ...{ metrics: 'accuracy,f1', epochs: 3, batchSize: 8, learningRate: 5e-5, warmupSteps: 500 },
  },
  sst2: {
    rows: () => glue('SST-2', 'sentence', undefined, 10_000),
    ...{ metrics: 'accuracy', epochs: 1, batchSize: 16, learningRate: 1e-4, warmupSteps: 0.1 },
  },
  cola: {
    rows: () => glue('CoLA', 'sentence'),
    ...{ metrics: 'matthews_correlation,accuracy', epochs: 2, batchSize: 16, learningRate: 1e-4, warmupSteps: 0.1 },
  },
  stsb: {
    rows: () => glue('STS-B', 'sentence1', 'sentence2'),
    ...{ metrics: 'pearson,spearmanr', epochs: 2, batchSize: 16, learningRate: 1e-4, warmupSteps: 0.1 },
    regression: true,
  },
  // The corpus's test part alone is at hand: 3,000 rows of it to learn from, 1,000 to judge by.
  agnews: {
    rows: async () => {
      const { train: all } = await loadDataset('csv', {
        dataFiles: data('ag_news', 'test.csv'),
        columnNames: ['label', 'title', 'text'],
      });
      const rows = [...all.slice(0, 4000)].map((row) => ({
        text: `${row['title']}. ${row['text']}`,
        label: Number(row['label']) - 1,
      }));
      return { train: rows.slice(0, 3000), validation: rows.slice(3000) };
    },
    ...{ metrics: 'accuracy,f1_macro', epochs: 1, batchSize: 16, learningRate: 1e-4, warmupSteps: 0.1 },
  },
};

/** The arguments by the names that both commands take. */
const common = (task: Task, seed: number) => [
  ...['--learning-rate', String(task.learningRate)],
  ...['--warmup-steps', String(task.warmupSteps)],
  ...['--seed', String(seed), '--threads', options.threads],
  ...(options.float32 ? [] : ['--bf16']),
];

async function output(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, {
    env: { ...process.env, PYTHONPATH: join(repository, 'benchmarks', 'python') },
    maxBuffer: 2 ** 26,
  });
  return stdout.trim().split('\n').at(-1)!;
}

/** What an evaluation found, of a line of the log or of the command's answer. */
const evaluated = (line: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(line)
      .filter(([name]) => name.startsWith('eval_') && !/runtime|per_second/.test(name))
      .map(([name, value]) => [name.replace('eval_', ''), value]),
  );

async function runOurs(task: Task, folder: string, seed: number): Promise<Outcome> {
  const results = mkdtempSync(join(tmpdir(), 'fettle-results-'));
  const printed = await output(process.execPath, [
    ...[join(repository, 'dist', 'cli', 'bin.js'), 'train', '--model', miniLmFolder, '--dataset', folder, '--json'],
    ...['--output-dir', results, '--metrics', task.metrics, '--save-strategy', 'no', '--weight-decay', '0.01'],
    ...['--num-train-epochs', String(task.epochs), '--logging-steps', '50', '--eval-strategy', 'epoch'],
    ...['--report-to', 'jsonl', '--logging-dir', join(results, 'logs')],
    ...[
      '--per-device-train-batch-size',
      String(task.batchSize),
      '--per-device-eval-batch-size',
      String(task.batchSize),
    ],
    ...common(task, seed),
  ]);
  const [logFile] = readdirSync(join(results, 'logs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.jsonl'),
  );
  const log = readFileSync(join(results, 'logs', logFile), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, number>>);
  rmSync(results, { recursive: true });
  const result = JSON.parse(printed) as Readonly<Record<string, number>>;
  return {
    seed,
    steps: result['globalStep'],
    trainSeconds: result['train_runtime'],
    trainLoss: result['trainingLoss'],
    metrics: evaluated(result),
    epochs: log.filter((line) => 'eval_loss' in line).map(evaluated),
  };
}

async function runPython(task: Task, folder: string, seed: number): Promise<Outcome> {
  const printed = await output(requirePython(), [
    join(repository, 'benchmarks', 'python', 'sequence_trainer.py'),
    ...['--model', miniLmFolder, '--train', join(folder, 'train.jsonl')],
    ...['--validation', join(folder, 'validation.jsonl')],
    ...['--epochs', String(task.epochs), '--batch-size', String(task.batchSize)],
    ...(task.regression ? ['--regression'] : []),
    ...common(task, seed),
  ]);
  return JSON.parse(printed) as Outcome;
}

const report: ResultsReport = existsSync(options.output)
  ? (JSON.parse(readFileSync(options.output, 'utf8')) as ResultsReport)
  : {
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(),
      precision: options.float32 ? 'float32' : 'bfloat16',
      tasks: {},
    };

let written = Promise.resolve();

/** All runs of one side, one after the other; each is written as it ends. */
async function side(which: 'ours' | 'python'): Promise<void> {
  for (const seed of options.seeds.split(',').map(Number)) {
    for (const name of options.tasks.split(',')) {
      const folder = join(repository, '.cache', 'results', name);
      const runs = report.tasks[name][which];
      if (runs.some((run) => run.seed === seed)) continue;
      const run = await (which === 'ours' ? runOurs : runPython)(tasks[name], folder, seed);
      runs.push(run);
      console.error(name, which, JSON.stringify(run));
      // Both sides write the same file, one after the other.
      written = written.then(() => writeReport(options.output, report));
      await written;
    }
  }
}

if (!options.table) {
  for (const name of options.tasks.split(',')) {
    const { rows, ...settings } = tasks[name];
    const folder = join(repository, '.cache', 'results', name);
    const parts = await rows();
    mkdirSync(folder, { recursive: true });
    for (const [part, lines] of Object.entries(parts))
      writeFileSync(join(folder, `${part}.jsonl`), lines.map((row) => `${JSON.stringify(row)}\n`).join(''));
    report.tasks[name] ??= {
      ...settings,
      trainRows: parts.train.length,
      validationRows: parts.validation.length,
      ours: [],
      python: [],
    };
  }
  await Promise.all((['ours', 'python'] as const).filter((which) => options.side.split(',').includes(which)).map(side));
}
console.log(resultsTable(report));
