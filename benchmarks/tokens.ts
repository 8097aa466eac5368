// Token classification on a part of WNUT-17 with MiniLM: ours, then Python's Trainer with run_ner's features, the same
// arguments and seeds. Tells whether both learn the same; the times tell little on a machine that others use.
//   tsx benchmarks/tokens.ts [--train 400] [--eval 200] [--epochs 3] [--learning-rate 2e-4] [--seeds 42] [--no-python] [--output FILE]
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { BertForTokenClassification, configureLog, loadDataset, Trainer } from '../src/index.ts';
import { describeMachine } from './machine.ts';
import { repository, requirePython } from './python.ts';
import { writeReport } from './report.ts';
import { miniLmFolder } from './workloads.ts';

const { values: options } = parseArgs({
  options: {
    train: { type: 'string', default: '400' },
    eval: { type: 'string', default: '200' },
    epochs: { type: 'string', default: '3' },
    'learning-rate': { type: 'string', default: '2e-4' },
    seeds: { type: 'string', default: '42' },
    'no-python': { type: 'boolean', default: false },
    output: { type: 'string' },
  },
});
const dataset = join(repository, '..', 'shared', 'data', 'wnut17');

/** What one run came to. */
interface Result {
  readonly seed: number;
  readonly steps: number;
  readonly trainSeconds: number;
  readonly trainLoss: number;
  readonly evalLoss: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly accuracy: number;
}

async function runOurs(seed: number): Promise<Result> {
  const files = await loadDataset(dataset, {
    dataFiles: { train: 'wnut17train.conll', test: 'emerging.test.annotated' },
    format: 'conll',
  });
  const model = await BertForTokenClassification.fromPretrained(miniLmFolder, { seed });
  const trainer = new Trainer({
    model,
    trainDataset: files['train'].slice(0, Number(options.train)),
    evalDataset: files['test'].slice(0, Number(options.eval)),
    args: { numTrainEpochs: Number(options.epochs), learningRate: Number(options['learning-rate']), seed },
  });
  const { globalStep, trainingLoss, metrics } = await trainer.train();
  const evaluated = await trainer.evaluate();
  await model.dispose();
  return {
    seed,
    steps: globalStep,
    trainSeconds: metrics['train_runtime'],
    trainLoss: trainingLoss,
    evalLoss: evaluated['eval_loss'],
    precision: evaluated['eval_precision'],
    recall: evaluated['eval_recall'],
    f1: evaluated['eval_f1'],
    accuracy: evaluated['eval_accuracy'],
  };
}

async function runPython(seed: number): Promise<Result> {
  const script = join(repository, 'benchmarks', 'python', 'token_trainer.py');
  const flags = ['train', 'eval', 'epochs', 'learning-rate'] as const;
  const { stdout } = await promisify(execFile)(
    requirePython(),
    [
      script,
      ...['--model', miniLmFolder, '--dataset', dataset, '--seed', String(seed)],
      ...flags.flatMap((name) => [`--${name}`, options[name]]),
    ],
    { env: { ...process.env, PYTHONPATH: join(repository, 'benchmarks', 'python') } },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Result;
}

configureLog({ level: 'warn' });
const seeds = options.seeds.split(',').map(Number);
const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: describeMachine(),
  work: `WNUT-17, MiniLM, ${options.train} sentences of the training part, ${options.epochs} epochs, batch 8, learning rate ${options['learning-rate']}; judged on ${options.eval} of the test part`,
  ours: [] as Result[],
  python: [] as Result[],
};
for (const seed of seeds) {
  report.ours.push(await runOurs(seed));
  console.error('ours', report.ours.at(-1));
  if (!options['no-python']) {
    report.python.push(await runPython(seed));
    console.error('Python', report.python.at(-1));
  }
}
if (options.output !== undefined) await writeReport(options.output, report);
console.log(JSON.stringify(report));
