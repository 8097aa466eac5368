import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tinyTokenizer } from '../../../test/testing/tiny.ts';
import { Dataset } from '../dataset.ts';
import { datasetDict } from '../datasetDict.ts';
import { classLabel, listOf, type Row, type RowOf } from '../features.ts';
import { inspectedColumns } from './columns.ts';
import { encodingTrouble } from './encodingTrouble.ts';
import { inspectDataset } from './inspectDataset.ts';
import type { DatasetInspection, FindingCode } from './inspection.ts';
import { summarizeLengths } from './lengths.ts';

const data = <R extends RowOf<R>>(rows: readonly R[], features = {}): Dataset =>
  Dataset.fromRows(rows, { features }) as unknown as Dataset;

const found = ({ findings }: DatasetInspection, code: FindingCode, split?: string) =>
  findings.filter((each) => each.code === code && (split === undefined || each.split === split));

describe('signs of a wrong encoding', () => {
  const misread = (text: string) => new TextDecoder('windows-1252').decode(new TextEncoder().encode(text));

  test.each(['é', 'über', 'it’s', '“so”', 'naïve – no', 'Привет', '日本', '😀', 'ÀÉ', '£5', 'Łódź', '\u00a0x'])(
    'UTF-8 of %j read as Windows-1252 is seen',
    (text) => {
      expect(encodingTrouble(`So ${misread(text)}.`).mojibake).toBeDefined();
      expect(encodingTrouble(`So ${text}.`).mojibake).toBeUndefined();
    },
  );

  test.each(['voilà\u00a0»', 'NÃO', 'ÃO “maçÔ', '„Ä“', '«Ö»', 'â€', 'Â', 'SÃO PAULO', 'à la', 'Îles', 'naïf', 'ß‘s'])(
    'sound text %j is not',
    (text) => {
      expect(encodingTrouble(text)).toEqual({ replacement: false, mojibake: undefined, nul: false });
    },
  );

  test('letters of Western Europe are seen when they are misread, whatever stands around', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 10 }), fc.constantFrom(...'éèàüöäñçßøåêî'), (ascii, letter) => {
        expect(encodingTrouble(`${ascii}${misread(letter)}${ascii}`).mojibake).toBeDefined();
        expect(encodingTrouble(`${ascii}${letter}${ascii}`).mojibake).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });
});

describe('columns', () => {
  test('are found by name and type, and can be named', () => {
    const features = { id: 'string', review: 'string', stars: 'int64', label: 'string' };
    const reviews = data([{ id: 'a', review: 'good', stars: 3, label: 'yes' }], features);
    expect(inspectedColumns(reviews)).toEqual({ texts: ['review'], label: 'label' });
    expect(inspectedColumns(reviews, { texts: ['label'], label: 'stars' })).toEqual({
      texts: ['label'],
      label: 'stars',
    });
    expect(() => inspectedColumns(reviews, { label: 'lable' })).toThrow(/did you mean 'label'/);
    const words = data([{ tokens: ['a', 'b'], ner_tags: [0, 1] }], { ner_tags: listOf(classLabel(['O', 'B-X'])) });
    expect(inspectedColumns(words)).toEqual({ texts: ['tokens'], label: 'ner_tags' });
    const questions = data([{ id: '1', title: 't', question: 'q', context: 'c' }]);
    expect(inspectedColumns(questions)).toEqual({ texts: ['question', 'context'], label: undefined });
  });
});

const messy = datasetDict({
  train: data(
    [
      ...Array.from({ length: 40 }, (_, i) => ({ text: `fine film ${i}`, label: 'good' })),
      { text: 'Fine  film 0', label: 'bad' },
      { text: 'fine film 1', label: 'good' },
      { text: null, label: 'bad' },
      { text: ' ', label: 'bad' },
      { text: 'cafÃ© <br> &amp; bar', label: null },
      { text: 'broken \ufffd and \0', label: 'bad' },
    ],
    { text: 'string', label: 'string' },
  ),
  validation: data([
    { text: 'FINE film 3', label: 'good' },
    { text: 'the cat', label: 'odd' },
  ]),
  test: data([{ text: 'the cat', label: -1 }], { label: classLabel(['bad', 'good']) }),
});

test('a messy data set: each trouble with its rows, its count and what to do', async () => {
  const inspection = await inspectDataset(messy);
  const of = (code: FindingCode, split?: string) =>
    found(inspection, code, split).map(({ column, count, rows, severity }) => ({ column, count, rows, severity }));
  expect(inspection.columns).toEqual({ texts: ['text'], label: 'label' });
  expect(of('missing-values', 'train')).toEqual([
    { column: 'text', count: 1, rows: [43], severity: 'warning' },
    { column: 'label', count: 1, rows: [45], severity: 'warning' },
  ]);
  expect(of('empty-texts')).toEqual([{ column: 'text', count: 1, rows: [44], severity: 'warning' }]);
  expect(of('mojibake')).toEqual([{ column: 'text', count: 1, rows: [45], severity: 'warning' }]);
  expect(of('html')).toEqual([{ column: 'text', count: 1, rows: [45], severity: 'note' }]);
  expect(of('replacement-characters')[0].rows).toEqual([46]);
  expect(of('nul-characters')[0].rows).toEqual([46]);
  expect(of('duplicates')).toMatchObject([{ count: 2, rows: [41, 42] }]);
  expect(inspection.splits[0].duplicates).toEqual({ exact: 1, normalized: 2 });
  expect(of('leakage', 'validation')).toMatchObject([{ count: 1, rows: [1], severity: 'warning' }]);
  expect(of('leakage', 'test')).toMatchObject([{ count: 1, rows: [1], severity: 'note' }]);
  expect(found(inspection, 'label-conflicts')[0].message).toContain("'good' (train, row 1) and 'bad' (train, row 41)");
  expect(found(inspection, 'label-missing-in-training')[0].message).toContain('odd');
  expect(found(inspection, 'missing-values', 'test')[0]).toMatchObject({ severity: 'note', count: 1 });
  expect(found(inspection, 'few-rows')[0].message).toContain("'bad' stands 4 times");
  expect(inspection.findings.every(({ advice, message }) => advice !== '' && message !== '')).toBe(true);
  const severities = inspection.findings.map(({ severity }) => severity);
  expect(severities).toEqual([...severities].sort().reverse());
  // Plain data: JSON loses nothing but what is undefined.
  expect(JSON.parse(JSON.stringify(inspection))).toMatchObject({ splits: [{ rows: 46 }, { rows: 2 }, { rows: 1 }] });
});

test('a sound data set has no finding', async () => {
  const rows = (from: number) =>
    data(Array.from({ length: 40 }, (_, i) => ({ text: `text ${from + i}`, label: i % 2 === 0 ? 'a' : 'b' })));
  const { findings } = await inspectDataset(datasetDict({ train: rows(0), test: rows(40) }));
  expect(findings).toEqual([]);
});

test('lengths are those of the rows as the model would read them', async () => {
  const tokenizer = tinyTokenizer();
  const texts = ['good', 'the cat is good', 'xyzzy the dog is very bad'];
  const pairs = data(texts.map((text) => ({ text, second: 'a film', label: 0 })));
  const { splits, findings } = await inspectDataset(pairs, { tokenizer, maxLength: 9 });
  const expected = texts.map((text) => tokenizer(text, 'a film', { truncation: false }).encodings[0].length);
  expect(splits[0].lengths).toMatchObject({ unit: 'tokens', max: Math.max(...expected), maxLength: 9 });
  const long = expected.flatMap((length, i) => (length > 9 ? [i + 1] : []));
  expect(splits[0].lengths?.truncated).toBe(long.length);
  expect(findings.find(({ code }) => code === 'too-long')?.rows).toEqual(long);
  expect((await inspectDataset(pairs)).splits[0].lengths).toMatchObject({
    unit: 'words',
    max: 8,
    truncated: undefined,
  });
});

test('percentiles are lengths that so many rows do not exceed', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1 }), (lengths) => {
      const { percentiles, max, mean } = summarizeLengths(lengths, 'words', undefined);
      for (const [percent, length] of Object.entries(percentiles)) {
        const within = lengths.filter((each) => each <= length).length;
        const below = lengths.filter((each) => each < length).length;
        expect(within / lengths.length).toBeGreaterThanOrEqual(Number(percent) / 100 - 1e-9);
        expect(below / lengths.length).toBeLessThan(Number(percent) / 100);
      }
      expect(max).toBe(Math.max(...lengths));
      expect(mean).toBeCloseTo(lengths.reduce((a, b) => a + b, 0) / lengths.length);
    }),
    { numRuns: 50 },
  );
});

test('any rows can be inspected, and the counts add up', async () => {
  const cell = fc.option(fc.string({ maxLength: 3 }), { nil: null });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ text: cell, label: cell }), { maxLength: 20 }), async (rows) => {
      const { splits } = await inspectDataset(data(rows as Row[], { text: 'string', label: 'string' }));
      const [{ labels, duplicates, columns }] = splits;
      expect((labels?.missing ?? 0) + (labels?.counts ?? []).reduce((sum, { count }) => sum + count, 0)).toBe(
        rows.length,
      );
      expect(columns.map(({ missing }) => missing)).toEqual(
        ['text', 'label'].map((name) => rows.filter((row) => row[name as 'text'] === null).length),
      );
      expect(duplicates?.exact ?? 0).toBeLessThanOrEqual(duplicates?.normalized ?? 0);
    }),
    { numRuns: 30 },
  );
});
