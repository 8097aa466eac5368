import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../../test/testing/tiny.ts';
import { TrainingArguments } from '../training/trainingArguments.ts';
import { type ModelCard, modelCard, writeModelCard } from './modelCard.ts';

const card: ModelCard = {
  task: 'text-classification',
  baseModel: 'bert-base-uncased',
  dataset: { name: 'nyu-mll/glue', config: 'mrpc', evalSplit: 'validation', trainRows: 3668 },
  metrics: {
    eval_loss: 0.4123456,
    eval_accuracy: 0.8578431,
    eval_pearson: 0.5,
    eval_runtime: 3,
    eval_samples_per_second: 9,
    epoch: 3,
  },
  labels: ['not_equivalent', 'equivalent'],
};

async function written(parts: Partial<ModelCard> = {}, prepare: (folder: string) => Promise<unknown> = async () => {}) {
  const folder = join(await temporaryFolder(), 'my-model');
  await mkdir(folder);
  await prepare(folder);
  const file = await writeModelCard(folder, { ...card, ...parts });
  const text = await readFile(file!, 'utf8');
  const [, front, body] = /^---\n([\s\S]*?)---\n([\s\S]*)$/.exec(text)!;
  return { front: parse(front) as Record<string, unknown>, body };
}

describe('the front matter', () => {
  test('is what the Hub reads of a model and its results', async () => {
    const { front } = await written();
    expect(front).toEqual({
      library_name: 'transformers',
      pipeline_tag: 'text-classification',
      base_model: 'bert-base-uncased',
      tags: ['fettle', 'bert', 'transformers.js'],
      datasets: ['nyu-mll/glue'],
      metrics: ['accuracy', 'pearsonr'],
      'model-index': [
        {
          name: 'my-model',
          results: [
            {
              task: { type: 'text-classification', name: 'Text Classification' },
              dataset: { name: 'nyu-mll/glue', type: 'nyu-mll/glue', config: 'mrpc', split: 'validation' },
              metrics: [
                { type: 'loss', name: 'loss', value: 0.41235 },
                { type: 'accuracy', name: 'accuracy', value: 0.85784 },
                { type: 'pearsonr', name: 'pearson', value: 0.5 },
              ],
            },
          ],
        },
      ],
    });
  });

  test('names no place on this machine', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'reviews.csv'), '');
    const { front, body } = await written({
      baseModel: folder,
      dataset: { name: join(folder, 'reviews.csv'), evalSplit: 'test' },
    });
    expect(front).not.toHaveProperty('base_model');
    expect(front).not.toHaveProperty('datasets');
    expect(JSON.stringify(front)).toContain('"dataset":{"name":"reviews.csv","type":"csv","split":"test"}');
    expect(JSON.stringify(front) + body).not.toContain(folder);
  });

  test('of an adapter says so', async () => {
    const { front, body } = await written({ adapter: true });
    expect(front).toMatchObject({ library_name: 'peft', tags: expect.arrayContaining(['lora']) as string[] });
    expect(body).toContain('AutoModelForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=2)');
  });

  test('without results has no index of them', () => {
    const front = modelCard({ task: 'fill-mask', name: 'words' }).split('---')[1];
    expect(parse(front)).toEqual({
      library_name: 'transformers',
      pipeline_tag: 'fill-mask',
      tags: ['fettle', 'bert', 'transformers.js'],
    });
  });

  test('holds whatever a name holds', async () => {
    const { front } = await written({ name: 'a: "b" #c', labels: ['x | y'] });
    expect(front['model-index']).toMatchObject([{ name: 'a: "b" #c' }]);
  });
});

describe('the text', () => {
  test('speaks of data, labels, results and options', async () => {
    const args = new TrainingArguments({ learningRate: 3e-5, maxSteps: 50, seed: 7 });
    const { body } = await written({ hyperparameters: args.toJSON() });
    expect(body).toContain('[nyu-mll/glue](https://huggingface.co/datasets/nyu-mll/glue) (mrpc), 3668 rows');
    expect(body).toContain('`not_equivalent`, `equivalent`');
    expect(body).toContain('| accuracy | 0.85784 |');
    expect(body).not.toMatch(/runtime|per_second|epoch/);
    expect(body).toContain('| learning_rate | 0.00003 |');
    expect(body).toContain('| max_steps | 50 |');
    expect(body).toContain('| seed | 7 |');
  });

  test('says how it is used where its files can be', async () => {
    const onnx = async (folder: string) => {
      await mkdir(join(folder, 'onnx'));
      await writeFile(join(folder, 'onnx/model.onnx'), '');
    };
    const both = await written({}, async (folder) => {
      await onnx(folder);
      await writeFile(join(folder, 'model.safetensors'), '');
    });
    expect(both.body).toContain('from transformers import pipeline');
    expect(both.body).not.toContain('fettle export');
    const onnxAlone = await written({}, onnx);
    expect(onnxAlone.body).not.toContain('In Python');
    expect(onnxAlone.body).toContain("from '@huggingface/transformers'");
    expect((await written()).body).toContain('once `npx fettle export` has written');
  });
});

test('a README.md that is there is left alone', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'README.md'), 'mine');
  expect(await writeModelCard(folder, card)).toBeUndefined();
  expect(await readFile(join(folder, 'README.md'), 'utf8')).toBe('mine');
});
