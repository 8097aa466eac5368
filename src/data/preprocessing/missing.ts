import { DataError } from '../../core/errors.ts';
import type { Dataset } from '../dataset.ts';
import { type Cell, type Feature, isClassLabel, type Row } from '../features.ts';

/** Rows of a column without a value. */
export interface MissingCells {
  readonly column: string;
  /** Counted from 1, as a person reads the file. */
  readonly rows: readonly number[];
}

/** Whether a cell has no value: `null`, or −1 of class labels (GLUE's "no label"). */
export function isMissing(cell: Cell | undefined, feature?: Feature): boolean {
  return cell === null || cell === undefined || (cell === -1 && isClassLabel(feature));
}

/** For `filter`: whether a row has a value in all of these columns. */
export function isComplete(row: Row, columns: readonly string[]): boolean {
  return columns.every((column) => !isMissing(row[column]));
}

/** For `map`: the row's cells of these columns, with `value` where they are missing. */
export function fillMissing(row: Row, columns: readonly string[], value: Cell): Row {
  return Object.fromEntries(columns.map((column) => [column, isMissing(row[column]) ? value : row[column]]));
}

/** The cells that are missing in these columns; columns without any are left out. */
export function missingCells(dataset: Dataset, columns: readonly string[]): MissingCells[] {
  const found: MissingCells[] = [];
  for (const column of columns) {
    const feature = dataset.features[column];
    const rows: number[] = [];
    let row = 0;
    for (const cell of dataset.column(column)) {
      row++;
      if (isMissing(cell, feature)) rows.push(row);
    }
    if (rows.length > 0) found.push({ column, rows });
  }
  return found;
}

/** @throws DataError ERR_MISSING_VALUES with the rows, where one of these columns misses a value. */
export function requireComplete(dataset: Dataset, columns: readonly string[], owner = 'preprocess'): void {
  const missing = missingCells(dataset, columns);
  if (missing.length === 0) return;
  const of = dataset.info.split === undefined ? '' : ` in split '${dataset.info.split}'`;
  const hint =
    "leave the rows out (missing: 'drop', --missing drop), fill texts in (--missing fill=TEXT), or correct the file";
  const [{ column, rows }] = missing;
  if (missing.length === 1 && rows.length === 1) {
    throw new DataError('ERR_MISSING_VALUES', { owner, what: `a value is missing${of}`, row: rows[0], column, hint });
  }
  const places = missing.map((each) => `'${each.column}' in ${describeRows(each.rows)}`);
  throw new DataError('ERR_MISSING_VALUES', { owner, what: `values are missing${of}: ${places.join('; ')}`, hint });
}

/** `row 3`, `rows 3 and 7`, `12 rows (3, 7, 9, 11, 20, …)`. */
export function describeRows(rows: readonly number[], shown = 5): string {
  if (rows.length === 1) return `row ${rows[0]}`;
  if (rows.length === 2) return `rows ${rows[0]} and ${rows[1]}`;
  return `${rows.length} rows (${rows.slice(0, shown).join(', ')}${rows.length > shown ? ', …' : ''})`;
}
