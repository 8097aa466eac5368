import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tinyTokenizer, toyTexts } from '../../../test/testing/tiny.ts';
import { Dataset } from '../dataset.ts';
import { classLabel, type Row } from '../features.ts';
import { balanceClasses, balancedRows } from './balance.ts';
import { cleanText, replaceUrls } from './cleanText.ts';
import { dropDuplicates, dropOverlap, duplicateKey, findDuplicates } from './duplicates.ts';
import { stripHtml } from './html.ts';
import { headAndTail, splitIntoWindows, truncateText } from './longTexts.ts';
import { fillMissing, isComplete, missingCells, requireComplete } from './missing.ts';
import { preprocess } from './preprocess.ts';
import { loadStopWords, removeStopWords, stopWordLanguages } from './stopWords.ts';

describe('stripHtml', () => {
  test.each([
    ['<p>Good &amp; <b>cheap</b>.<br/>Again!</p>', ' Good & cheap. Again! '],
    ['un<b>believ</b>able', 'unbelievable'],
    ['a <b and c> d', 'a  d'],
    ['3 < 4 and 5 > 4, <user> said', '3 < 4 and 5 > 4, <user> said'],
    ['<!-- a > b --><script>if (a<b) {}</script>text<style>p{}</style>', '  text '],
    ['<script>never closed', ' never closed'],
    ['<!-- never closed', '<!-- never closed'],
    ['caf&eacute; &Ccedil;a &#233;&#xE9; &hellip; &bogus; &#0; &#xD800;', 'café Ça éé … &bogus; &#0; &#xD800;'],
    ['&lt;b&gt;', '<b>'],
  ])('%j becomes %j', (html, text) => {
    expect(stripHtml(html)).toBe(text);
  });

  test('takes time in proportion to the text, whatever stands in it', () => {
    for (const part of ['<!--', '<script>', '<a ', '<', '&#', '<!-- --']) {
      const started = performance.now();
      stripHtml(part.repeat(100_000));
      expect(performance.now() - started).toBeLessThan(1000);
    }
  });

  test('a text without < and & stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const plain = text.replace(/[<&]/g, '');
        expect(stripHtml(plain)).toBe(plain);
      }),
      { numRuns: 50 },
    );
  });
});

describe('cleanText', () => {
  test('each option does its own', () => {
    const text = '  See <i>this</i>:\u00a0https://a.example/b?c=(d).\n\nＦＩＮＥ\u200b ﬁsh ';
    expect(cleanText(text, { urls: '[URL]', html: true, whitespace: true })).toBe('See this: [URL]). ＦＩＮＥ ﬁsh');
    expect(cleanText(text, { unicodeForm: 'NFKC', lowerCase: true, whitespace: true })).toBe(
      'see <i>this</i>: https://a.example/b?c=(d). fine fish',
    );
    expect(cleanText('e\u0301 \t x')).toBe('é x');
    expect(replaceUrls('(www.example.org), then')).toBe('(), then');
    expect(replaceUrls('wwwhat http is this')).toBe('wwwhat http is this');
  });

  test('what was cleaned stays as it is, and has no double space', () => {
    const options = { unicodeForm: 'NFKC', lowerCase: true, whitespace: true } as const;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        const once = cleanText(text, options);
        expect(cleanText(once, options)).toBe(once);
        expect(once).not.toMatch(/^\s|\s\s|\s$/u);
      }),
      { numRuns: 100 },
    );
  });

  test('refuses what it does not know', () => {
    expect(() => cleanText('', { hmtl: true } as object)).toThrow(/did you mean 'html'/);
    expect(() => cleanText('', { unicodeForm: 'NFX' as 'NFC' })).toThrow(/no form of Unicode, got 'NFX'/);
  });
});

describe('stop words', () => {
  test('by code or by name, from the kept lists', async () => {
    const english = await loadStopWords('en');
    expect(english.name).toBe('English');
    for (const name of ['eng', 'English', 'ENGLISH']) expect((await loadStopWords(name)).words).toEqual(english.words);
    expect((await loadStopWords('German')).words.has('und')).toBe(true);
    expect((await loadStopWords('pt-BR')).language).toBe('pt-BR');
    expect((await stopWordLanguages()).length).toBeGreaterThan(55);
    expect(removeStopWords("The cat isn't on the mat, and I'm glad.", english)).toBe("cat isn't mat, I'm glad.");
    expect(removeStopWords('然而我喜欢苹果', await loadStopWords('zh'))).toContain('苹果');
  });

  test('own words; other texts stay as they are, unit by unit', () => {
    expect(removeStopWords('An  odd\tway', ['AN'])).toBe('odd\tway');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(removeStopWords(text, [])).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  test('an unknown language names the known ones', async () => {
    await expect(loadStopWords('Klingon')).rejects.toThrow(/got 'Klingon', expected one of .*en \(English\)/);
    await expect(loadStopWords('Germann')).rejects.toThrow(/did you mean 'German'/);
  });
});

const rows = Dataset.fromRows(
  [
    { text: 'good', label: 1 },
    { text: null, label: 0 },
    { text: 'Good ', label: 0 },
    { text: 'good', label: 0 },
    { text: 'bad', label: -1 },
  ],
  { features: { text: 'string', label: classLabel(['no', 'yes']) } },
) as unknown as Dataset;

describe('missing values', () => {
  test('are found with their rows, −1 of class labels among them', () => {
    expect(missingCells(rows, ['text', 'label'])).toEqual([
      { column: 'text', rows: [2] },
      { column: 'label', rows: [5] },
    ]);
    expect(() => requireComplete(rows, ['text', 'label'])).toThrow(
      /values are missing: 'text' in row 2; 'label' in row 5/,
    );
    expect(rows.filter((row) => isComplete(row, ['text'])).length).toBe(4);
    expect(rows.map((row) => fillMissing(row, ['text'], '?')).row(1)['text']).toBe('?');
  });
});

describe('duplicates', () => {
  test('exact, or but for case and white space', () => {
    expect(findDuplicates(rows, ['text'])).toEqual({ rows: [3], firsts: [0] });
    expect(findDuplicates(rows, ['text'], 'normalized')).toEqual({ rows: [2, 3], firsts: [0, 0] });
    expect(dropDuplicates(rows, ['text'], 'normalized').length).toBe(3);
    expect(duplicateKey({ a: 'x', b: 1 }, ['a', 'b'])).not.toBe(duplicateKey({ a: 'x', b: '1' }, ['a', 'b']));
    expect(dropOverlap(rows, rows.take(1), ['text'], 'exact').length).toBe(3);
  });

  test('every content stays once, in the order of its first rows', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'A', 'b', ' b', 'c'), { minLength: 1 }), (texts) => {
        const kept = dropDuplicates(Dataset.fromColumns({ text: texts }), ['text']);
        expect(kept.column('text').toArray()).toEqual([...new Set(texts)]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('class balance', () => {
  const labels = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 60 });
  const countsOf = (values: Iterable<string>) => {
    const counts = new Map<string, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return counts;
  };

  test('oversampling keeps every row and evens out the classes, and a class repeats its rows evenly', () => {
    fc.assert(
      fc.property(labels, fc.nat(), (all, seed) => {
        const order = balancedRows(all, 'oversample', seed);
        expect(Array.from(order.slice(0, all.length))).toEqual(all.map((_, i) => i));
        expect(new Set(countsOf(Array.from(order, (i) => all[i])).values()).size).toBe(1);
        const times = new Map<number, number>();
        for (const i of order) times.set(i, (times.get(i) ?? 0) + 1);
        for (const label of new Set(all)) {
          const own = all.flatMap((each, i) => (each === label ? [times.get(i) ?? 0] : []));
          expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(1);
        }
        expect(balancedRows(all, 'oversample', seed)).toEqual(order);
      }),
      { numRuns: 50 },
    );
  });

  test('undersampling keeps as many of each as the smallest class has, in their order', () => {
    fc.assert(
      fc.property(labels, fc.nat(), (all, seed) => {
        const order = Array.from(balancedRows(all, 'undersample', seed));
        expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
        const smallest = Math.min(...countsOf(all).values());
        for (const count of countsOf(order.map((i) => all[i])).values()) expect(count).toBe(smallest);
      }),
      { numRuns: 50 },
    );
  });

  test('another seed chooses other rows; no labels and numbers are refused', () => {
    const all = Array.from({ length: 50 }, (_, i) => (i < 40 ? 'a' : 'b'));
    expect(balancedRows(all, 'undersample', 1)).not.toEqual(balancedRows(all, 'undersample', 2));
    expect(() => balanceClasses(rows, 'label', 'oversample')).toThrow(/a row has no label \(row 5, column 'label'\)/);
    const numbers = Dataset.fromColumns({ score: [0.5, 1.5] });
    expect(() => balanceClasses(numbers, 'score', 'undersample')).toThrow(
      /no classes \(column 'score'\), got 'float64'/,
    );
  });
});

describe('long texts', () => {
  const tokenizer = tinyTokenizer();
  const tokens = (text: string) => tokenizer.tokenize(text);
  const words = toyTexts(30, { seed: 7 }).flatMap(({ text }) => text.split(' '));
  const texts = fc
    .array(fc.constantFrom(...words, '!', 'xyzzy'), { minLength: 1, maxLength: 60 })
    .map((all) => all.join(' '));
  const lengths = fc.integer({ min: 8, max: 24 });

  test('the beginning, or beginning and end, have the tokens that stood there, and fit', () => {
    fc.assert(
      fc.property(texts, lengths, (text, maxLength) => {
        const all = tokens(text);
        const room = maxLength - 2;
        const beginning = tokens(truncateText(text, { tokenizer, maxLength }));
        expect(beginning).toEqual(all.slice(0, beginning.length));
        const headTokens = Math.floor(room / 3);
        const both = tokens(headAndTail(text, { tokenizer, maxLength, headTokens }));
        if (all.length <= room) expect([beginning, both]).toEqual([all, all]);
        else {
          expect(beginning.length).toBeLessThanOrEqual(room);
          expect(both.length).toBeLessThanOrEqual(room);
          const same = both.findIndex((token, i) => token !== all[i]);
          const head = same < 0 ? both.length : same;
          expect(both.slice(head)).toEqual(all.slice(all.length - (both.length - head)));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('windows hold every token, from the first to the last, and share no more than the stride', () => {
    fc.assert(
      fc.property(texts, lengths, fc.nat({ max: 5 }), (text, maxLength, stride) => {
        const all = tokens(text);
        const windows = splitIntoWindows(text, { tokenizer, maxLength, stride }).map(tokens);
        let covered = 0;
        for (const window of windows) {
          expect(window.length).toBeLessThanOrEqual(maxLength - 2);
          // Where the window begins: no later than what is covered, and no more than the stride before it.
          const starts = Array.from({ length: stride + 1 }, (_, back) => covered - back).filter((start) => start >= 0);
          const start = starts.find(
            (at) => window.every((token, i) => token === all[at + i]) && at + window.length > covered,
          );
          expect(start).toBeDefined();
          covered = (start as number) + window.length;
        }
        expect(covered).toBe(all.length);
      }),
      { numRuns: 60 },
    );
  });

  test('refuses lengths that leave no room', () => {
    expect(() => truncateText('a', { tokenizer, maxLength: 2 })).toThrow(/leaves no room for words, got 2/);
    expect(() => headAndTail('a', { tokenizer, maxLength: 8, headTokens: 7 })).toThrow(/from 0 to 6/);
    expect(() => splitIntoWindows('a', { tokenizer, maxLength: 8, stride: 6 })).toThrow(/no step/);
  });
});

describe('preprocess', () => {
  test('says what it did, with counts', () => {
    const { dataset, steps } = preprocess(rows, {
      texts: ['text'],
      label: 'label',
      missing: 'drop',
      duplicates: 'normalized',
    });
    expect(dataset.toJSON()).toEqual([{ text: 'good', label: 1 }]);
    expect(steps.map(({ step, rows }) => [step, rows])).toEqual([
      ['missing', 2],
      ['duplicates', 2],
    ]);
    expect(steps[0].message).toBe("2 of 5 rows were left out: values are missing ('text' in row 2, 'label' in row 5)");
  });

  test('missing values are an error unless said otherwise; labels cannot be filled', () => {
    expect(() => preprocess(rows, { texts: ['text'], label: 'label' })).toThrow(/--missing drop/);
    expect(() => preprocess(rows, { texts: ['text'], label: 'label', missing: { fill: '' } })).toThrow(
      /a value is missing \(row 5, column 'label'\)/,
    );
    const filled = preprocess(rows, { texts: ['text'], missing: { fill: 'nothing' } });
    expect(filled.dataset.row(1)['text']).toBe('nothing');
    expect(rows.row(1)['text']).toBe(null);
  });

  test('a text of which nothing is left is said, or goes with the missing ones', () => {
    const tags = Dataset.fromRows([{ text: '<br>' }, { text: 'fine' }]) as unknown as Dataset;
    const clean = { html: true, whitespace: true };
    expect(preprocess(tags, { texts: ['text'], clean }).steps.at(-1)?.message).toMatch(/nothing is left .* row 1;/);
    expect(preprocess(tags, { texts: ['text'], clean, missing: 'drop' }).dataset.length).toBe(1);
    const one = tags.take(1) as Dataset<Row>;
    expect(() => preprocess(one, { texts: ['text'], clean, missing: 'drop' })).toThrow(/no row is left/);
  });

  test('windows repeat the label; balance and stop words are counted too', async () => {
    const tokenizer = tinyTokenizer();
    const text = 'the cat is good and the dog is bad today';
    const data = Dataset.fromRows([
      { text, label: 'a' },
      { text: 'good', label: 'b' },
      { text: 'bad', label: 'b' },
    ]);
    const { dataset, steps } = preprocess(data as unknown as Dataset, {
      texts: ['text'],
      label: 'label',
      balance: 'oversample',
      stopWords: ['today'],
      longTexts: { how: 'windows', tokenizer, maxLength: 6, stride: 1 },
    });
    expect(steps.map(({ step, rows }) => [step, rows])).toEqual([
      ['stopWords', 1],
      ['balance', 1],
      ['longTexts', 2],
    ]);
    expect(dataset.filter((row) => row['label'] === 'a').length).toBeGreaterThan(2);
    expect(dataset.toJSON().every((row) => tokenizer.tokenize(row['text'] as string).length <= 4)).toBe(true);
  });

  test('refuses what cannot be done', () => {
    const pair = { texts: ['text', 'label'] };
    expect(() => preprocess(rows, { ...pair, clean: {} })).toThrow(/only texts can be cleaned/);
    expect(() => preprocess(rows, { texts: ['txt'] })).toThrow(/did you mean 'text'/);
    expect(() => preprocess(rows, { texts: ['text'], balance: 'oversample' })).toThrow(/without labels/);
    expect(() => preprocess(rows, { texts: ['text'], dedup: 'exact' } as never)).toThrow(/no option 'dedup'/);
  });
});
