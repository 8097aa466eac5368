/**
 * Trains MiniLM for question answering on a part of SQuAD and judges it on another, as benchmarks/python/qa_trainer.py does in
 * Python: the same rows, windows and arguments. Prints one JSON object.
 *
 *     npx tsx benchmarks/questionAnswering.ts --seed 42 --threads 2 [--bf16]
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BertForQuestionAnswering, type Dataset, loadDataset, Trainer } from '../src/index.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '42' },
    threads: { type: 'string' },
    epochs: { type: 'string', default: '2' },
    batch: { type: 'string', default: '8' },
    'learning-rate': { type: 'string', default: '1e-4' },
    'train-step': { type: 'string', default: '8' },
    'eval-step': { type: 'string', default: '16' },
    bf16: { type: 'boolean', default: false },
  },
});
const shared = (path: string) => fileURLToPath(new URL(`../../shared/${path}`, import.meta.url));

const squad = await loadDataset(shared('data/squad/dev-v1.1.json'), { split: 'train' });
const border = Math.floor((squad.length * 6) / 10);
/** Contexts of the one part are none of the other's. */
const every = (step: number, from: number, to: number): Dataset =>
  squad.select(Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step));
const trainDataset = every(Number(values['train-step']), 0, border);
const evalDataset = every(Number(values['eval-step']), border, squad.length);

const model = await BertForQuestionAnswering.fromPretrained(shared('models/all-MiniLM-L6-v2'), {
  seed: Number(values.seed),
  threads: values.threads === undefined ? undefined : Number(values.threads),
});
const trainer = new Trainer({
  model,
  args: {
    numTrainEpochs: Number(values.epochs),
    perDeviceTrainBatchSize: Number(values.batch),
    perDeviceEvalBatchSize: Number(values.batch),
    learningRate: Number(values['learning-rate']),
    warmupSteps: 0.1,
    loggingSteps: 20,
    seed: Number(values.seed),
    bf16: values.bf16,
  },
  trainDataset,
  evalDataset,
});
const losses: number[] = [];
let windows = 0;
const started = performance.now();
const run = trainer.train();
for await (const event of run) {
  if (event.type === 'begin') windows = event.examples ?? 0;
  if (event.type === 'log' && event.loss !== undefined) losses.push(event.loss);
}
const trained = await run;
const afterTrain = performance.now();
const metrics = await trainer.evaluate();
console.log(
  JSON.stringify({
    threads: model.engine.threads,
    seed: Number(values.seed),
    trainRows: trainDataset.length,
    trainWindows: windows,
    evalRows: evalDataset.length,
    steps: trained.globalStep,
    trainSeconds: (afterTrain - started) / 1000,
    predictSeconds: (performance.now() - afterTrain) / 1000,
    trainLoss: trained.trainingLoss,
    losses,
    exactMatch: metrics['eval_exact_match'],
    f1: metrics['eval_f1'],
    evalLoss: metrics['eval_loss'],
    peakMemoryMb: process.resourceUsage().maxRSS / 1000,
  }),
);
await model.dispose();
