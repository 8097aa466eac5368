import { describe, expect, onTestFinished, test } from 'vitest';
import { gatherLog, temporaryFolder, tinyConfig, tinyTokenizer, toyTexts } from '../../test/testing/tiny.ts';
import { editWeights } from '../../test/testing/weights.ts';
import { classLabel, Dataset, type Features, listOf } from '../data/index.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import type { BertConfig } from '../models/bert/configuration.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { Trainer } from '../training/trainer.ts';
import golden from './goldens/tokenFeatures.json' with { type: 'json' };
import type { TaskOptions } from './task.ts';
import { TokenClassification } from './tokenClassification.ts';

const tokenizer = tinyTokenizer();
const tags = ['B-BAD', 'B-GOOD', 'I-GOOD', 'O'];

async function tinyTagger(parts: Partial<BertConfig> = {}): Promise<BertForTokenClassification> {
  const model = await BertForTokenClassification.fromConfig(tinyConfig(parts), { seed: 1, threads: 1 });
  onTestFinished(() => model.dispose());
  return model;
}

/** A tagger whose labels are open, as one that was loaded from a headless checkpoint. */
async function freshTagger(): Promise<BertForTokenClassification> {
  const folder = await temporaryFolder();
  const { BertModel } = await import('../models/bert/bertModel.ts');
  const headless = await BertModel.fromConfig(tinyConfig(), { seed: 1, threads: 1 });
  await headless.savePretrained(folder);
  await headless.dispose();
  const model = await BertForTokenClassification.fromPretrained(folder, { threads: 1 });
  onTestFinished(() => model.dispose());
  return model;
}

const dataOf = (rows: readonly object[], features?: Features) =>
  Dataset.fromRows(rows as never, features === undefined ? {} : { features }) as unknown as Dataset;

/** Words of two families are names: a bad one alone, good ones with what follows. */
function tagged(count: number, seed = 1) {
  const good = 'good great fine lovely superb happy warm bright'.split(' ');
  const bad = 'bad awful poor nasty dull sad cold dark'.split(' ');
  return dataOf(
    toyTexts(count, { seed }).map(({ text }) => {
      const tokens = text.split(' ');
      const ner_tags = tokens.map((word, i) => {
        if (good.includes(word)) return 'B-GOOD';
        if (bad.includes(word)) return 'B-BAD';
        return i > 0 && good.includes(tokens[i - 1]) ? 'I-GOOD' : 'O';
      });
      return { tokens, ner_tags };
    }),
  );
}

describe('features are those of Python’s run_ner', () => {
  const own = new BertTokenizer({ vocab: golden.vocab });
  const features = async (options: TaskOptions) => {
    gatherLog();
    const model = await tinyTagger({ vocabSize: golden.vocab.length, id2label: golden.labels });
    const task = new TokenClassification(model, own, { maxLength: 10, ...options });
    const prepared = await task.prepare(dataOf(golden.rows), { labels: 'optional' });
    return prepared.map(({ ids, labels }) => ({ ids: [...ids], labels: [...labels!] }));
  };

  test('with the first piece labelled', async () => {
    expect(await features({})).toEqual(golden.first);
  });

  test('with every piece labelled', async () => {
    expect(await features({ labelAllTokens: true })).toEqual(golden.all);
  });
});

test('learns tags, takes the labels from the data, and scores entities under run_ner’s names', async () => {
  const lines = gatherLog();
  const model = await freshTagger();
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: tagged(240),
    evalDataset: tagged(60, 2),
    args: { numTrainEpochs: 6, learningRate: 1e-2, perDeviceTrainBatchSize: 16 },
  });
  await trainer.train();
  expect(model.config.id2label).toEqual(tags);
  expect(lines).toContain('info: labels, from the data: B-BAD, B-GOOD, I-GOOD, O (a new head)');
  expect(lines).toContain("info: columns: words 'tokens', tags 'ner_tags'");
  const metrics = await trainer.evaluate();
  expect(Object.keys(metrics).slice(0, 5)).toEqual([
    'eval_loss',
    'eval_precision',
    'eval_recall',
    'eval_f1',
    'eval_accuracy',
  ]);
  // All words O would be right for three in four, and find no entity.
  expect(metrics['eval_accuracy']).toBeGreaterThan(0.9);
  expect(metrics['eval_f1']).toBeGreaterThan(0.6);
});

describe('scores', () => {
  /** A model that always gives the same tag, whatever the word. */
  const constant = async (tag: string, id2label = tags) => {
    const model = await tinyTagger({ id2label });
    await editWeights(model, (name, values) => {
      if (name.startsWith('classifier')) values.fill(0);
      if (name === 'classifier.bias') values[id2label.indexOf(tag)] = 5;
    });
    return model;
  };
  const rows = [
    { tokens: ['good', 'day', 'is'], ner_tags: ['B-GOOD', 'I-GOOD', 'O'] },
    { tokens: ['bad'], ner_tags: ['B-BAD'] },
  ];
  const evaluated = async (model: BertForTokenClassification, data = dataOf(rows), taskOptions = {}) => {
    gatherLog();
    const trainer = new Trainer({
      model,
      tokenizer,
      evalDataset: data,
      taskOptions,
      args: { perDeviceEvalBatchSize: 1 },
    });
    return trainer.evaluate();
  };

  test('are those of whole entities', async () => {
    expect(await evaluated(await constant('B-BAD'))).toMatchObject({
      eval_precision: 1 / 4,
      eval_recall: 1 / 2,
      eval_accuracy: 1 / 4,
    });
    // Of IOB1: an I- without a beginning begins an entity.
    const iob1 = [{ tokens: ['good', 'day'], ner_tags: ['I-GOOD', 'I-GOOD'] }];
    expect(await evaluated(await constant('I-GOOD'), dataOf(iob1))).toMatchObject({ eval_f1: 1 });
  });

  test('come for each type where they are asked for', async () => {
    const metrics = await evaluated(await constant('B-BAD'), dataOf(rows), { returnEntityLevelMetrics: true });
    expect(metrics).toMatchObject({ eval_BAD_recall: 1, eval_GOOD_f1: 0, eval_GOOD_number: 1 });
  });

  test('of parts of speech are the share that is right', async () => {
    const data = dataOf([{ tokens: ['good', 'day'], tags: ['ADJ', 'NOUN'] }]);
    const metrics = await evaluated(await constant('NOUN', ['ADJ', 'NOUN']), data);
    expect(metrics).toMatchObject({ eval_accuracy: 0.5 });
    expect(metrics).not.toHaveProperty('eval_f1');
  });
});

describe('rows that are too long', () => {
  const long = dataOf([
    { tokens: ['good', 'day'], ner_tags: ['B-GOOD', 'O'] },
    { tokens: Array(20).fill('day'), ner_tags: Array(20).fill('O') },
  ]);
  const prepared = async (options: TaskOptions) =>
    new TokenClassification(await tinyTagger({ id2label: tags }), tokenizer, { maxLength: 10, ...options }).prepare(
      long,
      {
        labels: 'required',
      },
    );

  test('are cut, and what that leaves out is said', async () => {
    const lines = gatherLog();
    expect((await prepared({})).map(({ ids }) => ids.length)).toEqual([4, 10]);
    expect(lines).toContain(
      'warn: 1 of 2 rows had more than 10 tokens and were cut, which leaves 12 words out; the option windows keeps them',
    );
  });

  test('are windows where that is asked for, with a label a word in all of them', async () => {
    const lines = gatherLog();
    const features = await prepared({ windows: true });
    expect(features.map(({ row }) => row)).toEqual([0, 1, 1, 1]);
    expect(features.slice(1).flatMap(({ labels }) => [...labels!].filter((label) => label >= 0))).toHaveLength(20);
    expect(lines).toContain('warn: 1 of 2 rows had more than 10 tokens and were cut into windows');
  });

  test('are an error where they may not be cut', async () => {
    await expect(prepared({ truncation: false })).rejects.toMatchObject({ code: 'ERR_TOO_LONG', row: 2 });
  });

  test('in windows have the answers of every word', async () => {
    gatherLog();
    const model = await tinyTagger({ id2label: tags });
    const args = { maxLength: 10, perDeviceEvalBatchSize: 2 };
    const trainer = new Trainer({ model, tokenizer, args, taskOptions: { windows: true } });
    const { predictions, labelIds, metrics } = await trainer.predict(long);
    expect(predictions.dims).toEqual([2, 20, 4]);
    expect(Array.from(labelIds.data.slice(0, 4), Number)).toEqual([1, 3, -100, -100]);
    expect(Array.from(labelIds.data.slice(20), Number)).toEqual(Array(20).fill(3));
    expect(
      Array.from(predictions.data)
        .slice(80)
        .some((score) => score === -100),
    ).toBe(false);
    expect(metrics['test_accuracy']).toBeGreaterThanOrEqual(0);
  });
});

describe('labels', () => {
  const features = (feature: Features[string]) => ({ tokens: listOf('string'), tags: listOf(feature) });
  const adapted = async (data: Dataset, model?: BertForTokenClassification) => {
    gatherLog();
    const tagger = model ?? (await freshTagger());
    await new TokenClassification(tagger, tokenizer).adapt(data);
    return tagger.config.id2label;
  };

  test('that are class labels keep their order', async () => {
    const names = ['O', 'B-x', 'I-x'];
    const data = dataOf([{ tokens: ['day'], tags: [0] }], features(classLabel(names)));
    expect(await adapted(data)).toEqual(names);
  });

  test('that are strings are sorted, as in run_ner; where the model has them all, it keeps its order', async () => {
    const data = dataOf([{ tokens: ['day', 'cat', 'dog'], ner_tags: ['O', 'I-x', 'B-x'] }]);
    expect(await adapted(data)).toEqual(['B-x', 'I-x', 'O']);
    expect(await adapted(data, await tinyTagger({ id2label: ['O', 'B-x', 'I-x', 'B-y'] }))).toHaveLength(4);
  });

  test('that are numbers say how many there are; −100 is none', async () => {
    const data = dataOf([{ tokens: ['day', 'cat'], tags: [-100, 4] }], features('int64'));
    expect(await adapted(data)).toHaveLength(5);
    const model = await tinyTagger({ id2label: ['a', 'b', 'c', 'd', 'e'] });
    const [{ labels }] = await new TokenClassification(model, tokenizer).prepare(data, { labels: 'required' });
    expect([...labels!]).toEqual([-100, -100, 4, -100]);
  });

  test('other than the model’s are refused before anything is trained', async () => {
    const data = dataOf([{ tokens: ['day'], ner_tags: ['B-z'] }]);
    await expect(adapted(data, await tinyTagger({ id2label: tags }))).rejects.toMatchObject({ code: 'ERR_LABELS' });
  });
});

describe('bad input is refused with its row', () => {
  const refused = async (rows: readonly object[], labels: 'required' | 'optional' = 'required', columns = {}) => {
    gatherLog();
    const task = new TokenClassification(await tinyTagger({ id2label: tags }), tokenizer, { columns });
    return task.prepare(dataOf(rows), { labels });
  };
  const good = { tokens: ['day'], ner_tags: ['O'] };

  test.each([
    ['tags that are not as many as the words', { tokens: ['a', 'day'], ner_tags: ['O'] }, 'ERR_TAG_COUNT'],
    ['a tag that is none of the labels', { tokens: ['day'], ner_tags: ['B-z'] }, 'ERR_LABEL'],
    ['a word without a tag', { tokens: ['day'], ner_tags: [null] }, 'ERR_LABEL'],
    ['missing tags', { tokens: ['day'], ner_tags: null }, 'ERR_LABEL'],
    ['missing words', { tokens: null, ner_tags: ['O'] }, 'ERR_MISSING_TEXT'],
  ])('%s', async (_, row, code) => {
    await expect(refused([good, row])).rejects.toMatchObject({ code, row: 2 });
  });

  test('a data set without words, or without tags where they are needed', async () => {
    await expect(refused([{ text: 'a day' }])).rejects.toMatchObject({ code: 'ERR_TOKEN_COLUMNS' });
    await expect(refused([{ tokens: ['day'] }])).rejects.toMatchObject({ code: 'ERR_NO_LABELS' });
    expect(await refused([{ tokens: ['day'] }], 'optional')).toHaveLength(1);
    await expect(refused([good], 'required', { text: 'token' })).rejects.toThrow("did you mean 'tokens'?");
    await expect(refused([{ ...good, tags: 'x' }], 'required', { label: 'tags' })).rejects.toMatchObject({
      code: 'ERR_TOKEN_COLUMNS',
      column: 'tags',
    });
  });
});

test('a tag that only the evaluation data has is known before the first step', async () => {
  gatherLog();
  const events: string[] = [];
  const trainer = new Trainer({
    model: await freshTagger(),
    tokenizer,
    trainDataset: tagged(20),
    evalDataset: dataOf([{ tokens: ['day'], ner_tags: ['B-z'] }]),
    onEvent: ({ type }) => events.push(type),
  });
  await expect(Promise.resolve(trainer.train())).rejects.toMatchObject({
    code: 'ERR_LABEL',
    row: 1,
    column: 'ner_tags',
  });
  expect(events).toEqual([]);
});

test('rows without words or tags are predicted too, and do not hinder the others', async () => {
  gatherLog();
  const model = await tinyTagger({ id2label: tags });
  const predict = async (rows: readonly object[]) =>
    new Trainer({ model, tokenizer, args: { perDeviceEvalBatchSize: 1 } }).predict(dataOf(rows));
  const rows = [
    { tokens: ['day'], ner_tags: ['O'] },
    { tokens: [], ner_tags: [] },
    { tokens: ['a', 'cat'], ner_tags: ['O', 'O'] },
  ];
  const { predictions, metrics } = await predict(rows);
  expect(predictions.dims).toEqual([3, 2, 4]);
  expect(metrics).toHaveProperty('test_accuracy');
  // Without tags the same scores, to the last bits: all tokens are read in place of the labelled ones.
  const unlabelled = await predict(rows.map(({ tokens }) => ({ tokens })));
  expect(unlabelled.metrics).not.toHaveProperty('test_accuracy');
  unlabelled.predictions.data.forEach((score, i) => {
    expect(score).toBeCloseTo(predictions.data[i], 4);
  });
});
