import { baseName, kindOf } from '#platform/files';
import { DataError } from '../core/errors.ts';
import type { Dataset } from './dataset.ts';
import { textSource } from './readers/byteSource.ts';
import { type ConllOptions, readConll } from './readers/conll.ts';
import { type CsvOptions, openCsv, readCsv } from './readers/csv.ts';
import { type JsonOptions, readJson } from './readers/json.ts';
import { openJsonLines, readJsonLines } from './readers/jsonLines.ts';
import { openPlainText, type PlainTextOptions, readPlainText } from './readers/plainText.ts';
import { type RowStream, wholeStream } from './rowStream.ts';

/** How data files are read; each format takes what is its own. */
export interface ReadOptions extends CsvOptions, ConllOptions, JsonOptions, PlainTextOptions {}

/** The kinds of files that are read. */
export type Format = 'csv' | 'tsv' | 'json' | 'jsonLines' | 'parquet' | 'conll' | 'text';

const extensions: Readonly<Record<string, Format>> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  json: 'json',
  jsonl: 'jsonLines',
  ndjson: 'jsonLines',
  parquet: 'parquet',
  pq: 'parquet',
  conll: 'conll',
  bio: 'conll',
  iob: 'conll',
  txt: 'text',
  text: 'text',
};

/** What an error says one can give. */
export const readableFiles =
  'a name that ends in .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .conll or .txt, with or without .gz behind';

/** A file's format by its name (`train.csv.gz` is CSV); undefined where it tells none. */
export function formatOf(path: string): Format | undefined {
  const name = baseName(path)
    .toLowerCase()
    .replace(/\.gz(ip)?$/, '');
  return name.includes('.') ? extensions[name.slice(name.lastIndexOf('.') + 1)] : undefined;
}

/** Reads a data file whole. Throws `ERR_FORMAT`, `ERR_FILE_NOT_FOUND` and what its reader throws. */
export async function readDataFile(path: string, options: ReadOptions = {}, told?: Format): Promise<Dataset> {
  const format = await checkedFormat(path, told);
  const source = textSource(path, options);
  switch (format) {
    case 'csv':
      return readCsv(source, options);
    case 'tsv':
      return readCsv(source, tabbed(options));
    case 'jsonLines':
      return readJsonLines(source, options);
    case 'json':
      return readJson(source, options);
    case 'conll':
      return readConll(source, options);
    case 'text':
      return readPlainText(source, options);
    case 'parquet': {
      const { readParquet } = await import('./readers/parquet.ts');
      return readParquet(path, options);
    }
  }
}

/** Opens a data file to read it row by row. A JSON or CoNLL file is read whole all the same. */
export async function openDataFile(path: string, options: ReadOptions = {}, told?: Format): Promise<RowStream> {
  const format = await checkedFormat(path, told);
  const source = textSource(path, options);
  switch (format) {
    case 'csv':
      return openCsv(source, options);
    case 'tsv':
      return openCsv(source, tabbed(options));
    case 'jsonLines':
      return openJsonLines(source, options);
    case 'json':
      return wholeStream(await readJson(source, options));
    case 'conll':
      return wholeStream(await readConll(source, options));
    case 'text':
      return openPlainText(source, options);
    case 'parquet': {
      const { openParquet } = await import('./readers/parquet.ts');
      return openParquet(path, options);
    }
  }
}

/** A file named .tsv has no quoting (as the media type text/tab-separated-values says) unless told. */
function tabbed(options: ReadOptions): ReadOptions {
  return {
    ...options,
    delimiter: options.delimiter ?? '\t',
    quote: options.quote === undefined ? null : options.quote,
  };
}

async function checkedFormat(path: string, told: Format | undefined): Promise<Format> {
  const format = told ?? formatOf(path);
  if (format === undefined) {
    throw new DataError('ERR_FORMAT', {
      owner: 'loadDataset',
      what: 'files of this kind are not read',
      got: baseName(path),
      expected: readableFiles,
      file: path,
    });
  }
  if ((await kindOf(path)) !== 'file') {
    throw new DataError('ERR_FILE_NOT_FOUND', { owner: 'loadDataset', what: 'there is no such file', file: path });
  }
  return format;
}
