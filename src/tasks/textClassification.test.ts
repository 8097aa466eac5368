import { describe, expect, test } from 'vitest';
import {
  gatherLog,
  loadTiny,
  temporaryFolder,
  tinyConfig,
  tinyModel,
  tinyTokenizer,
  tinyVocab,
  toyDataset,
  toyTexts,
} from '../../test/testing/tiny.ts';
import { DataError, type FettleError } from '../core/errors.ts';
import { classLabel, Dataset, type Features, listOf } from '../data/index.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { BertModel } from '../models/bert/bertModel.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import type { TaskOptions } from './task.ts';
import { TextClassification } from './textClassification.ts';
import { findTextColumns } from './textColumns.ts';

const tokenizer = tinyTokenizer();
const required = { labels: 'required' } as const;

function rows(given: readonly object[], features?: Features): Dataset {
  return Dataset.fromRows(given as { a: string }[], features === undefined ? {} : { features }) as unknown as Dataset;
}

/** Adapts the model to the data and prepares all rows. */
async function prepare(model: BertForSequenceClassification, data: Dataset, options: TaskOptions = {}) {
  const task = new TextClassification(model, tokenizer, options);
  await task.adapt(data);
  return { task, features: await task.prepare(data, required) };
}

async function failure(work: Promise<unknown>): Promise<FettleError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, 'nothing was thrown').toBeDefined();
  return error as FettleError;
}

describe('which columns hold what', () => {
  const find = (columns: readonly string[], named = {}, info = {}) =>
    findTextColumns(
      rows([
        Object.fromEntries(columns.map((name) => [name, /^(label|labels|target|id|idx)$/.test(name) ? 1 : 'a'])),
      ]).withInfo(info),
      named,
    );

  test('one text column, or two for a pair, and a label by its usual names; said once, with what is not used', () => {
    const log = gatherLog();
    expect(find(['text', 'label'])).toEqual({ text: 'text', textPair: undefined, label: 'label' });
    expect(find(['id', 'a', 'b', 'target'])).toEqual({ text: 'a', textPair: 'b', label: 'target' });
    expect(find(['text', 'category'])).toEqual({ text: 'text', textPair: undefined, label: 'category' });
    expect(find(['text', 'id'])).toEqual({ text: 'text', textPair: undefined, label: undefined });
    expect(log).toEqual([
      "info: columns: text 'text', label 'label'",
      "info: columns: text 'a' and 'b', label 'target'; not used: 'id'",
      "info: columns: text 'text', label 'category'",
      "info: columns: text 'text', no label; not used: 'id'",
    ]);
  });

  test("among more than two the one called 'text' is taken, and the others are said to be left", () => {
    const log = gatherLog();
    expect(find(['title', 'text', 'author', 'label'])).toEqual({ text: 'text', textPair: undefined, label: 'label' });
    expect(log).toEqual(["info: columns: text 'text', label 'label'; not used: 'title', 'author'"]);
  });

  test("GLUE's columns are known", () => {
    gatherLog();
    const info = { name: 'glue', config: 'mrpc' };
    expect(find(['sentence1', 'sentence2', 'other', 'label', 'idx'], {}, info)).toEqual({
      text: 'sentence1',
      textPair: 'sentence2',
      label: 'label',
    });
  });

  test('those that are named are taken, and nothing is said where all are', () => {
    const log = gatherLog();
    expect(find(['a', 'b', 'c', 'label'], { text: 'c', label: 'label' })).toEqual({
      text: 'c',
      textPair: undefined,
      label: 'label',
    });
    expect(find(['a', 'b', 'c', 'x'], { text: 'c', textPair: 'a', label: 'x' })).toEqual({
      text: 'c',
      textPair: 'a',
      label: 'x',
    });
    expect(log).toEqual([]);
  });

  test('what cannot be told is asked for', () => {
    gatherLog();
    expect(() => find(['a', 'b', 'c', 'label'])).toThrow(
      "[text-classification] 3 columns hold text, got 'a: string, b: string, c: string, label: int64', expected one text column, or two for pairs; name them: columns: { text, textPair, label }, or --text-column, --text-pair-column and --label-column",
    );
    expect(() => find(['id', 'label'])).toThrow(/no column holds text/);
    expect(() => find(['text', 'label'], { text: 'txt' })).toThrow(
      "[text-classification] there is no column 'txt', expected one of text, label; did you mean 'text'?",
    );
    expect(() => find(['text', 'label'], { label: 'lable' })).toThrow(/did you mean 'label'\?/);
    expect(() => find(['a', 'b', 'label'], { textPair: 'b' })).toThrow(
      /the second text column is named, the first is not/,
    );
  });
});

describe('labels', () => {
  test('numbers, class labels, bools and strings are class numbers', async () => {
    gatherLog();
    const labelsOf = async (data: Dataset, parts = {}) =>
      (await prepare(await tinyModel(parts), data)).features.map(({ label }) => label);
    expect(await labelsOf(toyDataset(3))).toEqual([0, 1, 0]);
    expect(await labelsOf(toyDataset(3, { label: (id) => id === 1 }))).toEqual([0, 1, 0]);
    expect(await labelsOf(toyDataset(3, { label: (id) => ['neg', 'pos'][id] }))).toEqual([0, 1, 0]);
    const named = rows(toyTexts(3), { text: 'string', label: classLabel(['no', 'yes']) });
    expect(await labelsOf(named)).toEqual([0, 1, 0]);
    // Strings keep the order of a model that knows them.
    expect(await labelsOf(toyDataset(3, { label: (id) => ['neg', 'pos'][id] }), { id2label: ['pos', 'neg'] })).toEqual([
      1, 0, 1,
    ]);
  });

  test('their names go into the model', async () => {
    const log = gatherLog();
    const names = async (data: Dataset, parts = {}) => {
      const model = await tinyModel(parts);
      await prepare(model, data);
      return model.config.id2label;
    };
    expect(await names(toyDataset(4, { label: (id) => ['pos', 'neg'][id] }))).toEqual(['neg', 'pos']);
    expect(log).toContain('info: labels, from the data: neg, pos');
    expect(await names(toyDataset(4, { label: (id) => id === 1 }))).toEqual(['false', 'true']);
    expect(await names(toyDataset(4))).toEqual(['LABEL_0', 'LABEL_1']);
    expect(
      await names(toyDataset(4, { label: (id) => ['neg', 'pos'][id] }), { id2label: ['pos', 'neg', 'none'] }),
    ).toEqual(['pos', 'neg', 'none']);
  });

  /** A checkpoint without a head, as pre-trained ones are. */
  async function headless(parts: Parameters<typeof tinyConfig>[0] = {}): Promise<string> {
    const folder = await temporaryFolder();
    const model = await BertModel.fromConfig(tinyConfig(parts), { threads: 1 });
    await model.savePretrained(folder);
    await model.dispose();
    return folder;
  }

  test('a head whose size nobody gave follows the data', async () => {
    const log = gatherLog();
    const folder = await headless();
    const adapted = async (data: Dataset, options = {}) => {
      const model = await loadTiny(folder, options);
      await prepare(model, data);
      return {
        names: model.config.id2label,
        problem: model.problemType,
        head: model.parameters.get('classifier.weight')!.shape,
      };
    };
    const three = { names: ['a', 'b', 'c'], problem: 'single_label_classification', head: [3, 16] };
    expect(await adapted(toyDataset(6, { classes: 3, label: (id) => 'abc'[id] }))).toEqual(three);
    expect(log).toContain('info: labels, from the data: a, b, c (a new head)');
    expect(await adapted(rows(toyTexts(6), { text: 'string', label: classLabel(['a', 'b', 'c']) }))).toEqual(three);
    expect(await adapted(toyDataset(6, { classes: 3 }))).toEqual({
      ...three,
      names: ['LABEL_0', 'LABEL_1', 'LABEL_2'],
    });
    expect(await adapted(toyDataset(4, { label: (id) => id + 0.5 }))).toEqual({
      names: ['LABEL_0'],
      problem: 'regression',
      head: [1, 16],
    });
    expect(await adapted(toyDataset(4, { label: (id) => [id, 1, 0, 1 - id] }))).toMatchObject({
      problem: 'multi_label_classification',
      head: [4, 16],
    });
    // Names in the configuration are kept, where numbers say nothing against them.
    const named = await headless({ id2label: ['x', 'y', 'z'] });
    for (const classes of [2, 3]) {
      const model = await loadTiny(named);
      await prepare(model, toyDataset(6, { classes }));
      expect(model.config.id2label).toEqual(['x', 'y', 'z']);
    }
    // The new head is a function of the seed, everything else stays.
    const [one, other] = [await loadTiny(folder), await loadTiny(folder)];
    for (const [model, seed] of [
      [one, 1],
      [other, 2],
    ] as const)
      await prepare(model, toyDataset(6, { classes: 3 }), { seed });
    expect(one.weight('classifier.weight').data).not.toEqual(other.weight('classifier.weight').data);
    expect(one.weight('bert.embeddings.word_embeddings.weight').data).toEqual(
      other.weight('bert.embeddings.word_embeddings.weight').data,
    );
    // Once it follows some data it does not follow others.
    await expect(one.useLabels(['x', 'y'])).rejects.toThrow(/disagree about the labels/);
  });

  test('contradictions are errors that say what to do', async () => {
    gatherLog();
    const folder = await headless();
    const threeNamed = toyDataset(6, { classes: 3, label: (id) => 'abc'[id] });
    const given = await failure(prepare(await loadTiny(folder, { numLabels: 2 }), threeNamed));
    expect(given).toMatchObject({
      code: 'ERR_LABELS',
      exitCode: 2,
      message:
        "[BertForSequenceClassification] the data and the model disagree about the labels, got '3 labels in the data (a, b, c)', expected 2 (LABEL_0, LABEL_1); load the model with numLabels: 3",
    });
    const named = await failure(
      prepare(await tinyModel({ id2label: ['x', 'y'] }), toyDataset(4, { label: (id) => 'ab'[id] })),
    );
    expect(named.message).toContain("the data's labels have other names than the model's, got 'a, b', expected x, y; ");
    const lists = await failure(prepare(await tinyModel(), toyDataset(4, { label: (id) => [id, 1, 0] })));
    expect(lists.message).toMatch(/disagree about the labels, got '3 labels/);
  });

  test('several labels a row, and numbers', async () => {
    gatherLog();
    const multi = await tinyModel({ id2label: ['a', 'b', 'c'] });
    const { task, features } = await prepare(multi, toyDataset(2, { label: (id) => [id, 1, 0] }));
    expect(multi.problemType).toBe('multi_label_classification');
    const batch = task.batch(features);
    expect(batch.labels['labels']).toEqual({ type: 'float32', dims: [2, 3], data: Float32Array.of(0, 1, 0, 1, 1, 0) });
    const score = await tinyModel({ id2label: ['score'] });
    const scored = await prepare(score, toyDataset(2, { label: (id) => id * 2.5 }));
    expect(scored.task.batch(scored.features).labels['labels']).toEqual({
      type: 'float32',
      dims: [2, 1],
      data: Float32Array.of(0, 2.5),
    });
    const evaluator = scored.task.evaluator();
    evaluator.add({ logits: { type: 'float32', dims: [2, 1], data: Float32Array.of(1, 2) } }, scored.features);
    expect(evaluator.metrics()).toMatchObject({ mse: expect.closeTo((1 + 0.25) / 2, 6) });
    expect(evaluator.prediction().labelIds.tolist()).toEqual([[0], [2.5]]);
  });

  test('several labels: a row is right where all its labels are, F1 counts labels; rows without labels keep their place', async () => {
    gatherLog();
    const model = await tinyModel({ id2label: ['a', 'b', 'c'], problemType: 'multi_label_classification' });
    const data = rows([
      { text: 'the', label: [1, 0, 0] },
      { text: 'a', label: [1, 1, 0] },
    ]);
    const { task, features } = await prepare(model, data);
    const outputs = { logits: { type: 'float32' as const, dims: [2, 3], data: Float32Array.of(1, 1, -1, 1, -1, -1) } };
    const evaluator = task.evaluator();
    evaluator.add(outputs, features);
    expect(evaluator.metrics()).toEqual({ accuracy: 0, f1: (2 * 2) / (2 * 2 + 1 + 1) });
    const right = task.evaluator();
    right.add({ logits: { ...outputs.logits, data: Float32Array.of(1, -1, -1, 1, -1, -1) } }, features);
    expect(right.metrics()).toEqual({ accuracy: 1 / 2, f1: 4 / 5 });
    const mixed = task.evaluator();
    mixed.add(outputs, [features[0], { ...features[1], label: undefined }]);
    expect(mixed.metrics()).toEqual({});
    expect(mixed.prediction().labelIds.tolist()).toEqual([
      [1, 0, 0],
      [Number.NaN, Number.NaN, Number.NaN],
    ]);
  });

  test('three classes have a macro F1, and GLUE its own metrics', async () => {
    gatherLog();
    const score = async (data: Dataset, labels: number, predicted: readonly number[]) => {
      const { task, features } = await prepare(
        await tinyModel({ id2label: Array.from({ length: labels }, (_, i) => `LABEL_${i}`) }),
        data,
      );
      const evaluator = task.evaluator();
      const logits = Float32Array.from(
        predicted.flatMap((id) => Array.from({ length: labels }, (_, k) => (k === id ? 1 : 0))),
      );
      evaluator.add({ logits: { type: 'float32', dims: [predicted.length, labels], data: logits } }, features);
      return evaluator.metrics();
    };
    // Truth 0 1 2 0 1 2
    const macro = await score(toyDataset(6, { classes: 3 }), 3, [0, 1, 1, 0, 0, 2]);
    expect(macro['accuracy']).toBeCloseTo(4 / 6, 12);
    expect(macro['f1']).toBeCloseTo((4 / 5 + 1 / 2 + 2 / 3) / 3, 12);
    const cola = toyDataset(4).withInfo({ name: 'glue', config: 'cola' }) as Dataset;
    expect(Object.keys(await score(cola.renameColumn('text', 'sentence') as Dataset, 2, [0, 1, 1, 1]))).toEqual([
      'matthews_correlation',
    ]);
  });
});

describe('bad rows are refused before the first step, with their row counted from 1', () => {
  const refused = async (data: Dataset, options: TaskOptions = {}, parts = {}) => {
    gatherLog();
    const error = await failure(prepare(await tinyModel(parts), data, options));
    expect(error).toBeInstanceOf(DataError);
    expect(error.exitCode).toBe(3);
    return error;
  };

  test('a missing label', async () => {
    expect(await refused(toyDataset<number | null>(4, { label: (id, row) => (row === 2 ? null : id) }))).toMatchObject({
      code: 'ERR_LABEL',
      row: 3,
      message:
        "[text-classification] a label is missing (row 3, column 'label'), expected a label in every row; remove the row, or fill it in",
    });
  });

  test('an empty label, and the −1 of unlabelled splits', async () => {
    const empty = await refused(toyDataset(4, { label: (id, row) => (row === 1 ? '' : 'ab'[id]) }));
    expect(empty).toMatchObject({ row: 2, column: 'label' });
    const features = { text: 'string', label: classLabel(['no', 'yes']) } as const;
    expect(
      await refused(
        rows(
          toyTexts(4).map((row) => ({ ...row, label: -1 })),
          features,
        ),
      ),
    ).toMatchObject({ row: 1 });
  });

  test('a label outside the range', async () => {
    const high = await refused(toyDataset(4, { label: (id, row) => (row === 3 ? 2 : id) }));
    expect(high.message).toBe(
      "[text-classification] a label is outside the model's range (row 4, column 'label'), got 2, expected a whole number from 0 to 1; correct it, or load the model with as many labels as the data has",
    );
    expect((await refused(toyDataset(4, { label: (id) => id - 1 }))).message).toMatch(/row 1.*got -1/);
    expect((await refused(toyDataset(4, { label: (id) => id / 2 }))).message).toMatch(/row 2.*got 0.5/);
    const unknown = toyDataset(4, { label: (id, row) => (row === 3 ? 'c' : 'ab'[id]) });
    gatherLog();
    const task = new TextClassification(await tinyModel({ id2label: ['a', 'b'] }), tokenizer);
    expect((await failure(task.prepare(unknown, required))).message).toMatch(
      /row 4, column 'label'\), got 'c', expected one of a, b; /,
    );
  });

  test('labels that do not fit several labels or numbers', async () => {
    const parts = { id2label: ['a', 'b'], problemType: 'multi_label_classification' } as const;
    expect(
      (await refused(toyDataset(3, { label: (id, row) => (row === 1 ? [1] : [id, 1]) }), {}, parts)).message,
    ).toMatch(/row 2, column 'label'\), got \[1\], expected a list of 2 numbers/);
    expect((await refused(toyDataset(3), {}, parts)).message).toMatch(/row 1.*got 0, expected a list of 2 numbers/);
    expect(
      (await refused(toyDataset(3, { label: (_, row) => (row === 2 ? Number.NaN : 0.5) }), {}, { id2label: ['score'] }))
        .message,
    ).toMatch(/a label is no number \(row 3, column 'label'\), got NaN, expected a finite number/);
  });

  test('no label column at all', async () => {
    expect((await refused(rows([{ text: 'the', sentiment: 1 }]))).message).toBe(
      "[text-classification] the data has no label column, got 'text, sentiment', expected a column 'label'; name it: columns: { label }, or --label-column",
    );
  });

  test('a missing text, and one that is no text', async () => {
    const texts = rows([
      { text: 'the', label: 0 },
      { text: null, label: 1 },
    ]);
    expect((await refused(texts)).message).toBe(
      "[text-classification] a text is missing (row 2, column 'text'); remove the row, or fill it in",
    );
    const pairs = rows([{ a: 'the', b: null, label: 0 }], { a: 'string', b: 'string', label: 'int64' });
    expect(await refused(pairs)).toMatchObject({ code: 'ERR_MISSING_TEXT', row: 1, column: 'b' });
    const numbers = rows([{ text: 5, label: 0 }]);
    expect((await refused(numbers, { columns: { text: 'text' } })).message).toMatch(
      /a text is no string \(row 1, column 'text'\), got 5/,
    );
    const words = rows([{ text: ['the', 'cat'], label: 0 }], { text: listOf('string'), label: 'int64' });
    expect((await refused(words, { columns: { text: 'text' } })).message).toMatch(
      /a text is no string.*got \["the","cat"\]/,
    );
  });

  test('a row number is right beyond the rows that are tokenized at once', async () => {
    const error = await refused(toyDataset<number | null>(1500, { label: (id, row) => (row === 1234 ? null : id) }));
    expect(error.row).toBe(1235);
  });
});

describe('long texts', () => {
  const long = (words: number) => ({ text: 'the '.repeat(words), label: 0 });
  const data = rows([long(30), long(31), long(500), long(3)]); // 32, 33, 502 and 5 tokens; the model takes 32

  test('are cut, and counted once', async () => {
    const log = gatherLog();
    const { features } = await prepare(await tinyModel(), data);
    expect(features.map(({ ids }) => ids.length)).toEqual([32, 32, 32, 5]);
    const sep = tinyVocab.indexOf('[SEP]');
    for (const { ids } of features) expect(ids[ids.length - 1]).toBe(sep);
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([
      'warn: 2 of 4 rows had more than 32 tokens and were cut',
    ]);
  });

  test('are an error where they may not be cut', async () => {
    gatherLog();
    const error = await failure(prepare(await tinyModel(), data, { truncation: false }));
    expect(error).toMatchObject({
      code: 'ERR_TOO_LONG',
      exitCode: 3,
      message: '[text-classification] a text has more than 32 tokens (row 2); allow truncation, or shorten the text',
    });
  });

  test('maxLength is kept to; pairs lose of the longer text', async () => {
    const log = gatherLog();
    const pairs = rows([
      { a: 'cat '.repeat(9), b: 'the dog', label: 0 },
      { a: 'cat', b: 'dog', label: 1 },
    ]);
    const { features } = await prepare(await tinyModel(), pairs, { maxLength: 8 });
    expect(tokenizer.decode(Array.from(features[0].ids))).toBe('[CLS] cat cat cat [SEP] the dog [SEP]');
    expect(Array.from(features[0].typeIds!)).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    expect(Array.from(features[1].typeIds!)).toEqual([0, 0, 0, 1, 1]);
    expect(log).toContain('warn: 1 of 2 rows had more than 8 tokens and were cut');
  });

  test("a maxLength beyond the model is refused; one beyond the tokenizer's own limit is the user's word", async () => {
    const model = await tinyModel();
    expect(() => new TextClassification(model, tokenizer, { maxLength: 33 })).toThrow(
      '[text-classification] maxLength is more than the model can take, got 33, expected at most 32 (max_position_embeddings)',
    );
    const short = new BertTokenizer({ vocab: tinyVocab, modelMaxLength: 10 });
    expect(new TextClassification(model, short).maxLength).toBe(10);
    expect(new TextClassification(model, short, { maxLength: 20 }).maxLength).toBe(20);
  });
});

test('a tokenizer with more tokens than the embedding is refused, its added ones counted', async () => {
  const model = await tinyModel();
  const larger = (tokens: readonly string[], added: readonly string[]) =>
    new TextClassification(
      model,
      new BertTokenizer({ vocab: tokens, addedTokens: added.map((content) => ({ content })) }),
    );
  expect(() => larger([...tinyVocab, 'more'], [])).toThrow(
    `[text-classification] the tokenizer's vocabulary does not match the model's embedding, got '${tinyVocab.length + 1} tokens', expected at most ${tinyVocab.length}; use the tokenizer that was saved with the model`,
  );
  expect(() => larger(tinyVocab, ['<user>'])).toThrow(/vocabulary does not match/);
  expect(() => larger(tinyVocab, [])).not.toThrow();
});
