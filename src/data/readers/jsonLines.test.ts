import { expect, test } from 'vitest';
import { listOf, structOf } from '../features.ts';
import { parseJsonLines } from './jsonLines.ts';

const read = (text: string) => parseJsonLines(new TextEncoder().encode(text), 'x.jsonl');

test('objects become rows, with nested values and missing keys', () => {
  const dataset = read(
    '\ufeff{"t":"a","tags":[1,2]}\r\n\n{"t":null,"answer":{"start":3}}\n{"t":"c","n":0.5,"answer":{"text":"x"}}',
  );
  expect(dataset.features).toEqual({
    t: 'string',
    tags: listOf('int64'),
    answer: structOf({ start: 'int64', text: 'string' }),
    n: 'float64',
  });
  expect(dataset.toJSON()).toEqual([
    { t: 'a', tags: [1, 2], answer: null, n: null },
    { t: null, tags: null, answer: { start: 3, text: null }, n: null },
    { t: 'c', tags: null, answer: { start: null, text: 'x' }, n: 0.5 },
  ]);
});

test('errors name the line', () => {
  expect(() => read('{"a":1}\n\n{"a":')).toThrow(/a line is not JSON \(x\.jsonl, row 3\)/);
  expect(() => read('[\n{"a":1}\n]')).toThrow(/write one object a line/);
  expect(() => read('{"a":1}\n7')).toThrow(/no object \(x\.jsonl, row 2\)/);
  expect(() => read('{"a":1}\n\n{"a":"x"}')).toThrow(/\(x\.jsonl, row 3, column 'a'\), got 'x', expected a number/);
  expect(() => read('{"a":[1]}\n{"a":[1,"x"]}')).toThrow(/\(x\.jsonl, row 2, column 'a'\)/);
  expect(() => read('\n')).toThrow(/holds no rows/);
  expect(() => read(`{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`)).toThrow(
    /nested more than 32 deep \(x\.jsonl, row 1/,
  );
});

test('a key called __proto__ is a key', () => {
  expect(read('{"__proto__":1,"b":2}').columnNames).toEqual(['__proto__', 'b']);
});
