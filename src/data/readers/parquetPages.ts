import type { ColumnMetaData, RowGroup, SchemaTree } from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import { bitsOf, checkFirstVersion, checkRuns, checkValueRuns, type Levels } from './parquetRuns.ts';

/** A page's header as Thrift has it, by the field numbers of parquet-format's PageHeader. */
interface RawHeader {
  readonly [field: string]: unknown;
}

/** No page of sane files is unzipped to more than this many times its bytes (Gzip reaches 1032 times). */
const largestRatio = 2000;

/** Where a row group's columns lie in the file: from the first byte of any to behind the last. */
export function rangeOfGroup(group: RowGroup): { readonly start: number; readonly end: number } {
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const { meta_data: column } of group.columns) {
    if (column === undefined) continue;
    const first = Number(column.dictionary_page_offset ?? column.data_page_offset);
    start = Math.min(start, first);
    end = Math.max(end, first + Number(column.total_compressed_size));
  }
  return { start: Math.min(start, end), end };
}

/**
 * Checks that the pages of a row group's columns hold as many values as the footer says, and lie inside: the library that
 * decodes them makes room for whatever a damaged header names. Throws an Error that says what is wrong.
 * @param bytes the file from byte `start` on. @param unpack undoes a codec.
 */
export function checkPages(group: RowGroup, tree: SchemaTree, bytes: ArrayBuffer, start: number, unpack: Unpack): void {
  for (const { meta_data: column } of group.columns) {
    if (column === undefined) continue;
    const name = column.path_in_schema.join('.');
    const first = Number(column.dictionary_page_offset ?? column.data_page_offset) - start;
    const size = Number(column.total_compressed_size);
    const reader = { view: new DataView(bytes, first, size), offset: 0 };
    const levels = levelsOf(tree, column.path_in_schema);
    let values = 0;
    while (reader.offset < size - 1 && values < Number(column.num_values)) {
      const header = deserializeTCompactProtocol(reader) as RawHeader;
      const unzipped = whole(header['field_2']);
      const zipped = whole(header['field_3']);
      const inPage = valuesOf(header);
      if (zipped < 0 || reader.offset + zipped > size || inPage < 0)
        throw new Error(`a page of '${name}' is not inside`);
      if (unzipped < 0 || unzipped > Math.max(1 << 20, zipped * largestRatio)) {
        throw new Error(`a page of '${name}' has an impossible size`);
      }
      if (header['field_7'] === undefined) {
        checkValues(header, column, new Uint8Array(bytes, first + reader.offset, zipped), unzipped, levels, unpack);
      }
      reader.offset += zipped;
      if (header['field_7'] === undefined) values += inPage;
      // A value of a dictionary takes a byte at least, but for those without any length.
      else if (inPage > Math.max(unzipped, 1) * 8) throw new Error(`the dictionary of '${name}' is impossible`);
    }
    if (values !== Number(column.num_values)) {
      throw new Error(`the pages of '${name}' hold ${values} values, not the ${column.num_values} of the footer`);
    }
  }
}

/** Undoes a codec, to a size that is known. */
export type Unpack = (codec: string, input: Uint8Array, outputLength: number) => Uint8Array;

function checkValues(
  header: RawHeader,
  column: ColumnMetaData,
  page: Uint8Array,
  unzipped: number,
  levels: Levels,
  unpack: Unpack,
): void {
  const isPlain = column.codec === 'UNCOMPRESSED';
  const first = header['field_5'] as RawHeader | undefined;
  if (first !== undefined) {
    const layout = { values: whole(first['field_1']), encoding: whole(first['field_2']), levels };
    const hasRuns = levels.repetition + levels.definition > 0 || [2, 3, 8].includes(layout.encoding);
    if (hasRuns) checkFirstVersion(isPlain ? page : unpack(column.codec, page, unzipped), layout);
    return;
  }
  const second = header['field_8'] as RawHeader;
  const values = whole(second['field_1']);
  const missing = whole(second['field_2']);
  const definition = whole(second['field_5']);
  const repetition = whole(second['field_6']);
  if (missing < 0 || missing > values || definition < 0 || repetition < 0 || definition + repetition > page.length) {
    throw new Error('a page has impossible levels');
  }
  if (levels.repetition > 0) checkRuns(page, 0, repetition, bitsOf(levels.repetition), values);
  if (levels.definition > 0) {
    checkRuns(page, repetition, repetition + definition, bitsOf(levels.definition), values);
  }
  const encoding = whole(second['field_4']);
  if (![2, 3, 8].includes(encoding)) return;
  const rest = page.subarray(repetition + definition);
  const isPacked = !isPlain && second['field_7'] !== false && rest.length > 0;
  const unpacked = isPacked ? unpack(column.codec, rest, unzipped - repetition - definition) : rest;
  checkValueRuns(unpacked, 0, { values, encoding, levels });
}

/** By the path of a column through the schema: a repeated step adds to both levels, an optional one to the second. */
function levelsOf(tree: SchemaTree, path: readonly string[]): Levels {
  let repetition = 0;
  let definition = 0;
  let at: SchemaTree | undefined = tree;
  for (const step of path) {
    at = at?.children.find(({ element }) => element.name === step);
    const kind = at?.element.repetition_type;
    if (at === undefined) throw new Error(`the schema has no column ${path.join('.')}`);
    if (kind === 'REPEATED') repetition++;
    if (kind !== 'REQUIRED') definition++;
  }
  return { repetition, definition };
}

/** The number of values that a data or dictionary page names. */
function valuesOf(header: RawHeader): number {
  const inner = (header['field_5'] ?? header['field_8'] ?? header['field_7']) as RawHeader | undefined;
  return whole(inner?.['field_1']);
}

function whole(value: unknown): number {
  return typeof value === 'number' ? value : -1;
}
