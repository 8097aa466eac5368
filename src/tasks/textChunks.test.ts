import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gatherLog } from '../../test/testing/tiny.ts';
import { Dataset } from '../data/index.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import golden from './goldens/groupTexts.json' with { type: 'json' };
import { findTextColumn, groupTexts, textChunks } from './textChunks.ts';

const tokenizer = new BertTokenizer({ vocab: golden.vocab, modelMaxLength: 64 });
const options = { owner: 'fill-mask', column: 'text', maxLength: 16, lineByLine: false, truncation: true };
const dataOf = (texts: readonly (string | null)[]) =>
  Dataset.fromRows(
    texts.map((text) => ({ text })),
    { features: { text: 'string' } },
  ) as unknown as Dataset;

describe('joined texts', () => {
  test.each(Object.entries(golden.chunks))(
    'are cut into chunks of %s tokens as in Python',
    async (length, expected) => {
      const chunks = await textChunks(dataOf(golden.texts), tokenizer, { ...options, maxLength: Number(length) });
      expect(chunks.map((ids) => [...ids])).toEqual(expected);
    },
  );

  test('say what they gave and what was left out', async () => {
    const lines = gatherLog();
    const chunks = await textChunks(dataOf([...golden.texts, '', ' \n ']), tokenizer, options);
    const tokens = tokenizer(golden.texts).encodings.reduce((sum, { length }) => sum + length, 0);
    expect(lines).toEqual([
      'info: 2 of 8 texts are empty and were left out',
      `info: ${tokens} tokens in ${chunks.length} chunks of 16; the last ${tokens - chunks.length * 16} tokens fill no chunk and are left out`,
    ]);
    expect(tokens % 16).toBeGreaterThan(0);
  });

  test('that fill no chunk are one row', async () => {
    const lines = gatherLog();
    const chunks = await textChunks(dataOf(['a day', 'good']), tokenizer, options);
    expect(chunks.map((ids) => tokenizer.decode(ids))).toEqual(['[CLS] a day [SEP] [CLS] good [SEP]']);
    expect(lines.join()).toContain('they are one row');
  });

  test('that are longer than the model takes raise no warning', async () => {
    const lines = gatherLog();
    await textChunks(dataOf(['the '.repeat(200)]), tokenizer, options);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  test('keep every token in its order, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(99), { maxLength: 9 })), fc.integer({ min: 1, max: 12 }), (rows, length) => {
        const all = rows.flat();
        const chunks = groupTexts(rows, length);
        expect(chunks.flatMap((chunk) => [...chunk])).toEqual(all.slice(0, all.length - (all.length % length)));
        for (const chunk of chunks) expect(chunk.length).toBe(length);
      }),
      { numRuns: 100 },
    );
  });
});

describe('line by line', () => {
  const lines = { ...options, lineByLine: true, maxLength: 5 };

  test('a text is a row, and a longer one is cut, which is said', async () => {
    const said = gatherLog();
    const rows = await textChunks(dataOf(['a day', '', 'the film was good']), tokenizer, lines);
    expect(rows.map((ids) => tokenizer.decode(ids))).toEqual(['[CLS] a day [SEP]', '[CLS] the film was [SEP]']);
    expect(said).toContain('warn: 1 of 3 texts had more than 5 tokens and were cut');
  });

  test('a longer text is an error where it may not be cut', async () => {
    await expect(
      textChunks(dataOf(['a day', '', 'the film was good']), tokenizer, { ...lines, truncation: false }),
    ).rejects.toMatchObject({ code: 'ERR_TOO_LONG', row: 3, column: 'text' });
  });
});

test('a missing text is an error that names the row', async () => {
  await expect(textChunks(dataOf(['a day', null]), tokenizer, options)).rejects.toMatchObject({
    code: 'ERR_MISSING_TEXT',
    row: 2,
    column: 'text',
  });
});

describe('the column of texts', () => {
  const columns = (row: Record<string, string | number>) => Dataset.fromRows([row]) as unknown as Dataset;

  test('is the one of strings, the one named text, or the one that is named', () => {
    const lines = gatherLog();
    expect(findTextColumn(columns({ id: 1, body: 'x' }), undefined, 'fill-mask')).toBe('body');
    expect(findTextColumn(columns({ title: 'y', text: 'x' }), undefined, 'fill-mask')).toBe('text');
    expect(findTextColumn(columns({ title: 'y', text: 'x' }), 'title', 'fill-mask')).toBe('title');
    expect(lines[0]).toBe("info: columns: text 'body'; not used: 'id'");
  });

  test('is asked for where it cannot be told', () => {
    expect(() => findTextColumn(columns({ a: 'x', b: 'y' }), undefined, 'fill-mask')).toThrow('2 columns hold text');
    expect(() => findTextColumn(columns({ a: 1 }), undefined, 'fill-mask')).toThrow('no column holds text');
    expect(() => findTextColumn(columns({ body: 'x' }), 'bdy', 'fill-mask')).toThrow("did you mean 'body'?");
  });
});
