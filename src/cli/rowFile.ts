import type { ColumnSource, ParquetWriter as Writer } from 'hyparquet-writer';
import { writeAtomic } from '#platform/files';
import { ArgumentError } from '../core/errors.ts';
import { type Cell, Dataset, type Features, type Row } from '../data/index.ts';

/** A kind of file that rows are written to. */
export type RowFormat = 'csv' | 'jsonl' | 'parquet';

/**
 * What a file's name says that it is to be.
 * @throws ArgumentError for a name that ends in none of `.csv`, `.jsonl` and `.parquet`.
 */
export function rowFormatOf(flag: string, path: string): RowFormat {
  const [, ending] = /\.(csv|jsonl|parquet)$/i.exec(path) ?? [];
  if (ending !== undefined) return ending.toLowerCase() as RowFormat;
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner: 'fettle',
    what: `${flag} does not say by its ending what to write`,
    got: path,
    expected: 'a file that ends in .csv, .jsonl or .parquet',
  });
}

/** The columns of a file and what each holds; rows are brought to them. */
export interface RowShape {
  readonly columns: readonly string[];
  /** Of columns that it does not name, the first rows tell. */
  readonly features: Features;
}

/**
 * Writes rows to a file as they come, part by part, so that memory stays bounded; the file appears whole or not at all.
 * @param shape asked for when the first rows are there. Cells that a row does not have are null; what is in none of the columns is left out.
 */
export async function writeRows(
  path: string,
  format: RowFormat,
  parts: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  shape: () => RowShape,
): Promise<void> {
  const pieces = { csv: csvPieces, jsonl: jsonPieces, parquet: parquetPieces }[format];
  await writeAtomic(path, pieces(parts, shape));
}

type Parts = AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;

async function* csvPieces(parts: Parts, shape: () => RowShape): AsyncGenerator<Uint8Array> {
  let header = true;
  const piece = (rows: readonly Row[]): Uint8Array => {
    const { columns, features } = shape();
    const cells = Object.fromEntries(columns.map((name) => [name, rows.map((row) => row[name] ?? null)]));
    const text = Dataset.fromColumns(cells, { features }).selectColumns(columns).toCSV({ header });
    header = false;
    return encode(text);
  };
  for await (const rows of parts) if (rows.length > 0) yield piece(rows);
  if (header) yield piece([]);
}

async function* jsonPieces(parts: Parts): AsyncGenerator<Uint8Array> {
  for await (const rows of parts) yield encode(jsonLines(rows));
}

/** One JSON object a line; numbers that JSON does not have are null. */
export function jsonLines(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

async function* parquetPieces(parts: Parts, shape: () => RowShape): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer');
  const buffer = new ByteWriter();
  const take = (): Uint8Array => {
    const bytes = new Uint8Array(buffer.buffer, 0, buffer.index).slice();
    buffer.index = 0;
    return bytes;
  };
  let types: Map<string, ParquetType> | undefined;
  let writer: Writer | undefined;
  let held: Row[] = [];
  const group = async (): Promise<Uint8Array> => {
    const { columns, features } = shape();
    types ??= new Map(columns.map((name) => [name, parquetType(features[name], held, name)]));
    const columnData: ColumnSource[] = [...types].map(([name, type]) => ({
      name,
      type,
      nullable: true,
      data: held.map((row) => parquetCell(row[name] ?? null, type)),
    }));
    writer ??= new ParquetWriter({ writer: buffer, schema: schemaFromColumnData({ columnData }) });
    await writer.write({ columnData, rowGroupSize: held.length });
    held = [];
    return take();
  };
  for await (const rows of parts) {
    held.push(...rows);
    // A group each: small ones would make a large file of little.
    if (held.length >= 8192) yield await group();
  }
  if (held.length > 0 || writer === undefined) yield await group();
  writer?.finish();
  yield take();
}

type ParquetType = 'STRING' | 'BOOLEAN' | 'DOUBLE' | 'INT64' | 'JSON';

function parquetType(feature: Features[string] | undefined, rows: readonly Row[], name: string): ParquetType {
  if (feature === 'string') return 'STRING';
  if (feature === 'bool') return 'BOOLEAN';
  if (feature === 'int64' || (typeof feature === 'object' && feature.type === 'classLabel')) return 'INT64';
  if (feature === 'float64') return 'DOUBLE';
  const value = rows.map((row) => row[name] ?? null).find((cell) => cell !== null);
  if (typeof value === 'boolean') return 'BOOLEAN';
  if (typeof value === 'number') return 'DOUBLE';
  return typeof value === 'object' ? 'JSON' : 'STRING';
}

function parquetCell(cell: Cell, type: ParquetType): unknown {
  if (cell === null) return undefined;
  if (type === 'INT64') return BigInt(cell as number);
  return type === 'STRING' && typeof cell !== 'string' ? JSON.stringify(cell) : cell;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
