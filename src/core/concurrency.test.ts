import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allEnded, forEachConcurrently, remembered } from './concurrency.ts';

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await Promise.resolve();
};

describe('forEachConcurrently', () => {
  test('does all of it, begun in order, never more at once than asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20)), fc.integer({ min: 1, max: 6 }), async (waits, atOnce) => {
        const begun: number[] = [];
        let running = 0;
        let most = 0;
        await forEachConcurrently(waits.entries(), atOnce, async ([index, wait]) => {
          begun.push(index);
          most = Math.max(most, ++running);
          await turns(wait);
          running--;
        });
        expect(begun).toEqual(waits.map((_, index) => index));
        expect(running).toBe(0);
        expect(most).toBe(Math.min(atOnce, waits.length));
      }),
    );
  });

  test('a failure: what was begun ends, nothing new begins, the first error is thrown', async () => {
    const ended: number[] = [];
    const work = forEachConcurrently([0, 1, 2, 3], 2, async (index) => {
      if (index === 0) throw new Error('the first');
      await turns(5);
      ended.push(index);
    });
    await expect(work).rejects.toThrow('the first');
    expect(ended).toEqual([1]);
  });
});

describe('allEnded', () => {
  test('gives all results in order', async () => {
    expect(await allEnded([Promise.resolve(1), turns(3).then(() => 'two')])).toEqual([1, 'two']);
  });

  test('of two failures the first in order is thrown, when all have ended', async () => {
    const ended: string[] = [];
    const slow = turns(9).then(() => {
      ended.push('slow');
      throw new Error('slow');
    });
    await expect(allEnded([slow, Promise.reject(new Error('quick'))])).rejects.toThrow('slow');
    expect(ended).toEqual(['slow']);
  });
});

describe('remembered', () => {
  test('is made once, whoever asks meanwhile', async () => {
    const memory = new Map<string, Promise<number>>();
    let made = 0;
    const ask = () => remembered(memory, 'key', () => turns(3).then(() => ++made));
    expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
    expect(await ask()).toBe(1);
  });

  test('a failure is not remembered', async () => {
    const memory = new WeakMap<object, Promise<string>>();
    const key = {};
    await expect(remembered(memory, key, () => Promise.reject(new Error('not yet')))).rejects.toThrow('not yet');
    expect(await remembered(memory, key, () => Promise.resolve('now'))).toBe('now');
  });
});
