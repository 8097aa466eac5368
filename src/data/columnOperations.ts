import { DataError } from '../core/errors.ts';
import { type BuilderContext, buildColumn } from './columnBuilder.ts';
import { type ColumnStorage, NumberColumn } from './columns.ts';
import { type Cell, type ClassLabel, classLabel, describeFeature, type Feature, isClassLabel } from './features.ts';

/** One column of a data set in the data set's own row order: an array in all but storage. */
export interface ColumnView<T extends Cell = Cell> extends Iterable<T> {
  readonly feature: Feature;
  readonly length: number;
  /** The cell of row `index`, from 0; `undefined` outside. */
  at(index: number): T | undefined;
  toArray(): T[];
}

/** A storage read through row numbers; without them, in storage order. */
export class IndexedColumn<T extends Cell = Cell> implements ColumnView<T> {
  readonly length: number;
  /** What is read, in its own row order. */
  readonly storage: ColumnStorage;
  readonly #indices: Uint32Array | undefined;

  constructor(storage: ColumnStorage, indices: Uint32Array | undefined) {
    this.storage = storage;
    this.#indices = indices;
    this.length = indices?.length ?? storage.length;
  }

  get feature(): Feature {
    return this.storage.feature;
  }

  at(index: number): T | undefined {
    if (index < 0 || index >= this.length) return undefined;
    return this.storage.get(this.#indices === undefined ? index : this.#indices[index]) as T;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.length; i++) yield this.at(i) as T;
  }

  toArray(): T[] {
    return Array.from({ length: this.length }, (_, i) => this.at(i) as T);
  }

  toJSON(): T[] {
    return this.toArray();
  }
}

/**
 * A column's cells as another feature. Texts become numbers where they are written as such (`'3'`, `'0.5'`), bools where
 * they are `true` or `false` in any case, class labels where they are one of the names; numbers and bools become texts as
 * JavaScript writes them; class labels become their numbers, or their names where the target is `'string'`.
 * Missing cells stay missing. Throws `ERR_CAST` with the row of the first cell that does not fit.
 */
export function castCells(context: BuilderContext, cells: ColumnView, target: Feature): ColumnStorage {
  const from = cells.feature;
  function* converted(): Generator<Cell> {
    let row = 0;
    for (const cell of cells) {
      const value = cell === null ? null : castCell(cell, from, target);
      if (value === undefined) {
        throw new DataError('ERR_CAST', {
          owner: context.owner,
          what: 'a value cannot be cast',
          got: cell,
          expected: describeFeature(target),
          file: context.file,
          row: context.row?.(row) ?? row + 1,
          column: context.column,
        });
      }
      yield value;
      row++;
    }
  }
  return buildColumn(context, converted(), target);
}

/** One cell as another feature by the rules of {@link castCells}; undefined where it does not fit. */
export function castCell(cell: Cell, from: Feature, target: Feature): Cell | undefined {
  if (target === 'string') return castToString(cell, from);
  if (target === 'bool') return castToBool(cell);
  if (isClassLabel(target)) return castToClass(cell, from, target);
  if (target === 'float64' && typeof cell === 'number') return cell;
  if (target === 'int64' || target === 'float64') {
    const text = typeof cell === 'string' ? cell.trim() : undefined;
    if (text === '' || Array.isArray(cell) || (typeof cell === 'object' && cell !== null)) return undefined;
    const number = Number(text ?? cell);
    return Number.isNaN(number) || (target === 'int64' && !Number.isSafeInteger(number)) ? undefined : number;
  }
  return typeof cell === 'object' ? cell : undefined;
}

function castToString(cell: Cell, from: Feature): string | undefined {
  if (isClassLabel(from) && typeof cell === 'number') return from.names[cell];
  return typeof cell === 'object' ? undefined : String(cell);
}

function castToBool(cell: Cell): boolean | undefined {
  if (typeof cell === 'boolean') return cell;
  const text = typeof cell === 'string' ? cell.trim().toLowerCase() : cell;
  if (text === 'true' || text === 1) return true;
  return text === 'false' || text === 0 ? false : undefined;
}

function castToClass(cell: Cell, from: Feature, target: ClassLabel): number | undefined {
  const name = isClassLabel(from) && typeof cell === 'number' && cell >= 0 ? from.names[cell] : String(cell);
  const label = target.names.indexOf(name);
  if (label >= 0) return label;
  // Numbers that are no names count as the labels themselves.
  return typeof cell === 'number' && Number.isInteger(cell) && cell >= -1 && cell < target.names.length
    ? cell
    : undefined;
}

/**
 * A column of texts, whole numbers or bools as class labels. The names are the distinct values: numbers in numeric order,
 * texts in the order of their UTF-16 units, so that the same data always give the same labels. Missing cells stay missing.
 */
export function encodeClasses(context: BuilderContext, cells: ColumnView): ColumnStorage {
  if (isClassLabel(cells.feature)) return castCells(context, cells, cells.feature);
  if (cells.feature !== 'string' && cells.feature !== 'int64' && cells.feature !== 'bool') {
    throw new DataError('ERR_CLASS_ENCODE', {
      owner: context.owner,
      what: 'this column cannot be class labels',
      got: describeFeature(cells.feature),
      expected: 'string, int64 or bool',
      column: context.column,
    });
  }
  const distinct = new Set<string | number | boolean>();
  for (const cell of cells) if (cell !== null) distinct.add(cell as string | number | boolean);
  const ordered = [...distinct].sort(compareCells);
  const labels = new Map(ordered.map((value, label) => [value, label]));
  const feature = classLabel(ordered.map(String));
  const values = new Int32Array(cells.length);
  let present: Uint8Array | undefined;
  let row = 0;
  for (const cell of cells) {
    if (cell === null) {
      present ??= new Uint8Array(cells.length).fill(1);
      present[row] = 0;
    } else {
      values[row] = labels.get(cell as string | number | boolean) as number;
    }
    row++;
  }
  return new NumberColumn(feature, values, present);
}

/** The order of `sort` and of class names: numbers by value, texts by UTF-16 units, false before true; missing cells last. */
export function compareCells(a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}
