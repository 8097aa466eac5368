import type { Dataset } from '../dataset.ts';
import type { Cell, Row } from '../features.ts';

/** When two texts are the same: unit by unit, or but for case, white space and Unicode's form. */
export type Sameness = 'exact' | 'normalized';

/** Rows of which others of the same content stand before. */
export interface Duplicates {
  /** Row numbers from 0, in order. */
  readonly rows: readonly number[];
  /** For each of them, the first row of the same content. */
  readonly firsts: readonly number[];
}

/** A text as texts are compared by 'normalized': NFKC, lower case, one space for each run of white space. */
export function normalizedText(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
}

/** What two rows have in common when their cells in these columns are the same. Rows with the same key are duplicates. */
export function duplicateKey(row: Row, columns: readonly string[], sameness: Sameness = 'exact'): string {
  return keyOfCells(
    columns.map((column) => row[column]),
    sameness,
  );
}

/** The same of cells alone. */
export function keyOfCells(cells: readonly Cell[], sameness: Sameness): string {
  const comparable = (cell: Cell): Cell => {
    if (sameness === 'exact' || typeof cell === 'number' || typeof cell === 'boolean' || cell === null) return cell;
    return typeof cell === 'string' ? normalizedText(cell) : Array.isArray(cell) ? cell.map(comparable) : cell;
  };
  const [first] = cells;
  // Most keys are one text; JSON would copy it.
  if (cells.length === 1 && typeof first === 'string') return comparable(first) as string;
  return JSON.stringify(cells.map(comparable));
}

/** Finds the rows whose cells in these columns stand in an earlier row already. */
export function findDuplicates(dataset: Dataset, columns: readonly string[], sameness: Sameness = 'exact'): Duplicates {
  const seen = new Map<string, number>();
  const rows: number[] = [];
  const firsts: number[] = [];
  const views = columns.map((column) => dataset.column(column));
  for (let index = 0; index < dataset.length; index++) {
    const key = keyOfCells(
      views.map((view) => view.at(index) as Cell),
      sameness,
    );
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else {
      rows.push(index);
      firsts.push(first);
    }
  }
  return { rows, firsts };
}

/** A data set with the first row of each content. @param columns which are compared; default all. */
export function dropDuplicates<R extends Row>(
  dataset: Dataset<R>,
  columns: readonly string[] = dataset.columnNames,
  sameness: Sameness = 'exact',
): Dataset<R> {
  const gone = new Set(findDuplicates(dataset as unknown as Dataset, columns, sameness).rows);
  return gone.size === 0 ? dataset : dataset.filter((_, index) => !gone.has(index));
}

/** The rows of a data set whose cells in these columns stand in no row of another: training without what it is judged by. */
export function dropOverlap<R extends Row>(
  dataset: Dataset<R>,
  other: Dataset,
  columns: readonly string[],
  sameness: Sameness = 'exact',
): Dataset<R> {
  const keysOf = (data: Dataset) => {
    const views = columns.map((column) => data.column(column));
    return (index: number) =>
      keyOfCells(
        views.map((view) => view.at(index) as Cell),
        sameness,
      );
  };
  const keyOfOther = keysOf(other);
  const there = new Set(Array.from({ length: other.length }, (_, index) => keyOfOther(index)));
  const key = keysOf(dataset as unknown as Dataset);
  return dataset.select(Array.from({ length: dataset.length }, (_, i) => i).filter((i) => !there.has(key(i))));
}
