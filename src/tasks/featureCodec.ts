/** How the values of one property of many features are written. */
type ColumnKind = 'number' | 'int32' | 'uint8' | 'numbers' | 'object' | 'string' | 'given' | 'nothing';

/** One property of many features. */
interface ColumnHeader {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Numbers of the buffers with values, lengths and presence; −1 where there is none. */
  readonly values: number;
  readonly lengths: number;
  readonly present: number;
  /** For objects: those that are pointed to. */
  readonly table?: TableHeader;
  readonly strings?: readonly (string | null)[];
}

/** Features with the same properties. */
export interface TableHeader {
  readonly rows: number;
  readonly columns: readonly ColumnHeader[];
}

/** Features as buffers, and what says how to read them. */
export interface EncodedFeatures {
  readonly header: TableHeader;
  readonly buffers: readonly Uint8Array[];
}

type Plain = { readonly [name: string]: unknown };

/**
 * Features as a few buffers: each property is written as one array for all. Numbers, strings, arrays of numbers and typed arrays can be,
 * and objects of these, which stay one object where several features share it. `given`, the data set that they were made from, is
 * noted, not written.
 * @returns undefined where a feature holds anything else: such features cannot be kept.
 */
export function encodeFeatures(features: readonly unknown[], given: object): EncodedFeatures | undefined {
  const buffers: Uint8Array[] = [];
  try {
    return { header: encodeTable(features, given, buffers), buffers };
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

class NotPlain extends Error {}

function encodeTable(rows: readonly unknown[], given: object, buffers: Uint8Array[]): TableHeader {
  const names = new Set<string>();
  for (const row of rows) {
    if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
      throw new NotPlain();
    for (const name of Object.keys(row)) names.add(name);
  }
  const columns = [...names].map((name) =>
    encodeColumn(
      name,
      rows.map((row) => (row as Plain)[name]),
      given,
      buffers,
    ),
  );
  return { rows: rows.length, columns };
}

function encodeColumn(name: string, values: readonly unknown[], given: object, buffers: Uint8Array[]): ColumnHeader {
  const kinds = new Set(values.map((value) => kindOf(value, given)));
  const partly = kinds.delete('nothing') && kinds.size > 0;
  if (kinds.size > 1) throw new NotPlain();
  const [kind = 'nothing'] = kinds;
  const add = (array: Uint8Array | Int32Array | Uint32Array | Float64Array) =>
    buffers.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength)) - 1;
  const present = partly ? add(Uint8Array.from(values, (value) => (value === undefined ? 0 : 1))) : -1;
  const plain = { name, kind, present, values: -1, lengths: -1 };
  switch (kind) {
    case 'nothing':
    case 'given':
      return plain;
    case 'number':
      return { ...plain, values: add(Float64Array.from(values, (value) => (value as number | undefined) ?? 0)) };
    case 'string':
      return { ...plain, strings: values.map((value) => (value as string | undefined) ?? null) };
    case 'object': {
      const places = new Map<unknown, number>();
      for (const value of values) if (value !== undefined && !places.has(value)) places.set(value, places.size);
      const table = encodeTable([...places.keys()], given, buffers);
      return { ...plain, values: add(Int32Array.from(values, (value) => places.get(value) ?? 0)), table };
    }
    default: {
      const arrays = values.map((value) => (value as ArrayLike<number> | undefined) ?? []);
      const lengths = add(Uint32Array.from(arrays, ({ length }) => length));
      const total = arrays.reduce((sum, { length }) => sum + length, 0);
      const all = new { int32: Int32Array, uint8: Uint8Array, numbers: Float64Array }[kind](total);
      let at = 0;
      for (const array of arrays) {
        all.set(array, at);
        at += array.length;
      }
      return { ...plain, values: add(all), lengths };
    }
  }
}

function kindOf(value: unknown, given: object): ColumnKind {
  if (value === undefined) return 'nothing';
  if (value === given) return 'given';
  if (typeof value === 'number') return 'number';
  if (typeof value === 'string') return 'string';
  if (value instanceof Int32Array) return 'int32';
  if (value instanceof Uint8Array) return 'uint8';
  if (Array.isArray(value) && value.every((each) => typeof each === 'number')) return 'numbers';
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value))
    return 'object';
  throw new NotPlain();
}

/**
 * The features that {@link encodeFeatures} wrote. Typed arrays are views of the buffers, which nobody may change.
 * @param buffers each at a multiple of 8 bytes in its memory.
 */
export function decodeFeatures({ header, buffers }: EncodedFeatures, given: object): Plain[] {
  const rows: Record<string, unknown>[] = Array.from({ length: header.rows }, () => ({}));
  for (const column of header.columns) {
    const read = columnReader(column, buffers, given);
    const present = column.present < 0 ? undefined : buffers[column.present];
    // In row order: a reader of arrays goes forward.
    for (let row = 0; row < rows.length; row++) {
      const value = read(row);
      rows[row][column.name] = present?.[row] === 0 ? undefined : value;
    }
  }
  return rows;
}

function columnReader(column: ColumnHeader, buffers: readonly Uint8Array[], given: object): (row: number) => unknown {
  const view = <A>(
    type: new (buffer: ArrayBufferLike, offset: number, length: number) => A,
    size: number,
    index: number,
  ) => {
    const { buffer, byteOffset, byteLength } = buffers[index];
    return new type(buffer, byteOffset, byteLength / size);
  };
  switch (column.kind) {
    case 'nothing':
      return () => undefined;
    case 'given':
      return () => given;
    case 'number': {
      const values = view(Float64Array, 8, column.values);
      return (row) => values[row];
    }
    case 'string':
      return (row) => column.strings?.[row];
    case 'object': {
      const places = view(Int32Array, 4, column.values);
      const objects = decodeFeatures({ header: column.table as TableHeader, buffers }, given);
      return (row) => objects[places[row]];
    }
    default: {
      const lengths = view(Uint32Array, 4, column.lengths);
      const values =
        column.kind === 'int32'
          ? view(Int32Array, 4, column.values)
          : column.kind === 'uint8'
            ? buffers[column.values]
            : view(Float64Array, 8, column.values);
      let at = 0;
      return (row) => {
        const some = values.subarray(at, at + lengths[row]);
        at += lengths[row];
        return column.kind === 'numbers' ? Array.from(some) : some;
      };
    }
  }
}
