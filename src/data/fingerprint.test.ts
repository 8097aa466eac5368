import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatenateDatasets } from './concatenate.ts';
import { Dataset } from './dataset.ts';
import { classLabel, listOf, type Row, type RowOf } from './features.ts';
import { fingerprint, textBytes } from './fingerprint.ts';

const of = <R extends RowOf<R>>(rows: readonly R[], features = {}): Dataset =>
  Dataset.fromRows(rows, { features }) as unknown as Dataset;

const features = {
  text: 'string',
  number: 'float64',
  flag: 'bool',
  words: listOf('string'),
  place: { type: 'struct', fields: { at: 'int64' } },
} as const;
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const rows = fc.array(
  fc.record({
    text: maybe(fc.string({ maxLength: 3 })),
    number: maybe(fc.double({ noNaN: true })),
    flag: maybe(fc.boolean()),
    words: maybe(fc.array(fc.string({ maxLength: 2 }), { maxLength: 3 })),
    place: maybe(fc.record({ at: fc.integer() })),
  }),
  { minLength: 1, maxLength: 6 },
) as fc.Arbitrary<Row[]>;

test('the same rows have the same fingerprint, however they are stored', () => {
  fc.assert(
    fc.property(rows, fc.nat(), (all, seed) => {
      const whole = of(all, features);
      const expected = fingerprint(whole);
      expect(expected).toMatch(/^[0-9a-f]{64}$/);
      // Chosen from a larger one, backwards twice, put together, and without a column that was added.
      const larger = of([...all, ...all], features).slice(all.length);
      const back = whole.select(all.map((_, i) => all.length - 1 - i)).select(all.map((_, i) => all.length - 1 - i));
      const at = seed % all.length;
      const joined = concatenateDatasets([whole.slice(0, at), whole.slice(at)]);
      const without = whole
        .addColumn(
          'more',
          all.map((_, i) => i),
        )
        .removeColumns('more');
      for (const same of [of(all, features), larger, back, joined, without]) expect(fingerprint(same)).toBe(expected);
    }),
    { numRuns: 40 },
  );
});

test('other rows have another', () => {
  fc.assert(
    fc.property(rows, rows, (a, b) => {
      const same =
        JSON.stringify(a) === JSON.stringify(b) || a.every((row, i) => a.length === b.length && equal(row, b[i]));
      expect(fingerprint(of(a, features)) === fingerprint(of(b, features))).toBe(same);
    }),
    { numRuns: 60 },
  );
  const text = (...texts: (string | null)[]) =>
    of(
      texts.map((each) => ({ text: each })),
      { text: 'string' },
    );
  const prints = [
    text('ab', 'c'),
    text('a', 'bc'),
    text('', 'abc'),
    text(null, 'abc'),
    text('abc'),
    text('abc').renameColumn('text', 'words'),
    of([{ text: 1 }]),
    of([{ text: 1 }], { text: 'float64' }),
    of([{ text: 1 }], { text: classLabel(['a', 'b']) }),
    of([{ text: 1 }], { text: classLabel(['a', 'c']) }),
    of([{ text: true }]),
    of([{ text: ['a', 'b'] }]),
    of([{ text: ['ab'] }]),
    text('ab', 'c').withInfo({ name: 'glue', config: 'mrpc' }),
  ].map(fingerprint);
  expect(new Set(prints).size).toBe(prints.length);
});

function equal(a: Row, b: Row): boolean {
  return Object.keys(a).every(
    (name) => Object.is(a[name], b[name]) || JSON.stringify(a[name]) === JSON.stringify(b[name]),
  );
}

test('the bytes of texts are counted, in lists and objects too', () => {
  const data = of([
    { text: 'é', words: ['ab', 'c'], place: { name: 'x' } },
    { text: null, words: [], place: null },
  ]);
  expect(textBytes(data)).toBe(6);
  expect(textBytes(data.slice(1))).toBe(0);
});
