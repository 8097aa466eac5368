import { DataError } from '../core/errors.ts';
import type { Cell, Row } from './features.ts';

/** How {@link rowsToCsv} writes. */
export interface ToCsvOptions {
  /** Default a comma. */
  readonly delimiter?: string;
  /** Whether the first line holds the columns' names. Default true. */
  readonly header?: boolean;
  /** Default a line feed. */
  readonly lineEnd?: '\n' | '\r\n';
}

/**
 * Rows as delimited text by RFC 4180: cells that hold the delimiter, a quote or a line end stand in quotes, as do empty texts
 * (a missing cell is written as nothing). Lists and objects are written as JSON.
 * `loadDataset` reads it back; but it takes an empty text for a missing cell, unless `missingValues: []` is given.
 */
export function rowsToCsv(names: readonly string[], rows: Iterable<Row>, options: ToCsvOptions = {}): string {
  const { delimiter = ',', header = true, lineEnd = '\n' } = options;
  if (delimiter === '"' || /[\r\n]/.test(delimiter) || delimiter === '') {
    throw new DataError('ERR_CSV_OPTION', { owner: 'toCSV', what: 'this cannot be the delimiter', got: delimiter });
  }
  const written = (cell: Cell): string => {
    if (cell === null) return '';
    const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
    return text === '' || text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines: string[] = header ? [names.map(written).join(delimiter)] : [];
  for (const row of rows) {
    const line = names.map((name) => written(row[name])).join(delimiter);
    // A line that is empty would be skipped as blank.
    lines.push(line === '' && names.length === 1 ? '""' : line);
  }
  return lines.map((line) => line + lineEnd).join('');
}
