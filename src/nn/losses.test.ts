import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { finiteDifferences, largestDifference, randomArray } from '../../test/testing/arrays.ts';
import { differentiate } from '../graph/differentiate.ts';
import { Graph } from '../graph/graph.ts';
import { interpret } from '../graph/interpret.ts';
import { ndarray } from '../graph/ndarray.ts';
import type { Value } from '../graph/value.ts';
import { binaryCrossEntropyWithLogits, crossEntropy, squaredError, weightedTotal } from './losses.ts';

const graph = new Graph();
const scores = graph.input('scores', 'float32', ['rows', 3]);
const labels = graph.input('labels', 'int64', ['rows']);
const targets = graph.input('targets', 'float32', ['rows', 3]);
const weights = graph.input('weights', 'float32', ['rows']);
const scale = graph.input('scale', 'float32', []);

const feeds = new Map([
  [scores, ndarray([2, 3], [1, 2, 3, 0.5, -1, 0])],
  [labels, ndarray([2], [2, 1])],
  [targets, ndarray([2, 3], [1, 0, 1, 0, 0.25, 1])],
  [weights, ndarray([2], [1, 0.5])],
  [scale, ndarray([], [0.5])],
]);

// torch.nn.functional, reduction='none', in float64; the last two averaged over the columns.
const losses: readonly (readonly [name: string, loss: Value, expected: readonly number[]])[] = [
  ['crossEntropy', crossEntropy(scores, labels), [0.4076059644443804, 2.1041306053367284]],
  [
    'binaryCrossEntropyWithLogits',
    binaryCrossEntropyWithLogits(scores, targets),
    [0.8295923500449792, 0.7434952840860917],
  ],
  ['squaredError', squaredError(scores, targets), [2.6666666666666665, 0.9375]],
];

describe.each(losses)('%s', (_, loss, expected) => {
  test("gives PyTorch's numbers, row by row", () => {
    const [array] = interpret(graph, [loss], feeds);
    expect(largestDifference(array, ndarray([2], expected))).toBeLessThan(1e-14);
  });

  test('weighted and added up has the gradient of the sum', () => {
    const total = weightedTotal(loss, weights, scale);
    expect(interpret(graph, [total], feeds)[0].data[0]).toBeCloseTo((expected[0] + 0.5 * expected[1]) * 0.5, 13);
    const [gradient] = differentiate(total, [scores]);
    const differences = finiteDifferences(graph, total, feeds, scores);
    expect(largestDifference(interpret(graph, [gradient!], feeds)[0], differences)).toBeLessThan(1e-9);
  });

  test('leaves out a row whose weight is 0', () => {
    const total = weightedTotal(loss, weights, scale);
    const [gradient] = differentiate(total, [scores]);
    const filled = new Map(feeds).set(weights, ndarray([2], [1, 0])).set(scores, randomArray([2, 3], 'filler'));
    const [array] = interpret(graph, [gradient!], filled);
    expect(Array.from(array.data.subarray(3), Math.abs)).toEqual([0, 0, 0]);
    expect(array.data.subarray(0, 3).some((value) => value !== 0)).toBe(true);
  });
});

test('the losses of confident logits are finite', () => {
  const far = new Map(feeds).set(scores, ndarray([2, 3], [1e4, 0, -1e4, -1e4, 1e4, 0]));
  const arrays = interpret(
    graph,
    losses.map(([, loss]) => loss),
    far,
  );
  for (const { data } of arrays) expect(data.every(Number.isFinite)).toBe(true);
  expect(arrays[0].data[0]).toBe(2e4);
});

/** What PyTorch and transformers give: scripts/goldens/losses.py. */
interface Goldens {
  readonly logits: readonly number[];
  /** −100: ignored. */
  readonly labels: readonly number[];
  readonly classes: number;
  readonly cases: readonly {
    readonly kind: string;
    readonly labelSmoothing: number;
    readonly classWeights: readonly number[] | null;
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
}

describe('cross-entropy with label smoothing and class weights, some labels ignored', () => {
  const goldens = JSON.parse(readFileSync(new URL('goldens/losses.json', import.meta.url), 'utf8')) as Goldens;
  const rows = goldens.labels.length;
  const real = goldens.labels.map((label) => (label < 0 ? 0 : 1));

  test.each(goldens.cases)("$kind's, $labelSmoothing, $classWeights", (golden) => {
    const own = new Graph();
    const logits = own.input('logits', 'float32', [rows, goldens.classes]);
    const classes = own.input('labels', 'int64', [rows]);
    const counts = own.input('weights', 'float32', [rows]);
    const byCount = own.input('scale', 'float32', []);
    const classWeights =
      golden.classWeights === null ? undefined : own.input('class_weights', 'float32', [goldens.classes]);
    const loss = weightedTotal(
      crossEntropy(logits, classes, { labelSmoothing: golden.labelSmoothing, classWeights }),
      counts,
      byCount,
    );
    const [gradient] = differentiate(loss, [logits]);
    const counted = goldens.labels.reduce(
      (sum, label) => sum + (label < 0 ? 0 : (golden.classWeights?.[label] ?? 1)),
      0,
    );
    const filled = new Map([
      [logits, ndarray([rows, goldens.classes], goldens.logits)],
      [
        classes,
        ndarray(
          [rows],
          goldens.labels.map((label) => Math.max(0, label)),
        ),
      ],
      [counts, ndarray([rows], real)],
      [byCount, ndarray([], [1 / counted])],
    ]);
    if (classWeights !== undefined) filled.set(classWeights, ndarray([goldens.classes], golden.classWeights!));
    const [value, slopes] = interpret(own, [loss, gradient!], filled);
    // transformers adds up in float32, whatever the logits are.
    const near = golden.kind === 'torch' ? 1e-14 : 1e-7;
    expect(Math.abs(value.data[0] - golden.loss)).toBeLessThan(near * 10);
    expect(largestDifference(slopes, ndarray([rows, goldens.classes], golden.gradient))).toBeLessThan(near);
  });
});
