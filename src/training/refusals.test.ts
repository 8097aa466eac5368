import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder, tinyModel, tinyTokenizer, toyDataset } from '../../test/testing/tiny.ts';
import { FettleError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import { Dataset } from '../data/index.ts';
import type { TrainingEvent } from './events.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** Trains, into a folder with an output and a log directory; tells the error, what events came, and what was written. */
async function refused(options: Partial<TrainerOptions> & { args?: object }, folder?: string) {
  const place = folder ?? (await temporaryFolder());
  const events: TrainingEvent[] = [];
  const { args, ...others } = options;
  const model = await tinyModel();
  const before = model.weight('bert.embeddings.word_embeddings.weight');
  const run = async () => {
    const trainer = new Trainer({
      model,
      tokenizer: tinyTokenizer(),
      trainDataset: toyDataset(16),
      args: { outputDir: join(place, 'out'), loggingDir: join(place, 'logs'), maxSteps: 2, ...args },
      onEvent: (event) => events.push(event),
      ...others,
    });
    await trainer.train();
  };
  const error = await run().then(
    () => expect.fail('nothing was thrown'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FettleError);
  expect(model.weight('bert.embeddings.word_embeddings.weight').data).toEqual(before.data);
  const written = (await readdir(place, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  return { error: error as FettleError, events, written };
}

const form = /^\[[\w.-]+( \w+)*\] [^;]+(; .+)?$/;

describe('what cannot work is refused before the first step, with nothing written', () => {
  const cases: readonly [string, Parameters<typeof refused>[0], string, number, RegExp][] = [
    ['no training data', { trainDataset: undefined }, 'ERR_NO_DATASET', 2, /train needs a data set; pass trainDataset/],
    [
      'rows in place of a data set',
      { trainDataset: [{ text: 'a', label: 1 }] as unknown as Dataset },
      'ERR_DATASET',
      2,
      /trainDataset is no data set, got 'an array of 1'; make one: Dataset.fromRows\(rows\)/,
    ],
    [
      'empty training data',
      { trainDataset: toyDataset(4).filter(() => false) as unknown as Dataset },
      'ERR_NO_BATCHES',
      2,
      /the training data has no rows/,
    ],
    [
      'evaluation asked for, no data',
      { args: { evalStrategy: 'epoch' } },
      'ERR_NO_DATASET',
      2,
      /evalStrategy needs a data set; pass evalDataset/,
    ],
    [
      'a missing label late in the training data',
      { trainDataset: toyDataset<number | null>(16, { label: (id, row) => (row === 15 ? null : id) }) },
      'ERR_LABEL',
      3,
      /a label is missing \(row 16, column 'label'\)/,
    ],
    [
      'a missing label in data for a later evaluation',
      {
        args: { evalStrategy: 'epoch' },
        evalDataset: toyDataset<number | null>(6, { label: (id, row) => (row === 5 ? null : id) }),
      },
      'ERR_LABEL',
      3,
      /a label is missing \(row 6/,
    ],
    [
      'a label outside the range',
      { trainDataset: toyDataset(6, { classes: 3 }) },
      'ERR_LABEL',
      3,
      /outside the model's range \(row 3, column 'label'\), got 2, expected a whole number from 0 to 1/,
    ],
    [
      'an unknown column',
      { columns: { text: 'texts' } },
      'ERR_UNKNOWN_COLUMN',
      3,
      /there is no column 'texts', expected one of text, label; did you mean 'text'\?/,
    ],
    [
      'a missing text',
      {
        trainDataset: Dataset.fromRows([
          { text: 'a', label: 0 },
          { text: null, label: 1 },
        ]) as unknown as Dataset,
      },
      'ERR_MISSING_TEXT',
      3,
      /a text is missing \(row 2, column 'text'\)/,
    ],
    [
      'a long text where none may be cut',
      {
        args: { truncation: false },
        trainDataset: Dataset.fromRows([{ text: 'the '.repeat(600), label: 0 }]) as unknown as Dataset,
      },
      'ERR_TOO_LONG',
      3,
      /more than 32 tokens \(row 1\); allow truncation/,
    ],
    ['maxLength beyond the model', { args: { maxLength: 512 } }, 'ERR_MAX_LENGTH', 2, /got 512, expected at most 32/],
    [
      'an unknown option',
      { args: { learningRat: 1 } as object },
      'ERR_UNKNOWN_OPTION',
      2,
      /did you mean 'learningRate'\?/,
    ],
    [
      'an unknown option of the Trainer',
      { trainDatset: toyDataset(2) } as object,
      'ERR_UNKNOWN_OPTION',
      2,
      /\[Trainer\] there is no option 'trainDatset'; did you mean 'trainDataset'\?/,
    ],
  ];

  test.each(cases)('%s', async (_, options, code, exitCode, message) => {
    const { error, events, written } = await refused(options);
    expect(error).toMatchObject({ code, exitCode });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(form);
    expect(events).toEqual([]);
    expect(written).toEqual([]);
  });

  test.each(['outputDir', 'loggingDir'])('a file in the place of %s', async (option) => {
    const folder = await temporaryFolder();
    const file = join(folder, 'taken');
    await writeFile(file, 'mine');
    const { error, events, written } = await refused({ args: { [option]: file } }, folder);
    expect(error).toMatchObject({ code: 'ERR_NOT_WRITABLE', exitCode: 4, file });
    expect(error.message).toMatch(/a file stands in its place.*; choose another directory/);
    expect(error.message).toMatch(form);
    expect(events).toEqual([]);
    expect(written).toEqual(['taken']);
  });

  test('an output directory below a file', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'taken'), 'mine');
    const { error } = await refused({ args: { outputDir: join(folder, 'taken', 'out') } }, folder);
    expect(error.message).toMatch(/a part of the path is a file/);
  });

  test('a model whose place holds no tokenizer', async () => {
    const folder = await temporaryFolder();
    const saved = join(folder, 'model');
    await mkdir(saved);
    await (await tinyModel()).savePretrained(saved);
    const { BertForSequenceClassification } = await import('../models/bert/bertForSequenceClassification.ts');
    const model = await BertForSequenceClassification.fromPretrained(saved, { threads: 1 });
    const run = new Trainer({ model, trainDataset: toyDataset(4) }).train();
    await expect(run).rejects.toMatchObject({ name: 'ModelError', exitCode: 3 });
    await expect(run).rejects.toThrow(/vocab\.txt|tokenizer\.json/);
    await model.dispose();
  });
});

test('a metric by an unknown name', async () => {
  const { metricsFor } = await import('../metrics/index.ts');
  expect(() => metricsFor('acuracy')).toThrow(
    /^\[metricsFor\] there is no such metric, got 'acuracy', expected one of .*; did you mean 'accuracy'\?$/,
  );
});
