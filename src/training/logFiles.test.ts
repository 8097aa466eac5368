import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { quickFolder, resumableTrainer, stopper, timeless } from '../../test/testing/resuming.ts';
import { tinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { loadDataset } from '../data/index.ts';
import { histogramOf } from './histogram.ts';
import { CsvCallback, JsonLinesCallback } from './logFiles.ts';

beforeEach(() => configureLog({ level: 'silent' }));

const args = { evalStrategy: 'steps', evalSteps: 3, reportTo: ['csv', 'jsonl'], maxSteps: 6 } as const;

test('CSV and JSON Lines hold what the state holds', async () => {
  const outputDir = await quickFolder();
  const trainer = resumableTrainer(await tinyModel(), { ...args, outputDir, saveStrategy: 'no' });
  await trainer.train();
  const { logHistory } = trainer.state;
  const lines = (await readFile(join(outputDir, 'runs', 'log.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(logHistory);
  const rows = [...(await loadDataset(join(outputDir, 'runs', 'log.csv'), { split: 'train' }))];
  expect(rows).toHaveLength(logHistory.length);
  rows.forEach((row, i) => {
    expect(Object.fromEntries(Object.entries(row).filter(([, cell]) => cell !== null))).toEqual(logHistory[i]);
  });
  expect(Object.keys(rows[0]).slice(0, 3)).toEqual(['step', 'epoch', 'loss']);
});

test('a run that is stopped and resumed has the log of one that was not', async () => {
  const [whole, parts] = [await quickFolder(), await quickFolder()];
  const read = async (folder: string) => {
    const text = await readFile(join(folder, 'runs', 'log.jsonl'), 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => timeless(line));
  };
  await resumableTrainer(await tinyModel(), { ...args, outputDir: whole }).train();
  // The log goes on to step 4, the checkpoint is of step 3.
  const { signal, onEvent } = stopper((event) => event.type === 'log' && event.step === 4);
  const stopped = resumableTrainer(await tinyModel(), { ...args, outputDir: parts }, { onEvent });
  await expect(stopped.train({ signal })).rejects.toThrow('stopped');
  const resumed = resumableTrainer(await tinyModel(), { ...args, outputDir: parts });
  await resumed.train({ resumeFromCheckpoint: join(parts, 'checkpoint-3') });
  expect(await read(parts)).toEqual(await read(whole));
});

test('as callbacks, where they are told to write', async () => {
  const folder = await quickFolder();
  const callbacks = [new CsvCallback(join(folder, 'a.csv')), new JsonLinesCallback(join(folder, 'b.jsonl'))];
  await resumableTrainer(await tinyModel(), { maxSteps: 2, loggingSteps: 1 }, { callbacks }).train();
  const [csv, json] = await Promise.all(['a.csv', 'b.jsonl'].map((name) => readFile(join(folder, name), 'utf8')));
  expect(csv.split('\n')[0]).toMatch(/^step,epoch,loss,grad_norm,learning_rate,train_runtime/);
  expect(csv.trimEnd().split('\n')).toHaveLength(4);
  expect(json.trimEnd().split('\n')).toHaveLength(3);
});

test('a histogram counts what is finite', () => {
  const values = Float32Array.from([-1, -1, 0, 1, 3, Number.NaN, Infinity]);
  const { limits, counts, ...numbers } = histogramOf('x', values)!;
  expect(numbers).toEqual({ tag: 'x', min: -1, max: 3, count: 5, sum: 2, sumOfSquares: 12 });
  const upTo = (limit: number) => counts.reduce((sum, count, i) => (limits[i] <= limit ? sum + count : sum), 0);
  expect([-0.5, 0, 1, 2.9, 3].map(upTo)).toEqual([2, 3, 4, 4, 5]);
  expect(histogramOf('x', Float32Array.of(2, 2))).toMatchObject({ limits: [2], counts: [2] });
  expect(histogramOf('x', Float32Array.of(Number.NaN))).toBeUndefined();
});
