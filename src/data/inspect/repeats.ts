import type { Dataset } from '../dataset.ts';
import type { Cell } from '../features.ts';
import { keyOfCells } from '../preprocessing/duplicates.ts';
import { labelName } from './labels.ts';
import { around, rowsAtOnce, shownRows, turn } from './signs.ts';

/** Where a row stands. */
export interface RowPlace {
  readonly split: string;
  /** From 1. */
  readonly row: number;
}

/** Rows that have the same texts as one before, and another label. */
export interface LabelConflict {
  readonly text: string;
  readonly labels: readonly (RowPlace & { readonly label: string })[];
}

/** Rows of one split that stand in an earlier one. */
export interface Leakage {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  /** The first, in `to`. */
  readonly rows: readonly number[];
  readonly example: string;
  readonly exampleFrom: number;
}

/** The first row, from 0, of each content, but for case and white space. */
export interface SplitKeys {
  readonly name: string;
  readonly data: Dataset;
  readonly texts: readonly string[];
  /** Of each row; undefined where it has no text at all, which repeats nothing. */
  readonly keys: readonly (string | undefined)[];
  readonly first: ReadonlyMap<string, number>;
}

export async function keysOf(name: string, data: Dataset, texts: readonly string[]): Promise<SplitKeys> {
  const first = new Map<string, number>();
  const keys: (string | undefined)[] = [];
  const cellsOf = reader(data, texts);
  for (let row = 0; texts.length > 0 && row < data.length; row++) {
    if (row % rowsAtOnce === 0) await turn();
    const cells = cellsOf(row);
    if (cells.every((cell) => isEmpty(cell))) keys.push(undefined);
    else {
      const key = keyOfCells(cells, 'normalized');
      keys.push(key);
      if (!first.has(key)) first.set(key, row);
    }
  }
  return { name, data, texts, keys, first };
}

/** Rows, from 1, whose content stands in an earlier row, and how many of them are the same unit by unit. */
export function repeatedRows(
  data: Dataset,
  texts: readonly string[],
  keys: SplitKeys['keys'],
  first: SplitKeys['first'],
): { readonly rows: readonly number[]; readonly exact: number } {
  const rows: number[] = [];
  const variants = new Map<string, Set<string>>();
  const cellsOf = reader(data, texts);
  const written = (row: number) => keyOfCells(cellsOf(row), 'exact');
  let exact = 0;
  keys.forEach((key, row) => {
    const before = key === undefined ? undefined : first.get(key);
    if (key === undefined || before === undefined || before === row) return;
    rows.push(row + 1);
    const known = variants.get(key) ?? new Set([written(before)]);
    const own = written(row);
    if (known.has(own)) exact++;
    variants.set(key, known.add(own));
  });
  return { rows, exact };
}

/** The rows of a split that stand in an earlier one, too. */
export function overlap(from: SplitKeys, to: SplitKeys): Leakage[] {
  const rows: number[] = [];
  to.keys.forEach((key, row) => {
    if (key !== undefined && from.first.has(key)) rows.push(row + 1);
  });
  if (rows.length === 0) return [];
  const [row] = rows;
  return [
    {
      from: from.name,
      to: to.name,
      count: rows.length,
      rows: rows.slice(0, shownRows),
      example: around(textOfRow(to.data, to.texts, row - 1), 0),
      exampleFrom: (from.first.get(to.keys[row - 1] as string) as number) + 1,
    },
  ];
}

/** Compares each row of the last split with the first row of the same content, in it or in an earlier split. */
export function gatherConflicts(splits: readonly SplitKeys[], label: string, into: Map<string, LabelConflict>): void {
  const last = splits[splits.length - 1];
  const nameAt = (split: SplitKeys, row: number) =>
    split.data.columnNames.includes(label)
      ? labelName(split.data.column(label).at(row), split.data.features[label])
      : undefined;
  const own = last.data.column(label);
  last.keys.forEach((key, row) => {
    if (key === undefined) return;
    const holder = splits.find((split) => split.first.has(key)) as SplitKeys;
    const before = holder.first.get(key) as number;
    if (holder === last && before === row) return;
    const [here, there] = [labelName(own.at(row), own.feature), nameAt(holder, before)];
    if (here === undefined || there === undefined || here === there) return;
    const known = into.get(key)?.labels ?? [{ split: holder.name, row: before + 1, label: there }];
    into.set(key, {
      text: around(textOfRow(last.data, last.texts, row), 0),
      labels: [...known, { split: last.name, row: row + 1, label: here }],
    });
  });
}

/** Reads the cells of some columns, row by row. */
export function reader(data: Dataset, columns: readonly string[]): (row: number) => Cell[] {
  const views = columns.map((column) => data.column(column));
  return (row) => views.map((view) => view.at(row) as Cell);
}

export function textOfRow(data: Dataset, texts: readonly string[], row: number): string {
  return reader(
    data,
    texts,
  )(row)
    .map((cell) => (Array.isArray(cell) ? cell.join(' ') : String(cell ?? '')))
    .join(' | ');
}

function isEmpty(cell: Cell): boolean {
  return (
    cell === null || (typeof cell === 'string' && cell.trim() === '') || (Array.isArray(cell) && cell.length === 0)
  );
}
