import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LengthGroupedSampler,
  RandomSampler,
  SequentialSampler,
  StratifiedSampler,
  WeightedRandomSampler,
} from './samplers.ts';

const sorted = (order: Uint32Array) => Array.from(order).sort((a, b) => a - b);

test('SequentialSampler visits rows as they stand', () => {
  expect([...new SequentialSampler(4).order(3)]).toEqual([0, 1, 2, 3]);
});

describe('RandomSampler', () => {
  test('every row once, in an order of seed and epoch alone', () => {
    const sampler = new RandomSampler(50, 42);
    const second = sampler.order(1);
    expect(sorted(second)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(sampler.order(0)).not.toEqual(second);
    expect(new RandomSampler(50, 42).order(1)).toEqual(second);
    expect(new RandomSampler(50, 43).order(1)).not.toEqual(second);
  });

  test('no place prefers a row', () => {
    // 2000 epochs of 5 rows: each row comes first about 400 times (standard deviation 18).
    const sampler = new RandomSampler(5, 1);
    const first = [0, 0, 0, 0, 0];
    for (let epoch = 0; epoch < 2000; epoch++) first[sampler.order(epoch)[0]]++;
    for (const count of first) expect(Math.abs(count - 400)).toBeLessThan(90);
  });

  test('refuses what is no number of rows', () => {
    expect(() => new RandomSampler(-1, 0)).toThrow(/no number of rows, got -1/);
  });
});

describe('LengthGroupedSampler', () => {
  const lengths = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 128);
  const sampler = new LengthGroupedSampler(lengths, 8, 42);

  test('every row once, the longest first, as seed and epoch say', () => {
    const order = sampler.order(0);
    expect(sorted(order)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(lengths[order[0]]).toBe(127);
    expect(sampler.order(1)).not.toEqual(order);
    expect(new LengthGroupedSampler(lengths, 8, 42).order(0)).toEqual(order);
  });

  test('batches hold rows of similar length: padding falls by nine tenths', () => {
    const padding = (order: ArrayLike<number>): number => {
      let sum = 0;
      for (let start = 0; start < order.length; start += 8) {
        const batch = Array.from({ length: Math.min(8, order.length - start) }, (_, i) => lengths[order[start + i]]);
        sum += batch.length * Math.max(...batch) - batch.reduce((a, b) => a + b, 0);
      }
      return sum;
    };
    expect(padding(sampler.order(0))).toBeLessThan(0.1 * padding(new RandomSampler(1000, 42).order(0)));
  });

  test('few rows make one megabatch of one batch', () => {
    const order = new LengthGroupedSampler([1, 5, 3], 8, 0).order(0);
    expect([...order]).toEqual([1, 2, 0]);
    expect(new LengthGroupedSampler([], 8, 0).order(0).length).toBe(0);
  });
});

describe('WeightedRandomSampler', () => {
  test('draws in proportion to the weights, as seed and epoch say', () => {
    const weights = [0, 1, 3, 0, 4];
    const sampler = new WeightedRandomSampler(weights, 7, { numSamples: 8000 });
    const counts = [0, 0, 0, 0, 0];
    const order = sampler.order(2);
    for (const row of order) counts[row]++;
    // 1000 a unit of weight, standard deviation at most 45.
    counts.forEach((count, row) => {
      expect(Math.abs(count - 1000 * weights[row])).toBeLessThan(weights[row] === 0 ? 1 : 225);
    });
    expect(new WeightedRandomSampler(weights, 7, { numSamples: 8000 }).order(2)).toEqual(order);
    expect(sampler.order(3)).not.toEqual(order);
    expect(new WeightedRandomSampler(weights, 8, { numSamples: 8000 }).order(2)).not.toEqual(order);
  });

  test('without replacement: each row once, none of weight 0, the heavy ones mostly first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { maxLength: 30 }), fc.nat(), (weights, seed) => {
        const drawable = weights.flatMap((weight, row) => (weight > 0 ? [row] : []));
        const options = { numSamples: drawable.length, replacement: false };
        expect(sorted(new WeightedRandomSampler(weights, seed, options).order(0))).toEqual(drawable);
      }),
      { numRuns: 50 },
    );
    const sampler = new WeightedRandomSampler([1, 9], 3, { replacement: false });
    const heavyFirst = Array.from({ length: 500 }, (_, epoch) => sampler.order(epoch)[0]).filter((row) => row === 1);
    // 450 expected, standard deviation 7.
    expect(Math.abs(heavyFirst.length - 450)).toBeLessThan(35);
  });

  test('refuses weights that are none', () => {
    expect(() => new WeightedRandomSampler([1, -1], 0)).toThrow(/weight of row 1 is none, got -1/);
    expect(() => new WeightedRandomSampler([Number.NaN], 0)).toThrow(/row 0 is none/);
    expect(() => new WeightedRandomSampler([0, 0], 0)).toThrow(/expected one at least/);
    expect(() => new WeightedRandomSampler([1, 0], 0, { replacement: false })).toThrow(/got 1, expected 2/);
    expect(new WeightedRandomSampler([], 0).order(0).length).toBe(0);
  });
});

describe('StratifiedSampler', () => {
  const labels = fc.array(fc.constantFrom('a', 'a', 'a', 'b', 'c'), { maxLength: 80 });

  test('every row once, and at any place of the epoch each class has come in proportion to its size', () => {
    fc.assert(
      fc.property(labels, fc.nat(), fc.nat({ max: 9 }), (all, seed, epoch) => {
        const order = new StratifiedSampler(all, seed).order(epoch);
        expect(sorted(order)).toEqual(all.map((_, i) => i));
        const classes = [...new Set(all)];
        for (const label of classes) {
          const size = all.filter((each) => each === label).length;
          let come = 0;
          order.forEach((row, i) => {
            if (all[row] === label) come++;
            // Half a row by the method, and what the other classes round by.
            const allowed = 1 + ((classes.length / 2) * size) / all.length + 1e-9;
            expect(Math.abs(come - ((i + 1) * size) / all.length)).toBeLessThanOrEqual(allowed);
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  test('is a pure function of seed and epoch, and each epoch has batches of its own', () => {
    const all = Array.from({ length: 60 }, (_, i) => i % 3);
    const order = new StratifiedSampler(all, 1).order(4);
    expect(new StratifiedSampler(all, 1).order(4)).toEqual(order);
    expect(new StratifiedSampler(all, 1).order(5)).not.toEqual(order);
    expect(new StratifiedSampler(all, 2).order(4)).not.toEqual(order);
  });
});
