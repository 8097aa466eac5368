import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { castCell } from './columnOperations.ts';
import type { DatasetInfo } from './dataset.ts';
import {
  type Cell,
  describeFeature,
  type Feature,
  type Features,
  featureOf,
  type PlainRow,
  type Row,
  type RowOf,
} from './features.ts';
import { type CursorState, FilesStage, type RowCursor, type RowStage } from './rowCursor.ts';
import {
  BatchTransformStage,
  ChainStage,
  type ColumnBatch,
  ShuffleStage,
  SliceStage,
  TransformStage,
} from './rowStages.ts';
import type { RowStream } from './rowStream.ts';

/** Where a pass over an {@link IterableDataset} stands, as `stateDict` gives it: plain data, which can be written to JSON. */
export interface IterableState {
  readonly epoch: number;
  /** null at the start of a pass. */
  readonly position: CursorState;
}

/** Options of {@link IterableDataset.map}. */
export interface IterableMapOptions {
  /** Columns of the input left out of the result. */
  readonly removeColumns?: string | readonly string[] | undefined;
}

/**
 * Rows that are read as they are asked for: a file may be larger than memory. Each method gives a new data set and reads
 * nothing. A pass is `for await (const row of dataset)`; passes may be repeated. A pass that was left goes on from
 * `stateDict()`, in another process too, with exactly the rows that were to come.
 *
 * @example
 * const reviews = await loadDataset('reviews.csv', { split: 'train', streaming: true });
 * for await (const row of reviews.shuffle({ seed: 42, bufferSize: 1000 }).take(5)) console.log(row);
 */
export class IterableDataset<R extends Row = Row> implements AsyncIterable<R> {
  readonly info: DatasetInfo;
  /** What each column holds; undefined where only the rows will show it (behind `map`). */
  readonly features: Features | undefined;
  readonly #stage: RowStage;
  #epoch = 0;
  #cursor: RowCursor | undefined;
  #resume: CursorState = null;

  /** For readers; use `loadDataset` with `streaming: true`, `Dataset.toIterableDataset` or `fromGenerator`. */
  constructor(stage: RowStage, features?: Features, info: DatasetInfo = {}) {
    this.#stage = stage;
    this.features = features;
    this.info = info;
  }

  /** Rows that a function makes, anew for each pass. A resumed pass makes the rows again that are behind it. */
  static fromGenerator<R extends RowOf<R>>(
    make: () => Iterable<R> | AsyncIterable<R>,
    options: { features?: Features; info?: DatasetInfo } = {},
  ): IterableDataset<PlainRow<R>> {
    const stage: RowStage = {
      open(_epoch, state) {
        let left = typeof state === 'number' ? state : 0;
        let passed = left;
        const made = make();
        const rows = Symbol.asyncIterator in made ? made[Symbol.asyncIterator]() : made[Symbol.iterator]();
        const next = async (): Promise<Row | undefined> => {
          for (; left > 0; left--) if ((await rows.next()).done) return undefined;
          const { value, done } = await rows.next();
          if (done) return undefined;
          passed++;
          return value as Row;
        };
        return { next, state: () => passed, close: async () => void (await rows.return?.()) };
      },
    };
    return new IterableDataset(stage, options.features, options.info);
  }

  /** For readers: the rows of files, one after another. */
  static fromStreams(
    files: readonly (() => Promise<RowStream>)[],
    features?: Features,
    info?: DatasetInfo,
  ): IterableDataset {
    return new IterableDataset(new FilesStage(files), features, info);
  }

  /** The columns' names, where they are known before the rows are. */
  get columnNames(): string[] | undefined {
    return this.features === undefined ? undefined : Object.keys(this.features);
  }

  /** Whether a pass is known to come to an end: files do; what a function makes is not known to, but `take` sets one. */
  get isFinite(): boolean {
    return this.#stage.isFinite === true;
  }

  /** Whether `shuffle` mixes the rows. */
  get isShuffled(): boolean {
    return this.#stage.isShuffled === true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R> {
    const cursor = this.#stage.open(this.#epoch, this.#resume ?? undefined);
    this.#cursor = cursor;
    this.#resume = null;
    let isAtEnd = false;
    try {
      for (;;) {
        const next = cursor.next();
        const row = next instanceof Promise ? await next : next;
        if (row === undefined) {
          isAtEnd = true;
          return;
        }
        yield row as R;
      }
    } finally {
      await cursor.close();
      // A pass that came to its end leaves a new one to begin at the start; one that was left can still be asked where.
      if (isAtEnd && this.#cursor === cursor) this.#cursor = undefined;
    }
  }

  /** Where the pass that is under way (or was left) stands: behind the row that it gave last. */
  stateDict(): IterableState {
    return { epoch: this.#epoch, position: this.#cursor?.state() ?? this.#resume };
  }

  /**
   * The next pass goes on where `state` says: on a data set made by the same calls over the same files.
   * What functions given to `map` and `filter` remember by themselves is not part of it.
   */
  loadStateDict(state: IterableState): void {
    if (typeof state !== 'object' || state === null || !Number.isInteger(state.epoch) || !('position' in state)) {
      throw new ArgumentError('ERR_STATE', {
        owner: 'loadStateDict',
        what: 'this is no state of a pass',
        got: state,
        expected: 'what stateDict() gave',
      });
    }
    this.#epoch = state.epoch;
    this.#resume = state.position;
    this.#cursor = undefined;
  }

  /** Sets what orders depend on beside the seed: `shuffle` gives another order in each epoch. Begins at the start. */
  setEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#resume = null;
    this.#cursor = undefined;
  }

  /**
   * Calls `transform` for every row; the cells it returns are added to the row or replace those of the same name. With
   * `batched`, it takes and returns arrays by column, `batchSize` rows (default 1000) a call, and may return another
   * number of rows if `removeColumns` names every column it does not return. It may be asynchronous.
   */
  map<O extends Row>(
    transform: (row: R, index: number) => O | Promise<O>,
    options?: IterableMapOptions & { readonly batched?: false },
  ): IterableDataset<Row & O>;
  map(
    transform: (batch: { readonly [column: string]: Cell[] }, firstRow: number) => ColumnBatch | Promise<ColumnBatch>,
    options: IterableMapOptions & { readonly batched: true; readonly batchSize?: number },
  ): IterableDataset;
  map(
    transform: (rows: never, index: number) => unknown,
    options: IterableMapOptions & { readonly batched?: boolean; readonly batchSize?: number } = {},
  ): IterableDataset {
    const gone = new Set(this.#known(options.removeColumns ?? [], 'map'));
    const kept = (row: Row) =>
      gone.size === 0 ? row : Object.fromEntries(Object.entries(row).filter(([name]) => !gone.has(name)));
    if (options.batched !== true) {
      const call = transform as unknown as (row: Row, index: number) => Row | Promise<Row>;
      return this.#through(
        new TransformStage(this.#stage, async (row, index) => ({ ...kept(row), ...(await call(row, index)) })),
      );
    }
    const call = transform as unknown as (batch: ColumnBatch, firstRow: number) => ColumnBatch | Promise<ColumnBatch>;
    const stage = new BatchTransformStage(this.#stage, options.batchSize ?? 1000, async (rows, firstRow) => {
      const names = Object.keys(rows[0]);
      const columns = Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name] ?? null)]));
      const made = await call(columns, firstRow);
      const left = names
        .filter((name) => !gone.has(name) && !Object.hasOwn(made, name))
        .map((name) => [name, columns[name]]);
      return rowsOfColumns({ ...(Object.fromEntries(left) as ColumnBatch), ...made });
    });
    return this.#through(stage);
  }

  /** The rows for which `keep` says true. It may be asynchronous. */
  filter(keep: (row: R, index: number) => boolean | Promise<boolean>): IterableDataset<R> {
    const stage = new TransformStage(this.#stage, (row, index) => {
      const kept = keep(row as R, index);
      if (kept instanceof Promise) return kept.then((yes) => (yes ? row : undefined));
      return kept ? row : undefined;
    });
    return new IterableDataset<R>(stage, this.features, this.info);
  }

  /** The first `count` rows. */
  take(count: number): IterableDataset<R> {
    return new IterableDataset<R>(new SliceStage(this.#stage, 0, counted('take', count)), this.features, this.info);
  }

  /** All but the first `count` rows. They are read all the same. */
  skip(count: number): IterableDataset<R> {
    return new IterableDataset<R>(new SliceStage(this.#stage, counted('skip', count)), this.features, this.info);
  }

  /**
   * The rows in a random order of limited reach: drawn from a buffer of `bufferSize` rows (default 1000) that is kept full.
   * Files come in random order, too. The order is a pure function of seed (default 42) and epoch.
   */
  shuffle(options: { readonly seed?: number; readonly bufferSize?: number } = {}): IterableDataset<R> {
    const size = counted('shuffle', options.bufferSize ?? 1000);
    return new IterableDataset<R>(new ShuffleStage(this.#stage, options.seed ?? 42, size), this.features, this.info);
  }

  /** `batchSize` rows at a time as one row of lists; `dropLastBatch` leaves out a last one that is smaller. */
  batch(batchSize: number, options: { readonly dropLastBatch?: boolean } = {}): IterableDataset {
    const size = counted('batch', batchSize);
    return this.#through(
      new BatchTransformStage(this.#stage, size, (rows) => {
        if (options.dropLastBatch === true && rows.length < size) return [];
        return [Object.fromEntries(Object.keys(rows[0]).map((name) => [name, rows.map((row) => row[name] ?? null)]))];
      }),
    );
  }

  /** The data set without these columns. */
  removeColumns(names: string | readonly string[]): IterableDataset {
    const gone = new Set(this.#known(names, 'removeColumns'));
    return this.#columns((entries) => entries.filter(([name]) => !gone.has(name)));
  }

  /** The data set with these columns alone, in this order. */
  selectColumns(names: string | readonly string[]): IterableDataset {
    const wanted = this.#known(names, 'selectColumns');
    return this.#columns((entries) => {
      const byName = new Map(entries);
      return wanted.filter((name) => byName.has(name)).map((name) => [name, byName.get(name) as never]);
    });
  }

  /** The data set with one column under another name. */
  renameColumn(from: string, to: string): IterableDataset {
    return this.renameColumns({ [from]: to });
  }

  /** The data set with columns under other names: `{ old: 'new' }`. */
  renameColumns(names: Readonly<Record<string, string>>): IterableDataset {
    this.#known(Object.keys(names), 'renameColumns');
    return this.#columns((entries) =>
      entries.map(([name, value]) => [Object.hasOwn(names, name) ? names[name] : name, value]),
    );
  }

  /** One column's cells as another feature, by the rules of `Dataset.castColumn`. Throws `ERR_CAST` with the row while reading. */
  castColumn(name: string, feature: Feature): IterableDataset {
    this.#known([name], 'castColumn');
    const from = featureOf(this.features, name) ?? 'string';
    const stage = new TransformStage(this.#stage, (row, index) => {
      const cell = row[name] ?? null;
      const value = cell === null ? null : castCell(cell, from, feature);
      if (value !== undefined) return { ...row, [name]: value };
      throw new DataError('ERR_CAST', {
        owner: 'castColumn',
        what: 'a value cannot be cast',
        got: cell,
        expected: describeFeature(feature),
        row: index + 1,
        column: name,
      });
    });
    return new IterableDataset(stage, { ...this.features, [name]: feature }, this.info);
  }

  /** Several streams of the same columns one after another. */
  static concatenate<R extends Row>(parts: readonly IterableDataset<R>[]): IterableDataset<R> {
    const [first] = parts;
    if (first === undefined) {
      throw new ArgumentError('ERR_CONCATENATE', {
        owner: 'concatenateDatasets',
        what: 'there is nothing to put together',
        got: 'no data set',
        expected: 'at least one',
      });
    }
    return new IterableDataset<R>(new ChainStage(parts.map((part) => part.#stage)), first.features, first.info);
  }

  /** The same rows under other words about where they come from. */
  withInfo(info: DatasetInfo): IterableDataset<R> {
    return new IterableDataset<R>(this.#stage, this.features, { ...this.info, ...info });
  }

  #through(stage: RowStage): IterableDataset {
    return new IterableDataset(stage, undefined, this.info);
  }

  #columns(change: <V>(entries: [string, V][]) => [string, V][]): IterableDataset {
    const stage = new TransformStage(this.#stage, (row) => Object.fromEntries(change(Object.entries(row))));
    const features =
      this.features === undefined ? undefined : Object.fromEntries(change(Object.entries(this.features)));
    return new IterableDataset(stage, features, this.info);
  }

  #known(names: string | readonly string[], owner: string): readonly string[] {
    const list = typeof names === 'string' ? [names] : names;
    const known = this.columnNames;
    const unknown = known === undefined ? undefined : list.find((name) => !known.includes(name));
    if (unknown === undefined) return list;
    const near = didYouMean(unknown, known ?? []);
    throw new DataError('ERR_UNKNOWN_COLUMN', {
      owner,
      what: 'there is no such column',
      got: unknown,
      expected: `one of ${known?.join(', ')}`,
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
}

function rowsOfColumns(columns: ColumnBatch): Row[] {
  const arrays = Object.entries(columns).map(([name, values]) => [name, [...values]] as const);
  const length = arrays[0]?.[1].length ?? 0;
  const odd = arrays.find(([, values]) => values.length !== length);
  if (odd !== undefined) {
    throw new DataError('ERR_COLUMN_LENGTHS', {
      owner: 'map',
      what: 'columns have different lengths',
      got: odd[1].length,
      expected: `${length} rows, as in '${arrays[0][0]}'`,
      column: odd[0],
      hint: 'name the columns that the function does not return in removeColumns',
    });
  }
  return Array.from({ length }, (_, i) => Object.fromEntries(arrays.map(([name, values]) => [name, values[i]])));
}

function counted(owner: string, count: number): number {
  if (Number.isInteger(count) && count >= (owner === 'take' || owner === 'skip' ? 0 : 1)) return count;
  throw new ArgumentError('ERR_ROWS', {
    owner,
    what: 'this is no number of rows',
    got: count,
    expected: 'a whole number',
  });
}
