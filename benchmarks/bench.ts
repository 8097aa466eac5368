// The whole comparison: Fettle beside PyTorch, transformers and transformers.js on this machine, part by part, in turn.
//   npm run bench -- [--quick] [--only steps|runs|inference] [--case TEXT] [--rounds N] [--output FILE] [--require]
// Each part is a program of its own (train.ts in float32 and in bfloat16, runs.ts, inference.ts) and checks that all compute the
// same. A part that was run whole replaces that part of benchmarks/results/bench.json, of which README's tables are made
// (npm run docs); with --quick or --case nothing is written but to --output. Whole, it takes about two hours.
// Exit code 1: two sides did not compute the same, or, with --require, a floor was missed.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type BenchPart,
  type BenchPartName,
  type BenchReport,
  benchParts,
  failures,
  partTable,
} from './benchReport.ts';
import { repository } from './python.ts';
import { type TrainReport, writeReport } from './report.ts';
import { stepsPart } from './stepRows.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    case: { type: 'string' },
    rounds: { type: 'string' },
    output: { type: 'string' },
    require: { type: 'boolean', default: false },
  },
});
const all = Object.keys(benchParts) as BenchPartName[];
const wanted = all.filter((name) => options.only === undefined || options.only.split(',').includes(name));
if (wanted.length === 0) {
  console.error(`[bench] --only is '${options.only}', expected some of ${all.join(', ')}`);
  process.exit(2);
}

const runners: Readonly<Record<BenchPartName, () => Promise<BenchPart>>> = {
  async steps() {
    const float32 = await runProgram<TrainReport>('train.ts', []);
    const half = await runProgram<TrainReport>('train.ts', ['--bf16']).catch((error: Error) => {
      console.error(`bfloat16 is left out: ${error.message}`);
    });
    return stepsPart([float32, ...(half === undefined ? [] : [half])]);
  },
  runs: () => runProgram<BenchPart>('runs.ts', []),
  inference: () => runProgram<BenchPart>('inference.ts', []),
};

const isWhole = !options.quick && options.case === undefined;
const kept = join(repository, 'benchmarks', 'results', 'bench.json');
const output = options.output ?? (isWhole ? kept : undefined);
let report: BenchReport = output === kept ? await readKept() : {};
const told: string[] = [];
let differs = false;
for (const name of wanted) {
  const part = await runners[name]();
  report = { ...report, [name]: part };
  // After each: an hour's work is not lost by what goes wrong in the next.
  if (output !== undefined) await writeReport(output, report);
  console.log(`${partTable(name, part)}\n`);
  told.push(...failures(part));
  differs ||= part.rows.some(({ agrees }) => agrees === false);
}
for (const line of told) console.error(line);
process.exitCode = differs || (options.require && told.length > 0) ? 1 : 0;

async function readKept(): Promise<BenchReport> {
  try {
    return JSON.parse(await readFile(kept, 'utf8')) as BenchReport;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Runs a part's program, as this one is run; what it says goes to the terminal. @returns the object that it prints. */
function runProgram<T>(script: string, flags: readonly string[]): Promise<T> {
  const common = [
    '--json',
    ...(options.quick ? ['--quick'] : []),
    ...(options.case === undefined ? [] : ['--only', options.case]),
    ...(options.rounds === undefined ? [] : ['--rounds', options.rounds]),
  ];
  const file = join(repository, 'benchmarks', script);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, file, ...common, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      // 1: it ran, and found a difference, which its report tells.
      if (code === 0 || (code === 1 && stdout.trim() !== '')) resolve(JSON.parse(stdout) as T);
      else reject(new Error(`[bench] ${script} ended with code ${code}`));
    });
  });
}
