import { describe, expect, test } from 'vitest';
import { LengthGroupedSampler, RandomSampler, SequentialSampler } from './samplers.ts';

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
