import { DataError, quote } from '../../core/errors.ts';
import { columnsOfRows } from '../columnsOfRows.ts';
import { Dataset } from '../dataset.ts';
import type { Features, Row } from '../features.ts';
import { GrowingArray } from '../growingArray.ts';
import { decodeFile, linesOf } from './text.ts';

/** How a JSON Lines file is read. */
export interface JsonLinesOptions {
  /** The file's encoding by its WHATWG name. Default UTF-8. */
  readonly encoding?: string;
  /** Types of columns that are not to be inferred. */
  readonly features?: Features;
}

const owner = 'loadDataset';

/**
 * Reads one JSON object a line. Columns are the keys of all rows in order of appearance; a row without one is missing there.
 * Whole numbers are int64 and, once one is not whole, float64; strings, bools, lists and objects keep their kind.
 * Blank lines are skipped.
 *
 * Throws `ERR_EMPTY_FILE`, `ERR_JSON`, `ERR_MIXED_TYPES`, `ERR_NESTED_TOO_DEEP`, `ERR_ENCODING`, `ERR_NUL_BYTE`, each with
 * file and line.
 * @param file the name that messages show.
 */
export function parseJsonLines(bytes: Uint8Array, file: string, options: JsonLinesOptions = {}): Dataset {
  const text = decodeFile(owner, file, bytes, options.encoding);
  const lines = new GrowingArray((length) => new Uint32Array(length));
  const context = (column: string) => ({ owner, file, column, row: (position: number) => lines.take()[position] });
  const columns = columnsOfRows(rowsOf(text, file, lines), context, options.features);
  if (lines.length === 0) throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file holds no rows', file });
  return new Dataset(columns, { name: file });
}

function* rowsOf(text: Uint8Array, file: string, lines: GrowingArray<Uint32Array>): Generator<Row> {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  for (const { line, number } of linesOf(text)) {
    const json = utf8.decode(line);
    if (json.trim() === '') continue;
    const row = parseLine(json, file, number);
    lines.push(number);
    yield row;
  }
}

function parseLine(json: string, file: string, row: number): Row {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new DataError('ERR_JSON', {
      owner,
      what: 'a line is not JSON',
      got: json,
      file,
      row,
      hint: /^\s*\[\s*$/.test(json)
        ? 'a JSON array over many lines is not JSON Lines: write one object a line'
        : undefined,
      cause,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
  throw new DataError('ERR_JSON', {
    owner,
    what: 'a line is JSON, but no object',
    got: quote(value),
    expected: 'one object a line, with the columns as its keys',
    file,
    row,
  });
}
