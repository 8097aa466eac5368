import { type CsvError, parse } from 'csv-parse/sync';
import { ArgumentError, DataError, didYouMean, FettleError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import { castCells, IndexedColumn } from '../columnOperations.ts';
import type { ColumnStorage } from '../columns.ts';
import { Dataset } from '../dataset.ts';
import type { Features } from '../features.ts';
import { GrowingArray } from '../growingArray.ts';
import { CellColumnBuilder, isNumberText } from './cellColumn.ts';
import { decodeFile, lineOf } from './text.ts';

/** How a file of delimited cells is read. */
export interface CsvOptions {
  /** One character. Default a comma; a tab for `.tsv` files. */
  readonly delimiter?: string;
  /**
   * The character around cells that hold delimiters, line ends or quotes (doubled inside), as RFC 4180 has it; `null` where
   * a quote is a plain character. Default `"`; `null` for `.tsv` files.
   */
  readonly quote?: string | null;
  /** Whether the first row holds the columns' names. Default true, or false where `columnNames` are given. */
  readonly header?: boolean;
  /** The columns' names, for a file without a header, or in place of the header where `header` is true. */
  readonly columnNames?: readonly string[];
  /** Cells that mean "missing". Default `['']`: an empty cell alone, quoted or not (`NA` and `null` are texts). */
  readonly missingValues?: readonly string[];
  /** The file's encoding by its WHATWG name. Default UTF-8. */
  readonly encoding?: string;
  /** Types of columns that are not to be inferred; other columns are. */
  readonly features?: Features;
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
  const text = decodeFile(owner, file, bytes, options.encoding);
  const hasHeader = options.header ?? options.columnNames === undefined;
  if (!hasHeader && options.columnNames === undefined) {
    throw new ArgumentError('ERR_NO_COLUMN_NAMES', {
      owner,
      what: 'the file has no header and no names are given',
      file,
      hint: "give columnNames: ['label', 'text']",
    });
  }
  const missing = new Set(options.missingValues ?? ['']);
  const starts = new GrowingArray((length) => new Uint32Array(length));
  const lineOfRecord = (start: number) => lineOf(text, skipLineEnds(text, start));
  const lineOfRow = (row: number) => lineOfRecord(starts.take()[row]);
  let columns = hasHeader ? undefined : makeColumns(options.columnNames ?? [], file, lineOfRow);
  let end = 0;
  let blank = 0;
  try {
    parse(text, {
      delimiter: options.delimiter ?? ',',
      quote: options.quote === undefined ? '"' : (options.quote ?? false),
      escape: options.quote ?? '"',
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (cells: string[], { bytes: recordEnd, empty_lines }) => {
        const start = end;
        end = recordEnd;
        blank = empty_lines;
        if (columns === undefined) {
          columns = makeColumns(headerNames(cells, options, file, lineOfRecord(start)), file, lineOfRow);
          return null;
        }
        if (cells.length !== columns.length) throw ragged(columns, cells, file, lineOfRecord(start));
        starts.push(start);
        for (let k = 0; k < cells.length; k++) columns[k].push(missing.has(cells[k]) ? null : cells[k]);
        return null;
      },
    });
  } catch (error) {
    throw error instanceof FettleError ? error : quoteError(error as CsvError, file, lineOfRecord(end));
  }
  if (columns === undefined || starts.length === 0) throw empty(file, columns);
  if (blank > 0) log.info(`[${owner}] ${file}: ${blank} blank line(s) skipped`);
  checkFeatures(options.features, columns, file);
  const built = new Map<string, ColumnStorage>();
  for (const column of columns) {
    const wanted = options.features?.[column.name];
    const context = { owner, file, column: column.name, row: lineOfRow };
    built.set(
      column.name,
      wanted === undefined
        ? column.finish()
        : castCells(context, new IndexedColumn(column.finishText(), undefined), wanted),
    );
  }
  return new Dataset(built, { name: file });
}

const owner = 'loadDataset';

function skipLineEnds(text: Uint8Array, start: number): number {
  let at = start;
  while (text[at] === 10 || text[at] === 13) at++;
  return at;
}

function makeColumns(names: readonly string[], file: string, row: (position: number) => number): CellColumnBuilder[] {
  return names.map((column) => new CellColumnBuilder({ owner, file, column, row }));
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

function ragged(columns: readonly CellColumnBuilder[], cells: readonly string[], file: string, row: number): DataError {
  return new DataError('ERR_RAGGED_ROW', {
    owner,
    what: 'a row has another number of cells than there are columns',
    got: cells.length,
    expected: `${columns.length} (${columns.map(({ name }) => name).join(', ')})`,
    file,
    row,
    column: columns[cells.length]?.name,
    hint: cells.length > columns.length ? 'put quotes around a cell that holds the delimiter' : 'fill the row up',
  });
}

function quoteError(error: CsvError, file: string, row: number): Error {
  const column = typeof error.column === 'number' ? String(error.column + 1) : undefined;
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') {
    return new DataError('ERR_UNCLOSED_QUOTE', {
      owner,
      what: 'a quote that opens in this row is never closed',
      file,
      row,
      column,
      hint: 'close it, or give quote: null if quotes are plain characters here',
      cause: error,
    });
  }
  if (error.code === 'CSV_INVALID_CLOSING_QUOTE' || (error.code as string) === 'INVALID_OPENING_QUOTE') {
    return new DataError('ERR_QUOTE', {
      owner,
      what: 'a quote stands inside a cell',
      file,
      row,
      column,
      hint: 'put the cell in quotes and double those inside, or give quote: null if quotes are plain characters here',
      cause: error,
    });
  }
  if (error.code?.startsWith('CSV_INVALID_OPTION') || error.code?.startsWith('CSV_OPTION')) {
    return new ArgumentError('ERR_CSV_OPTION', { owner, what: error.message, cause: error });
  }
  return new DataError('ERR_CSV', { owner, what: error.message, file, row, cause: error });
}

function empty(file: string, columns: readonly CellColumnBuilder[] | undefined): DataError {
  return columns === undefined
    ? new DataError('ERR_EMPTY_FILE', { owner, what: 'the file is empty', file })
    : new DataError('ERR_HEADER_ALONE', {
        owner,
        what: 'the file holds a header and no rows',
        got: columns.map(({ name }) => name).join(', '),
        file,
        hint: 'if this line is data, give columnNames',
      });
}

function checkFeatures(features: Features | undefined, columns: readonly CellColumnBuilder[], file: string): void {
  const names = columns.map(({ name }) => name);
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
