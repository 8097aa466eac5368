import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readEvents } from '../../test/testing/tensorBoardReader.ts';
import { temporaryFolder, tinyModel, tinyTokenizer, toyDataset } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import type { TrainingEvent } from './events.ts';
import { Trainer } from './trainer.ts';

beforeEach(() => configureLog({ level: 'silent' }));

test("a run's logs and evaluations are in the event file, under Hugging Face's tags", async () => {
  const folder = await temporaryFolder();
  const loggingDir = join(folder, 'logs');
  const events: TrainingEvent[] = [];
  const trainer = new Trainer({
    model: await tinyModel(),
    tokenizer: tinyTokenizer(),
    trainDataset: toyDataset(24),
    evalDataset: toyDataset(8),
    args: { loggingDir, loggingSteps: 2, maxSteps: 5, evalStrategy: 'steps', evalSteps: 4 },
    onEvent: (event) => events.push(event),
  });
  await trainer.train();
  const files = await readdir(loggingDir);
  expect(files).toHaveLength(1);
  expect(files[0]).toMatch(/^events\.out\.tfevents\.\d{10}\..+/);
  const read = readEvents(await readFile(join(loggingDir, files[0])));
  expect(read[0].version).toBe('brain.Event:2');
  expect(Math.abs(read[0].wallTime - Date.now() / 1000)).toBeLessThan(60);
  const [, texts, chart, ...logged] = read;
  expect(Object.keys(texts.strings ?? {})).toEqual(['args/text_summary', 'model_config/text_summary']);
  expect(new TextDecoder().decode(texts.strings?.['args/text_summary'].bytes)).toContain('    "max_steps": 5,');
  expect(chart.strings?.['custom_scalars__config__'].plugin).toBe('custom_scalars');
  expect(logged.map(({ step, scalars }) => [step, Object.keys(scalars).sort()])).toEqual([
    [2, ['train/epoch', 'train/grad_norm', 'train/learning_rate', 'train/loss']],
    [4, ['train/epoch', 'train/grad_norm', 'train/learning_rate', 'train/loss']],
    [4, expect.arrayContaining(['eval/accuracy', 'eval/f1', 'eval/loss', 'train/loss_between_evaluations'])],
    [5, expect.arrayContaining(['train/train_loss', 'train/train_runtime'])],
  ]);
  const [first] = events.filter((event) => event.type === 'log');
  expect(logged[0].scalars).toEqual({
    'train/loss': Math.fround(first.loss),
    'train/grad_norm': Math.fround(first.gradientNorm),
    'train/learning_rate': Math.fround(first.learningRate),
    'train/epoch': Math.fround(first.epoch),
  });
  const [evaluated] = events.filter((event) => event.type === 'evaluation');
  expect(logged[2].scalars['eval/loss']).toBe(Math.fround(evaluated.metrics['eval_loss']));
  expect(logged[2].scalars['train/loss_between_evaluations']).toBe(Math.fround(evaluated.trainingLoss!));
  // A second run begins a file of its own.
  await trainer.train();
  expect(await readdir(loggingDir)).toHaveLength(2);
});

test('histograms of gradients and weights, of what is trained, when they are asked for', async () => {
  const loggingDir = await temporaryFolder();
  const model = await tinyModel();
  model.freeze('bert.embeddings');
  const seen = new Map<string, number>();
  const trainer = new Trainer({
    model,
    tokenizer: tinyTokenizer(),
    trainDataset: toyDataset(24),
    args: { loggingDir, loggingSteps: 2, maxSteps: 3, loggingHistograms: 'all', saveStrategy: 'no' },
    callbacks: [
      {
        onPreOptimizerStep: (_, { globalStep }, __, { gradients }) => {
          if (globalStep !== 1) return;
          for (const [name, values] of gradients!()) seen.set(name, Math.max(...values));
        },
      },
    ],
  });
  await trainer.train();
  const [file] = await readdir(loggingDir);
  const found = readEvents(await readFile(join(loggingDir, file))).filter(({ histograms }) => histograms !== undefined);
  expect(found.map(({ step }) => step)).toEqual([2]);
  const histograms = found[0].histograms!;
  const names = Object.keys(histograms);
  expect(names.filter((name) => name.startsWith('gradients/'))).toEqual(
    [...seen.keys()].map((name) => `gradients/${name}`),
  );
  expect(names.some((name) => name.startsWith('gradients/bert.embeddings'))).toBe(false);
  expect(names.filter((name) => name.startsWith('weights/'))).toHaveLength(model.parameters.size);
  for (const [name, largest] of seen) expect(histograms[`gradients/${name}`].numbers[1]).toBe(largest);
  const weight = model.weight('classifier.weight').data;
  const { numbers, counts } = histograms['weights/classifier.weight'];
  expect(numbers[2]).toBe(weight.length);
  expect(counts.reduce((a, b) => a + b)).toBe(weight.length);
});
