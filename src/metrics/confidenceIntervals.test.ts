import { expect, test } from 'vitest';
import { Tensor } from '../core/tensor.ts';
import { accuracy } from './accuracy.ts';
import { bootstrap } from './bootstrap.ts';
import { computeMetricsWith, confidenceIntervalsWith } from './computeMetrics.ts';

const classes = [0, 1, 1, 0, 1, 0, 0, 1];
const prediction = {
  predictions: new Tensor('float32', Float32Array.from(classes.flatMap((said) => [0.5 - said, said - 0.5])), [8, 2]),
  labelIds: new Tensor('int64', BigInt64Array.from([0, 1, 0, 0, 1, 1, 0, 1], BigInt), [8]),
};

test("the intervals of a Trainer's answers are those of their rows, around the scores", () => {
  const found = confidenceIntervalsWith(['accuracy', 'f1', 'log_loss'], prediction, { resamples: 200 });
  const scores = computeMetricsWith(['accuracy', 'f1', 'log_loss'])(prediction);
  expect(Object.keys(found)).toEqual(Object.keys(scores));
  for (const [name, { score, low, high }] of Object.entries(found)) {
    expect(score).toBe(scores[name]);
    expect(low).toBeLessThan(score);
    expect(high).toBeGreaterThan(score);
  }
  const labels = Array.from(prediction.labelIds.data, Number);
  expect(found['accuracy']).toEqual(bootstrap(accuracy, classes, labels, { resamples: 200 })['accuracy']);
});

test('names of scores that two metrics have get the metric in front', () => {
  const found = confidenceIntervalsWith(['f1_macro', 'f1_micro'], prediction, { resamples: 10 });
  expect(Object.keys(found)).toEqual(Object.keys(computeMetricsWith(['f1_macro', 'f1_micro'])(prediction)));
  expect(new Set(Object.values(found)).size).toBe(2);
});
