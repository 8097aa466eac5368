import { expect, test } from 'vitest';
import { Dataset } from './dataset.ts';
import { takeSplit } from './takeSplit.ts';

const rows = (count: number) =>
  Dataset.fromRows(Array.from({ length: count }, (_, n) => ({ n }))) as unknown as Dataset;
const splits = { train: rows(10), 'dev-1': rows(2) };

test.each([
  ['train', 10, 'train[:30%]', 3],
  ['dev-1', 2, 'train[8:]+dev-1', 4],
])('%s has %i rows and %s has %i', (name, all, part, some) => {
  expect(takeSplit(splits, name)).toHaveLength(all);
  expect(takeSplit(splits, part)).toHaveLength(some);
  expect(takeSplit(splits, part).info.split).toBe(part);
});

test('parts are those rows, and what is no split is refused', () => {
  expect(takeSplit(splits, 'train[-2:]').toJSON()).toEqual([{ n: 8 }, { n: 9 }]);
  expect(() => takeSplit(splits, 'tain')).toThrow(/there is no such split.*did you mean 'train'\?/);
  expect(() => takeSplit(splits, 'train[1:2:3]')).toThrow(/this is no split/);
});
