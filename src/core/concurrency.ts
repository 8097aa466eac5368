/**
 * Does a piece of work for each item, begun in their order, a few at once. After a failure nothing more is begun, and what is
 * under way is waited for: nobody goes on behind the error's back.
 * @throws what the first that failed threw.
 */
export async function forEachConcurrently<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async () => {
    for (let next = iterator.next(); next.done !== true && failures.length === 0; next = iterator.next()) {
      await work(next.value).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failures.length > 0) throw failures[0];
}

/**
 * Like `Promise.all`, but it waits for all of them where one fails, too.
 * @throws what the first in their order threw that failed.
 */
export async function allEnded<Results extends readonly unknown[]>(
  work: {
    readonly [Index in keyof Results]: Promise<Results[Index]>;
  },
): Promise<Results> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as unknown as Results;
}

/** What {@link remembered} keeps results in: a Map or a WeakMap. */
interface Memory<Key, Result> {
  get(key: Key): Promise<Result> | undefined;
  set(key: Key, result: Promise<Result>): unknown;
  delete(key: Key): unknown;
}

/** What is made for a key: once, whoever asks meanwhile. A failure is not remembered, so what was missing can be mended and tried again. */
export function remembered<Key, Result>(
  memory: Memory<Key, Result>,
  key: Key,
  make: () => Promise<Result>,
): Promise<Result> {
  const before = memory.get(key);
  if (before !== undefined) return before;
  const result = make();
  memory.set(key, result);
  result.catch(() => memory.delete(key));
  return result;
}
