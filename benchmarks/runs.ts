// Whole runs on MRPC with the tutorial's arguments, each a process of its own from its start to its end: `fettle train` in float32
// and in bfloat16, and Python's Trainer likewise, in turn. Time and peak memory of training all of MiniLM and its head alone; when
// the first step begins and when it has ended, MiniLM and bert-base.
//   npm run bench -- --only runs, or npx tsx benchmarks/runs.ts [--rounds 1] [--only TEXT] [--quick] [--json]
// Needs the built command (npm run build) and ../shared. --quick: 20 steps in place of three epochs.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BertForSequenceClassification, BertTokenizer, bertConfig, configureLog } from '../src/index.ts';
import { type BenchPart, type BenchRow, partTable } from './benchReport.ts';
import { names, type Pair, rowsOf, takeTurns } from './contenders.ts';
import { describeMachine, loadOfOthers } from './machine.ts';
import {
  command,
  type FirstStep,
  fettleFirstStep,
  pythonFirstStep,
  type RunCost,
  runFettle,
  runPython,
} from './wholeRuns.ts';
import { hasMrpc, miniLmFolder, mrpcFolder } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
if (!hasMrpc) refuse('MiniLM and MRPC are not beside the checkout');
if (!existsSync(command)) refuse('the command is not built; run npm run build');

const tutorial = ['--warmup-steps', '500', '--weight-decay', '0.01', '--logging-steps', '50'];
const length = options.quick ? ['--max-steps', '20'] : [];
const data = ['--dataset', mrpcFolder];

/** The largest ratios, by pair: ONNX Runtime and OpenVINO over Python's float32, OpenVINO over its bfloat16. */
const pairs = (float32: number | undefined, half: number | undefined, halves: number | undefined): readonly Pair[] => [
  { ours: names.ort, theirs: names.python, floor: float32 },
  { ours: names.openvino, theirs: names.python, floor: half },
  { ours: names.openvino, theirs: names.half, floor: halves },
];

/** What a whole run must reach at least, so that a fast one that learns nothing is seen; not of a quick one. */
const leastAccuracy = { all: 0.7, head: 0.6 };

const works = {
  all: { work: 'MRPC, MiniLM, 3 epochs', limits: pairs(0.45, 0.28, 0.53), ours: [], theirs: [] },
  head: {
    work: 'the same with the encoder frozen',
    limits: pairs(0.12, 0.07, undefined),
    ours: ['--freeze', 'bert'],
    theirs: ['--freeze'],
  },
} as const;

configureLog({ level: 'warn' });
const machine = describeMachine();
const others = await loadOfOthers();
const versions: Record<string, string> = {};
const rows: BenchRow[] = [];
let found: Promise<boolean> | undefined;
const isWanted = (work: string) => options.only === undefined || work.includes(options.only);
for (const kind of ['all', 'head'] as const) if (isWanted(works[kind].work)) rows.push(...(await wholeRuns(kind)));
for (const name of ['MiniLM', 'bert-base'] as const) {
  const work = `the first step, ${name}`;
  if (isWanted(work)) rows.push(...(await firstSteps(work, name)));
}
const part: BenchPart = { date: new Date().toISOString().slice(0, 10), machine, loadOfOthers: others, versions, rows };
console.log(options.json ? JSON.stringify(part) : partTable('runs', part));
process.exitCode = rows.some(({ agrees }) => agrees === false) ? 1 : 0;

async function wholeRuns(kind: keyof typeof works): Promise<BenchRow[]> {
  const { work, limits, ours, theirs } = works[kind];
  const costs = new Map<string, RunCost[]>();
  const agrees = new Map<string, boolean>();
  const run = (who: string, runner: (flags: readonly string[]) => Promise<RunCost>, flags: readonly string[]) => ({
    who,
    turn: async () => {
      console.error(`${work}: ${who}`);
      const cost = await runner(['--model', miniLmFolder, ...data, ...length, ...flags]);
      costs.set(who, [...(costs.get(who) ?? []), cost]);
      Object.assign(versions, cost.result['versions'] ?? {});
      const accuracy = Number(cost.result['eval_accuracy'] ?? cost.result['accuracy']);
      agrees.set(who, (agrees.get(who) ?? true) && (options.quick || accuracy >= leastAccuracy[kind]));
      return cost.seconds;
    },
  });
  const contenders = [
    run(names.ort, runFettle, [...tutorial, ...ours]),
    run(names.python, runPython, theirs),
    ...((await hasHalf())
      ? [
          run(names.openvino, runFettle, [...tutorial, '--bf16', ...ours]),
          run(names.half, runPython, ['--bf16', ...theirs]),
        ]
      : []),
  ];
  const turns = new Map(contenders.map(({ who, turn }) => [who, turn]));
  const seconds = await takeTurns(turns, rounds, 0);
  const memory = new Map([...costs].map(([who, each]) => [who, each.map(({ peakMemoryMb }) => peakMemoryMb)]));
  return [
    ...rowsOf({ work, unit: 's', agrees }, seconds, limits),
    ...(kind === 'all' ? rowsOf({ work: `${work}: peak memory`, unit: 'MB' }, memory, pairs(0.6, 0.6, 0.6)) : []),
  ];
}

async function firstSteps(work: string, name: 'MiniLM' | 'bert-base'): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-start-'));
  try {
    const model = name === 'MiniLM' ? miniLmFolder : await saveBertBase(folder);
    const flags = ['--model', model, ...data];
    const ends = new Map<string, number[]>();
    const say = (who: string, turn: () => Promise<FirstStep>): [string, () => Promise<number>] => [
      who,
      async () => {
        console.error(`${work}: ${who}`);
        const step = await turn();
        ends.set(who, [...(ends.get(who) ?? []), step.ends]);
        return step.begins;
      },
    ];
    const turns = new Map([
      say(names.ort, () => fettleFirstStep(flags)),
      say(names.python, () => pythonFirstStep(flags)),
      ...((await hasHalf())
        ? [
            say(names.openvino, () => fettleFirstStep([...flags, '--bf16'])),
            say(names.half, () => pythonFirstStep([...flags, '--bf16'])),
          ]
        : []),
    ]);
    // The first round reads the files from the disk.
    const unmeasured = options.quick ? 0 : 1;
    const begins = await takeTurns(turns, options.quick ? 1 : Math.max(3, rounds), unmeasured);
    const measured = new Map([...ends].map(([who, each]) => [who, each.slice(unmeasured)]));
    return [
      ...rowsOf({ work: `${work} begins`, unit: 's' }, begins, pairs(0.2, 0.2, 0.2)),
      ...rowsOf({ work: `${work} has ended`, unit: 's' }, measured, pairs(undefined, undefined, undefined)),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A bert-base of random weights: what is timed does not depend on them. */
async function saveBertBase(folder: string): Promise<string> {
  const model = await BertForSequenceClassification.fromConfig(bertConfig({}));
  await model.savePretrained(folder);
  await model.dispose();
  const tokenizer = await BertTokenizer.fromPretrained(miniLmFolder);
  await tokenizer.savePretrained(folder);
  return folder;
}

/** Whether there are an OpenVINO and a processor that compute in bfloat16 here; said once where not. Python would only pretend to. */
function hasHalf(): Promise<boolean> {
  found ??= BertForSequenceClassification.fromConfig(
    bertConfig({ vocabSize: 8, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 1, intermediateSize: 8 }),
    { engine: 'openvino', precision: 'bf16' },
  ).then(
    async (model) => {
      versions['openvino'] = model.engine.version;
      await model.dispose();
      return true;
    },
    (error: Error) => {
      console.error(`bfloat16 is left out: ${error.message}`);
      return false;
    },
  );
  return found;
}

function refuse(what: string): never {
  console.error(`[bench runs] ${what}`);
  process.exit(2);
}
