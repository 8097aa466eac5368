import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import {
  type Average,
  accuracy,
  averagePrecision,
  calibrationBins,
  calibrationError,
  f1,
  logLoss,
  perClassScores,
  perplexity,
  precisionRecallF1,
  type RankAverage,
  rocAuc,
} from './index.ts';

/** NaN, which JSON cannot hold. */
type Maybe = number | null;
type ByAverage = Partial<Record<RankAverage, Maybe>>;
interface Calibration {
  bins: number;
  ece: number;
  mce: number;
}
interface BinaryCase {
  name: string;
  truths: number[];
  scores: number[];
  roc_auc: number;
  average_precision: number;
  log_loss: number;
  calibration: Calibration[];
}
interface ManyCase {
  name: string;
  truths: number[] | number[][];
  scores: number[][];
  roc_auc: ByAverage;
  average_precision: ByAverage;
}
interface ClassesCase extends ManyCase {
  truths: number[];
  log_loss: number;
  calibration: Calibration[];
}
interface AverageCase {
  average: Average | null;
  zeroDivision: Maybe;
  labels: number[] | null;
  support?: number[];
  precision: Maybe | Maybe[];
  recall: Maybe | Maybe[];
  f1: Maybe | Maybe[];
}
interface SeveralCase {
  name: string;
  truths: number[][];
  predictions: number[][];
  accuracy: number;
  averages: AverageCase[];
}

/** Scores by scikit-learn: scripts/goldens/metrics_scores.py. */
const goldens = JSON.parse(readFileSync(new URL('./goldens/scores.json', import.meta.url), 'utf8')) as {
  binary: BinaryCase[];
  classes: ClassesCase[];
  labels: ManyCase[];
  several: SeveralCase[];
};

function close(actual: number | readonly number[], expected: Maybe | readonly Maybe[], what: string): void {
  const ours = typeof actual === 'number' ? [actual] : actual;
  const theirs = typeof expected === 'number' || expected === null ? [expected] : expected;
  expect(ours.length, what).toBe(theirs.length);
  theirs.forEach((value, k) => {
    if (value === null) expect(ours[k], what).toBeNaN();
    else expect(Math.abs(ours[k] - value), `${what}: ${ours[k]} against ${value}`).toBeLessThan(1e-9);
  });
}

function quietly<T>(run: () => T): { value: T; said: string[] } {
  const said: string[] = [];
  const restore = configureLog({ sink: (_, message) => said.push(message) });
  try {
    return { value: run(), said };
  } finally {
    restore();
  }
}

function checkCalibration(scores: (number | number[])[], truths: number[], cases: readonly Calibration[]): void {
  for (const { bins, ece, mce } of cases) {
    const ours = calibrationError.compute(scores, truths, { bins });
    close(ours.ece, ece, `ece, ${bins} bins`);
    close(ours.mce, mce, `mce, ${bins} bins`);
  }
}

test.each(goldens.binary)('two classes as scikit-learn: $name', (golden) => {
  const { scores, truths } = golden;
  const pairs = scores.map((score) => [1 - score, score]);
  for (const form of [scores, pairs]) {
    close(rocAuc.compute(form, truths).roc_auc, golden.roc_auc, 'roc_auc');
    close(averagePrecision.compute(form, truths).average_precision, golden.average_precision, 'average_precision');
    close(logLoss.compute(form, truths).log_loss, golden.log_loss, 'log_loss');
    checkCalibration(form, truths, golden.calibration);
  }
});

describe.each([...goldens.classes, ...goldens.labels])('several classes or labels as scikit-learn: $name', (golden) => {
  test.each(Object.keys(golden.roc_auc) as RankAverage[])('average %s', (average) => {
    const { value } = quietly(() => ({
      ...rocAuc.compute(golden.scores, golden.truths, { average }),
      ...averagePrecision.compute(golden.scores, golden.truths, { average }),
    }));
    close(value.roc_auc, golden.roc_auc[average] ?? null, 'roc_auc');
    close(value.average_precision, golden.average_precision[average] ?? null, 'average_precision');
  });
});

test.each(goldens.classes)('log loss and calibration of several classes: $name', (golden) => {
  close(logLoss.compute(golden.scores, golden.truths).log_loss, golden.log_loss, 'log_loss');
  checkCalibration(golden.scores, golden.truths, golden.calibration);
});

test.each(goldens.several)('precision, recall and F1 of several labels a row: $name', (golden) => {
  const { predictions, truths } = golden;
  close(accuracy.compute(predictions, truths).accuracy, golden.accuracy, 'accuracy');
  for (const expected of golden.averages) {
    const zeroDivision = expected.zeroDivision ?? Number.NaN;
    const labels = expected.labels ?? undefined;
    const what = JSON.stringify({ ...expected, precision: undefined, recall: undefined, f1: undefined });
    const scores =
      expected.average === null
        ? perClassScores.compute(predictions, truths, { zeroDivision })
        : precisionRecallF1.compute(predictions, truths, { average: expected.average, zeroDivision, labels });
    for (const key of ['precision', 'recall', 'f1'] as const) close(scores[key], expected[key], `${key} ${what}`);
    if (expected.average === null) expect(scores).toMatchObject({ labels: truths[0].map((_, k) => k) });
    if (expected.support !== undefined) expect(scores).toMatchObject({ support: expected.support });
  }
});

const scored = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 8 }), fc.nat(2)), {
  minLength: 1,
  maxLength: 30,
});
/** Probabilities of three classes from two whole numbers, ties among them. */
const rowOf = (a: number, b: number): number[] => [a / 20, b / 20, 1 - (a + b) / 20];

describe('properties', () => {
  const all = [rocAuc, averagePrecision, logLoss, calibrationError];

  test('neither the order of rows nor the batches matter, and probabilities keep scores in bounds', () => {
    fc.assert(
      fc.property(scored, fc.nat(30), (rows, cut) => {
        const scores = rows.map(([a, b]) => rowOf(a, b));
        const truths = rows.map(([, , truth]) => truth);
        quietly(() => {
          for (const metric of all) {
            const whole: Record<string, number> = { ...metric.compute(scores, truths) };
            const running = metric.create();
            running.add(scores.slice(cut), truths.slice(cut));
            running.add(scores.slice(0, cut), truths.slice(0, cut));
            for (const [name, value] of Object.entries(running.compute())) {
              if (Number.isNaN(whole[name])) expect(value).toBeNaN();
              else close(value, whole[name], name);
              if (name === 'log_loss') expect(value).toBeGreaterThanOrEqual(0);
              else if (!Number.isNaN(value)) expect(Math.abs(value - 0.5)).toBeLessThanOrEqual(0.5 + 1e-12);
            }
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  test('what is certain and right has the best scores; a monotone change of binary scores changes no rank', () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const truths = [...rows.map(([, , truth]) => truth), 0, 1, 2];
        const told = truths.map((truth) => [0, 1, 2].map((k) => Number(k === truth)));
        expect(rocAuc.compute(told, truths)).toEqual({ roc_auc: 1 });
        expect(averagePrecision.compute(told, truths).average_precision).toBeCloseTo(1, 12);
        expect(logLoss.compute(told, truths).log_loss).toBeLessThan(1e-15);
        expect(calibrationError.compute(told, truths)).toEqual({ ece: 0, mce: 0 });
        const binary = truths.map((truth) => Number(truth > 0));
        const scores = [...rows.map(([a]) => a), 3, 5, 1];
        const curved = scores.map((score) => Math.exp(score) - 7);
        expect(rocAuc.compute(curved, binary)).toEqual(rocAuc.compute(scores, binary));
        expect(averagePrecision.compute(curved, binary)).toEqual(averagePrecision.compute(scores, binary));
      }),
      { numRuns: 60 },
    );
  });

  test('F1 of several labels: samples and batches', () => {
    const several = fc.array(fc.tuple(fc.array(fc.nat(1), { minLength: 3, maxLength: 3 }), fc.nat(7)), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(several, fc.nat(12), (rows, cut) => {
        const truths = rows.map(([truth]) => truth);
        const predictions = rows.map(([, bits]) => [bits & 1, (bits >> 1) & 1, bits >> 2]);
        for (const average of ['samples', 'micro', 'macro', 'weighted'] as const) {
          const running = f1.create({ average, zeroDivision: 1 });
          running.add(predictions.slice(cut), truths.slice(cut));
          running.add(predictions.slice(0, cut), truths.slice(0, cut));
          const whole = f1.compute(predictions, truths, { average, zeroDivision: 1 }).f1;
          expect(running.compute().f1).toBeCloseTo(whole, 12);
          expect(f1.compute(truths, truths, { average: 'samples', zeroDivision: 1 }).f1).toBe(1);
          expect(Math.abs(whole - 0.5)).toBeLessThanOrEqual(0.5);
        }
      }),
      { numRuns: 40 },
    );
  });
});

test('calibration bins: counts, edges, an empty bin', () => {
  const { bins } = calibrationBins.compute([0.9, 0.8, 0.45], [1, 0, 0], { bins: 2 });
  expect(bins[0]).toEqual({ above: 0, upTo: 0.5, rows: 0, confidence: Number.NaN, accuracy: Number.NaN });
  expect(bins[1]).toMatchObject({ above: 0.5, upTo: 1, rows: 3, accuracy: 2 / 3 });
  expect(bins[1].confidence).toBeCloseTo((0.9 + 0.8 + 0.55) / 3, 12);
});

test('perplexity is e to the mean loss a token, whatever the batches; too much is infinite', () => {
  expect(perplexity.compute([2.1, 1.9], [40, 10]).perplexity).toBeCloseTo(Math.exp(2.06), 12);
  const running = perplexity.create();
  running.add([1.9], [10]);
  running.add([2.1, 2.1, 5], [15, 25, 0]);
  expect(running.compute().perplexity).toBeCloseTo(Math.exp(2.06), 12);
  expect(perplexity.compute([0], [3])).toEqual({ perplexity: 1 });
  expect(perplexity.compute([1000], [1])).toEqual({ perplexity: Number.POSITIVE_INFINITY });
  expect(() => perplexity.compute([1], [0])).toThrow('[perplexity] there are no tokens to score');
  expect(() => perplexity.compute([1, Number.NaN], [2, 3])).toThrow(/\(row 2\), got 'loss NaN over 3'/);
});

describe('what cannot be scored is refused or said', () => {
  test('a class that is always or never true', () => {
    const binary = quietly(() => rocAuc.compute([0.1, 0.2], [1, 1]));
    expect(binary.value.roc_auc).toBeNaN();
    expect(binary.said).toEqual(['[roc_auc] the area is not defined (NaN): a class is true in every row, or in none']);
    const rows = quietly(() => averagePrecision.compute([0.1, 0.2], [0, 0]));
    expect(rows.value).toEqual({ average_precision: 0 });
    expect(rows.said).toHaveLength(1);
  });

  test('logits where probabilities are needed', () => {
    for (const metric of [logLoss, calibrationError, rocAuc]) {
      expect(() => metric.compute([[2.5, -1, 0.3]], [0])).toThrow(
        /no probabilities of its classes \(row 1\), got '\[2.5, -1, 0.3\]'.*logits need softmax first/,
      );
    }
    expect(averagePrecision.compute([[2.5, -1, 0.3]], [0], { average: 'micro' })).toEqual({ average_precision: 1 });
  });

  test('rows that do not fit', () => {
    const running = rocAuc.create();
    running.add([0.5], [1]);
    expect(() => running.add([[0.2, 0.3, 0.5]], [1])).toThrow(/\(row 2\), got '3 classes', expected two classes/);
    expect(() => rocAuc.compute([[1, 2]], [[1, 0, 1]])).toThrow(/different lengths \(row 1\), got 2, expected 3/);
    expect(() => rocAuc.compute([[1, 2]], [[1, 2]])).toThrow(/neither there nor not there \(row 1\), got 2/);
    expect(() => rocAuc.compute([0.5, Number.NaN], [0, 1])).toThrow(/a score is not a number \(row 2\), got NaN/);
    expect(() => logLoss.compute([0.5], [-100])).toThrow(/no class label \(row 1\), got -100.*has no label/);
    expect(() => logLoss.compute([[0.5, 0.5]], [[0, 1]])).toThrow(/a row has several labels \(row 1\)/);
    expect(() => rocAuc.compute([[1]], [0])).toThrow(/too few scores \(row 1\), got 1/);
    expect(() => f1.compute([[1, 0], [1]], [[1, 0], [1]], { average: 'micro' })).toThrow(
      /\(row 2\), got 1, expected 2/,
    );
    expect(() => f1.compute([[1, 0.7]], [[1, 0]], { average: 'micro' })).toThrow(/a prediction.*got 0.7.*threshold/);
    expect(() => f1.compute([1], [[1, 0]], { average: 'micro' })).toThrow(
      /a prediction is no list of labels \(row 1\)/,
    );
  });

  test('averages and options', () => {
    expect(() => rocAuc.create(JSON.parse('{"average":"binary"}'))).toThrow(/no such average, got 'binary'/);
    expect(() => rocAuc.compute([0.1], [1], { average: 'samples' })).toThrow(/for rows with several labels/);
    expect(() => f1.compute([[1, 0]], [[1, 0]])).toThrow(/'binary' is for rows with one class.*'samples'/);
    expect(() => f1.compute([1], [1], { average: 'samples' })).toThrow(/'samples' is for rows with several labels/);
    expect(() => f1.create(JSON.parse('{"average":"mean"}'))).toThrow(/no such average, got 'mean'/);
    expect(() => f1.compute([[1, 0]], [[1, 0]], { average: 'micro', labels: [2] })).toThrow(/got 2, expected 0 to 1/);
    expect(() => calibrationError.create({ bins: 0 })).toThrow(/bins is no number of bins, got 0/);
  });
});
