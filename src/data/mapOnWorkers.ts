import { availableThreads, createWorker, type PlatformWorker } from '#platform/workers';
import { ArgumentError, RunError } from '../core/errors.ts';
import type { Cell, Row } from './features.ts';

/** Rows by column: what goes to a worker and comes back. */
export interface ColumnArrays {
  readonly [column: string]: readonly Cell[];
}

/** A function of a row that can run on workers as well: a module and plain data say it again there. See `transforms`. */
export interface Transform {
  /** The URL of a module whose default export takes the recipe and gives the function. */
  readonly module: string;
  readonly recipe: unknown;
  /** The function in this thread: cells that are added to the row or replace those of the same name. */
  readonly apply: (row: Row) => Row;
}

/** The answer to one batch: columns (of a batched function) or rows. */
export type WorkerAnswer = { readonly columns: ColumnArrays } | { readonly rows: readonly Row[] };

/**
 * The worker's program: it loads the module and calls its default export (or the function that this makes of a recipe), for
 * each row or for the batch. Plain JavaScript, since it runs as it is written here.
 */
const program = `
const makeTransform = async () => {
  const { default: made } = await load(data.module);
  if (typeof made !== 'function') throw new TypeError('its default export is no function');
  return data.recipe === undefined ? made : made(data.recipe);
};
const loaded = makeTransform();
loaded.catch(() => undefined);
receive(async ({ id, columns, count, first }) => {
  try {
    const transform = await loaded;
    if (data.batched) {
      const made = await transform(columns, first);
      send({ id, answer: { columns: Object.fromEntries(Object.entries(made).map(([name, cells]) => [name, [...cells]])) } });
      return;
    }
    const rows = [];
    for (let i = 0; i < count; i++) {
      const row = Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, cells[i]]));
      rows.push(await transform(row, first + i));
    }
    send({ id, answer: { rows } });
  } catch (error) {
    send({ id, error: String(error && error.stack || error) });
  }
});`;

/** One batch for a worker. */
export interface WorkerBatch {
  readonly columns: ColumnArrays;
  readonly count: number;
  readonly first: number;
}

/**
 * Sends batches to worker threads that run a module's default export, and gives the answers in the batches' order. At most
 * two batches a worker are under way, so memory stays bounded.
 *
 * @param module the URL of a JavaScript module, whole: `new URL('./transform.js', import.meta.url)`.
 * @param options.recipe plain data; where it is given, the default export makes the function of it.
 * @throws ArgumentError ERR_WORKERS; RunError ERR_MAP_WORKER where the module cannot be loaded or its function throws.
 */
export async function* mapOnWorkers(
  module: URL,
  batches: Iterable<WorkerBatch>,
  options: { readonly batched: boolean; readonly numProc?: number | undefined; readonly recipe?: unknown },
): AsyncGenerator<WorkerAnswer> {
  const threads = options.numProc ?? availableThreads();
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ArgumentError('ERR_WORKERS', {
      owner: 'map',
      what: 'numProc is no number of workers',
      got: threads,
      expected: 'a whole number from 1',
    });
  }
  const workers: PlatformWorker[] = [];
  const answers = new Map<number, (answer: WorkerAnswer) => void>();
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Where all goes well nobody waits for it.
  failed.catch(() => undefined);
  const start = (): PlatformWorker => {
    const worker = createWorker(program, {
      module: module.href,
      batched: options.batched,
      recipe: options.recipe,
    });
    worker.onMessage((message) => {
      const { id, answer, error } = message as { id: number; answer: WorkerAnswer; error?: string };
      if (error !== undefined) fail(broken(module, error));
      else answers.get(id)?.(answer);
      answers.delete(id);
    });
    worker.onFailure((error) => fail(broken(module, error.message)));
    workers.push(worker);
    return worker;
  };
  const waiting: Promise<WorkerAnswer>[] = [];
  try {
    let id = 0;
    for (const batch of batches) {
      const worker = workers[id % threads] ?? start();
      waiting.push(new Promise((resolve) => answers.set(id, resolve)));
      worker.postMessage({ id, ...batch });
      id++;
      if (waiting.length >= threads * 2) yield await Promise.race([waiting.shift() as Promise<WorkerAnswer>, failed]);
    }
    for (const answer of waiting) yield await Promise.race([answer, failed]);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function broken(module: URL, said: string): RunError {
  return new RunError('ERR_MAP_WORKER', {
    owner: 'map',
    what: `the function of a module failed on a worker: ${said}`,
    file: module.href,
    hint: 'its default export takes a row (or with batched: true, columns) and returns cells; it must be JavaScript',
  });
}
