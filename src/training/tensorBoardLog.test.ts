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
  expect(read.slice(1).map(({ step, scalars }) => [step, Object.keys(scalars).sort()])).toEqual([
    [2, ['train/epoch', 'train/grad_norm', 'train/learning_rate', 'train/loss']],
    [4, ['train/epoch', 'train/grad_norm', 'train/learning_rate', 'train/loss']],
    [4, expect.arrayContaining(['eval/accuracy', 'eval/f1', 'eval/loss', 'eval/runtime'])],
  ]);
  const [first] = events.filter((event) => event.type === 'log');
  expect(read[1].scalars).toEqual({
    'train/loss': Math.fround(first.loss),
    'train/grad_norm': Math.fround(first.gradientNorm),
    'train/learning_rate': Math.fround(first.learningRate),
    'train/epoch': Math.fround(first.epoch),
  });
  const [evaluated] = events.filter((event) => event.type === 'evaluation');
  expect(read[3].scalars['eval/loss']).toBe(Math.fround(evaluated.metrics['eval_loss']));
  // A second run begins a file of its own.
  await trainer.train();
  expect(await readdir(loggingDir)).toHaveLength(2);
});
