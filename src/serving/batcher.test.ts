import { describe, expect, test } from 'vitest';
import { Batcher } from './batcher.ts';

/** A batcher of numbers that doubles them, waits a little, and remembers its batches. */
function doubling(most: number) {
  const batches: { questions: readonly number[]; parameters: unknown }[] = [];
  const batcher = new Batcher<number, number>(async (questions, parameters) => {
    batches.push({ questions, parameters });
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (questions.some((question) => question < 0)) throw new Error('negative');
    return questions.map((question) => 2 * question);
  }, most);
  return { batcher, batches };
}

describe('a batcher', () => {
  test('answers together what is asked at once, each its own', async () => {
    const { batcher, batches } = doubling(4);
    const asked = [[1], [2, 3], [4], [5], [6, 7, 8, 9, 10], [11]];
    expect(await Promise.all(asked.map((questions) => batcher.ask(questions, {})))).toEqual(
      asked.map((questions) => questions.map((question) => 2 * question)),
    );
    // The longest wait first, as many as fit; what is more than a batch is one by itself.
    expect(batches.map(({ questions }) => questions)).toEqual([
      [1, 2, 3, 4],
      [5, 11],
      [6, 7, 8, 9, 10],
    ]);
  });

  test('what comes while a batch is answered goes together in the next', async () => {
    const { batcher, batches } = doubling(8);
    const first = batcher.ask([1], {});
    while (batches.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await Promise.all([first, ...[2, 3, 4].map((question) => batcher.ask([question], {}))]);
    expect(batches.map(({ questions }) => questions)).toEqual([[1], [2, 3, 4]]);
    expect(await batcher.ask([5], {})).toEqual([10]);
  });

  test('other parameters are another batch', async () => {
    const { batcher, batches } = doubling(8);
    await Promise.all([batcher.ask([1], { k: 1 }), batcher.ask([2], { k: 2 }), batcher.ask([3], { k: 1 })]);
    expect(batches).toEqual([
      { questions: [1, 3], parameters: { k: 1 } },
      { questions: [2], parameters: { k: 2 } },
    ]);
  });

  test('one that fails fails alone', async () => {
    const { batcher } = doubling(8);
    const settled = await Promise.allSettled([1, -2, 3].map((question) => batcher.ask([question], {})));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(settled[2]).toMatchObject({ value: [6] });
  });

  test('who goes away before his turn is not answered', async () => {
    const { batcher, batches } = doubling(1);
    const gone = new AbortController();
    const asked = [batcher.ask([1], {}), batcher.ask([2], {}, gone.signal), batcher.ask([3], {})];
    gone.abort(new Error('gone'));
    const settled = await Promise.allSettled(asked);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(batches.map(({ questions }) => questions)).toEqual([[1], [3]]);
    await expect(batcher.ask([4], {}, gone.signal)).rejects.toThrow('gone');
  });
});
