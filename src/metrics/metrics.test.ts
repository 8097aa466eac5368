import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import {
  type Average,
  accuracy,
  confusionMatrix,
  f1,
  glueMetrics,
  type Metric,
  matthewsCorrelation,
  meanAbsoluteError,
  meanSquaredError,
  metrics,
  metricsFor,
  pearson,
  perClassScores,
  precision,
  precisionRecallF1,
  recall,
  spearman,
} from './index.ts';
import { ranks } from './spearman.ts';

/** NaN, which JSON cannot hold. */
type Maybe = number | null;
interface AverageCase {
  average: Average | null;
  zeroDivision: Maybe;
  labels: number[] | null;
  support?: number[];
  precision: Maybe | Maybe[];
  recall: Maybe | Maybe[];
  f1: Maybe | Maybe[];
}
interface ClassificationCase {
  name: string;
  references: number[];
  predictions: number[];
  accuracy: number;
  matthews: number;
  labels: number[];
  matrix: number[][];
  averages: AverageCase[];
}
interface RegressionCase {
  name: string;
  references: number[];
  predictions: number[];
  pearson: Maybe;
  spearmanr: Maybe;
  mse: number;
  rmse: number;
  mae: number;
}

/** Scores by scikit-learn and SciPy: scripts/goldens/metrics.py. */
const goldens = JSON.parse(readFileSync(new URL('./goldens/metrics.json', import.meta.url), 'utf8')) as {
  classification: ClassificationCase[];
  regression: RegressionCase[];
};

function close(actual: number | readonly number[], expected: Maybe | readonly Maybe[], what = ''): void {
  const ours = typeof actual === 'number' ? [actual] : actual;
  const theirs = typeof expected === 'number' || expected === null ? [expected] : expected;
  expect(ours.length, what).toBe(theirs.length);
  theirs.forEach((value, k) => {
    if (value === null) expect(ours[k], what).toBeNaN();
    else
      expect(Math.abs(ours[k] - value), `${what}: ${ours[k]} against ${value}`).toBeLessThan(1e-9 * Math.max(1, value));
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

describe.each(goldens.classification)('classification as scikit-learn: $name', (golden) => {
  const { predictions, references } = golden;

  test('accuracy, Matthews, confusion matrix', () => {
    close(accuracy.compute(predictions, references).accuracy, golden.accuracy);
    close(matthewsCorrelation.compute(predictions, references).matthews_correlation, golden.matthews);
    expect(confusionMatrix.compute(predictions, references)).toEqual({ labels: golden.labels, matrix: golden.matrix });
  });

  test('precision, recall and F1 in every average', () => {
    for (const expected of golden.averages) {
      const zeroDivision = expected.zeroDivision ?? Number.NaN;
      const labels = expected.labels ?? undefined;
      const what = JSON.stringify({ ...expected, precision: undefined, recall: undefined, f1: undefined });
      if (expected.average === null) {
        const scores = perClassScores.compute(predictions, references, { zeroDivision });
        for (const key of ['precision', 'recall', 'f1'] as const) close(scores[key], expected[key], `${key} ${what}`);
        expect(scores.support).toEqual(expected.support);
        expect(scores.labels).toEqual(golden.labels);
      } else {
        const options = { average: expected.average, zeroDivision, labels };
        const scores = precisionRecallF1.compute(predictions, references, options);
        for (const key of ['precision', 'recall', 'f1'] as const) close(scores[key], expected[key], `${key} ${what}`);
        expect(f1.compute(predictions, references, options).f1).toBe(scores.f1);
        expect(precision.compute(predictions, references, options).precision).toBe(scores.precision);
        expect(recall.compute(predictions, references, options).recall).toBe(scores.recall);
      }
    }
  });
});

test.each(goldens.regression)('regression as SciPy and scikit-learn: $name', (golden) => {
  const { predictions, references } = golden;
  const { value, said } = quietly(() => ({
    ...pearson.compute(predictions, references),
    ...spearman.compute(predictions, references),
  }));
  close(value.pearson, golden.pearson, 'pearson');
  close(value.spearmanr, golden.spearmanr, 'spearmanr');
  expect(said.length).toBe(golden.pearson === null ? 2 : 0);
  close(meanSquaredError.compute(predictions, references).mse, golden.mse);
  close(meanSquaredError.compute(predictions, references, { squared: false }).mse, golden.rmse);
  close(meanAbsoluteError.compute(predictions, references).mae, golden.mae);
});

describe('streaming', () => {
  test('batches of any sizes give what the whole gives', () => {
    const row = fc.tuple(fc.nat(1), fc.nat(1));
    fc.assert(
      fc.property(fc.array(fc.array(row), { minLength: 1 }), (batches) => {
        const all = batches.flat();
        fc.pre(all.length > 0);
        for (const metric of metrics.values()) {
          const { value } = quietly(() => {
            const accumulator = metric.create();
            for (const batch of batches) {
              accumulator.add(
                Int32Array.from(batch, ([p]) => p),
                batch.map(([, r]) => r),
              );
            }
            return [
              accumulator.compute(),
              metric.compute(
                all.map(([p]) => p),
                all.map(([, r]) => r),
              ),
            ];
          });
          expect(value[0]).toEqual(value[1]);
        }
      }),
    );
  });

  test('the order of rows does not matter; scores stay in their bounds; the truth has the best ones', () => {
    const best: Record<string, number> = { mse: 0, rmse: 0, mae: 0 };
    const tables = fc.array(fc.tuple(fc.nat(1), fc.nat(1)), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(tables, (rows) => {
        const predictions = rows.map(([p]) => p);
        const references = rows.map(([, r]) => r);
        fc.pre(new Set(references).size === 2);
        for (const metric of metrics.values()) {
          const { value } = quietly(() => [
            metric.compute(predictions, references),
            metric.compute(predictions.toReversed(), references.toReversed()),
            metric.compute(references, references),
          ]);
          for (const [name, score] of Object.entries(value[0])) {
            if (Number.isNaN(score)) expect(value[1][name], name).toBeNaN();
            else expect(Math.abs(value[1][name] - score), name).toBeLessThan(1e-12);
            if (!Number.isNaN(score)) expect(Math.abs(score), name).toBeLessThanOrEqual(1);
            expect(Math.abs(value[2][name] - (best[name] ?? 1)), name).toBeLessThan(1e-12);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a row that is no label is named by its number among all rows', () => {
    const accumulator = accuracy.create();
    accumulator.add([1, 0], [1, 0]);
    expect(() => accumulator.add([1], [-100])).toThrow(/no class label \(row 3\), got -100/);
  });

  test('compute may be asked between batches', () => {
    const accumulator = accuracy.create();
    accumulator.add([1], [1]);
    expect(accumulator.compute()).toEqual({ accuracy: 1 });
    accumulator.add([0], [1]);
    expect(accumulator.compute()).toEqual({ accuracy: 0.5 });
  });
});

test('a division by zero is said once, unless zeroDivision is given', () => {
  const rows: [number[], number[]] = [
    [0, 0, 1],
    [0, 2, 1],
  ];
  const said = (run: () => unknown) => quietly(run).said;
  expect(said(() => precision.compute(...rows, { average: 'macro' }))).toEqual([
    '[precision] class 2: never predicted, so a score counts as 0 (option zeroDivision)',
  ]);
  expect(said(() => perClassScores.compute(...rows))).toHaveLength(1);
  expect(said(() => precision.compute(...rows, { average: 'macro', zeroDivision: 0 }))).toEqual([]);
  expect(said(() => recall.compute(...rows, { average: 'macro' }))).toEqual([]);
  expect(said(() => f1.compute(...rows, { average: 'macro' }))).toEqual([]);
  expect(said(() => f1.compute([0], [0]))).toEqual([
    '[f1] class 1: never true nor predicted, so a score counts as 0 (option zeroDivision)',
  ]);
  expect(said(() => precision.compute([[0, 0]], [[0, 1]], { average: 'micro' }))).toEqual([
    '[precision] no class is predicted: a score counts as 0 (option zeroDivision)',
  ]);
  expect(said(() => precision.compute([[1, 0]], [[1, 1]], { average: 'micro' }))).toEqual([]);
  expect(said(() => recall.compute([[1, 0]], [[0, 0]], { average: 'samples' }))[0]).toContain(
    '1 rows with no label true',
  );
});

test('equal values share their mean rank', () => {
  expect([...ranks([10, 20, 10, 5])]).toEqual([2.5, 4, 2.5, 1]);
});

test('Spearman with a NaN among the values is NaN, and said', () => {
  const { value, said } = quietly(() => spearman.compute([1, Number.NaN, 3], [1, 2, 3]));
  expect(value.spearmanr).toBeNaN();
  expect(said.join()).toContain('[spearmanr] the correlation is not defined');
});

describe('what cannot be scored is refused', () => {
  test('no rows, different lengths', () => {
    for (const metric of metrics.values()) {
      expect(() => metric.compute([], []), metric.name).toThrow('there are no rows to score');
      expect(() => metric.compute([1], [1, 0]), metric.name).toThrow(
        /different lengths, got 1, expected 2 predictions/,
      );
    }
  });

  test('rows without a label', () => {
    expect(() => accuracy.compute([1, 0], [1, -1])).toThrow(
      '[accuracy] a reference is no class label (row 2), got -1, expected a whole number from 0; this row has no label',
    );
    expect(() => f1.compute([0.3], [1])).toThrow(/a prediction is no class label.*got 0.3/);
  });

  test('a binary average over more classes, or of a class that is not there', () => {
    expect(() => f1.compute([0, 1, 2], [0, 1, 2])).toThrow(
      /'binary' is for two classes, got 'classes 0, 1, 2'; choose/,
    );
    expect(() => f1.compute([0, 2], [0, 2])).toThrow(/posLabel is none of the classes, got 1, expected 0 or 2/);
    expect(() => f1.compute([0, 1], [0, 1], { labels: [1] })).toThrow(/labels mean nothing/);
  });
});

describe('metricsFor', () => {
  const names = (name: string) => metricsFor(name).map((metric: Metric) => metric.name);

  test("GLUE's tasks and single metrics", () => {
    expect(names('mrpc')).toEqual(['accuracy', 'f1']);
    expect(names('qqp')).toEqual(['accuracy', 'f1']);
    expect(names('cola')).toEqual(['matthews_correlation']);
    expect(names('stsb')).toEqual(['pearson', 'spearmanr']);
    expect(names('rte')).toEqual(['accuracy']);
    expect(names('mse')).toEqual(['mse']);
    expect(Object.keys(glueMetrics).length).toBe(12);
  });

  test('an unknown name suggests the nearest', () => {
    expect(() => metricsFor('acuracy')).toThrow(/no such metric, got 'acuracy'.*did you mean 'accuracy'\?/);
    expect(() => metricsFor('constructor')).toThrow(/no such metric/);
  });

  test('errors are better when small', () => {
    expect([...metrics.values()].filter(({ greaterIsBetter }) => !greaterIsBetter).map(({ name }) => name)).toEqual([
      'mse',
      'mae',
    ]);
  });
});
