// A model's answers to the same batches, in turn: Fettle in float32, in int8 and in bfloat16 (OpenVINO), PyTorch in three
// precisions, and transformers.js where it is installed. Before anything is timed their logits are compared.
//   npm run bench -- --only inference, or npx tsx benchmarks/inference.ts [--rounds 15] [--threads N] [--only TEXT] [--quick] [--json]
// FETTLE_TRANSFORMERS_JS names a node_modules with @huggingface/transformers (.cache/transformers-js/node_modules by default).
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  configureLog,
  exportOnnx,
  loadDataset,
} from '../src/index.ts';
import { type BenchPart, type BenchRow, partTable } from './benchReport.ts';
import { type Measured, names, type Pair, rowsOf, takeTurns } from './contenders.ts';
import { describeMachine, loadOfOthers } from './machine.ts';
import { findPython, PythonProcess, repository } from './python.ts';
import {
  type Batch,
  fullBatches,
  hasMiniLm,
  hasMrpc,
  type ModelName,
  miniLmFolder,
  mrpcFolder,
  shapes,
} from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string' },
    threads: { type: 'string' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rounds = options.rounds === undefined ? (options.quick ? 3 : 15) : Number(options.rounds);

/** As many runs as it takes until answers come from the program with the weights inside. */
const runsBefore = 100;

const againstPython: readonly Pair[] = [
  { ours: names.ort, theirs: names.python, floor: 0.52 },
  { ours: names.ort, theirs: names.medium },
  { ours: names.int8, theirs: names.half, floor: 0.8 },
  { ours: names.openvino, theirs: names.half, floor: 0.8 },
];
const againstTransformersJs = (float32: number): readonly Pair[] => [
  { ours: names.ort, theirs: names.transformersJs, floor: float32 },
  { ours: names.int8, theirs: names.transformersJs, floor: 0.6 },
  { ours: names.openvino, theirs: names.transformersJs, floor: 0.6 },
];

interface Case {
  readonly work: string;
  readonly batch: () => Batch | Promise<Batch>;
  readonly pairs: readonly Pair[];
}

const full = (sequences: number, length: number) => () => fullBatches(1, sequences, length)[0];
const withoutFloors = (pairs: readonly Pair[]) => pairs.map(({ ours, theirs }) => ({ ours, theirs }));

const cases: Readonly<Record<ModelName, readonly Case[]>> = {
  MiniLM: [
    { work: 'MiniLM 1×16', batch: full(1, 16), pairs: withoutFloors([...againstPython, ...againstTransformersJs(1)]) },
    { work: 'MiniLM 1×128', batch: full(1, 128), pairs: [...againstPython, ...againstTransformersJs(1)] },
    { work: 'MiniLM 32×128', batch: full(32, 128), pairs: [...againstPython, ...againstTransformersJs(1)] },
    ...(hasMrpc
      ? [
          {
            work: 'MiniLM, 32 lines of mixed length',
            batch: mixedLines,
            pairs: [...withoutFloors(againstPython), ...againstTransformersJs(0.7)],
          },
        ]
      : []),
  ],
  'bert-base': [
    { work: 'bert-base 1×128', batch: full(1, 128), pairs: withoutFloors(againstPython) },
    { work: 'bert-base 8×64', batch: full(8, 64), pairs: againstPython },
  ],
};

/** Lines of real text in files as they come: sentences and pairs of them, short and long. */
async function mixedLines(): Promise<Batch> {
  const tokenizer = await BertTokenizer.fromPretrained(miniLmFolder);
  const { train } = await loadDataset(mrpcFolder);
  const rows = Array.from({ length: 32 }, (_, i) => train.row(i * 7));
  const texts = rows.map(({ sentence1, sentence2 }, i) =>
    i % 4 === 0 ? `${sentence1} ${sentence2} ${sentence1}` : String(sentence1).slice(0, i % 4 === 1 ? 40 : undefined),
  );
  const { encodings } = tokenizer(texts, undefined, { truncation: true });
  return {
    inputIds: encodings.map(({ ids }) => [...ids]),
    tokenTypeIds: encodings.map(({ typeIds }) => [...typeIds]),
    labels: rows.map(() => 0),
  };
}

/** Someone who answers: how long a batch took, and the logits. */
type Answer = (batch: Batch) => Promise<{ readonly milliseconds: number; readonly logits: readonly number[] }>;

configureLog({ level: 'warn' });
const machine = describeMachine();
const threads = options.threads === undefined ? machine.cores : Number(options.threads);
const others = await loadOfOthers();
const versions: Record<string, string> = {};
const packages = process.env['FETTLE_TRANSFORMERS_JS'] ?? join(repository, '.cache', 'transformers-js', 'node_modules');
const folder = await mkdtemp(join(tmpdir(), 'fettle-inference-'));
const rows: BenchRow[] = [];
try {
  for (const model of ['MiniLM', 'bert-base'] as const) {
    const wanted = cases[model].filter(({ work }) => options.only === undefined || work.includes(options.only));
    if (wanted.length > 0) rows.push(...(await runModel(model, wanted)));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const part: BenchPart = {
  date: new Date().toISOString().slice(0, 10),
  machine,
  loadOfOthers: others,
  versions,
  rows,
};
console.log(options.json ? JSON.stringify(part) : partTable('inference', part));
process.exitCode = rows.some(({ agrees }) => agrees === false) ? 1 : 0;

async function runModel(name: ModelName, wanted: readonly Case[]): Promise<BenchRow[]> {
  const directory = join(folder, name);
  await saveModel(name, directory);
  const answers = new Map<string, Answer>();
  const ends: (() => Promise<unknown>)[] = [];
  try {
    const models: [string, object][] = [
      [names.ort, {}],
      [names.int8, { quantize: 'int8' }],
      [names.openvino, { engine: 'openvino', precision: 'bf16' }],
    ];
    for (const [who, how] of models) {
      const model = await BertForSequenceClassification.fromPretrained(directory, { threads, ...how }).catch(
        (error: Error) => {
          if (who !== names.openvino) throw error;
          console.error(`${who} is left out: ${error.message}`);
        },
      );
      if (model === undefined) continue;
      ends.push(() => model.dispose());
      versions[model.engine.name] = model.engine.version;
      await settle(model);
      answers.set(who, answerOf(model));
    }
    if (findPython() === undefined) console.error('PyTorch is left out: run npm run bench:setup');
    else {
      const python = new PythonProcess('benchmarks/python/step_server.py');
      ends.push(() => python.close());
      Object.assign(
        versions,
        (await python.request<{ versions: Record<string, string> }>('hello', { threads })).versions,
      );
      await python.request('load', { directory, seed: 42, numLabels: 2 });
      for (const [who, precision] of [
        [names.python, 'default'],
        [names.medium, 'medium'],
        [names.half, 'bf16'],
      ]) {
        answers.set(who, (batch) => ask(python, { batch, precision }));
      }
    }
    if (name !== 'MiniLM') {
      // It is compared on MiniLM alone.
    } else if (!existsSync(join(packages, '@huggingface', 'transformers'))) {
      console.error('transformers.js is left out: FETTLE_TRANSFORMERS_JS names no node_modules that has it');
    } else {
      const js = new PythonProcess('benchmarks/transformersJs.mjs', {
        program: [process.execPath],
        environment: { FETTLE_TRANSFORMERS_JS: packages },
      });
      ends.push(() => js.close());
      const { version } = await js.request<{ version: string }>('load', { directory: `${folder}/`, name, threads });
      versions['transformers.js'] = version;
      answers.set(names.transformersJs, (batch) => ask(js, { batch }));
    }
    const result: BenchRow[] = [];
    for (const { work, batch: makeBatch, pairs } of wanted) {
      console.error(work);
      const batch = await makeBatch();
      const agrees = await compare(answers, batch);
      const turns = new Map([...answers].map(([who, answer]) => [who, async () => (await answer(batch)).milliseconds]));
      const measured: Measured = await takeTurns(turns, rounds, 2);
      result.push(...rowsOf({ work, unit: 'ms', agrees }, measured, pairs));
    }
    return result;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** A model with a head, for all of them: MiniLM's own weights where they are at hand, else random ones. */
async function saveModel(name: ModelName, directory: string): Promise<void> {
  const {
    hidden_size: hiddenSize,
    num_hidden_layers: numHiddenLayers,
    intermediate_size: intermediateSize,
  } = shapes.MiniLM;
  const model =
    name === 'MiniLM' && hasMiniLm
      ? await BertForSequenceClassification.fromPretrained(miniLmFolder, { threads })
      : await BertForSequenceClassification.fromConfig(
          bertConfig(name === 'MiniLM' ? { hiddenSize, numHiddenLayers, intermediateSize } : {}),
          { threads },
        );
  await model.savePretrained(directory);
  if (name === 'MiniLM') await exportOnnx(model, directory);
  await model.dispose();
}

/** Lets a model answer until it does so as it will go on. */
async function settle(model: BertForSequenceClassification): Promise<void> {
  const packed = model.pack([{ ids: [101, 102] }]);
  for (let i = 0; i < runsBefore; i++) await model.run({ packed, labels: {}, count: 1 });
}

function answerOf(model: BertForSequenceClassification): Answer {
  return async ({ inputIds, tokenTypeIds }) => {
    const start = performance.now();
    const packed = model.pack(inputIds.map((ids, i) => ({ ids, typeIds: tokenTypeIds[i] })));
    const { logits } = await model.run({ packed, labels: {}, count: inputIds.length });
    const milliseconds = performance.now() - start;
    return { milliseconds, logits: Array.from(logits.data as Float32Array).slice(0, 2 * inputIds.length) };
  };
}

async function ask(who: PythonProcess, request: object) {
  const answer = await who.request<{ milliseconds: number; logits: number[][] }>('infer', { ...request });
  return { milliseconds: answer.milliseconds, logits: answer.logits.flat() };
}

/**
 * Whether each gives PyTorch's float32 logits: in float32 to 1e-4, in bfloat16 within a tenth of the largest, in int8 a
 * quarter. The head is untrained, so its logits are small beside what they are made of; whole data sets tell what int8 costs.
 */
async function compare(answers: ReadonlyMap<string, Answer>, batch: Batch): Promise<Map<string, boolean>> {
  const reference = answers.get(names.python) ?? answers.get(names.ort)!;
  const { logits: expected } = await reference(batch);
  const largest = Math.max(...expected.map(Math.abs));
  const agrees = new Map<string, boolean>();
  for (const [who, answer] of answers) {
    const { logits } = await answer(batch);
    const difference = Math.max(...expected.map((value, i) => Math.abs(value - logits[i])));
    const bound =
      who.endsWith('float32') || who === names.medium
        ? 1e-4 * Math.max(1, largest)
        : largest * (who === names.int8 ? 0.25 : 0.1);
    agrees.set(who, difference <= bound);
    if (!(difference <= bound)) console.error(`${who}: logits differ by ${difference} of ${largest}`);
  }
  return agrees;
}
