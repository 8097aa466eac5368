import { DataError } from '../core/errors.ts';
import {
  BoolColumn,
  type ColumnStorage,
  ListColumn,
  NumberColumn,
  type Presence,
  StringColumn,
  StructColumn,
} from './columns.ts';

/** Storages of one feature one after another, their buffers copied whole. Throws `ERR_COLUMN_TOO_LARGE` above 4 GiB of text. */
export function joinColumns(parts: readonly ColumnStorage[]): ColumnStorage {
  const [first] = parts;
  if (first instanceof StringColumn) {
    const texts = parts as readonly StringColumn[];
    const bytes = joinBytes(texts.map((part) => part.bytes.subarray(0, part.offsets[part.length])));
    return new StringColumn(bytes, joinOffsets(texts.map(({ offsets }) => offsets)), joinPresence(texts));
  }
  if (first instanceof NumberColumn) {
    const numbers = parts as readonly NumberColumn[];
    const Values = numbers.every(({ values }) => values instanceof Int32Array) ? Int32Array : Float64Array;
    const values = new Values(sum(numbers.map((part) => part.length)));
    let at = 0;
    for (const part of numbers) {
      values.set(part.values, at);
      at += part.length;
    }
    return new NumberColumn(first.feature, values, joinPresence(numbers));
  }
  if (first instanceof BoolColumn) {
    const bools = parts as readonly BoolColumn[];
    return new BoolColumn(joinBytes(bools.map(({ values }) => values)), joinPresence(bools));
  }
  if (first instanceof ListColumn) {
    const lists = parts as readonly ListColumn[];
    const items = joinColumns(lists.map((part) => part.items));
    return new ListColumn(items, joinOffsets(lists.map(({ offsets }) => offsets)), joinPresence(lists));
  }
  const structs = parts as readonly StructColumn[];
  const fields = [...structs[0].fields.keys()].map(
    (name) => [name, joinColumns(structs.map((part) => part.fields.get(name) as ColumnStorage))] as const,
  );
  return new StructColumn(new Map(fields), sum(structs.map((part) => part.length)), joinPresence(structs));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(sum(parts.map((part) => part.length)));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function joinOffsets(parts: readonly Uint32Array[]): Uint32Array {
  const joined = new Uint32Array(sum(parts.map((part) => part.length - 1)) + 1);
  let row = 0;
  let base = 0;
  for (const part of parts) {
    const size = part[part.length - 1];
    if (base + size > 2 ** 32 - 1) {
      throw new DataError('ERR_COLUMN_TOO_LARGE', {
        owner: 'concatenateDatasets',
        what: 'one column would hold more than 4 GiB',
        hint: 'read the files with streaming: true',
      });
    }
    for (let i = 1; i < part.length; i++) joined[row + i] = base + part[i];
    row += part.length - 1;
    base += size;
  }
  return joined;
}

function joinPresence(parts: readonly { readonly present: Presence; readonly length: number }[]): Presence {
  if (parts.every(({ present }) => present === undefined)) return undefined;
  return joinBytes(parts.map(({ present, length }) => present ?? new Uint8Array(length).fill(1)));
}
