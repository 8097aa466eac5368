import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  BertForSequenceClassification,
  BertTokenizer,
  type DatasetDict,
  loadDataset,
  Trainer,
  TrainingArguments,
} from '../src/index.ts';
import { commandFile, runNode } from './testing/programs.ts';
import { gatherLog, largestDifference, temporaryFolder, toyTexts, writeTinyModel } from './testing/tiny.ts';

/** A folder with a model and its tokenizer in `model/`, and train.csv and validation.csv with labels in words in `data/`. */
async function filesOnDisk() {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'model'), join(folder, 'data')];
  await writeTinyModel(model);
  await mkdir(data);
  for (const [name, count, seed] of [
    ['train.csv', 160, 1],
    ['validation.csv', 40, 2],
  ] as const) {
    const lines = toyTexts(count, { seed }).map(({ text, label }) => `"${text}, so it is",${['bad', 'good'][label]}`);
    await writeFile(join(data, name), `text,label\n${lines.join('\n')}\n`);
  }
  return { folder, model, data };
}

describe('from texts in files to a fine-tuned model in files', () => {
  test('as a program', async () => {
    const { folder, model: modelFolder, data } = await filesOnDisk();
    const outputDir = join(folder, 'results');
    const log = gatherLog();

    const tokenizer = await BertTokenizer.fromPretrained(modelFolder);
    const dataset: DatasetDict = await loadDataset(data);
    const model = await BertForSequenceClassification.fromPretrained(modelFolder, { numLabels: 2 });
    const args = new TrainingArguments({
      outputDir,
      numTrainEpochs: 10,
      perDeviceTrainBatchSize: 8,
      perDeviceEvalBatchSize: 8,
      learningRate: 5e-3,
      warmupSteps: 20,
      weightDecay: 0.01,
      loggingDir: join(folder, 'logs'),
      loggingSteps: 50,
    });
    const trainer = new Trainer({ model, args, trainDataset: dataset['train'], evalDataset: dataset['validation'] });
    const { globalStep, trainingLoss } = await trainer.train();
    const metrics = await trainer.evaluate();
    await trainer.saveModel();
    const { predictions } = await trainer.predict(dataset['validation']);

    expect(globalStep).toBe(200);
    expect(trainingLoss).toBeLessThan(0.6);
    expect(metrics['eval_accuracy']).toBeGreaterThan(0.9);
    expect(metrics['eval_f1']).toBeGreaterThan(0.9);
    // What was guessed or done for the user, each once.
    const said = (part: string) => log.filter((line) => line.includes(part));
    expect(said('columns: ')).toEqual(["info: columns: text 'text', label 'label'"]);
    expect(said('tokenizer: ')).toEqual([`info: tokenizer: from ${modelFolder}, where the model came from`]);
    expect(said('labels, from the data')).toEqual(['info: labels, from the data: bad, good']);
    expect(said('training ')[0]).toContain('on 160 rows: 200 steps of 8 rows, 20 of them warm-up');
    expect(said(': loss ').length).toBe(4);
    expect(await readdir(join(folder, 'logs'))).toHaveLength(1);

    // The file answers as the model does, and knows its labels.
    expect((await readdir(outputDir)).sort()).toEqual([
      'checkpoint-200',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const reloaded = await BertForSequenceClassification.fromPretrained(outputDir);
    expect(reloaded.config.id2label).toEqual(['bad', 'good']);
    const texts = dataset['validation'].column('text').toArray() as string[];
    const answers = (await reloaded((await BertTokenizer.fromPretrained(outputDir))(texts))).logits;
    expect(largestDifference(answers.data, predictions.data)).toBeLessThan(1e-5);
    const label = (await reloaded(tokenizer('this film is superb'))).logits.argmax(-1).item();
    expect(reloaded.config.id2label[label]).toBe('good');
    expect(reloaded.config.id2label[(await model(tokenizer('the night is dull'))).logits.argmax(-1).item()]).toBe(
      'bad',
    );
    await model.dispose();
    await reloaded.dispose();
  });

  test('on the command line: train, evaluate, predict', async () => {
    const { folder, model, data } = await filesOnDisk();
    const out = join(folder, 'out');
    const fettle = async (...line: string[]) => runNode([await commandFile(), ...line]);
    const flags = '--num-train-epochs 10 --learning_rate 5e-3 --warmup-steps 20 --logging-steps 50'.split(' ');
    const trained = await fettle('train', '--model', model, '--dataset', data, '--output-dir', out, ...flags, '--json');
    expect(trained, trained.errors).toMatchObject({ code: 0, signal: null });
    const result = JSON.parse(trained.output) as Record<string, number>; // one object, and nothing else
    expect(result['globalStep']).toBe(200);
    expect(result['eval_accuracy']).toBeGreaterThan(0.9);
    expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))).toMatchObject({
      id2label: { 0: 'bad', 1: 'good' },
    });

    const evaluated = await fettle('evaluate', '--model', out, '--dataset', data, '--json');
    expect(evaluated.code).toBe(0);
    expect((JSON.parse(evaluated.output) as Record<string, number>)['eval_accuracy']).toBe(result['eval_accuracy']);

    const asked = await fettle(
      'predict',
      '--model',
      out,
      '--text',
      'this film is superb',
      '--text',
      'the night is dull',
      '--json',
    );
    expect(asked.code).toBe(0);
    const { predictions } = JSON.parse(asked.output) as { predictions: { label: string }[] };
    expect(predictions.map(({ label }) => label)).toEqual(['good', 'bad']);

    const refused = await fettle(
      'train',
      '--model',
      model,
      '--dataset',
      data,
      '--output-dir',
      out,
      '--num-train-epoch',
      '3',
    );
    expect(refused.code).toBe(2);
    expect(refused.errors).toContain('--num-train-epochs');
  });
});
