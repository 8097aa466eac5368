import { ArgumentError, DataError, didYouMean } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import type { BuilderContext } from '../columnBuilder.ts';
import type { ColumnStorage } from '../columns.ts';
import { Dataset } from '../dataset.ts';
import { type Cell, type Features, featureOf, type Row, setCell } from '../features.ts';
import type { RowBatch, RowStream, StreamPosition } from '../rowStream.ts';
import type { ByteSource } from './byteSource.ts';
import {
  type CellColumn,
  type CellReader,
  cellReader,
  cellText,
  InferringCellColumn,
  isNumberText,
  TypedCellColumn,
} from './cellColumn.ts';
import { type CsvRecord, CsvScanner } from './csvScanner.ts';
import { decodeFile } from './text.ts';

/** How a file of delimited cells is read. */
export interface CsvOptions {
  /** One character. Default a comma; a tab for `.tsv` files. */
  readonly delimiter?: string | undefined;
  /**
   * The character around cells that hold delimiters, line ends or quotes (doubled inside), as RFC 4180 has it; `null` where
   * a quote is a plain character. Default `"`; `null` for `.tsv` files.
   */
  readonly quote?: string | null | undefined;
  /** Whether the first row holds the columns' names. Default true, or false where `columnNames` are given. */
  readonly header?: boolean | undefined;
  /** The columns' names, for a file without a header, or in place of the header where `header` is true. */
  readonly columnNames?: readonly string[] | undefined;
  /** Cells that mean "missing". Default `['']`: an empty cell alone, quoted or not (`NA` and `null` are texts). */
  readonly missingValues?: readonly string[] | undefined;
  /** The file's encoding by its WHATWG name. Default UTF-8. */
  readonly encoding?: string | undefined;
  /** Types of columns that are not to be inferred; other columns are. */
  readonly features?: Features | undefined;
}

/**
 * Reads delimited cells. Types of columns are inferred from all their cells, missing ones left aside, by the first that fits:
 * `int64` (`-3`; no leading zeros, within ±(2⁵³ − 1)), `float64` (`0.5`, `1e-3`), `bool` (`true`, `False`, `TRUE`), else
 * `string`. A number with leading zeros (`007`) or too large for int64 makes its column `string`: nothing is lost.
 * A column without any value is `string`. Blank lines are skipped, and said.
 *
 * Throws `ERR_EMPTY_FILE`, `ERR_HEADER_ALONE`, `ERR_RAGGED_ROW`, `ERR_UNCLOSED_QUOTE`, `ERR_QUOTE`, `ERR_DUPLICATE_COLUMN`,
 * `ERR_CAST`, `ERR_ENCODING`, `ERR_NUL_BYTE`, each with file and line.
 * @param file the name that messages show.
 */
export function parseCsv(bytes: Uint8Array, file: string, options: CsvOptions = {}): Dataset {
  const table = new CsvTable(file, options);
  table.push(decodeFile(owner, file, bytes, options.encoding), true);
  return table.finish();
}

/** As {@link parseCsv}, from a file that is read piece by piece: only the columns stay in memory. */
export async function readCsv(source: ByteSource, options: CsvOptions = {}): Promise<Dataset> {
  const table = new CsvTable(source.file, options);
  for await (const piece of source.pieces()) table.push(piece, false);
  table.push(new Uint8Array(0), true);
  return table.finish();
}

const owner = 'loadDataset';
/** A stream takes its types from as many rows. */
const headRows = 1000;

/** What reads a file of cells once: its columns' names come from the first row or from the options. */
class CsvTable {
  names: readonly string[] | undefined;
  rows = 0;
  readonly scanner: CsvScanner;
  #columns: CellColumn[] = [];
  readonly #file: string;
  readonly #options: CsvOptions;
  readonly #missing: MissingCells;

  constructor(file: string, options: CsvOptions) {
    this.#file = file;
    this.#options = options;
    this.#missing = new MissingCells(options.missingValues);
    this.names = givenNames(file, options);
    if (this.names !== undefined) this.#makeColumns(this.names);
    this.scanner = new CsvScanner({ file, ...separators(options) }, (record) => this.#take(record));
  }

  push(piece: Uint8Array, last: boolean): void {
    this.scanner.push(piece, last);
  }

  #makeColumns(names: readonly string[]): void {
    checkFeatures(this.#options.features, names, this.#file);
    this.#columns = names.map((column) => {
      const feature = featureOf(this.#options.features, column);
      const context: BuilderContext = { owner, file: this.#file, column, row: () => this.scanner.line };
      return feature === undefined
        ? new InferringCellColumn(context)
        : new TypedCellColumn(context, feature, () => this.scanner.line);
    });
  }

  #take(record: CsvRecord): void {
    if (this.names === undefined) {
      this.names = headerNames(cellsOf(record), this.#options, this.#file, record.line);
      this.#makeColumns(this.names);
      return;
    }
    const columns = this.#columns;
    if (record.count !== columns.length) throw ragged(this.names, record.count, this.#file, record.line);
    this.rows++;
    for (let k = 0; k < columns.length; k++) {
      const bytes = record.cellBytes(k);
      const start = record.starts[k];
      const end = record.ends[k];
      if (this.#missing.has(bytes, start, end)) columns[k].pushMissing();
      else columns[k].push(bytes, start, end);
    }
  }

  finish({ quiet = false } = {}): Dataset {
    if (this.names === undefined || this.rows === 0) throw empty(this.#file, this.names);
    const blank = this.scanner.blankLines;
    if (blank > 0 && !quiet) log.info(`[${owner}] ${this.#file}: ${blank} blank line(s) skipped`);
    const built = new Map<string, ColumnStorage>();
    for (const column of this.#columns) built.set(column.name, column.finish());
    return new Dataset(built, { name: this.#file });
  }
}

/**
 * As {@link readCsv}, row by row. Types that `features` do not tell are taken from the first 1000 rows; a later cell that
 * does not fit them is an error (`ERR_CAST`) that says so.
 */
export async function openCsv(source: ByteSource, options: CsvOptions = {}): Promise<RowStream> {
  const { file } = source;
  const head = new CsvTable(file, options);
  for await (const piece of source.pieces()) {
    head.push(piece, false);
    if (head.rows >= headRows) break;
  }
  if (head.rows < headRows) head.push(new Uint8Array(0), true);
  const { features } = head.finish({ quiet: true });
  const names = head.names as readonly string[];
  return { features, batches: (from) => csvBatches(source, options, names, features, from) };
}

async function* csvBatches(
  source: ByteSource,
  options: CsvOptions,
  names: readonly string[],
  features: Features,
  from: StreamPosition = { offset: 0, line: 1 },
): AsyncGenerator<RowBatch> {
  const { file } = source;
  const missing = new MissingCells(options.missingValues);
  let headers = from.offset === 0 && givenNames(file, options) === undefined ? 1 : 0;
  let rows: Row[] = [];
  const scanner = new CsvScanner({ file, ...separators(options), line: from.line }, (record) => {
    if (headers > 0) {
      headers--;
      return;
    }
    if (record.count !== names.length) throw ragged(names, record.count, file, record.line);
    const row: Record<string, Cell> = {};
    for (let k = 0; k < names.length; k++) {
      const bytes = record.cellBytes(k);
      const start = record.starts[k];
      const end = record.ends[k];
      setCell(row, names[k], missing.has(bytes, start, end) ? null : readers[k](bytes, start, end));
    }
    rows.push(row);
  });
  const readers: readonly CellReader[] = names.map((column) =>
    cellReader({ owner, file, column }, features[column], () => scanner.line),
  );
  let position = from;
  const batch = (): RowBatch => {
    const made = { rows, position };
    rows = [];
    position = { offset: from.offset + scanner.consumed, line: scanner.nextLine };
    return made;
  };
  for await (const piece of source.pieces(from.offset)) {
    scanner.push(piece, false);
    if (rows.length > 0) yield batch();
  }
  scanner.push(new Uint8Array(0), true);
  if (rows.length > 0) yield batch();
}

/** Cells that mean "missing", compared as bytes. */
class MissingCells {
  readonly #values: readonly Uint8Array[];
  readonly #empty: boolean;

  constructor(values: readonly string[] = ['']) {
    this.#empty = values.includes('');
    this.#values = values.filter((value) => value !== '').map((value) => new TextEncoder().encode(value));
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    const size = end - start;
    if (size === 0) return this.#empty;
    return this.#values.some((value) => value.length === size && value.every((byte, k) => bytes[start + k] === byte));
  }
}

function cellsOf(record: CsvRecord): string[] {
  return Array.from({ length: record.count }, (_, k) =>
    cellText(record.cellBytes(k), record.starts[k], record.ends[k]),
  );
}

/** The columns' names where no row of the file holds them. */
function givenNames(file: string, options: CsvOptions): readonly string[] | undefined {
  if (options.header ?? options.columnNames === undefined) return undefined;
  if (options.columnNames !== undefined) return options.columnNames;
  throw new ArgumentError('ERR_NO_COLUMN_NAMES', {
    owner,
    what: 'the file has no header and no names are given',
    file,
    hint: "give columnNames: ['label', 'text']",
  });
}

/** Delimiter and quote, checked. */
function separators(options: CsvOptions): { delimiter: string; quote: string | null } {
  const { delimiter = ',', quote = '"' } = options;
  const wrong = (name: string, got: string | null, expected: string) =>
    new ArgumentError('ERR_CSV_OPTION', { owner, what: `this cannot be the ${name}`, got, expected });
  if ([...delimiter].length !== 1 || /[\r\n\0]/.test(delimiter)) {
    throw wrong('delimiter', delimiter, 'one character that ends no line');
  }
  if (quote !== null && (!/^[!-~]$/.test(quote) || quote === delimiter)) {
    throw wrong('quote', quote, 'one printable ASCII character other than the delimiter, or null for none');
  }
  return { delimiter, quote };
}

function headerNames(cells: readonly string[], options: CsvOptions, file: string, row: number): readonly string[] {
  if (options.columnNames !== undefined) {
    if (options.columnNames.length === cells.length) return options.columnNames;
    throw new ArgumentError('ERR_COLUMN_NAMES', {
      owner,
      what: 'columnNames and the header have different lengths',
      got: options.columnNames,
      expected: `${cells.length} names`,
      file,
      row,
    });
  }
  const names = cells.map((cell, k) => (cell.trim() === '' ? `column${k + 1}` : cell));
  const unnamed = names.filter((name, k) => name !== cells[k]);
  if (unnamed.length > 0) log.info(`[${owner}] ${file}: columns without a name are called ${unnamed.join(', ')}`);
  const twice = names.find((name, k) => names.indexOf(name) !== k);
  if (twice !== undefined) {
    throw new DataError('ERR_DUPLICATE_COLUMN', {
      owner,
      what: 'two columns have one name',
      got: twice,
      file,
      row,
      hint: 'rename one, or give columnNames and header: true',
    });
  }
  if (cells.some(isNumberText)) {
    log.warn(
      `[${owner}] ${file}: the first row, taken as the columns' names, holds a number (${cells.find(isNumberText)}); if the file has no header, give columnNames`,
    );
  }
  return names;
}

function ragged(names: readonly string[], got: number, file: string, row: number): DataError {
  return new DataError('ERR_RAGGED_ROW', {
    owner,
    what: 'a row has another number of cells than there are columns',
    got,
    expected: `${names.length} (${names.join(', ')})`,
    file,
    row,
    column: names[got],
    hint: got > names.length ? 'put quotes around a cell that holds the delimiter' : 'fill the row up',
  });
}

function empty(file: string, names: readonly string[] | undefined): DataError {
  return names === undefined
    ? new DataError('ERR_EMPTY_FILE', { owner, what: 'the file is empty', file })
    : new DataError('ERR_HEADER_ALONE', {
        owner,
        what: 'the file holds a header and no rows',
        got: names.join(', '),
        file,
        hint: 'if this line is data, give columnNames',
      });
}

function checkFeatures(features: Features | undefined, names: readonly string[], file: string): void {
  for (const name of Object.keys(features ?? {})) {
    if (names.includes(name)) continue;
    const near = didYouMean(name, names);
    throw new DataError('ERR_UNKNOWN_COLUMN', {
      owner,
      what: 'features name a column that the file lacks',
      got: name,
      expected: `one of ${names.join(', ')}`,
      file,
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
}
