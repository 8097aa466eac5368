import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { toyDataset } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { RandomStream } from '../core/random.ts';
import { suspectLabels } from './confidentLearning.ts';
import { dealRows, findSuspectLabels } from './suspectLabels.ts';

beforeEach(() => configureLog({ level: 'silent' }));

describe('confident learning', () => {
  test('an example by hand', () => {
    const probabilities = [
      [0.9, 0.1],
      [0.7, 0.3],
      [0.2, 0.8], // says 0
      [0.1, 0.9],
      [0.3, 0.7],
      [0.55, 0.45], // says 1, but no class is said with the mean confidence of its rows
    ];
    // Mean confidence: of 0, (0.9 + 0.7 + 0.2) / 3 = 0.6; of 1, (0.9 + 0.7 + 0.45) / 3 = 0.683.
    expect(suspectLabels(probabilities, [0, 0, 0, 1, 1, 1])).toEqual([
      { row: 2, given: 0, givenProbability: 0.2, suggested: 1, suggestedProbability: 0.8 },
    ]);
  });

  test('a class that models are less sure of needs less', () => {
    // Rows of 1 get 0.45 of it at best, which is much for them.
    const probabilities = [...Array.from({ length: 4 }, () => [0.6, 0.4]), [0.55, 0.45], [0.9, 0.1], [0.95, 0.05]];
    const found = suspectLabels(probabilities, [1, 1, 1, 1, 0, 0, 0]);
    expect(found.map(({ row, suggested }) => [row, suggested])).toEqual([[4, 1]]);
  });

  test('5 % of labels flipped on purpose, three classes, models that are right nine times of ten', () => {
    const random = new RandomStream(11, 'suspects');
    const rows = 2000;
    const truth = Array.from({ length: rows }, () => random.integer(3));
    const flipped = truth.map(() => random.uniform() < 0.05);
    const given = truth.map((label, row) => (flipped[row] ? (label + 1 + random.integer(2)) % 3 : label));
    const probabilities = truth.map((label) => {
      const said = random.uniform() < 0.9 ? label : random.integer(3);
      // Surer where it is right: what models that were trained well are like.
      const highest = said === label ? 0.7 + 0.3 * random.uniform() : 0.4 + 0.4 * random.uniform();
      return [0, 1, 2].map((k) => (k === said ? highest : (1 - highest) / 2));
    });
    const found = suspectLabels(probabilities, given);
    const hits = found.filter(({ row }) => flipped[row]).length;
    const [precision, recall] = [hits / found.length, hits / flipped.filter(Boolean).length];
    expect(precision).toBeGreaterThan(0.9);
    expect(recall).toBeGreaterThan(0.6);
    expect(found.filter(({ row, suggested }) => flipped[row] && suggested === truth[row]).length).toBeGreaterThan(
      0.95 * hits,
    );
    // The likeliest come first.
    const margins = found.map(({ suggestedProbability, givenProbability }) => suggestedProbability - givenProbability);
    expect(margins).toEqual([...margins].sort((a, b) => b - a));
  });

  test('labels and probabilities that do not fit', () => {
    expect(() => suspectLabels([[0.5, 0.5]], [0, 1])).toThrow(/different lengths, got 2, expected 1 labels/);
    expect(() => suspectLabels([[0.5, 0.5]], [2])).toThrow(/a label is no class \(row 1\), got 2/);
    expect(suspectLabels([], [])).toEqual([]);
  });
});

describe('parts', () => {
  test('hold every labelled row once, and each class evenly', () => {
    const classes = fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 10, maxLength: 60 });
    fc.assert(
      fc.property(classes, fc.integer({ min: 2, max: 6 }), (given, folds) => {
        const counts = [0, 1, 2, 3].map((each) => given.filter((label) => label === each).length);
        fc.pre(counts.every((count) => count !== 1));
        const parts = dealRows(given, folds, 5);
        expect(parts.flat().sort((a, b) => a - b)).toEqual(given.flatMap((label, row) => (label < 0 ? [] : [row])));
        counts.forEach((count, each) => {
          const dealt = parts.map((part) => part.filter((row) => given[row] === each).length);
          expect(Math.max(...dealt) - Math.min(...dealt)).toBeLessThanOrEqual(1);
          expect(dealt.reduce((a, b) => a + b)).toBe(count);
        });
        expect(dealRows(given, folds, 5)).toEqual(parts);
      }),
      { numRuns: 50 },
    );
  });

  test('a class with a single row, labels that are no classes and one part are refused', async () => {
    expect(() => dealRows([0, 0, 1], 2, 1)).toThrow(/class 1 has a single row.*leave it out/);
    const modelInit = () => Promise.reject(new Error('no model is made'));
    const numbers = toyDataset(6, { label: (id) => id + 0.5 });
    await expect(findSuspectLabels({ modelInit, dataset: numbers })).rejects.toThrow(
      "the data's labels are no classes",
    );
    await expect(findSuspectLabels({ modelInit, dataset: toyDataset(6), folds: 1 })).rejects.toThrow(
      /folds is wrong, got 1/,
    );
  });
});
