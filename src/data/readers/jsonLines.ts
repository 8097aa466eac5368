import { DataError, quote } from '../../core/errors.ts';
import { ColumnsBuilder } from '../columnsOfRows.ts';
import { Dataset } from '../dataset.ts';
import type { Features, Row } from '../features.ts';
import type { RowBatch, RowStream, StreamPosition } from '../rowStream.ts';
import type { ByteSource } from './byteSource.ts';
import { LineScanner } from './lineScanner.ts';
import { decodeFile } from './text.ts';

/** How a JSON Lines file is read. */
export interface JsonLinesOptions {
  /** The file's encoding by its WHATWG name. Default UTF-8. */
  readonly encoding?: string | undefined;
  /** Types of columns that are not to be inferred. */
  readonly features?: Features | undefined;
}

const owner = 'loadDataset';
/** A stream takes its types from as many rows. */
const headRows = 1000;

/**
 * Reads one JSON object a line. Columns are the keys of all rows in order of appearance; a row without one is missing there.
 * Whole numbers are int64 and, once one is not whole, float64; strings, bools, lists and objects keep their kind.
 * Blank lines are skipped.
 *
 * Throws `ERR_EMPTY_FILE`, `ERR_JSON`, `ERR_MIXED_TYPES`, `ERR_NESTED_TOO_DEEP`, `ERR_ENCODING`, `ERR_NUL_BYTE`, each with
 * file and line.
 * @param file the name that messages show.
 */
export function parseJsonLines(bytes: Uint8Array, file: string, options: JsonLinesOptions = {}): Dataset {
  const table = new JsonLinesTable(file, options);
  table.push(decodeFile(owner, file, bytes, options.encoding), true);
  return table.finish();
}

/** As {@link parseJsonLines}, from a file that is read piece by piece: only the columns stay in memory. */
export async function readJsonLines(source: ByteSource, options: JsonLinesOptions = {}): Promise<Dataset> {
  const table = new JsonLinesTable(source.file, options);
  for await (const piece of source.pieces()) table.push(piece, false);
  table.push(new Uint8Array(0), true);
  return table.finish();
}

class JsonLinesTable {
  rows = 0;
  readonly #file: string;
  readonly #columns: ColumnsBuilder;
  readonly #scanner: LineScanner;
  #line = 0;

  constructor(file: string, options: JsonLinesOptions) {
    this.#file = file;
    this.#columns = new ColumnsBuilder(
      (column) => ({ owner, file, column, row: () => this.#line }),
      options.features ?? {},
    );
    this.#scanner = new LineScanner(file, (bytes, start, end, line) => {
      const row = rowOfLine(bytes, start, end, file, line);
      if (row === undefined) return;
      this.#line = line;
      this.#columns.push(row);
      this.rows++;
    });
  }

  push(piece: Uint8Array, last: boolean): void {
    this.#scanner.push(piece, last);
  }

  finish(): Dataset {
    if (this.rows === 0) {
      throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file holds no rows', file: this.#file });
    }
    return new Dataset(this.#columns.finish(), { name: this.#file });
  }
}

/**
 * As {@link readJsonLines}, row by row. Columns and types that `features` do not tell are taken from the first 1000 rows.
 * A row's missing keys are `null`; a key that those rows lack is an error that says so (`ERR_UNKNOWN_COLUMN`).
 */
export async function openJsonLines(source: ByteSource, options: JsonLinesOptions = {}): Promise<RowStream> {
  const head = new JsonLinesTable(source.file, options);
  for await (const piece of source.pieces()) {
    head.push(piece, false);
    if (head.rows >= headRows) break;
  }
  if (head.rows < headRows) head.push(new Uint8Array(0), true);
  const { features } = head.finish();
  return { features, batches: (from) => jsonBatches(source, features, from) };
}

async function* jsonBatches(
  source: ByteSource,
  features: Features,
  from: StreamPosition = { offset: 0, line: 1 },
): AsyncGenerator<RowBatch> {
  const { file } = source;
  let rows: Row[] = [];
  let lines: number[] = [];
  const scanner = new LineScanner(
    file,
    (bytes, start, end, line) => {
      const row = rowOfLine(bytes, start, end, file, line);
      if (row === undefined) return;
      rows.push(row);
      lines.push(line);
    },
    from.line,
  );
  let position = from;
  const batch = (): RowBatch => {
    // Going through columns holds every row to the stream's types, as loading the whole file would.
    const builder = new ColumnsBuilder(
      (column) => ({ owner, file, column, row: (at) => lines[at] }),
      features,
      (column, at) => unknownColumn(column, features, file, lines[at]),
    );
    for (const row of rows) builder.push(row);
    const made = { rows: new Dataset(builder.finish()).toJSON(), position };
    rows = [];
    lines = [];
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

function unknownColumn(column: string, features: Features, file: string, row: number): DataError {
  return new DataError('ERR_UNKNOWN_COLUMN', {
    owner,
    what: 'a row has a key that the first rows of the stream lack',
    got: column,
    expected: `one of ${Object.keys(features).join(', ')}`,
    file,
    row,
    column,
    hint: 'give features with all columns',
  });
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The object on a line; undefined for a blank one. */
function rowOfLine(bytes: Uint8Array, start: number, end: number, file: string, row: number): Row | undefined {
  const json = utf8.decode(bytes.subarray(start, end));
  if (json.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new DataError('ERR_JSON', {
      owner,
      what: 'a line is not JSON',
      got: json,
      file,
      row,
      hint: /^\s*\[\s*$/.test(json)
        ? 'a JSON array over many lines is not JSON Lines: name the file .json, or write one object a line'
        : undefined,
      cause,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
  throw new DataError('ERR_JSON', {
    owner,
    what: 'a line is JSON, but no object',
    got: quote(value),
    expected: 'one object a line, with the columns as its keys',
    file,
    row,
  });
}
