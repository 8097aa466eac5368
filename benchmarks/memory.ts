// Peak memory and time of a whole run on MRPC with MiniLM, the tutorial's arguments: `fettle train`, then Python's Trainer,
// each a process of its own from its start to its end.
//   npm run bench:memory -- [--max-steps 200] [--threads N] [--bf16] [--json] [--output FILE] [--require]
// Needs the built command (npm run build). Exit code 1 with --require where ours is over 0.7 of Python's.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, loadOfOthers } from './machine.ts';
import { repository, requirePython } from './python.ts';
import { writeReport } from './report.ts';
import { table } from './statistics.ts';
import { hasMrpc, miniLmFolder, mrpcFolder } from './workloads.ts';

/** Our peak over Python's, at most. */
const limit = 0.7;

/** What one side's run took. */
interface RunCost {
  readonly peakMemoryMb: number;
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** What the program itself reports. */
  readonly result: Readonly<Record<string, unknown>>;
}

const { values: options } = parseArgs({
  options: {
    'max-steps': { type: 'string', default: '200' },
    threads: { type: 'string' },
    bf16: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    output: { type: 'string' },
    require: { type: 'boolean', default: false },
  },
});
const steps = Number(options['max-steps']);
if (!Number.isInteger(steps) || steps < 1) refuse(`--max-steps is '${options['max-steps']}', expected a whole number`);
if (!hasMrpc) refuse('MiniLM and MRPC are not beside the checkout');
const command = join(repository, 'dist', 'cli', 'bin.js');
if (!existsSync(command)) refuse('the command is not built; run npm run build');

const common = ['--model', miniLmFolder, '--dataset', mrpcFolder, '--max-steps', String(steps)];
const machine = describeMachine();
const others = await loadOfOthers();
console.error(`fettle train, ${steps} steps`);
const ours = await runFettle();
console.error(`Python's Trainer, ${steps} steps`);
const python = await runPython();
const ratio = ours.peakMemoryMb / python.peakMemoryMb;
const report = {
  date: new Date().toISOString().slice(0, 10),
  machine,
  loadOfOthers: others,
  work: `MRPC, MiniLM, batch 8, ${steps} steps, evaluation, saving`,
  ours,
  python,
  ratios: { peakMemory: ratio, seconds: ours.seconds / python.seconds },
  limit,
};
if (options.output !== undefined || steps >= 200) {
  await writeReport(options.output ?? join(repository, 'benchmarks', 'results', 'memory.json'), report);
}
console.log(options.json ? JSON.stringify(report) : asTable());
process.exitCode = options.require && ratio > limit ? 1 : 0;

async function runFettle(): Promise<RunCost> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-memory-'));
  const peaks = join(folder, 'peaks');
  try {
    const threads = options.threads === undefined ? [] : ['--threads', options.threads];
    const tutorial = ['--warmup-steps', '500', '--weight-decay', '0.01', '--logging-steps', '50'];
    const { seconds, stdout } = await runToEnd(
      process.execPath,
      [command, 'train', ...common, ...tutorial, ...threads, '--output-dir', join(folder, 'out'), '--json'],
      {
        NODE_OPTIONS: `--import=${pathToFileURL(join(repository, 'benchmarks', 'recordPeakMemory.mjs')).href}`,
        FETTLE_PEAK_FILE: peaks,
      },
    );
    // Where the command runs the training in a child, both were there at once.
    const peakMemoryMb = (await readFile(peaks, 'utf8'))
      .trim()
      .split('\n')
      .reduce((sum, line) => sum + Number(line), 0);
    // Written to a file that is committed: without the folder's name.
    const { outputDir: _, ...result } = JSON.parse(stdout) as Record<string, unknown>;
    return { peakMemoryMb, seconds, result };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runPython(): Promise<RunCost> {
  const { seconds, stdout } = await runToEnd(requirePython(), [
    join(repository, 'benchmarks', 'python', 'mrpc_trainer.py'),
    ...common,
    ...(options.threads === undefined ? [] : ['--threads', options.threads]),
    ...(options.bf16 ? ['--bf16'] : []),
  ]);
  const result = JSON.parse(stdout) as Record<string, unknown>;
  return { peakMemoryMb: Number(result['peakMemoryMb']), seconds, result };
}

/** Runs a program. @throws Error with the end of its stderr where it fails. */
function runToEnd(program: string, args: readonly string[], environment: Record<string, string> = {}) {
  return new Promise<{ seconds: number; stdout: string }>((resolve, reject) => {
    const start = performance.now();
    let stdout = '';
    let stderr = '';
    const child = spawn(program, args, {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ seconds: (performance.now() - start) / 1000, stdout });
      else reject(new Error(`[bench:memory] ${program} ended with ${signal ?? `code ${code}`}\n${stderr}`));
    });
  });
}

function asTable(): string {
  const row = (name: string, digits: number, mine: number, theirs: number) => [
    name,
    mine.toFixed(digits),
    theirs.toFixed(digits),
    (mine / theirs).toFixed(3),
  ];
  return [
    table([
      [report.work, 'fettle train', options.bf16 ? 'Python bf16' : 'Python', 'ours/Python'],
      row('peak memory, MB', 0, ours.peakMemoryMb, python.peakMemoryMb),
      row('start to end, s', 1, ours.seconds, python.seconds),
    ]),
    `peak memory: at most ${limit} is required: ${ratio <= limit ? 'met' : 'MISSED'}`,
    ...(others > 0.1 ? [`Other work took ${Math.round(others * 100)} % of the processors before the run.`] : []),
  ].join('\n');
}

function refuse(what: string): never {
  console.error(`[bench:memory] ${what}`);
  process.exit(2);
}
