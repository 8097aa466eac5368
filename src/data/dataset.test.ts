import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { concatenateDatasets } from './concatenate.ts';
import { Dataset } from './dataset.ts';
import { type Cell, classLabel, listOf } from './features.ts';

const small = Dataset.fromRows([
  { text: 'b', n: 2, ok: true },
  { text: 'a', n: 1, ok: false },
  { text: null, n: 3.5, ok: null },
  { text: 'a', n: null, ok: true },
]);

describe('building', () => {
  test('types are taken from values, and missing ones kept', () => {
    expect(small.features).toEqual({ text: 'string', n: 'float64', ok: 'bool' });
    expect(small.length).toBe(4);
    expect(small.row(2)).toEqual({ text: null, n: 3.5, ok: null });
    expect(small.column('n').toArray()).toEqual([2, 1, 3.5, null]);
  });

  test('keys that come late or are absent are missing elsewhere', () => {
    const dataset = Dataset.fromRows<Record<string, Cell>>([{ a: 1 }, { b: 'x' }, { a: 2 }]);
    expect(dataset.toJSON()).toEqual([
      { a: 1, b: null },
      { a: null, b: 'x' },
      { a: 2, b: null },
    ]);
  });

  test('any cells come back as they went in', () => {
    const text = fc.string({ unit: 'binary' });
    const cell = fc.record({
      text: fc.option(text),
      whole: fc.option(fc.maxSafeInteger()),
      real: fc.option(fc.double({ noNaN: true })),
      flag: fc.option(fc.boolean()),
      list: fc.option(fc.array(fc.option(text))),
      object: fc.option(fc.record({ start: fc.option(fc.integer()), words: fc.option(fc.array(text)) })),
    });
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1 }), (rows) => {
        const dataset = Dataset.fromRows(rows, {
          features: {
            text: 'string',
            whole: 'int64',
            real: 'float64',
            flag: 'bool',
            list: listOf('string'),
            object: { type: 'struct', fields: { start: 'int64', words: listOf('string') } },
          },
        });
        expect(dataset.toJSON()).toEqual(rows);
      }),
    );
  });

  test('a value of another type is an error with its row and column', () => {
    expect(() => Dataset.fromRows<Record<string, Cell>>([{ a: 1 }, { a: 'x' }])).toThrow(
      "[Dataset.fromRows] a value does not fit its column (row 2, column 'a'), got 'x', expected a number",
    );
    expect(() => Dataset.fromColumns({ y: [0, 2] }, { features: { y: classLabel(['no', 'yes']) } })).toThrow(
      /row 2, column 'y'.*classLabel\("no", "yes"\)/,
    );
  });

  test('columns of different lengths are refused', () => {
    expect(() => Dataset.fromColumns({ a: [1, 2], b: ['x'] })).toThrow(/columns have different lengths.*'b'.*got 1/);
  });

  test('half of a surrogate pair is replaced, and said', () => {
    const said: string[] = [];
    const restore = configureLog({ sink: (_, message) => said.push(message) });
    const dataset = Dataset.fromRows([{ text: 'a\ud83d' }, { text: '😀' }]);
    restore();
    expect(dataset.column('text').toArray()).toEqual(['a\ufffd', '😀']);
    expect(said).toEqual([expect.stringContaining("column 'text': 1 text(s)")]);
  });

  test('a byte order mark inside data is data', () => {
    expect(Dataset.fromRows([{ text: '\ufeffx' }]).row(0).text).toBe('\ufeffx');
  });

  test('a value nested without end is refused, not a stack overflow', () => {
    let deep: Cell = 1;
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(() => Dataset.fromRows([{ deep }])).toThrow(/nested more than 32 deep/);
  });
});

describe('choosing and ordering rows', () => {
  test('select, slice, filter', () => {
    expect(small.select([3, 0, 0]).column('text').toArray()).toEqual(['a', 'b', 'b']);
    expect(small.select([3, 0]).select([1]).row(0)).toEqual(small.row(0));
    expect(small.slice(-2).column('n').toArray()).toEqual([3.5, null]);
    expect(small.slice(1, 100).length).toBe(3);
    expect(small.filter((row) => row.text === 'a').length).toBe(2);
    expect(() => small.select([4])).toThrow(/no such row, got 4, expected a whole number from 0 to 3/);
  });

  test('sort is stable, with missing cells last either way', () => {
    expect(small.sort('text').column('n').toArray()).toEqual([1, null, 2, 3.5]);
    expect(small.sort('text', { descending: true }).column('n').toArray()).toEqual([2, 1, null, 3.5]);
    expect(small.sort('n').column('n').toArray()).toEqual([1, 2, 3.5, null]);
  });

  test('shuffle is a permutation that the seed alone decides', () => {
    const rows = Dataset.fromColumns({ i: Array.from({ length: 100 }, (_, i) => i) });
    const once = rows.shuffle(7).column('i').toArray();
    expect(rows.shuffle(7).column('i').toArray()).toEqual(once);
    expect(rows.shuffle(8).column('i').toArray()).not.toEqual(once);
    expect([...once].sort((a, b) => a - b)).toEqual(rows.column('i').toArray());
  });

  test('the data set itself never changes', () => {
    const before = JSON.stringify(small);
    small.shuffle(1).sort('n').renameColumn('text', 'words').removeColumns('n');
    expect(JSON.stringify(small)).toBe(before);
  });
});

describe('map', () => {
  test('adds and replaces columns, in place, on a reordered view', () => {
    const mapped = small.select([1, 0]).map(({ text }, index) => ({ text: `${text}!`, index }));
    expect(mapped.columnNames).toEqual(['text', 'n', 'ok', 'index']);
    expect(mapped.toJSON()).toEqual([
      { text: 'a!', n: 1, ok: false, index: 0 },
      { text: 'b!', n: 2, ok: true, index: 1 },
    ]);
  });

  test('removeColumns leaves inputs out', () => {
    expect(small.map(({ n }) => ({ double: (n ?? 0) * 2 }), { removeColumns: ['text', 'n', 'ok'] }).toJSON()).toEqual([
      { double: 4 },
      { double: 2 },
      { double: 7 },
      { double: 0 },
    ]);
  });

  test('mapBatches sees arrays and may change the number of rows', () => {
    const first: number[] = [];
    const mapped = small.mapBatches(
      (batch, start) => {
        first.push(start);
        return { word: batch['text'].flatMap((text) => [text, text]) };
      },
      { batchSize: 3, removeColumns: small.columnNames },
    );
    expect(first).toEqual([0, 3]);
    expect(mapped.column('word').toArray()).toEqual(['b', 'b', 'a', 'a', null, null, 'a', 'a']);
  });
});

describe('columns', () => {
  test('an unknown column suggests the right one', () => {
    expect(() => small.removeColumns('tekst')).toThrow(
      /got 'tekst', expected one of text, n, ok; did you mean 'text'\?/,
    );
    expect(() => small.renameColumn('n', 'ok')).toThrow(/already/);
  });

  test('removing every column keeps the row count', () => {
    expect(small.removeColumns(small.columnNames).length).toBe(4);
  });

  test('classEncodeColumn: texts by UTF-16 units, numbers by value, missing stays missing', () => {
    const encoded = small.classEncodeColumn('text');
    expect(encoded.features['text']).toEqual(classLabel(['a', 'b']));
    expect(encoded.column('text').toArray()).toEqual([1, 0, null, 0]);
    const numbers = Dataset.fromColumns({ y: [10, 9, 10] }).classEncodeColumn('y');
    expect(numbers.features['y']).toEqual(classLabel(['9', '10']));
    expect(numbers.column('y').toArray()).toEqual([1, 0, 1]);
    expect(encoded.shuffle(3).classEncodeColumn('text').features['text']).toEqual(classLabel(['a', 'b']));
    expect(() => small.classEncodeColumn('n')).toThrow(/cannot be class labels/);
  });

  test('castColumn', () => {
    const texts = Dataset.fromColumns({ v: ['1', null, '0'] });
    expect(texts.castColumn('v', 'int64').column('v').toArray()).toEqual([1, null, 0]);
    expect(texts.castColumn('v', 'int64').castColumn('v', 'bool').column('v').toArray()).toEqual([true, null, false]);
    expect(
      texts
        .castColumn('v', classLabel(['1', '0']))
        .column('v')
        .toArray(),
    ).toEqual([0, null, 1]);
    const labels = texts.castColumn('v', 'int64').castColumn('v', classLabel(['no', 'yes']));
    expect(labels.castColumn('v', 'string').column('v').toArray()).toEqual(['yes', null, 'no']);
    expect(() => Dataset.fromColumns({ v: ['1', 'x'] }).castColumn('v', 'float64')).toThrow(
      "[castColumn] a value cannot be cast (row 2, column 'v'), got 'x', expected float64",
    );
  });

  test('addColumn, selectColumns, unique', () => {
    const more = small.addColumn('id', [4, 3, 2, 1]);
    expect(more.selectColumns(['id', 'text']).row(0)).toEqual({ id: 4, text: 'b' });
    expect(() => small.addColumn('id', [1])).toThrow(/got 1, expected 4 rows/);
    expect(small.unique('text')).toEqual(['b', 'a', null]);
    expect(Dataset.fromColumns({ l: [[1], [1], [2]] }).unique('l')).toEqual([[1], [2]]);
  });
});

describe('concatenateDatasets', () => {
  test('puts rows one after another and widens whole numbers', () => {
    const whole = Dataset.fromColumns({ v: [1, 2] });
    const real = Dataset.fromColumns({ v: [0.5] });
    expect(concatenateDatasets([whole.select([1]), real]).toJSON()).toEqual([{ v: 2 }, { v: 0.5 }]);
  });

  test('names the column that differs', () => {
    const a = Dataset.fromColumns<Record<string, Cell>>({ v: [1] });
    const b = Dataset.fromColumns<Record<string, Cell>>({ v: ['x'] });
    expect(() => concatenateDatasets([a, b])).toThrow(/int64 in one and string in another \(column 'v'\)/);
    expect(() => concatenateDatasets([a, a.addColumn('w', [1])])).toThrow(/column 'w'/);
    expect(() => concatenateDatasets([a.addColumn('w', [1]), a])).toThrow(/lacks it \(column 'w'\)/);
  });
});

describe('trainTestSplit', () => {
  const rows = Dataset.fromColumns({
    i: Array.from({ length: 100 }, (_, i) => i),
    y: Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? 'rare' : 'common')),
  });

  test('every row stands in one part, as the seed says', () => {
    const { train, test: held } = rows.trainTestSplit({ testSize: 0.33, seed: 1 });
    expect([train.length, held.length]).toEqual([67, 33]);
    const all = [...train.column('i'), ...held.column('i')].sort((a, b) => a - b);
    expect(all).toEqual(rows.column('i').toArray());
    const again = rows.trainTestSplit({ testSize: 0.33, seed: 1 });
    expect(again.test.toJSON()).toEqual(held.toJSON());
  });

  test('without shuffling the last rows test', () => {
    expect(rows.trainTestSplit({ testSize: 2, shuffle: false }).test.column('i').toArray()).toEqual([98, 99]);
  });

  test('stratified parts keep the shares', () => {
    const { train, test: held } = rows.trainTestSplit({ testSize: 0.2, stratifyByColumn: 'y' });
    expect(held.filter(({ y }) => y === 'rare').length).toBe(2);
    expect(train.filter(({ y }) => y === 'rare').length).toBe(8);
  });

  test('what cannot be split is refused', () => {
    expect(() => rows.trainTestSplit({ testSize: 100 })).toThrow(/leaves one part of 100 rows empty/);
    const lonely = Dataset.fromColumns({ y: ['a', 'a', 'b'] });
    expect(() => lonely.trainTestSplit({ testSize: 1, stratifyByColumn: 'y' })).toThrow(/one row only/);
    expect(() => rows.trainTestSplit({ testSize: 1, stratifyByColumn: 'y' })).toThrow(/cannot hold each of 2 classes/);
    expect(() => rows.trainTestSplit({ shuffle: false, stratifyByColumn: 'y' })).toThrow(/shuffle is false/);
  });
});
