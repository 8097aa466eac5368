import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { openFile } from '#platform/files';
import { DataError, FettleError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import { type ColumnBuilder, makeBuilder, StringBuilder } from '../columnBuilder.ts';
import { castCells, type IndexedColumn } from '../columnOperations.ts';
import type { ColumnStorage } from '../columns.ts';
import { Dataset } from '../dataset.ts';
import { type Feature, type Features, featureOf, sameFeature } from '../features.ts';
import { featuresOfInfo, fitsFeature } from '../huggingFaceFeatures.ts';
import type { RowBatch, RowStream } from '../rowStream.ts';
import { isGzip, rawPieces } from './byteSource.ts';
import { checkPages, rangeOfGroup } from './parquetPages.ts';
import {
  type LargeIntegers,
  markLargeIntegers,
  needsStrings,
  type ParquetColumn,
  planColumns,
} from './parquetSchema.ts';
import { checkSnappy } from './snappy.ts';
import { firstBadByte } from './text.ts';

const owner = 'loadDataset';
/** Rows of a stream's batch. */
const batchRows = 1000;

/** How a Parquet file is read. */
export interface ParquetOptions {
  /** Other types of columns than the file's own; cells are cast by the rules of `castColumn`. */
  readonly features?: Features | undefined;
}

/**
 * Reads a Parquet file (uncompressed, Snappy, Gzip, Brotli, Zstandard, LZ4; all encodings that hyparquet knows), one row
 * group at a time. Columns become features as `planColumns` says; class labels and their names come from what Hugging
 * Face's `datasets` writes into the footer.
 *
 * Throws `ERR_PARQUET` (not Parquet, or damaged) and `ERR_EMPTY_FILE` with the file; `ERR_CAST` with row and column.
 */
export async function readParquet(path: string, options: ParquetOptions = {}): Promise<Dataset> {
  return reading(path, async (file, metadata) => {
    const large = await orDamaged(path, () => largeIntegersOf(metadata));
    const dataset = await readGroups(path, file, metadata, large, 0, metadata.row_groups.length);
    // Only the values show which whole numbers are too large: then those columns are read once more, as texts.
    const whole = large.found ? await readGroups(path, file, metadata, large, 0, metadata.row_groups.length) : dataset;
    sayLargeIntegers(path, large);
    return withFeatures(path, whole, metadata, options.features, 0);
  });
}

/** As {@link readParquet}, row by row; one row group is held at a time. */
export async function openParquet(path: string, options: ParquetOptions = {}): Promise<RowStream> {
  return reading(path, async (_, metadata) => {
    const large = await orDamaged(path, () => largeIntegersOf(metadata));
    sayLargeIntegers(path, large);
    const empty = emptyDataset(path, await orDamaged(path, () => planColumns(parquetSchema(metadata), large)));
    const { features } = withFeatures(path, empty, metadata, options.features, 0);
    return { features, batches: (from) => parquetBatches(path, options, large, from?.offset ?? 0) };
  });
}

async function* parquetBatches(
  path: string,
  options: ParquetOptions,
  large: LargeIntegers,
  from: number,
): AsyncGenerator<RowBatch> {
  const footer = await reading(path, async (_, metadata) => metadata);
  const sizes = footer.row_groups.map(({ num_rows }) => Number(num_rows));
  let first = 0;
  for (let group = 0; group < sizes.length; first += sizes[group++]) {
    if (first + sizes[group] <= from) continue;
    const start = first;
    const read = async (file: AsyncBuffer, metadata: FileMetaData) => {
      const dataset = await readGroups(path, file, metadata, large, group, group + 1);
      if (large.found) throw tooLargeLater(path, large);
      return withFeatures(path, dataset, metadata, options.features, start);
    };
    // A footer is as long as there are groups: it is read once, not for each of them.
    const rows = await reading(path, read, footer);
    for (let at = Math.max(0, from - first); at < rows.length; at += batchRows) {
      yield { rows: rows.slice(at, at + batchRows).toJSON(), position: { offset: first + at, line: 1 } };
    }
  }
}

function largeIntegersOf(metadata: FileMetaData): LargeIntegers {
  const large: LargeIntegers = { places: new Set(), found: false };
  markLargeIntegers(metadata, large);
  return large;
}

function sayLargeIntegers(path: string, large: LargeIntegers): void {
  if (large.places.size === 0) return;
  log.warn(
    `[${owner}] ${path}: whole numbers beyond ±(2⁵³ − 1) in ${[...large.places].join(', ')} are read as texts, so that no digit is lost`,
  );
}

function tooLargeLater(path: string, large: LargeIntegers): DataError {
  return new DataError('ERR_MIXED_TYPES', {
    owner,
    what: 'whole numbers beyond ±(2⁵³ − 1), which the statistics of the file did not tell',
    file: path,
    column: [...large.places].at(-1),
    hint: 'read the file without streaming, or remove the column from it',
  });
}

/** Opens a file, reads its footer (unless it is `known`) and does `work`. */
async function reading<T>(
  path: string,
  work: (file: AsyncBuffer, metadata: FileMetaData) => Promise<T>,
  known?: FileMetaData,
): Promise<T> {
  const file = (await isGzip(path)) ? await unzipped(path) : await opened(path);
  try {
    if (file.byteLength === 0) throw new DataError('ERR_EMPTY_FILE', { owner, what: 'the file is empty', file: path });
    const metadata = known ?? (await orDamaged(path, () => parquetMetadataAsync(file, { parsers })));
    await orDamaged(path, () => checkMetadata(path, file, metadata));
    return await work(file, metadata);
  } finally {
    await file.close();
  }
}

/**
 * Does what takes the file's bytes on trust: whatever that throws (of a damaged file any error of the language's) becomes
 * an error that names the file. What is made of the values stays outside, so that a mistake there is not taken for damage.
 */
async function orDamaged<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof FettleError ? cause : damaged(path, cause);
  }
}

function damaged(path: string, cause: unknown): DataError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new DataError('ERR_PARQUET', {
    owner,
    what: `the file is not Parquet, or damaged: ${said.slice(0, 200)}`,
    file: path,
    hint: 'get it again',
    cause,
  });
}

interface ClosableBuffer extends AsyncBuffer {
  close(): Promise<void>;
}

async function opened(path: string): Promise<ClosableBuffer> {
  const file = await openFile(path);
  return {
    byteLength: file.size,
    async slice(start, end = file.size) {
      if (start < 0 || end < start || end > file.size) throw new Error(`bytes ${start} to ${end} are not in the file`);
      const bytes = new Uint8Array(end - start);
      await file.readInto(bytes, start);
      return bytes.buffer;
    },
    close: () => file.close(),
  };
}

async function unzipped(path: string): Promise<ClosableBuffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of rawPieces(path)) parts.push(piece.slice());
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return {
    byteLength: bytes.length,
    slice: (start, end) => bytes.buffer.slice(start, end),
    close: async () => undefined,
  };
}

/** Numbers in a damaged footer could ask for any amount of memory: they must fit the file first. */
function checkMetadata(path: string, file: AsyncBuffer, metadata: FileMetaData): void {
  const fail = (what: string): never => {
    throw damaged(path, new Error(what));
  };
  for (const group of metadata.row_groups) {
    const values = group.columns.map(({ meta_data: column }) => column?.num_values ?? 0n);
    // A row has at least one value (a missing one too) in every column. (The file's own number of rows may be wrong:
    // some writers leave it 0.)
    if (group.num_rows < 0n || values.some((count) => count < group.num_rows || count > 2n ** 31n)) {
      fail('a row group has an impossible number of rows');
    }
    for (const { meta_data: column } of group.columns) {
      if (column === undefined) continue;
      const start = column.dictionary_page_offset ?? column.data_page_offset;
      if (
        start < 0n ||
        column.total_compressed_size < 0n ||
        start + column.total_compressed_size > BigInt(file.byteLength)
      ) {
        fail('a column does not lie inside the file');
      }
    }
  }
}

/** Dates and times as ISO 8601 texts, with as many digits of a second as there are; texts as their bytes. */
const parsers = {
  timestampFromMilliseconds: (value: bigint) => isoTime(value, 1000n),
  timestampFromMicroseconds: (value: bigint) => isoTime(value, 1_000_000n),
  timestampFromNanoseconds: (value: bigint) => isoTime(value, 1_000_000_000n),
  dateFromDays: (days: number) => new Date(days * 86_400_000).toISOString().slice(0, -14),
};
const bytesParsers = { ...parsers, stringFromBytes: (bytes: Uint8Array) => bytes };

function isoTime(value: bigint, perSecond: bigint): string {
  const fraction = ((value % perSecond) + perSecond) % perSecond;
  const seconds = new Date(Number((value - fraction) / perSecond) * 1000).toISOString().slice(0, -5);
  const width = perSecond.toString().length - 1;
  const digits = fraction
    .toString()
    .padStart(width, '0')
    .replace(/(000)+$/, '')
    .padEnd(3, '0');
  return `${seconds}.${digits}Z`;
}

async function readGroups(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  large: LargeIntegers,
  firstGroup: number,
  stopGroup: number,
): Promise<Dataset> {
  large.found = false;
  const { tree, columns } = await orDamaged(path, () => {
    const root = parquetSchema(metadata);
    return { tree: root, columns: planColumns(root, large) };
  });
  const rowsBefore = (group: number) =>
    metadata.row_groups.slice(0, group).reduce((sum, { num_rows }) => sum + Number(num_rows), 0);
  let rowStart = rowsBefore(firstGroup);
  const builders = columns.map(({ name, feature }) => {
    const base = rowStart;
    return makeBuilder({ owner, file: path, column: name, row: (at) => base + at + 1 }, feature);
  });
  for (let group = firstGroup; group < stopGroup; group++) {
    const rows = Number(metadata.row_groups[group].num_rows);
    if (rows === 0) continue;
    const chunks = new Map<string, ArrayLike<unknown>[]>();
    const start = rowStart;
    await orDamaged(path, async () => {
      await parquetRead({
        file: await checkedGroup(file, metadata.row_groups[group], tree),
        metadata,
        compressors: { ...compressors, SNAPPY: checkedSnappy },
        rowStart: start,
        rowEnd: start + rows,
        parsers: needsStrings(tree) ? parsers : bytesParsers,
        // An error thrown in here would be nobody's: the chunks are only kept.
        onChunk: ({ columnName, columnData }) => {
          const earlier = chunks.get(columnName);
          if (earlier === undefined) chunks.set(columnName, [columnData]);
          else earlier.push(columnData);
        },
      });
      for (const [k, column] of columns.entries()) {
        pushChunks(path, column, builders[k], chunks.get(column.name) ?? [], rows);
      }
    });
    rowStart += rows;
  }
  return new Dataset(new Map(columns.map(({ name }, k) => [name, builders[k].finish()])), { name: path });
}

function checkedSnappy(input: Uint8Array, outputLength: number): Uint8Array {
  checkSnappy(input, outputLength);
  return compressors.SNAPPY?.(input, outputLength) as Uint8Array;
}

function unpack(codec: string, input: Uint8Array, outputLength: number): Uint8Array {
  const undo = codec === 'SNAPPY' ? checkedSnappy : compressors[codec as keyof typeof compressors];
  if (undo === undefined) throw new Error(`the codec ${codec} is not known`);
  return undo(input, outputLength);
}

/** A row group's bytes in memory, their pages checked: the file as far as one group's reading asks for it. */
async function checkedGroup(file: AsyncBuffer, group: RowGroup, tree: SchemaTree): Promise<AsyncBuffer> {
  const { start, end } = rangeOfGroup(group);
  const bytes = await file.slice(start, end);
  checkPages(group, tree, bytes, start, unpack);
  return {
    byteLength: file.byteLength,
    slice: (from, to = file.byteLength) =>
      from >= start && to <= end ? bytes.slice(from - start, to - start) : file.slice(from, to),
  };
}

function pushChunks(
  path: string,
  column: ParquetColumn,
  builder: ColumnBuilder,
  chunks: readonly ArrayLike<unknown>[],
  rows: number,
): void {
  const count = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (count !== rows) {
    throw damaged(path, new Error(`column '${column.name}' has ${count} values in a row group of ${rows} rows`));
  }
  const texts = column.isText && builder instanceof StringBuilder ? builder : undefined;
  for (const chunk of chunks) {
    for (let i = 0; i < chunk.length; i++) {
      const value = chunk[i];
      if (texts !== undefined && value instanceof Uint8Array && isUtf8(value)) texts.pushUtf8(value, 0, value.length);
      else builder.push(column.convert(value));
    }
  }
}

/** NUL is a character here as any other. */
function isUtf8(bytes: Uint8Array): boolean {
  for (let rest = bytes; ; ) {
    const bad = firstBadByte(rest);
    if (bad < 0) return true;
    if (rest[bad] !== 0) return false;
    rest = rest.subarray(bad + 1);
  }
}

function emptyDataset(path: string, columns: readonly ParquetColumn[]): Dataset {
  const made = columns.map(({ name, feature }): [string, ColumnStorage] => [
    name,
    makeBuilder({ owner, file: path, column: name }, feature).finish(),
  ]);
  return new Dataset(new Map(made), { name: path });
}

/** The columns under the features of Hugging Face's footer where they fit, and under those that the user gives. */
function withFeatures(
  path: string,
  dataset: Dataset,
  metadata: FileMetaData,
  given: Features | undefined,
  firstRow: number,
): Dataset {
  const told = footerFeatures(metadata);
  const columns = new Map<string, ColumnStorage>();
  for (const name of dataset.columnNames) {
    const view = dataset.column(name);
    const storage = (view as IndexedColumn).storage;
    const wanted: Feature | undefined = featureOf(given, name);
    const fromFooter = featureOf(told, name);
    if (wanted !== undefined && sameFeature(wanted, storage.feature)) columns.set(name, storage);
    else if (wanted !== undefined) {
      columns.set(name, castCells({ owner, file: path, column: name, row: (at) => firstRow + at + 1 }, view, wanted));
    } else if (fromFooter !== undefined && fitsFeature(storage.feature, fromFooter)) {
      columns.set(name, storage.withFeature(fromFooter));
    } else columns.set(name, storage);
  }
  const unknown = Object.keys(given ?? {}).find((name) => !columns.has(name));
  if (unknown !== undefined) {
    throw new DataError('ERR_UNKNOWN_COLUMN', {
      owner,
      what: 'features name a column that the file lacks',
      got: unknown,
      expected: `one of ${dataset.columnNames.join(', ')}`,
      file: path,
    });
  }
  return new Dataset(columns, dataset.info);
}

function footerFeatures(metadata: FileMetaData): Features {
  const json = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  if (json === undefined) return {};
  try {
    return featuresOfInfo((JSON.parse(json) as { info?: { features?: unknown } }).info?.features);
  } catch {
    return {};
  }
}
