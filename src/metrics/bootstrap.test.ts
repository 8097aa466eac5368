import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { quantile } from './bootstrap.ts';
import {
  accuracy,
  bootstrap,
  combine,
  confusionMatrix,
  f1,
  meanSquaredError,
  rocAuc,
  rouge,
  seqeval,
  squad,
  squadV2,
} from './index.ts';

/** Intervals by SciPy and quantiles by NumPy: scripts/goldens/metrics_scores.py. */
const goldens = JSON.parse(readFileSync(new URL('./goldens/scores.json', import.meta.url), 'utf8')) as {
  bootstrap: Record<string, number[]>;
  quantiles: [number[], number, number][];
};
const { right, differences } = goldens.bootstrap;
const ones = right.map(() => 1);

test.each([0.9, 0.95])("confidence %s: intervals near SciPy's, which draws otherwise", (confidence) => {
  const zeros = differences.map(() => 0);
  const ours = {
    accuracy: bootstrap(accuracy, right, ones, { confidence, resamples: 3000 })['accuracy'],
    mse: bootstrap(meanSquaredError, differences, zeros, { confidence, resamples: 3000 })['mse'],
  };
  for (const [name, { score, low, high, standardError }] of Object.entries(ours)) {
    const [theirLow, theirHigh, theirError] = goldens.bootstrap[`${name} ${confidence}`];
    // Percentiles of 3000 draws are uncertain by some hundredths of the interval.
    const width = theirHigh - theirLow;
    expect(Math.abs(low - theirLow) / width, name).toBeLessThan(0.08);
    expect(Math.abs(high - theirHigh) / width, name).toBeLessThan(0.08);
    expect(Math.abs(standardError / theirError - 1), name).toBeLessThan(0.08);
    expect(low).toBeLessThan(score);
    expect(score).toBeLessThan(high);
  }
  expect(ours.accuracy.score).toBe(accuracy.compute(right, ones).accuracy);
});

test("quantiles are NumPy's", () => {
  for (const [values, share, expected] of goldens.quantiles) expect(quantile(values, share)).toBeCloseTo(expected, 12);
});

test('the seed decides, and nothing else', () => {
  const run = (seed?: number) => bootstrap(accuracy, right, ones, { resamples: 200, seed });
  expect(run()).toEqual(run(42));
  expect(run(1)).toEqual(run(1));
  expect(run(1)).not.toEqual(run(2));
});

test('a higher confidence gives a wider interval around the same score; certain rows give no width', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1), { minLength: 2, maxLength: 30 }), fc.nat(99), (rows, seed) => {
      const truth = rows.map(() => 1);
      const run = (confidence: number) =>
        bootstrap(accuracy, rows, truth, { resamples: 60, seed, confidence })['accuracy'];
      const narrow = run(0.5);
      const wide = run(0.99);
      expect(wide.low).toBeLessThanOrEqual(narrow.low);
      expect(wide.high).toBeGreaterThanOrEqual(narrow.high);
      expect(wide.score).toBe(narrow.score);
      expect(wide.low).toBeGreaterThanOrEqual(0);
      expect(wide.high).toBeLessThanOrEqual(1);
      const told = bootstrap(accuracy, truth, truth, { resamples: 10, seed })['accuracy'];
      expect(told).toEqual({ score: 1, low: 1, high: 1, standardError: 0 });
    }),
    { numRuns: 20 },
  );
});

describe('any metric', () => {
  test("a choice of rows scores as these rows do: metrics' own and digested ones", () => {
    const tags = [['B-PER', 'O'], ['O'], ['B-LOC', 'I-LOC']];
    const guesses = [['B-PER', 'O'], ['B-PER'], ['B-LOC', 'O']];
    const references = [{ answers: { text: ['a cat'] } }, { answers: { text: ['x y'] } }, { answers: { text: ['z'] } }];
    const answers = ['cat', 'x', 'q'].map((predictionText, i) => ({ predictionText, noAnswerProbability: i / 3 }));
    const rows = [2, 0, 2, 1];
    const pick = <T>(all: readonly T[]): T[] => rows.map((row) => all[row]);
    expect(seqeval.resampler(guesses, tags)(rows)).toEqual(seqeval.compute(pick(guesses), pick(tags)));
    expect(squad.resampler(answers, references)(rows)).toEqual(squad.compute(pick(answers), pick(references)));
    expect(squadV2.resampler(answers, references)(rows)).toEqual(squadV2.compute(pick(answers), pick(references)));
    const texts = ['the cat', 'a dog sat', 'x'];
    const summaries = ['a cat', 'the dog sat', 'y'];
    expect(rouge.resampler(texts, summaries)(rows)).toEqual(rouge.compute(pick(texts), pick(summaries)));
    const macro = combine(['accuracy', 'f1_macro']);
    expect(macro.resampler([0, 1, 1], [0, 1, 0])(rows)).toEqual(macro.compute(pick([0, 1, 1]), pick([0, 1, 0])));
  });

  test('options, several scores at once', () => {
    const predictions = [0, 1, 2, 2, 1, 0, 1, 2];
    const references = [0, 1, 2, 1, 1, 0, 2, 2];
    const scores = bootstrap(f1, predictions, references, { resamples: 50, options: { average: 'macro' } });
    expect(scores['f1'].score).toBe(f1.compute(predictions, references, { average: 'macro' }).f1);
    const both = bootstrap(combine(['accuracy', 'f1_macro']), predictions, references, { resamples: 50 });
    expect(Object.keys(both)).toEqual(['accuracy', 'f1_macro']);
    expect(both['f1_macro']).toEqual(scores['f1']);
  });

  test('resamples without a score are left out, and said once', () => {
    const said: string[] = [];
    const restore = configureLog({ sink: (_, message) => said.push(message) });
    const scores = bootstrap(rocAuc, [0.1, 0.4, 0.8], [0, 0, 1], { resamples: 100 });
    restore();
    expect(scores['roc_auc']).toMatchObject({ score: 1, low: 1, high: 1 });
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/\[bootstrap\] roc_auc is not defined in \d+ of 100 resamples: they are left out/);
  });
});

test('what cannot be is refused', () => {
  expect(() => bootstrap(accuracy, [1], [1], { resamples: 1 })).toThrow(/resamples is out of range, got 1/);
  expect(() => bootstrap(accuracy, [1], [1], { confidence: 95 })).toThrow(/confidence is out of range, got 95/);
  expect(() => bootstrap(accuracy, [1], [1], { seed: 0.5 })).toThrow(/seed is out of range, got 0.5/);
  expect(() => bootstrap(accuracy, [], [])).toThrow('[accuracy] there are no rows to score');
  expect(() => bootstrap(accuracy, [1], [1, 0])).toThrow(/\[accuracy\].*different lengths, got 1, expected 2/);
  expect(() => bootstrap(squad, [], [])).toThrow('[squad] there are no rows to score');
  expect(() => bootstrap(confusionMatrix, [1], [1])).toThrow(/no plain number, got 'confusion_matrix'/);
});
