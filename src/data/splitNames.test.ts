import { expect, test } from 'vitest';
import { parseSplit, rowsOfPart, splitOfFile, unknownSplit } from './splitNames.ts';

test('files say their split', () => {
  const files = ['train.csv', 'dev.tsv', 'my-val-00001.csv', 'VALID.jsonl', 'test-labeled.tsv', 'trainer.csv', 'a.csv'];
  expect(files.map(splitOfFile)).toEqual([
    'train',
    'validation',
    'validation',
    'validation',
    'test',
    undefined,
    undefined,
  ]);
});

test('parts of splits', () => {
  const rows = (expression: string, length: number) => {
    const { start, stop } = rowsOfPart(parseSplit(expression)[0], length);
    return [start, stop];
  };
  expect(rows('train', 7)).toEqual([0, 7]);
  expect(rows('train[:10%]', 408)).toEqual([0, 41]);
  expect(rows('train[50%:]', 5)).toEqual([2, 5]);
  expect(rows('train[2:4]', 7)).toEqual([2, 4]);
  expect(rows('train[-3:]', 7)).toEqual([4, 7]);
  expect(rows('train[4:2]', 7)).toEqual([4, 4]);
  expect(rows('train[:100]', 7)).toEqual([0, 7]);
  expect(parseSplit('train+test[:2]').map(({ split }) => split)).toEqual(['train', 'test']);
});

test('what is no split is refused', () => {
  for (const wrong of ['', 'train[', 'train[10%:20]', 'train[%:]', 'train[1]', 'train+', 'train[1.5:]']) {
    expect(() => parseSplit(wrong), wrong).toThrow(/this is no split/);
  }
});

test('an unknown split suggests one', () => {
  expect(unknownSplit('vaildation', ['train', 'validation']).message).toContain("did you mean 'validation'?");
  expect(unknownSplit('dev', ['train', 'validation']).message).toContain("did you mean 'validation'?");
  expect(unknownSplit('xyz', ['train']).message).toBe(
    "[loadDataset] there is no such split, got 'xyz', expected one of train",
  );
});
