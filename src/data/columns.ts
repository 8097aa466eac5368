import type { Cell } from './features.ts';
import { type ClassLabel, type Feature, type Features, isClassLabel, listOf, structOf } from './features.ts';

/**
 * The storage of one column. Rows are numbered by where they are stored; a data set that was shuffled or filtered
 * reads the same storage through row numbers of its own. Storage never changes once built.
 */
export interface ColumnStorage {
  readonly feature: Feature;
  readonly length: number;
  /** The cell of a stored row; `null` where it is missing. */
  get(row: number): Cell;
  /** This storage under another feature of the same representation, sharing the numbers. */
  withFeature(feature: Feature): ColumnStorage;
  /** A storage of these stored rows alone, in their order; a number may come twice. */
  select(rows: Uint32Array): ColumnStorage;
}

/** One byte a row, 1 where the cell is present; undefined where every cell is. */
export type Presence = Uint8Array | undefined;

function selectPresence(present: Presence, rows: Uint32Array): Presence {
  return present === undefined ? undefined : Uint8Array.from(rows, (row) => present[row]);
}

/** The offsets of selected rows in a storage of their own. @throws RangeError where they are more than 2³² − 1 items. */
function selectOffsets(offsets: Uint32Array, rows: Uint32Array): Uint32Array {
  const selected = new Uint32Array(rows.length + 1);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    at += offsets[rows[i] + 1] - offsets[rows[i]];
    if (at > 0xffffffff) throw new RangeError('the selected rows hold more than 4 GiB in one column');
    selected[i + 1] = at;
  }
  return selected;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Texts as UTF-8 bytes with `length + 1` offsets: a million short texts are two buffers, not a million objects. */
export class StringColumn implements ColumnStorage {
  readonly feature = 'string';
  readonly length: number;

  /** Row `i` is `bytes[offsets[i] … offsets[i + 1])`. */
  constructor(
    readonly bytes: Uint8Array,
    readonly offsets: Uint32Array,
    readonly present: Presence,
  ) {
    this.length = offsets.length - 1;
  }

  get(row: number): string | null {
    if (this.present !== undefined && this.present[row] === 0) return null;
    return utf8.decode(this.bytes.subarray(this.offsets[row], this.offsets[row + 1]));
  }

  withFeature(): ColumnStorage {
    return this;
  }

  select(rows: Uint32Array): StringColumn {
    const offsets = selectOffsets(this.offsets, rows);
    const bytes = new Uint8Array(offsets[rows.length]);
    for (let i = 0; i < rows.length; i++) {
      bytes.set(this.bytes.subarray(this.offsets[rows[i]], this.offsets[rows[i] + 1]), offsets[i]);
    }
    return new StringColumn(bytes, offsets, selectPresence(this.present, rows));
  }
}

/** Numbers; class labels too, whose −1 means "no label". */
export class NumberColumn implements ColumnStorage {
  readonly length: number;

  constructor(
    readonly feature: 'int64' | 'float64' | ClassLabel,
    readonly values: Float64Array | Int32Array,
    readonly present: Presence,
  ) {
    this.length = values.length;
  }

  get(row: number): number | null {
    return this.present !== undefined && this.present[row] === 0 ? null : this.values[row];
  }

  withFeature(feature: Feature): ColumnStorage {
    if (feature === 'int64' || feature === 'float64' || isClassLabel(feature)) {
      return new NumberColumn(feature, this.values, this.present);
    }
    return this;
  }

  select(rows: Uint32Array): NumberColumn {
    const values = new (this.values.constructor as Float64ArrayConstructor)(rows.length);
    for (let i = 0; i < rows.length; i++) values[i] = this.values[rows[i]];
    return new NumberColumn(this.feature, values, selectPresence(this.present, rows));
  }
}

export class BoolColumn implements ColumnStorage {
  readonly feature = 'bool';
  readonly length: number;

  constructor(
    readonly values: Uint8Array,
    readonly present: Presence,
  ) {
    this.length = values.length;
  }

  get(row: number): boolean | null {
    return this.present !== undefined && this.present[row] === 0 ? null : this.values[row] === 1;
  }

  withFeature(): ColumnStorage {
    return this;
  }

  select(rows: Uint32Array): BoolColumn {
    return new BoolColumn(
      Uint8Array.from(rows, (row) => this.values[row]),
      selectPresence(this.present, rows),
    );
  }
}

/** Lists: row `i` is `items[offsets[i] … offsets[i + 1])`. */
export class ListColumn implements ColumnStorage {
  readonly feature: Feature;
  readonly length: number;

  constructor(
    readonly items: ColumnStorage,
    readonly offsets: Uint32Array,
    readonly present: Presence,
  ) {
    this.feature = listOf(items.feature);
    this.length = offsets.length - 1;
  }

  get(row: number): Cell {
    if (this.present !== undefined && this.present[row] === 0) return null;
    const start = this.offsets[row];
    return Array.from({ length: this.offsets[row + 1] - start }, (_, i) => this.items.get(start + i));
  }

  withFeature(feature: Feature): ColumnStorage {
    if (typeof feature !== 'object' || feature.type !== 'list') return this;
    return new ListColumn(this.items.withFeature(feature.feature), this.offsets, this.present);
  }

  select(rows: Uint32Array): ListColumn {
    const offsets = selectOffsets(this.offsets, rows);
    const items = new Uint32Array(offsets[rows.length]);
    for (let i = 0; i < rows.length; i++) {
      const from = this.offsets[rows[i]];
      for (let at = offsets[i]; at < offsets[i + 1]; at++) items[at] = from + at - offsets[i];
    }
    return new ListColumn(this.items.select(items), offsets, selectPresence(this.present, rows));
  }
}

/** Objects: each field is a column. */
export class StructColumn implements ColumnStorage {
  readonly feature: Feature;

  constructor(
    readonly fields: ReadonlyMap<string, ColumnStorage>,
    readonly length: number,
    readonly present: Presence,
  ) {
    this.feature = structOf(Object.fromEntries([...fields].map(([name, field]) => [name, field.feature])));
  }

  get(row: number): Cell {
    if (this.present !== undefined && this.present[row] === 0) return null;
    return Object.fromEntries([...this.fields].map(([name, field]) => [name, field.get(row)]));
  }

  withFeature(feature: Feature): ColumnStorage {
    if (typeof feature !== 'object' || feature.type !== 'struct') return this;
    const wanted: Features = feature.fields;
    const fields = new Map<string, ColumnStorage>();
    for (const [name, field] of this.fields) {
      fields.set(name, Object.hasOwn(wanted, name) ? field.withFeature(wanted[name]) : field);
    }
    return new StructColumn(fields, this.length, this.present);
  }

  select(rows: Uint32Array): StructColumn {
    const fields = new Map([...this.fields].map(([name, field]) => [name, field.select(rows)]));
    return new StructColumn(fields, rows.length, selectPresence(this.present, rows));
  }
}
