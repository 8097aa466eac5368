import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FettleError } from '../../src/core/errors.ts';
import { type BatchEncoding, BertTokenizer, type EncodeOptions, parseVocabulary } from '../../src/tokenizers/index.ts';

const shared = new URL('../../../shared/', import.meta.url);
const present = existsSync(new URL('data/tokenizer-reference', shared));
const read = (path: string) => readFileSync(new URL(path, shared), 'utf8');
const lines = (path: string) => read(path).trimEnd().split('\n');
const json = <T>(path: string) => JSON.parse(read(path)) as T;

const vocabularies = ['bert-base-uncased', 'bert-base-cased', 'bert-base-chinese', 'bert-base-multilingual-cased'];
const tokenizerOf = (name: string) =>
  new BertTokenizer({
    vocab: parseVocabulary(read(`data/vocab/${name}-vocab.txt`)),
    doLowerCase: name === 'bert-base-uncased',
  });

type Ids = number[];
type Offsets = [number, number][];
const ids = (batch: BatchEncoding) => batch.encodings.map((encoding) => [...encoding.ids]);
const types = (batch: BatchEncoding) => batch.encodings.map((encoding) => [...encoding.typeIds]);
const masks = (batch: BatchEncoding) => batch.encodings.map((encoding) => [...encoding.attentionMask]);

describe.skipIf(!present)("BERT's tokenizer against Hugging Face's (skipped where ../shared is absent)", () => {
  const texts = present
    ? lines('data/tokenizer-reference/lines.jsonl').map((line) => JSON.parse(line).text as string)
    : [];

  test.each(vocabularies)('the ids of every reference line: %s', (name) => {
    const batch = tokenizerOf(name)(texts);
    const expected = lines(`data/tokenizer-reference/${name}.ids.txt`);
    expect(expected.length).toBe(texts.length);
    batch.encodings.forEach((encoding, i) => {
      expect(encoding.ids.join(' '), texts[i]).toBe(expected[i]);
    });
  });

  test('the offsets of every reference line, in code points and in UTF-16 units', () => {
    const expected = lines('data/tokenizer-reference/bert-base-uncased.offsets.txt');
    tokenizerOf('bert-base-uncased')(texts).encodings.forEach((encoding, i) => {
      const codePoints = encoding.codePointOffsets;
      expect(codePoints.map(([start, end]) => `${start}:${end}`).join(' '), texts[i]).toBe(expected[i]);
      const characters = [...texts[i]];
      encoding.offsets.forEach(([start, end], token) => {
        const [from, to] = codePoints[token];
        expect(texts[i].slice(start, end)).toBe(characters.slice(from, to).join(''));
      });
    });
  });

  test('MRPC pairs truncated to 64', () => {
    const expected = lines('data/tokenizer-reference/mrpc-dev-uncased-pairs-len64.jsonl').map((line) =>
      JSON.parse(line),
    );
    const rows = read('data/glue/MRPC/dev.tsv')
      .split(/\r?\n/)
      .slice(1)
      .map((line) => line.split('\t'))
      .filter((row, i) => row.length > 4 && i % 2 === 0); // the reference has every second row
    expect(rows.length).toBe(expected.length);
    const batch = tokenizerOf('bert-base-uncased')(
      rows.map((row) => row[3]),
      rows.map((row) => row[4]),
      { truncation: true, maxLength: 64 },
    );
    batch.encodings.forEach((encoding, i) => {
      expect([...encoding.ids]).toEqual(expected[i].ids);
      expect([...encoding.typeIds]).toEqual(expected[i].type_ids);
    });
  });

  describe('golden files', () => {
    const tokenizer = present ? tokenizerOf('bert-base-uncased') : (undefined as unknown as BertTokenizer);

    test('single texts', () => {
      const { items } = json<{
        items: { text: string; ids: Ids; offsets: Offsets; words: (number | null)[]; tokens: string[] }[];
      }>('golden/tok_single.json');
      for (const item of items) {
        const [encoding] = tokenizer(item.text).encodings;
        expect([...encoding.ids]).toEqual(item.ids);
        expect(encoding.codePointOffsets).toEqual(item.offsets);
        expect(encoding.wordIds).toEqual(item.words);
        expect(encoding.tokens()).toEqual(item.tokens);
      }
    });

    test('pairs', () => {
      type Item = { a: string; b: string; ids: Ids; types: Ids; offsets: Offsets; seq: (number | null)[] };
      for (const item of json<Item[]>('golden/tok_pairs.json')) {
        const [encoding] = tokenizer(item.a, item.b).encodings;
        expect([...encoding.ids]).toEqual(item.ids);
        expect([...encoding.typeIds]).toEqual(item.types);
        expect(encoding.codePointOffsets).toEqual(item.offsets);
        expect(encoding.sequenceIds).toEqual(item.seq);
        expect([...encoding.specialTokensMask]).toEqual(item.seq.map((sequence) => (sequence === null ? 1 : 0)));
      }
    });

    test('truncation, and where Python raises', () => {
      type Item = { a: string; b: string | null; ids: Ids; types: Ids; error?: string } & Case;
      type Case = { strategy: 'longest_first' | 'only_first' | 'only_second'; max_length: number };
      let raised = 0;
      for (const item of json<Item[]>('golden/tok_trunc.json')) {
        const call = () => tokenizer(item.a, item.b, { truncation: item.strategy, maxLength: item.max_length });
        if (item.error !== undefined) {
          expect(call).toThrow(FettleError);
          raised++;
        } else {
          expect(ids(call())).toEqual([item.ids]);
          expect(types(call())).toEqual([item.types]);
        }
      }
      expect(raised).toBeGreaterThan(0);
    });

    test('overflowing windows', () => {
      type Item = {
        a: string;
        b: string | null;
        strategy: true | 'longest_first' | 'only_first' | 'only_second';
        max_length: number;
        stride: number;
        padding: false | 'max_length';
        ids: Ids[];
        types: Ids[];
        mask: Ids[];
        offsets: Offsets[];
        map: number[];
        seq: (number | null)[][];
      };
      for (const item of json<Item[]>('golden/tok_overflow.json')) {
        const batch = tokenizer(item.a, item.b, {
          truncation: item.strategy,
          maxLength: item.max_length,
          stride: item.stride,
          padding: item.padding,
          returnOverflowingTokens: true,
        });
        expect(ids(batch)).toEqual(item.ids);
        expect(types(batch)).toEqual(item.types);
        expect(masks(batch)).toEqual(item.mask);
        expect(batch.encodings.map((encoding) => encoding.codePointOffsets)).toEqual(item.offsets);
        expect(batch.encodings.map((encoding) => encoding.sequenceIds)).toEqual(item.seq);
        expect(batch.overflowToSampleMapping).toEqual(item.map);
      }
    });

    test('padding', () => {
      type Keywords = { [name: string]: unknown };
      const camelCase = (keywords: Keywords) =>
        Object.fromEntries(
          Object.entries(keywords).map(([name, value]) => [
            name.replace(/_(.)/g, (_, c: string) => c.toUpperCase()),
            value,
          ]),
        ) as EncodeOptions;
      const { texts, cases } = json<{
        texts: string[];
        cases: { kw: Keywords; ids: Ids[]; types: Ids[]; mask: Ids[] }[];
      }>('golden/tok_pad.json');
      for (const { kw, ...expected } of cases) {
        const batch = tokenizer(texts, camelCase(kw));
        expect({ ids: ids(batch), types: types(batch), mask: masks(batch) }).toEqual(expected);
      }
    });

    test('words given', () => {
      type Item = { words: string[]; ids: Ids; word_ids: (number | null)[]; offsets: Offsets };
      for (const item of json<Item[]>('golden/tok_pretok.json')) {
        const [encoding] = tokenizer(item.words, { isSplitIntoWords: true }).encodings;
        expect([...encoding.ids]).toEqual(item.ids);
        expect(encoding.wordIds).toEqual(item.word_ids);
        expect(encoding.codePointOffsets).toEqual(item.offsets);
      }
    });

    test('decoding', () => {
      type Item = { ids: Ids; skip: string; keep: string; keep_clean: string; noclean: string };
      for (const item of json<Item[]>('golden/tok_decode.json')) {
        expect(tokenizer.decode(item.ids, { skipSpecialTokens: true })).toBe(item.skip);
        expect(tokenizer.decode(item.ids)).toBe(item.keep);
        expect(tokenizer.decode(item.ids, { cleanUpTokenizationSpaces: true })).toBe(item.keep_clean);
        expect(tokenizer.decode(item.ids, { skipSpecialTokens: true, cleanUpTokenizationSpaces: false })).toBe(
          item.noclean,
        );
      }
    });
  });
});
