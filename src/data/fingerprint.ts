import { newChecksum } from '#platform/blobs';
import {
  BoolColumn,
  type ColumnStorage,
  ListColumn,
  NumberColumn,
  type Presence,
  StringColumn,
  StructColumn,
} from './columns.ts';
import type { Dataset } from './dataset.ts';
import { describeFeature, isClassLabel } from './features.ts';

type Checksum = ReturnType<typeof newChecksum>;

const utf8 = new TextEncoder();
const known = new WeakMap<Dataset, string>();

/**
 * What a data set holds, in 64 hexadecimal digits: SHA-256 over its columns' names, types and cells in row order, and over what it is
 * known as (GLUE's tasks go by that). Two data sets have the same fingerprint if they hold the same, however it is stored: read anew,
 * chosen from a larger one, or put together. A data set never changes, so each is read once.
 */
export function fingerprint(dataset: Dataset): string {
  let found = known.get(dataset);
  if (found === undefined) {
    const checksum = newChecksum('sha256');
    say(checksum, `${dataset.length} ${JSON.stringify([dataset.info.name ?? null, dataset.info.config ?? null])}`);
    for (const name of dataset.columnNames) {
      say(checksum, `${JSON.stringify(name)} ${describeFeature(dataset.features[name])}`);
      // One column at a time: what was chosen from a larger one is copied.
      const storage = dataset.selectColumns(name).storages().get(name);
      if (storage !== undefined) addColumn(checksum, storage, 0, storage.length);
    }
    found = checksum.digest();
    known.set(dataset, found);
  }
  return found;
}

/** The bytes of all texts of a data set, lists' and objects' too. */
export function textBytes(dataset: Dataset): number {
  let sum = 0;
  for (const name of dataset.columnNames) {
    const storage = dataset.selectColumns(name).storages().get(name);
    if (storage !== undefined) sum += bytesOf(storage);
  }
  return sum;
}

function bytesOf(column: ColumnStorage): number {
  if (column instanceof StringColumn) return column.offsets[column.length] - column.offsets[0];
  if (column instanceof ListColumn) return bytesOf(column.items);
  if (column instanceof StructColumn)
    return [...column.fields.values()].reduce((sum, field) => sum + bytesOf(field), 0);
  return 0;
}

/** Adds rows `start` to `end` of a column, and nothing that stands there by chance: no unused bytes, nothing of missing cells. */
function addColumn(checksum: Checksum, column: ColumnStorage, start: number, end: number): void {
  if (column instanceof StringColumn) {
    addMissing(checksum, column.present, start, end);
    addOffsets(checksum, column.offsets, start, end);
    checksum.update(column.bytes.subarray(column.offsets[start], column.offsets[end]));
  } else if (column instanceof NumberColumn) {
    addMissing(checksum, column.present, start, end);
    if (isClassLabel(column.feature)) say(checksum, JSON.stringify(column.feature.names));
    addNumbers(checksum, end - start, (row) => (column.present?.[start + row] === 0 ? 0 : column.values[start + row]));
  } else if (column instanceof BoolColumn) {
    addMissing(checksum, column.present, start, end);
    addNumbers(checksum, end - start, (row) => (column.present?.[start + row] === 0 ? 0 : column.values[start + row]));
  } else if (column instanceof ListColumn) {
    addMissing(checksum, column.present, start, end);
    addOffsets(checksum, column.offsets, start, end);
    addColumn(checksum, column.items, column.offsets[start], column.offsets[end]);
  } else if (column instanceof StructColumn) {
    addMissing(checksum, column.present, start, end);
    for (const [name, field] of column.fields) {
      say(checksum, JSON.stringify(name));
      addColumn(checksum, field, start, end);
    }
  } else {
    for (let row = start; row < end; row++) say(checksum, JSON.stringify(column.get(row)));
  }
}

function say(checksum: Checksum, text: string): void {
  const bytes = utf8.encode(text);
  // With its length, so that no two sequences of texts are one sequence of bytes.
  checksum.update(utf8.encode(`${bytes.length}:`));
  checksum.update(bytes);
}

function addMissing(checksum: Checksum, present: Presence, start: number, end: number): void {
  const missing: number[] = [];
  for (let row = start; present !== undefined && row < end; row++) if (present[row] === 0) missing.push(row - start);
  say(checksum, missing.join());
}

/** Offsets as lengths, which do not depend on what stands before. */
function addOffsets(checksum: Checksum, offsets: Uint32Array, start: number, end: number): void {
  addNumbers(checksum, end - start, (row) => offsets[start + row + 1] - offsets[start + row]);
}

function addNumbers(checksum: Checksum, count: number, read: (row: number) => number): void {
  const values = new Float64Array(Math.min(count, 1 << 16));
  for (let start = 0; start < count; start += values.length) {
    const some = Math.min(values.length, count - start);
    for (let i = 0; i < some; i++) values[i] = read(start + i);
    checksum.update(new Uint8Array(values.buffer, 0, some * 8));
  }
}
