import type { RowGroup } from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';

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
 * @param bytes the file from byte `start` on.
 */
export function checkPages(group: RowGroup, bytes: ArrayBuffer, start: number): void {
  for (const { meta_data: column } of group.columns) {
    if (column === undefined) continue;
    const name = column.path_in_schema.join('.');
    const first = Number(column.dictionary_page_offset ?? column.data_page_offset) - start;
    const size = Number(column.total_compressed_size);
    const reader = { view: new DataView(bytes, first, size), offset: 0 };
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

/** The number of values that a data or dictionary page names. */
function valuesOf(header: RawHeader): number {
  const inner = (header['field_5'] ?? header['field_8'] ?? header['field_7']) as RawHeader | undefined;
  return whole(inner?.['field_1']);
}

function whole(value: unknown): number {
  return typeof value === 'number' ? value : -1;
}
