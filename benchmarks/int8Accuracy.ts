// What 8-bit answers cost: MiniLM fine-tuned on MRPC (the tutorial's arguments) and on the first 10,000 sentences of SST-2, as
// docs/results.md does it, and judged on the whole validation part in float32, in int8 and, where OpenVINO is, in bfloat16.
//   npx tsx benchmarks/int8Accuracy.ts [--threads 2] [--seed 42] [--bf16] [--output FILE]
// Needs ../shared. Models are kept in .cache/int8 and trained where they are not there. Exit code 1: int8 lost more than a point.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BertForSequenceClassification, configureLog, type Dataset, loadDataset, Trainer } from 'fettle';
import { describeMachine } from './machine.ts';
import { repository } from './python.ts';
import { writeReport } from './report.ts';
import { table } from './statistics.ts';
import { miniLmFolder } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string' },
    seed: { type: 'string', default: '42' },
    /** Trains in bfloat16. */
    bf16: { type: 'boolean', default: false },
    output: { type: 'string', default: join(repository, 'benchmarks', 'results', 'int8.json') },
  },
});
const threads = options.threads === undefined ? undefined : Number(options.threads);
const seed = Number(options.seed);
const glue = (name: string) => loadDataset(join(repository, '..', 'shared', 'data', 'glue', name));

const tasks = {
  MRPC: { rows: Number.POSITIVE_INFINITY, args: { numTrainEpochs: 3, batch: 8, learningRate: 5e-5, warmupSteps: 500 } },
  'SST-2': { rows: 10_000, args: { numTrainEpochs: 1, batch: 16, learningRate: 1e-4, warmupSteps: 0.1 } },
} as const;
type TaskName = keyof typeof tasks;

const forms = {
  'ONNX Runtime float32': { engine: 'onnxruntime' },
  'ONNX Runtime int8': { engine: 'onnxruntime', quantize: 'int8' },
  'OpenVINO bfloat16': { engine: 'openvino', precision: 'bf16' },
} as const;

/** What a form of a model reached on the validation rows. */
interface Judged {
  readonly task: TaskName;
  readonly form: string;
  readonly rows: number;
  readonly accuracy: number;
  /** The share of rows on which it gives float32's class. */
  readonly sameAnswers: number;
  /** The largest difference of a probability from float32's, and the mean. */
  readonly largestDifference: number;
  readonly meanDifference: number;
}

configureLog({ level: 'warn' });
const judged: Judged[] = [];
for (const task of Object.keys(tasks) as TaskName[]) {
  const { train, validation } = await glue(task);
  const folder = await fineTuned(task, train);
  let exact: Float32Array | undefined;
  for (const [form, settings] of Object.entries(forms)) {
    const model = await BertForSequenceClassification.fromPretrained(folder, { ...settings, threads }).catch(
      (error: Error) => {
        if (form !== 'OpenVINO bfloat16') throw error;
        console.error(`${form} is left out: ${error.message}`);
      },
    );
    if (model === undefined) continue;
    const trainer = new Trainer({ model, args: { perDeviceEvalBatchSize: 32 } });
    const { predictions, metrics } = await trainer.predict(validation);
    const probabilities = softmaxed(predictions.data as Float32Array);
    exact ??= probabilities;
    judged.push({
      ...{ task, form, rows: validation.length, accuracy: metrics['test_accuracy'] },
      ...compared(probabilities, exact),
    });
    await model.dispose();
  }
}
await writeReport(options.output, {
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  seed,
  judged,
});
console.log(
  table([
    ['', 'form', 'accuracy', 'same class as float32', 'probabilities differ by'],
    ...judged.map(({ task, form, accuracy, sameAnswers, largestDifference, meanDifference }) => [
      task,
      form,
      accuracy.toFixed(4),
      `${(100 * sameAnswers).toFixed(1)} %`,
      `${meanDifference.toFixed(4)}, at most ${largestDifference.toFixed(3)}`,
    ]),
  ]),
);
const lost = judged.some(({ task, form, accuracy }) => {
  const float32 = judged.find((other) => other.task === task)!.accuracy;
  return form === 'ONNX Runtime int8' && accuracy < float32 - 0.01;
});
process.exitCode = lost ? 1 : 0;

async function fineTuned(task: TaskName, train: Dataset): Promise<string> {
  const folder = join(repository, '.cache', 'int8', `${task}-${seed}`);
  if (existsSync(join(folder, 'config.json'))) return folder;
  const { rows, args } = tasks[task];
  const { batch, ...rest } = args;
  const model = await BertForSequenceClassification.fromPretrained(miniLmFolder, { numLabels: 2, seed, threads });
  const trainer = new Trainer({
    model,
    args: { ...rest, perDeviceTrainBatchSize: batch, weightDecay: 0.01, seed, bf16: options.bf16, saveStrategy: 'no' },
    trainDataset: train.slice(0, Math.min(rows, train.length)),
  });
  await trainer.train();
  await trainer.saveModel(folder);
  await model.dispose();
  return folder;
}

/** Probabilities of two classes from their logits. */
function softmaxed(logits: Float32Array): Float32Array {
  return logits.map((logit, i) => 1 / (1 + Math.exp(logits[i ^ 1] - logit)));
}

function compared(probabilities: Float32Array, exact: Float32Array) {
  const differences = probabilities.map((value, i) => Math.abs(value - exact[i]));
  const firsts = Array.from({ length: exact.length / 2 }, (_, row) => 2 * row);
  const same = firsts.filter((i) => probabilities[i] > 0.5 === exact[i] > 0.5);
  return {
    sameAnswers: same.length / firsts.length,
    largestDifference: differences.reduce((most, value) => Math.max(most, value), 0),
    meanDifference: differences.reduce((sum, value) => sum + value, 0) / differences.length,
  };
}
