import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/graph/differentiate.ts';
import { Graph } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { ndarray } from '../../src/graph/ndarray.ts';
import { crossEntropy, weightedTotal } from '../../src/nn/losses.ts';
import { makeSchedule, type ScheduleName, type ScheduleParameters } from '../../src/training/schedules.ts';
import { golden, largestDifference, readGolden } from './goldenFiles.ts';
import { hasShared, skipNote } from './shared.ts';

interface Schedules {
  readonly lr: number;
  readonly warmup: number;
  readonly total: number;
  readonly lrs: Readonly<Record<ScheduleName, readonly number[]>>;
}

/** What the goldens were made with. */
const parameters: Partial<Record<ScheduleName, ScheduleParameters>> = {
  cosine_with_min_lr: { minLr: 1e-4 },
  warmup_stable_decay: { numDecaySteps: 5 },
};

describe.skipIf(!hasShared)(`schedules and label smoothing against the recorded numbers${skipNote}`, () => {
  test('every schedule, to 1e-12', () => {
    const { lr, warmup, total, lrs } = JSON.parse(readFileSync(join(golden, 'schedules.json'), 'utf8')) as Schedules;
    expect(Object.keys(lrs).length).toBeGreaterThanOrEqual(9);
    for (const [name, rates] of Object.entries(lrs) as [ScheduleName, readonly number[]][]) {
      const schedule = makeSchedule(name, parameters[name]);
      rates.forEach((rate, step) => {
        const found = lr * schedule(step, { learningRate: lr, warmupSteps: warmup, totalSteps: total });
        expect(Math.abs(found - rate), `${name}, step ${step}`).toBeLessThanOrEqual(1e-12 * rate + 1e-18);
      });
    }
  });

  test('label smoothing of 0.1, loss and gradient to 1e-6', () => {
    const file = readGolden('.', 'label_smoothing.safetensors');
    const [rows, classes] = [24, 5]; // 4 texts of 6 tokens
    const labels = Array.from(file.view('labels') as BigInt64Array, Number);
    const graph = new Graph();
    const logits = graph.input('logits', 'float32', [rows, classes]);
    const weights = graph.input('weights', 'float32', [rows]);
    const scale = graph.input('scale', 'float32', []);
    const losses = crossEntropy(logits, graph.input('labels', 'int64', [rows]), { labelSmoothing: 0.1 });
    const loss = weightedTotal(losses, weights, scale);
    const [gradient] = differentiate(loss, [logits]);
    const real = labels.map((label) => (label === -100 ? 0 : 1));
    const feeds = new Map([
      [logits, ndarray([rows, classes], file.toFloat32('logits'))],
      [
        graph.input('labels', 'int64', [rows]),
        ndarray(
          [rows],
          labels.map((label) => Math.max(0, label)),
        ),
      ],
      [weights, ndarray([rows], real)],
      [scale, ndarray([], [1 / real.reduce<number>((sum, one) => sum + one, 0)])],
    ]);
    const [value, slopes] = interpret(graph, [loss, gradient!], feeds);
    expect(Math.abs(value.data[0] - file.toFloat32('loss')[0])).toBeLessThan(1e-6);
    expect(largestDifference(slopes.data, file.toFloat32('grad'))).toBeLessThan(1e-6);
    expect(real).toContain(0);
  });
});
