import { describe, expect, test } from 'vitest';
import { Tensor } from '../core/tensor.ts';
import { computeMetricsWith, f1, logLoss, meanSquaredError, rocAuc, squadV2 } from './index.ts';

const classes = {
  predictions: Tensor.from([
    [2, 0, 1],
    [0, 3, 1],
    [1, 0, 0.5],
    [0.5, 0, 2],
  ]),
  labelIds: Tensor.from([0, 1, 1, 2], 'int64'),
};
const softmax = (row: number[]) => row.map((x) => Math.exp(x) / row.reduce((sum, y) => sum + Math.exp(y), 0));

describe('computeMetricsWith', () => {
  test('classes: the highest logit, and probabilities', () => {
    const scores = computeMetricsWith(['accuracy', 'f1_macro', 'roc_auc', 'log_loss'])(classes);
    const probabilities = (classes.predictions.tolist() as number[][]).map(softmax);
    const truth = [0, 1, 1, 2];
    expect(scores['accuracy']).toBe(0.75);
    expect(scores['f1_macro']).toBe(f1.compute([0, 1, 0, 2], truth, { average: 'macro' }).f1);
    expect(scores['roc_auc']).toBeCloseTo(rocAuc.compute(probabilities, truth).roc_auc, 12);
    expect(scores['log_loss']).toBeCloseTo(logLoss.compute(probabilities, truth).log_loss, 12);
  });

  test('several labels: what is above 0', () => {
    const prediction = {
      predictions: Tensor.from([
        [2, -1],
        [-1, 0.5],
      ]),
      labelIds: Tensor.from([
        [1, 0],
        [1, 1],
      ]),
    };
    expect(computeMetricsWith(['accuracy', 'f1_micro', 'roc_auc_micro'])(prediction)).toEqual({
      accuracy: 0.5,
      f1_micro: 0.8,
      roc_auc_micro: 2.5 / 3,
    });
  });

  test('numbers, with the labels as a column or not', () => {
    const predictions = Tensor.from([[1], [2], [4]]);
    const expected = meanSquaredError.compute([1, 2, 4], [1, 3, 3]);
    for (const labelIds of [Tensor.from([1, 3, 3]), Tensor.from([[1], [3], [3]])]) {
      expect(computeMetricsWith(['mse'])({ predictions, labelIds })).toEqual(expected);
      expect(Object.keys(computeMetricsWith(['stsb'])({ predictions, labelIds }))).toEqual(['pearson', 'spearmanr']);
    }
  });

  test('answers to questions', () => {
    const answers = [
      { id: 'a', predictionText: 'x', nullScoreDiff: -1 },
      { id: 'b', predictionText: 'y', nullScoreDiff: 2 },
    ];
    const references = [
      { id: 'a', answers: { text: ['x'] } },
      { id: 'b', answers: { text: [] } },
    ];
    const prediction = { predictions: Tensor.from([0, 0]), labelIds: Tensor.from([1, 0]), answers, references };
    const rows = answers.map(({ nullScoreDiff, ...answer }) => ({ ...answer, noAnswerProbability: nullScoreDiff }));
    const scores = computeMetricsWith(['squad_v2'])(prediction);
    expect(scores['best_exact']).toBe(100);
    expect(scores).toEqual(squadV2.compute(rows, references));
  });

  test('names are checked at once, answers when they come', () => {
    expect(() => computeMetricsWith(['acuracy'])).toThrow(/did you mean 'accuracy'/);
    expect(() => computeMetricsWith([])).toThrow(/there are no metrics/);
    expect(() => computeMetricsWith(['f1', 'f1'])).toThrow(/comes twice, got 'f1'/);
    expect(() => computeMetricsWith(['seqeval'])).toThrow(/takes tags.*got 'seqeval'; token classification/);
    expect(() => computeMetricsWith(['rouge'])).toThrow(/takes texts.*; compute it on the texts/);
    expect(() => computeMetricsWith(['squad'])(classes)).toThrow(/\[squad\].*got 'no answers to questions'/);
    expect(() => computeMetricsWith(['mse'])(classes)).toThrow(
      /\[mse\] the task gives no rows that this metric takes, got 'predictions \[4, 3\] and labels \[4\]', expected one number/,
    );
    const narrow = { predictions: Tensor.from([[1], [2]]), labelIds: Tensor.from([0, 1], 'int64') };
    expect(() => computeMetricsWith(['accuracy'])(narrow)).toThrow(/expected a logit for each class or label/);
    const deep = { predictions: Tensor.from([[[1, 2]]]), labelIds: Tensor.from([[0]], 'int64') };
    expect(() => computeMetricsWith(['accuracy'])(deep)).toThrow(/got 'predictions \[1, 1, 2\]/);
    const unlabelled = { ...classes, labelIds: Tensor.from([0, 1, -1, 2], 'int64') };
    expect(() => computeMetricsWith(['accuracy'])(unlabelled)).toThrow(/\(row 3\), got -1.*has no label/);
  });
});
