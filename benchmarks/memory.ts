// Peak memory and time of a whole run on MRPC with MiniLM, the tutorial's arguments: `fettle train`, then Python's Trainer,
// each a process of its own from its start to its end.
//   npm run bench:memory -- [--max-steps 200] [--threads N] [--bf16] [--json] [--output FILE] [--require]
// Needs the built command (npm run build). Exit code 1 with --require where ours is over 0.7 of Python's.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, loadOfOthers } from './machine.ts';
import { repository } from './python.ts';
import { writeReport } from './report.ts';
import { table } from './statistics.ts';
import { command, runFettle, runPython } from './wholeRuns.ts';
import { hasMrpc, miniLmFolder, mrpcFolder } from './workloads.ts';

/** Our peak over Python's, at most. */
const limit = 0.7;

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
if (!existsSync(command)) refuse('the command is not built; run npm run build');

const common = ['--model', miniLmFolder, '--dataset', mrpcFolder, '--max-steps', String(steps)];
const machine = describeMachine();
const others = await loadOfOthers();
console.error(`fettle train, ${steps} steps`);
const tutorial = ['--warmup-steps', '500', '--weight-decay', '0.01', '--logging-steps', '50'];
const threads = options.threads === undefined ? [] : ['--threads', options.threads];
const ours = await runFettle([...common, ...tutorial, ...threads]);
console.error(`Python's Trainer, ${steps} steps`);
const python = await runPython([...common, ...threads, ...(options.bf16 ? ['--bf16'] : [])]);
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
