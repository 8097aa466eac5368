import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { RandomStream } from '../core/random.ts';
import { buildColumn } from './columnBuilder.ts';
import { type ColumnView, castCells, compareCells, encodeClasses, IndexedColumn } from './columnOperations.ts';
import type { ColumnStorage } from './columns.ts';
import { BatchBuilders, ColumnsBuilder, columnsOfRows } from './columnsOfRows.ts';
import { type DatasetDict, datasetDict } from './datasetDict.ts';
import { rowsToCsv, type ToCsvOptions } from './delimitedText.ts';
import {
  type Cell,
  type Feature,
  type Features,
  featureOf,
  type PlainRow,
  type Row,
  type RowOf,
  setCell,
} from './features.ts';
import { IterableDataset } from './iterableDataset.ts';
import { mapOnWorkers, type Transform, type WorkerBatch } from './mapOnWorkers.ts';
import { wholeStream } from './rowStream.ts';
import { splitIndices, type TrainTestSplitOptions } from './split.ts';

/** Where a data set comes from, as far as it is known: lets a task find GLUE's columns and metrics by itself. */
export interface DatasetInfo {
  /** `'glue'`, or the path or name it was loaded from. */
  readonly name?: string;
  /** `'mrpc'`. */
  readonly config?: string;
  /** `'train'`. */
  readonly split?: string;
}

/** Options of {@link Dataset.map}. */
export interface MapOptions {
  /** Columns of the input left out of the result. */
  readonly removeColumns?: string | readonly string[];
  /** Types of columns that the function makes, where their first value does not show them. */
  readonly features?: Features;
}

/** Takes arrays by column and the number of their first row; returns arrays by column. */
export type BatchFunction = (
  batch: { readonly [column: string]: Cell[] },
  firstRow: number,
) => { readonly [column: string]: Iterable<Cell> };

/** Options of a batched {@link Dataset.map}. */
export interface BatchOptions extends MapOptions {
  /** Rows a call. Default 1000. */
  readonly batchSize?: number;
}

/**
 * Rows in columns. Immutable: every method returns a new data set, and those that only choose or reorder rows share
 * the columns' storage with the old one. Rows are counted from 0; missing cells are `null`.
 *
 * @example
 * const dataset = Dataset.fromRows([{ text: 'good', label: 'pos' }, { text: 'bad', label: 'neg' }]);
 * const encoded = dataset.classEncodeColumn('label').shuffle(42);
 * for (const row of encoded) console.log(row.text, row.label);
 */
export class Dataset<R extends Row = Row> implements Iterable<R> {
  readonly info: DatasetInfo;
  readonly #columns: ReadonlyMap<string, ColumnStorage>;
  readonly #indices: Uint32Array | undefined;
  readonly #length: number;

  /**
   * For readers; use `fromRows`, `fromColumns` or `loadDataset`.
   * @param columns storages of one length. @param indices the rows that count, in order; default all.
   */
  constructor(columns: ReadonlyMap<string, ColumnStorage>, info: DatasetInfo = {}, indices?: Uint32Array) {
    this.#columns = columns;
    this.info = info;
    this.#indices = indices;
    const lengths = [...columns].map(([name, column]) => [name, column.length] as const);
    const odd = lengths.find(([, length]) => length !== lengths[0][1]);
    if (odd !== undefined) {
      throw new DataError('ERR_COLUMN_LENGTHS', {
        owner: 'Dataset',
        what: 'columns have different lengths',
        got: odd[1],
        expected: `${lengths[0][1]} rows, as in '${lengths[0][0]}'`,
        column: odd[0],
      });
    }
    this.#length = indices?.length ?? lengths[0]?.[1] ?? 0;
  }

  /** A data set of objects. Columns are the keys of all rows in order of appearance; a row without one has `null` there. */
  static fromRows<R extends RowOf<R>>(
    rows: Iterable<R>,
    options: { features?: Features; info?: DatasetInfo } = {},
  ): Dataset<PlainRow<R>> {
    const columns = columnsOfRows(rows, (column) => ({ owner: 'Dataset.fromRows', column }), options.features);
    return new Dataset(columns, options.info);
  }

  /** A data set of arrays of one length, a column each: `{ text: [...], label: [...] }`. */
  static fromColumns<R extends RowOf<R>>(
    columns: { readonly [C in keyof R]: Iterable<R[C]> },
    options: { features?: Features; info?: DatasetInfo } = {},
  ): Dataset<PlainRow<R>> {
    const built = new Map<string, ColumnStorage>();
    for (const [column, values] of Object.entries<Iterable<Cell>>(columns)) {
      built.set(
        column,
        buildColumn({ owner: 'Dataset.fromColumns', column }, values, featureOf(options.features, column)),
      );
    }
    return new Dataset(built, options.info);
  }

  /** The number of rows. */
  get length(): number {
    return this.#length;
  }

  /** The number of rows, in Hugging Face's word. */
  get numRows(): number {
    return this.#length;
  }

  get columnNames(): string[] {
    return [...this.#columns.keys()];
  }

  /** What each column holds. */
  get features(): Features {
    return Object.fromEntries([...this.#columns].map(([name, column]) => [name, column.feature]));
  }

  /** One row as an object. Throws `ERR_ROW` outside [0, length). */
  row(index: number): R {
    if (!Number.isInteger(index) || index < 0 || index >= this.#length) {
      throw new ArgumentError('ERR_ROW', {
        owner: 'Dataset',
        what: 'there is no such row',
        got: index,
        expected: `a whole number from 0 to ${this.#length - 1}`,
      });
    }
    const stored = this.#indices === undefined ? index : this.#indices[index];
    const row: Record<string, Cell> = {};
    for (const [name, column] of this.#columns) setCell(row, name, column.get(stored));
    return row as R;
  }

  /** One column in row order, decoded cell by cell as it is read. Throws `ERR_UNKNOWN_COLUMN`. */
  column<C extends keyof R & string>(name: C): ColumnView<R[C]> {
    return new IndexedColumn<R[C]>(this.#storage(name, 'column'), this.#indices);
  }

  *[Symbol.iterator](): Iterator<R> {
    for (let i = 0; i < this.#length; i++) yield this.row(i);
  }

  /**
   * Calls `transform` for every row; the cells it returns are added to the row or replace those of the same name
   * (Hugging Face's rule). Types of new columns are taken from their values. With `batched`, it is {@link mapBatches}.
   */
  map<O extends Row>(
    transform: (row: R, index: number) => O,
    options?: MapOptions & { readonly batched?: false },
  ): Dataset<Row & O>;
  map(transform: BatchFunction, options: BatchOptions & { readonly batched: true }): Dataset<Row>;
  /**
   * The same on worker threads: `module` is the URL of a JavaScript module whose default export is the function (a function
   * itself cannot go to another thread). It may be asynchronous. `numProc` threads, default as many as the process may use.
   *
   * @example
   * const cleaned = await dataset.map(new URL('./clean.js', import.meta.url), { numProc: 2 });
   */
  map(
    module: URL,
    options?: BatchOptions & { readonly batched?: boolean; readonly numProc?: number },
  ): Promise<Dataset<Row>>;
  /** One of the `transforms`, which need no module: in this thread, or with `numProc` on workers, with the same results. */
  map(transform: Transform, options?: MapOptions & { readonly numProc?: undefined }): Dataset<Row>;
  map(
    transform: Transform,
    options: Omit<BatchOptions, 'batched'> & { readonly numProc: number },
  ): Promise<Dataset<Row>>;
  map(
    transform: URL | Transform | BatchFunction | ((row: R, index: number) => Row),
    options: BatchOptions & { readonly batched?: boolean; readonly numProc?: number | undefined } = {},
  ): Dataset<Row> | Promise<Dataset<Row>> {
    if (transform instanceof URL) return this.#mapOnWorkers(transform, options);
    if (typeof transform === 'object') {
      const { module, recipe, apply } = transform;
      if (options.numProc === undefined) return this.map(apply, { ...options, batched: false });
      return this.#mapOnWorkers(new URL(module), { ...options, batched: false }, { recipe, apply });
    }
    if (options.batched === true) return this.mapBatches(transform as BatchFunction, options);
    const call = transform as (row: R, index: number) => Row;
    const builder = new ColumnsBuilder(madeBy, options.features);
    for (let index = 0; index < this.#length; index++) builder.push(refusePromise(call(this.row(index), index)));
    return this.#withMade(builder.finish(), options);
  }

  /**
   * Like `map`, with `batchSize` rows a call (default 1000): `transform` takes arrays by column and the number of the
   * first row, and returns arrays by column. It may return more or fewer rows than it took, if `removeColumns` names
   * every column it does not return.
   */
  mapBatches(transform: BatchFunction, options: BatchOptions = {}): Dataset<Row> {
    const builders = new BatchBuilders(options.features);
    for (const { columns, first } of this.#batches(options.batchSize)) {
      builders.push(refusePromise(transform(columns, first)));
    }
    return this.#withMade(builders.finish(), options);
  }

  async #mapOnWorkers(
    module: URL,
    options: BatchOptions & { readonly batched?: boolean; readonly numProc?: number | undefined },
    transform?: Pick<Transform, 'recipe' | 'apply'>,
  ): Promise<Dataset<Row>> {
    const { batched = false, numProc } = options;
    // What is wrong with the columns is said by its own error, before any thread is started.
    if (this.#length > 0) transform?.apply(this.row(0));
    const rows = new ColumnsBuilder(madeBy, options.features);
    const columns = new BatchBuilders(options.features);
    const batches = this.#batches(options.batchSize);
    for await (const answer of mapOnWorkers(module, batches, { batched, numProc, recipe: transform?.recipe })) {
      if ('columns' in answer) columns.push(answer.columns);
      else for (const row of answer.rows) rows.push(row);
    }
    return this.#withMade(batched ? columns.finish() : rows.finish(), options);
  }

  *#batches(batchSize = 1000): Generator<WorkerBatch & { columns: Record<string, Cell[]> }> {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ArgumentError('ERR_BATCH_SIZE', {
        owner: 'Dataset.map',
        what: 'the batch size is no number of rows',
        got: batchSize,
        expected: 'a whole number from 1',
      });
    }
    const views = this.columnNames.map((name) => new IndexedColumn<Cell>(this.#storage(name, 'map'), this.#indices));
    for (let first = 0; first < this.#length; first += batchSize) {
      const count = Math.min(batchSize, this.#length - first);
      const cells = (view: IndexedColumn<Cell>) => Array.from({ length: count }, (_, i) => view.at(first + i) as Cell);
      yield { columns: Object.fromEntries(this.columnNames.map((name, k) => [name, cells(views[k])])), count, first };
    }
  }

  #withMade(made: ReadonlyMap<string, ColumnStorage>, options: MapOptions): Dataset<Row> {
    const kept = this.removeColumns(options.removeColumns ?? []);
    const columns = new Map<string, ColumnStorage>();
    for (const name of kept.columnNames) if (!made.has(name)) columns.set(name, kept.#compact(name));
    // A column that is replaced keeps its place.
    const ordered = new Map<string, ColumnStorage>();
    for (const name of kept.columnNames) ordered.set(name, (made.get(name) ?? columns.get(name)) as ColumnStorage);
    for (const [name, column] of made) ordered.set(name, column);
    return new Dataset(ordered, this.info);
  }

  /** One column's storage in this data set's own row order: shared where nothing was reordered, copied otherwise. */
  #compact(name: string): ColumnStorage {
    const storage = this.#storage(name, 'Dataset');
    return this.#indices === undefined ? storage : storage.select(this.#indices);
  }

  /** For readers and `concatenateDatasets`: the columns' storages in this data set's own row order. */
  storages(): ReadonlyMap<string, ColumnStorage> {
    return new Map(this.columnNames.map((name) => [name, this.#compact(name)]));
  }

  /** The rows for which `keep` says true. */
  filter(keep: (row: R, index: number) => boolean): Dataset<R> {
    const kept: number[] = [];
    let index = 0;
    for (const row of this) {
      if (keep(row, index)) kept.push(index);
      index++;
    }
    return this.select(kept);
  }

  /** The rows of these numbers, in their order; a number may come twice. Throws `ERR_ROW` for one outside [0, length). */
  select(indices: Iterable<number>): Dataset<R> {
    const mine = this.#indices;
    const choose = (index: number): number => {
      if (!Number.isInteger(index) || index < 0 || index >= this.#length) this.row(index);
      return mine === undefined ? index : mine[index];
    };
    const chosen = indices instanceof Uint32Array ? indices.map(choose) : Uint32Array.from(indices, choose);
    return new Dataset<R>(this.#columns, this.info, chosen);
  }

  /** Rows `start` (included) to `stop` (left out), as `Array.slice` counts them. */
  slice(start = 0, stop: number = this.#length): Dataset<R> {
    const from = start < 0 ? Math.max(0, this.#length + start) : Math.min(start, this.#length);
    const to = stop < 0 ? this.#length + stop : Math.min(stop, this.#length);
    return this.select(rowNumbers(from, Math.max(0, to - from)));
  }

  /** The first `count` rows. */
  take(count: number): Dataset<R> {
    return this.slice(0, Math.max(0, count));
  }

  /** All but the first `count` rows. */
  skip(count: number): Dataset<R> {
    return this.slice(Math.max(0, count));
  }

  /**
   * Part `index` (from 0) of `numShards` parts of nearly one size. As in Hugging Face's `datasets`, `contiguous` (the default)
   * gives rows that stand together; otherwise every `numShards`-th row from `index` on.
   */
  shard(numShards: number, index: number, options: { contiguous?: boolean } = {}): Dataset<R> {
    if (!Number.isInteger(numShards) || numShards < 1 || !Number.isInteger(index) || index < 0 || index >= numShards) {
      throw new ArgumentError('ERR_SHARD', {
        owner: 'shard',
        what: 'there is no such part',
        got: `${index} of ${numShards}`,
        expected: 'a part from 0 to numShards − 1',
      });
    }
    if (options.contiguous === false) {
      const count = Math.ceil((this.#length - index) / numShards);
      return this.select(rowNumbers(index, Math.max(0, count), numShards));
    }
    const size = Math.floor(this.#length / numShards);
    const larger = this.#length % numShards;
    const start = index * size + Math.min(index, larger);
    return this.slice(start, start + size + (index < larger ? 1 : 0));
  }

  /** All rows in an order that is a pure function of the seed and their number. */
  shuffle(seed: number): Dataset<R> {
    return this.select(new RandomStream(seed, 'data/shuffle').shuffle(rowNumbers(0, this.#length)));
  }

  /** Rows by one column's cells, rows with equal cells in their old order, missing cells last. Texts go by UTF-16 units. */
  sort(column: keyof R & string, options: { descending?: boolean } = {}): Dataset<R> {
    const cells: readonly Cell[] = this.column(column).toArray();
    const sign = options.descending === true ? -1 : 1;
    const order = cells.map((_, i) => i);
    order.sort((a, b) => {
      const either = cells[a] === null || cells[b] === null;
      return compareCells(cells[a], cells[b]) * (either ? 1 : sign) || a - b;
    });
    return this.select(order);
  }

  /** Cuts the data set in two, `train` and `test`; see {@link TrainTestSplitOptions}. */
  trainTestSplit(
    options: TrainTestSplitOptions = {},
  ): DatasetDict<R> & { readonly train: Dataset<R>; readonly test: Dataset<R> } {
    const by = options.stratifyByColumn;
    const classes =
      by === undefined ? undefined : new IndexedColumn(this.#storage(by, 'trainTestSplit'), this.#indices);
    const { train, test } = splitIndices(this.#length, options, classes);
    return datasetDict({ train: this.select(train), test: this.select(test) });
  }

  /** The data set with one column under another name. */
  renameColumn(from: keyof R & string, to: string): Dataset<Row> {
    this.#storage(from, 'renameColumn');
    if (to !== from && this.#columns.has(to)) throw duplicateColumn('renameColumn', to);
    const columns = [...this.#columns].map(([name, column]) => [name === from ? to : name, column] as const);
    return new Dataset(new Map(columns), this.info, this.#indices);
  }

  /** The data set with columns under other names: `{ old: 'new' }`; two may change places. */
  renameColumns(names: Readonly<Record<string, string>>): Dataset<Row> {
    for (const name of Object.keys(names)) this.#storage(name, 'renameColumns');
    const renamed = this.columnNames.map((name) => (Object.hasOwn(names, name) ? names[name] : name));
    const twice = renamed.find((name, k) => renamed.indexOf(name) !== k);
    if (twice !== undefined) throw duplicateColumn('renameColumns', twice);
    const columns = [...this.#columns.values()].map((column, k) => [renamed[k], column] as const);
    return new Dataset(new Map(columns), this.info, this.#indices);
  }

  /** The data set without these columns. */
  removeColumns(names: string | readonly string[]): Dataset<Row> {
    const gone = new Set(typeof names === 'string' ? [names] : names);
    for (const name of gone) this.#storage(name, 'removeColumns');
    const columns = new Map([...this.#columns].filter(([name]) => !gone.has(name)));
    // Without any column left the row count would be lost; the row numbers keep it.
    const indices = columns.size === 0 ? (this.#indices ?? new Uint32Array(this.#length)) : this.#indices;
    return new Dataset(columns, this.info, indices);
  }

  /** The data set with these columns alone, in this order. */
  selectColumns(names: string | readonly string[]): Dataset<Row> {
    const list = typeof names === 'string' ? [names] : names;
    const columns = new Map(list.map((name) => [name, this.#storage(name, 'selectColumns')]));
    return new Dataset(columns, this.info, this.#indices);
  }

  /** The data set with one column more (or replaced), a value for each row. */
  addColumn(name: string, values: Iterable<Cell>, feature?: Feature): Dataset<Row> {
    const made = buildColumn({ owner: 'addColumn', column: name }, values, feature);
    if (made.length !== this.#length) {
      throw new DataError('ERR_COLUMN_LENGTHS', {
        owner: 'addColumn',
        what: 'the column has another length than the data set',
        got: made.length,
        expected: `${this.#length} rows`,
        column: name,
      });
    }
    return this.#withMade(new Map([[name, made]]), {});
  }

  /** One column's cells as another feature; the rules are those of `castCells`. Throws `ERR_CAST` with the row. */
  castColumn(name: keyof R & string, feature: Feature): Dataset<Row> {
    const context = { owner: 'castColumn', column: name };
    const cells = new IndexedColumn(this.#storage(name, 'castColumn'), this.#indices);
    return this.#withMade(new Map([[name, castCells(context, cells, feature)]]), {});
  }

  /** Several columns as other features: `{ label: classLabel(['no', 'yes']) }`; the rules of `castColumn`. */
  cast(features: Features): Dataset<Row> {
    let made: Dataset<Row> = this as Dataset<Row>;
    for (const [name, feature] of Object.entries(features)) made = made.castColumn(name, feature);
    return made;
  }

  /**
   * A column of texts, whole numbers or bools as class labels: names in a fixed order (numbers by value, texts by UTF-16
   * units), so that the same data always give the same labels. A column of class labels stays as it is.
   */
  classEncodeColumn(name: keyof R & string): Dataset<Row> {
    const cells = new IndexedColumn(this.#storage(name, 'classEncodeColumn'), this.#indices);
    const made = encodeClasses({ owner: 'classEncodeColumn', column: name }, cells);
    return this.#withMade(new Map([[name, made]]), {});
  }

  /** A column's distinct cells in order of first appearance (lists and objects compared by content). */
  unique<C extends keyof R & string>(name: C): R[C][] {
    const seen = new Map<unknown, R[C]>();
    for (const cell of this.column(name)) {
      const key = typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : cell;
      if (!seen.has(key)) seen.set(key, cell);
    }
    return [...seen.values()];
  }

  /** The same rows under other words about where they come from. */
  withInfo(info: DatasetInfo): Dataset<R> {
    return new Dataset<R>(this.#columns, { ...this.info, ...info }, this.#indices);
  }

  /** The rows as a stream, for code that takes either; nothing is copied. */
  toIterableDataset(): IterableDataset<R> {
    return IterableDataset.fromStreams(
      [async () => wholeStream(this)],
      this.features,
      this.info,
    ) as unknown as IterableDataset<R>;
  }

  /** The rows as plain objects. */
  toJSON(): R[] {
    return [...this];
  }

  /** The rows as JSON Lines text: an object a line. */
  toJSONLines(): string {
    let text = '';
    for (const row of this) text += `${JSON.stringify(row)}\n`;
    return text;
  }

  /** The rows as CSV text by RFC 4180; class labels are their numbers. */
  toCSV(options: ToCsvOptions = {}): string {
    return rowsToCsv(this.columnNames, this, options);
  }

  #storage(name: string, owner: string): ColumnStorage {
    const column = this.#columns.get(name);
    if (column !== undefined) return column;
    const near = didYouMean(name, this.#columns.keys());
    throw new DataError('ERR_UNKNOWN_COLUMN', {
      owner,
      what: 'there is no such column',
      got: name,
      expected: `one of ${[...this.#columns.keys()].join(', ')}`,
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
}

/** `start`, `start + step`, … A loop: for millions of rows `Uint32Array.from` takes more than ten times as long. */
function rowNumbers(start: number, count: number, step = 1): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = start + i * step;
  return numbers;
}

const madeBy = (column: string) => ({ owner: 'Dataset.map', column });

/** A promise would be taken for a row without cells. */
function refusePromise<T>(made: T): T {
  if (!(made instanceof Promise)) return made;
  made.catch(() => undefined);
  throw new ArgumentError('ERR_ASYNC_TRANSFORM', {
    owner: 'Dataset.map',
    what: 'the function returned a promise',
    expected: 'cells',
    hint: 'make it synchronous, give it as the URL of a module, or use toIterableDataset().map',
  });
}

function duplicateColumn(owner: string, name: string): ArgumentError {
  return new ArgumentError('ERR_DUPLICATE_COLUMN', {
    owner,
    what: 'there is a column of this name already',
    got: name,
    hint: 'remove it first or choose another name',
  });
}
