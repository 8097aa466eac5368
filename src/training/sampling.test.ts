import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { configureLog, log } from '../core/log.ts';
import type { Task } from '../tasks/task.ts';
import { applyLogLevel, directoryOfReports, reportersOf } from './reporting.ts';
import { trainingSampler } from './sampling.ts';
import { TrainingArguments, type TrainingArgumentsOptions } from './trainingArguments.ts';

/** Rows of so many tokens. */
const lengths = [3, 9, 4, 9, 2, 30, 8, 5, 12, 7, 6, 11];
const features = lengths.map((length) => ({ ids: new Int32Array(length) }));
const task = { sequences: (rows: typeof features) => rows } as unknown as Task<(typeof features)[number]>;
const order = (args: TrainingArgumentsOptions, epoch: number) =>
  Array.from(trainingSampler(new TrainingArguments(args), task, features).order(epoch));

describe('trainSamplingStrategy', () => {
  const sorted = lengths.map((_, row) => row);

  test.each(['random', 'sequential', 'group_by_length'] as const)(
    '%s: every row once, a function of seed and epoch',
    (trainSamplingStrategy) => {
      const args = { trainSamplingStrategy, perDeviceTrainBatchSize: 2 };
      for (const epoch of [0, 1]) {
        const rows = order(args, epoch);
        expect([...rows].sort((a, b) => a - b)).toEqual(sorted);
        expect(order(args, epoch)).toEqual(rows);
        // dataSeed goes before seed.
        expect(order({ ...args, seed: 7, dataSeed: 42 }, epoch)).toEqual(rows);
      }
      if (trainSamplingStrategy === 'sequential') expect(order(args, 1)).toEqual(sorted);
      else {
        expect(order(args, 1)).not.toEqual(order(args, 0));
        expect(order({ ...args, seed: 7 }, 0)).not.toEqual(order(args, 0));
      }
    },
  );

  test('rows of like length stand together, of all batches of a step; the longest comes first', () => {
    const args = {
      trainSamplingStrategy: 'group_by_length',
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 2,
    } as const;
    // 12 rows are fewer than 4 steps of 4, so each step's rows are sorted by themselves.
    const rows = order(args, 3).map((row) => lengths[row]);
    expect(rows[0]).toBe(30);
    // The first place was the longest's only by a swap; behind it each step falls.
    const falls = (step: readonly number[]) => step.every((length, i) => i === 0 || length <= step[i - 1]);
    const steps = [rows.slice(1, 4), rows.slice(5, 8), rows.slice(9, 12)];
    expect(steps.every(falls)).toBe(true);
    expect(rows).not.toEqual([...rows].sort((a, b) => b - a));
  });
});

describe('where reports go', () => {
  test.each<[TrainingArgumentsOptions, string | undefined]>([
    [{}, undefined],
    [{ outputDir: 'out' }, undefined],
    [{ loggingDir: 'logs' }, 'logs'],
    [{ loggingDir: 'logs', runName: 'first' }, join('logs', 'first')],
    [{ loggingDir: 'logs', reportTo: 'none' }, undefined],
    [{ outputDir: 'out', reportTo: 'tensorboard' }, join('out', 'runs')],
    [{ outputDir: 'out', reportTo: ['tensorboard'], runName: 'a' }, join('out', 'runs', 'a')],
    [{ outputDir: 'out', loggingDir: 'logs', reportTo: 'all' }, 'logs'],
    [{ outputDir: 'out', reportTo: ['csv', 'jsonl'] }, join('out', 'runs')],
  ])('%j', (args, directory) => {
    expect(directoryOfReports(new TrainingArguments(args))).toBe(directory);
  });

  test('asked for without a place', () => {
    expect(() => reportersOf(new TrainingArguments({ reportTo: ['tensorboard', 'csv'] }))).toThrow(
      "[Trainer] reportTo 'tensorboard, csv' needs a place for its files; set loggingDir or outputDir",
    );
  });

  test('histograms are for TensorBoard', () => {
    expect(() =>
      reportersOf(new TrainingArguments({ outputDir: 'out', reportTo: 'csv', loggingHistograms: 'all' })),
    ).toThrow("loggingHistograms 'all' is for TensorBoard, which is not told of the run");
    const all = reportersOf(new TrainingArguments({ loggingDir: 'logs', reportTo: ['csv', 'jsonl', 'tensorboard'] }));
    expect(all.map(({ name }) => name)).toEqual(['CsvCallback', 'JsonLinesCallback', 'TensorBoardCallback']);
  });
});

describe('logLevel', () => {
  const restore = configureLog({});
  afterEach(restore);

  test.each([
    ['passive', ['warn', 'info']],
    ['debug', ['warn', 'info', 'debug']],
    ['info', ['warn', 'info']],
    ['warning', ['warn']],
    ['error', []],
    ['critical', []],
  ] as const)('%s', (logLevel, expected) => {
    const said: string[] = [];
    configureLog({ level: 'info', sink: (level) => said.push(level) });
    applyLogLevel(new TrainingArguments({ logLevel }));
    log.warn('w');
    log.info('i');
    log.debug('d');
    expect(said).toEqual(expected);
  });
});
