import { DataError } from '../../core/errors.ts';
import { columnsOfRows } from '../columnsOfRows.ts';
import { Dataset } from '../dataset.ts';
import type { Features, Row } from '../features.ts';
import type { ByteSource } from './byteSource.ts';
import { readJsonLines } from './jsonLines.ts';
import { isSquad, squadDataset } from './squad.ts';
import { lineOf } from './text.ts';

/** How a JSON file is read. */
export interface JsonOptions {
  /** The key under which the rows stand, `'data'` in `{"version": …, "data": […]}`; `'a.b'` goes two steps. */
  readonly field?: string | undefined;
  /** Types of columns that are not to be inferred. */
  readonly features?: Features | undefined;
}

const owner = 'loadDataset';
/** The longest string that a JavaScript engine surely makes (V8: 2²⁹ − 24 units). */
const largestText = 2 ** 29 - 25;

/** A JSON file's content: one value, or (where each line is an object of its own) undefined: it is JSON Lines. */
export type JsonContent = { readonly value: unknown } | undefined;

/**
 * Reads a JSON file whole. Throws `ERR_JSON` with the line where it is no JSON, `ERR_FILE_TOO_LARGE` above 512 MiB,
 * `ERR_EMPTY_FILE`, `ERR_ENCODING`, `ERR_NUL_BYTE`.
 */
export async function readJsonValue(source: ByteSource): Promise<JsonContent> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const parts: string[] = [];
  let size = 0;
  for await (const piece of source.pieces()) {
    const part = decoder.decode(piece, { stream: true });
    if (parts.length === 0 && isJsonLines(part)) return undefined;
    size += part.length;
    if (size > largestText) throw tooLarge(source.file);
    parts.push(part);
  }
  const text = parts.join('');
  if (text.trim() === '')
    throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file is empty', file: source.file });
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (cause) {
    throw notJson(source.file, text, cause as Error);
  }
}

/** Whether a text's first line is a whole object and something follows it. */
function isJsonLines(text: string): boolean {
  const start = text.trimStart();
  const end = start.search(/[\r\n]/);
  if (!start.startsWith('{') || end < 0 || start.slice(end).trim() === '') return false;
  try {
    JSON.parse(start.slice(0, end));
    return true;
  } catch {
    return false;
  }
}

function tooLarge(file: string): DataError {
  return new DataError('ERR_FILE_TOO_LARGE', {
    owner,
    what: 'a JSON file is read whole, and this one is larger than 512 MiB',
    file,
    hint: 'write it as JSON Lines (one object a line, .jsonl), which is read piece by piece',
  });
}

function notJson(file: string, text: string, cause: Error): DataError {
  const position = /position (\d+)/.exec(cause.message)?.[1];
  const before = position === undefined ? text : text.slice(0, Number(position));
  const bytes = new TextEncoder().encode(before);
  return new DataError('ERR_JSON', {
    owner,
    what: `the file is not JSON: ${cause.message.slice(0, 200)}`,
    file,
    row: lineOf(bytes, bytes.length),
    cause,
  });
}

/**
 * Reads a JSON file of rows: an array of objects; an object that holds one under `field` (without it, under `data` or its
 * only list of objects); an object of columns, which are lists of one length; SQuAD's nested form; or JSON Lines under
 * another name.
 * In messages a row is the object's number from 1.
 *
 * Throws what {@link readJsonValue} does, `ERR_JSON_ROWS` where there are no rows in it, and `ERR_MIXED_TYPES`,
 * `ERR_NESTED_TOO_DEEP` with row and column.
 */
export async function readJson(source: ByteSource, options: JsonOptions = {}): Promise<Dataset> {
  const content = await readJsonValue(source);
  return content === undefined ? readJsonLines(source, options) : datasetOfJson(content.value, source.file, options);
}

/** The rows of a JSON value, as {@link readJson} finds them. */
export function datasetOfJson(value: unknown, file: string, options: JsonOptions = {}): Dataset {
  if (options.field === undefined && isSquad(value)) return squadDataset(value, file);
  const found = options.field === undefined ? rowsIn(value) : atField(value, options.field, file);
  const rows = isObject(found) ? rowsOfColumns(found, file) : found;
  if (!Array.isArray(rows)) throw noRows(file, value);
  if (rows.length === 0) throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file holds no rows', file });
  const odd = rows.findIndex((row) => !isObject(row));
  if (odd >= 0) {
    throw new DataError('ERR_JSON_ROWS', {
      owner,
      what: 'a row is no object',
      got: rows[odd],
      expected: 'an object with the columns as its keys',
      file,
      row: odd + 1,
    });
  }
  const columns = columnsOfRows(rows as Row[], (column) => ({ owner, file, column }), options.features);
  return new Dataset(columns, { name: file });
}

function rowsIn(value: unknown): unknown {
  if (!isObject(value)) return value;
  if (isRows(value['data'])) return value['data'];
  const lists = Object.values(value).filter(isRows);
  return lists.length === 1 ? lists[0] : value;
}

function isRows(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

function atField(value: unknown, field: string, file: string): unknown {
  let at = value;
  for (const key of field.split('.')) {
    if (!isObject(at) || !Object.hasOwn(at, key)) {
      throw new DataError('ERR_JSON_ROWS', {
        owner,
        what: 'the file has no such field',
        got: field,
        expected: isObject(at) ? `one of ${Object.keys(at).slice(0, 20).join(', ')}` : 'an object at its place',
        file,
      });
    }
    at = at[key];
  }
  return at;
}

/** `{ text: […], label: […] }` as rows; undefined where that is no such object. */
function rowsOfColumns(columns: Readonly<Record<string, unknown>>, file: string): Row[] | undefined {
  const names = Object.keys(columns);
  const lists = names.map((name) => columns[name]);
  if (names.length === 0 || !lists.every(Array.isArray)) return undefined;
  const length = (lists[0] as unknown[]).length;
  const odd = lists.findIndex((list) => (list as unknown[]).length !== length);
  if (odd >= 0) {
    throw new DataError('ERR_COLUMN_LENGTHS', {
      owner,
      what: 'columns have different lengths',
      got: (lists[odd] as unknown[]).length,
      expected: `${length}, as in '${names[0]}'`,
      file,
      column: names[odd],
    });
  }
  return Array.from({ length }, (_, i) =>
    Object.fromEntries(names.map((name, k) => [name, (lists[k] as Row[string][])[i]])),
  );
}

function noRows(file: string, value: unknown): DataError {
  const lists = isObject(value) ? Object.keys(value).filter((key) => Array.isArray(value[key])) : [];
  return new DataError('ERR_JSON_ROWS', {
    owner,
    what: 'the file holds no rows where they are looked for',
    got: isObject(value) ? `an object of ${Object.keys(value).slice(0, 20).join(', ')}` : typeof value,
    expected: 'an array of objects, or an object that holds one',
    file,
    hint: lists.length > 0 ? `say where: field: '${lists[0]}'` : undefined,
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
