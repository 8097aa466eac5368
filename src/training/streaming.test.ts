import { describe, expect, test } from 'vitest';
import { expectSameWhenResumed, outcome, quickFolder, resumableTrainer } from '../../test/testing/resuming.ts';
import { gatherLog, tinyModel, tinyTokenizer, toyDataset, toyTexts } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { Dataset, IterableDataset } from '../data/index.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';
import type { TrainingArgumentsOptions } from './trainingArguments.ts';

configureLog({ level: 'silent' });

const rows = toyTexts(22);
const stream = () => Dataset.fromRows(rows).toIterableDataset();
/** Nobody knows that it ends. */
const made = () => IterableDataset.fromGenerator(() => rows);

async function trained(trainDataset: TrainerOptions['trainDataset'], args: TrainingArgumentsOptions) {
  const outputDir = await quickFolder();
  const trainer = resumableTrainer(await tinyModel(), { outputDir, ...args }, { trainDataset });
  await trainer.train();
  return { trainer, ...(await outcome(trainer, trainer.args.outputDir!)) };
}

describe('a stream gives the bits of the same rows in memory', () => {
  // Other batches: trainingRows.test.ts.
  test('by epochs, accumulated', async () => {
    const args = { gradientAccumulationSteps: 2, evalStrategy: 'epoch', trainSamplingStrategy: 'sequential' } as const;
    const [whole, streamed] = [await trained(Dataset.fromRows(rows), args), await trained(stream(), args)];
    expect(streamed.weights).toBe(whole.weights);
    expect(streamed.moments).toBe(whole.moments);
    expect(streamed.atEnd).toEqual(whole.atEnd);
  });

  test('one that is not shuffled is a warning, unless that is asked for', async () => {
    const lines = gatherLog();
    const warnings = () => lines.filter((line) => line.startsWith('warn: the stream is not shuffled')).length;
    const model = await tinyModel();
    const run = async (trainDataset: IterableDataset, args: TrainingArgumentsOptions = {}) => {
      await resumableTrainer(model, { maxSteps: 1, ...args }, { trainDataset }).train();
    };
    await run(stream().shuffle());
    await run(stream(), { trainSamplingStrategy: 'sequential' });
    expect(warnings()).toBe(0);
    await run(stream());
    expect(warnings()).toBe(1);
  });

  test('by steps, beyond its end: it is read again', async () => {
    const args = { maxSteps: 9, trainSamplingStrategy: 'sequential', lrSchedulerType: 'constant' } as const;
    const whole = await trained(Dataset.fromRows(rows), args);
    const streamed = await trained(made(), args);
    expect(streamed.weights).toBe(whole.weights);
    expect(streamed.trainer.state.epoch).toBeGreaterThan(1);
  });

  test('and is evaluated and asked to the same numbers, again and again', async () => {
    const evalDataset = toyDataset(21, { seed: 5 });
    const model = await tinyModel();
    const make = (own: TrainerOptions['evalDataset']) =>
      new Trainer({ model, tokenizer: tinyTokenizer(), evalDataset: own, args: { perDeviceEvalBatchSize: 4 } });
    const asStream = evalDataset.toIterableDataset();
    const timeless = async (trainer: Trainer) =>
      Object.entries(await trainer.evaluate()).filter(([name]) => !/runtime|second/.test(name));
    const expected = await timeless(make(evalDataset));
    const trainer = make({ '': asStream });
    expect(await timeless(trainer)).toEqual(expected);
    expect(await timeless(trainer)).toEqual(expected);
    expect((await trainer.predict(asStream)).predictions.data).toEqual(
      (await make(evalDataset).predict(evalDataset)).predictions.data,
    );
    expect(await trainer.metricNames()).toContain('eval_accuracy');
  });
});

test('a run on a stream that is stopped and resumed is the run that was not', async () => {
  await expectSameWhenResumed(
    { maxSteps: 8, gradientAccumulationSteps: 2, saveSteps: 100 },
    { trainDataset: () => made().shuffle({ seed: 3, bufferSize: 9 }) },
  );
});

test('rows are read as they are needed: an endless stream trains, and one part of it is in memory', async () => {
  let read = 0;
  const endless = IterableDataset.fromGenerator(function* () {
    for (;;) yield rows[read++ % rows.length];
  });
  const ahead: number[] = [];
  const batch = 400;
  const trainer = resumableTrainer(
    await tinyModel(),
    { maxSteps: 12, perDeviceTrainBatchSize: batch, loggingSteps: 100 },
    {
      trainDataset: endless,
      onEvent: (event) => {
        if (event.type === 'begin') read = 0;
        if (event.type === 'step') ahead.push(read - event.step * batch);
      },
    },
  );
  await trainer.train();
  expect(ahead).toHaveLength(12);
  expect(Math.max(...ahead)).toBeLessThanOrEqual(1000);
  expect(read).toBeLessThan(12 * batch + 1000);
});

describe('labels of a stream', () => {
  const sorted = [0, 1].flatMap((label) =>
    toyTexts(1200, { classes: 1 }).map(({ text }) => ({ text, label: ['bad', 'good'][label] })),
  );
  const train = async (trainDataset: IterableDataset, args: TrainingArgumentsOptions) => {
    const model = await tinyModel();
    const options = { trainDataset, evalDataset: undefined };
    const trainer = resumableTrainer(model, { perDeviceTrainBatchSize: 600, ...args }, options);
    await trainer.train();
    return model.config.id2label;
  };

  test('are all found, though the stream is sorted by them', async () => {
    const dataset = Dataset.fromRows(sorted).toIterableDataset();
    expect(await train(dataset, { maxSteps: 1 })).toEqual(['bad', 'good']);
  });

  test('that the model does not have are an error that names the row of the stream', async () => {
    const lines = gatherLog();
    const late = sorted.map((row, i) => (i === 1202 ? { ...row, label: 'odd' } : row));
    const dataset = IterableDataset.fromGenerator(() => [sorted[2000], ...late]);
    await expect(train(dataset, { maxSteps: 9 })).rejects.toMatchObject({
      code: 'ERR_LABEL',
      row: 1204,
      column: 'label',
      message: expect.stringContaining('row 1204'),
    });
    expect(lines.filter((line) => line.includes('from the first 1000 rows'))).toHaveLength(1);
  });
});

test('a row that is wrong in the middle of a stream leaves a checkpoint, from which the run goes on', async () => {
  const outputDir = await quickFolder();
  const long = toyTexts(1500);
  const broken = long.map((row, i) => (i === 1203 ? { ...row, label: 7 } : row));
  const args = { maxSteps: 6, perDeviceTrainBatchSize: 300, outputDir, learningRate: 1e-3 };
  const run = async (data: typeof rows, resume: boolean) => {
    const trainDataset = IterableDataset.fromGenerator(() => data);
    const trainer = resumableTrainer(await tinyModel(), args, { trainDataset });
    await trainer.train({ resumeFromCheckpoint: resume });
    return trainer;
  };
  await expect(run(broken, false)).rejects.toMatchObject({ code: 'ERR_LABEL', row: 1204 });
  const repaired = await run(long, true);
  expect(repaired.state.globalStep).toBe(6);
  const { weights } = await outcome(repaired, outputDir);
  const never = await trained(
    IterableDataset.fromGenerator(() => long),
    { ...args, outputDir: await quickFolder() },
  );
  expect(weights).toBe(never.weights);
});

describe('refused before anything is read', () => {
  const unread = () =>
    IterableDataset.fromGenerator(() => {
      throw new Error('read');
    });
  test.each<[string, TrainingArgumentsOptions, Partial<TrainerOptions>, string]>([
    ['no end and no maxSteps', {}, {}, 'ERR_MAX_STEPS'],
    ['lengths of all rows', { maxSteps: 3, trainSamplingStrategy: 'group_by_length' }, {}, 'ERR_STREAM'],
    ['labels of all rows', { maxSteps: 3, classWeights: 'balanced' }, {}, 'ERR_STREAM'],
    ['evaluation without an end', { maxSteps: 3 }, { evalDataset: { long: unread() } }, 'ERR_STREAM'],
  ])('%s', async (_, args, options, code) => {
    const trainer = resumableTrainer(await tinyModel(), args, { trainDataset: unread(), ...options });
    await expect(trainer.train()).rejects.toMatchObject({ code });
  });
});
