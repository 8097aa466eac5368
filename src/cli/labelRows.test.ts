import { describe, expect, test } from 'vitest';
import { gatherLog, tinyModel } from '../../test/testing/tiny.ts';
import { Tensor } from '../core/tensor.ts';
import { judgedColumns, worstRows } from './judgedRows.ts';
import { labelJudge } from './labelRows.ts';

const floats = (dims: [number, number], ...values: number[]) => new Tensor('float32', Float32Array.from(values), dims);

describe('rows and what a classifier says of them', () => {
  test('several labels a row: all that are said, and whether the whole choice is right', async () => {
    const model = await tinyModel({ id2label: ['a', 'b', 'c'], problemType: 'multi_label_classification' });
    const predictions = floats([3, 3], 2, -2, 2, -3, -3, -3, 1, -1, -1);
    const labelIds = floats([3, 3], 1, 0, 1, 0, 0, 1, Number.NaN, Number.NaN, Number.NaN);
    const judged = labelJudge.judge([{ id: 1 }, { id: 2 }, { id: 3 }], { predictions, labelIds }, model);
    expect(judged.map(({ row, correct }) => [row['predicted_label'], row['true_label'], correct])).toEqual([
      [['a', 'c'], ['a', 'c'], true],
      [[], ['c'], false],
      [['a'], undefined, undefined],
    ]);
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    expect(judged[0].confidence).toBeCloseTo(sigmoid(2) ** 3, 6);
    expect(judged[1].row['probability_c']).toBeCloseTo(sigmoid(-3), 6);
    expect(worstRows(judged).map(({ id }) => id)).toEqual([2]);
  });

  test('a regression: the largest error first', async () => {
    const model = await tinyModel({ id2label: ['score'], problemType: 'regression' });
    const predictions = floats([3, 1], 1, 2, 3);
    const labelIds = floats([3, 1], 1.5, 4, Number.NaN);
    const judged = labelJudge.judge([{ id: 1 }, { id: 2 }, { id: 3 }], { predictions, labelIds }, model);
    expect(judged.map(({ row }) => row)).toEqual([
      { id: 1, predicted_value: 1, true_value: 1.5, absolute_error: 0.5 },
      { id: 2, predicted_value: 2, true_value: 4, absolute_error: 2 },
      { id: 3, predicted_value: 3 },
    ]);
    expect(worstRows(judged).map(({ id }) => id)).toEqual([2, 1]);
    expect(judgedColumns([], labelJudge, model, true)).toEqual(['predicted_value', 'true_value', 'absolute_error']);
  });

  test('classes: a row without a label is neither right nor wrong; a column that comes twice is said', async () => {
    const model = await tinyModel({ id2label: ['bad', 'good'] });
    const predictions = floats([2, 2], 0, 3, 1, 0);
    const labelIds = new Tensor('int64', BigInt64Array.from([0n, -1n]), [2]);
    const [wrong, unknown] = labelJudge.judge([{ correct: 'mine' }, {}], { predictions, labelIds }, model);
    expect(wrong.row).toMatchObject({
      predicted_label: 'good',
      true_label: 'bad',
      correct: false,
      confidence: 0.952574,
    });
    expect(unknown.row).not.toHaveProperty('correct');
    const log = gatherLog();
    judgedColumns(['text', 'correct'], labelJudge, model, true);
    expect(log).toEqual(["warn: the data's own correct are replaced by this model's"]);
  });
});
