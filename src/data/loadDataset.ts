import { baseName, joinPath, kindOf, listDirectory, readBytes } from '#platform/files';
import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { resolveDataset } from '../hub/resolve.ts';
import { concatenateDatasets } from './concatenate.ts';
import type { Dataset, DatasetDict } from './dataset.ts';
import type { PlainRow, Row, RowOf } from './features.ts';
import { textSource } from './readers/byteSource.ts';
import { readConll } from './readers/conll.ts';
import { type CsvOptions, parseCsv } from './readers/csv.ts';
import { folderKey, type GlueTask, glueTasks, parseGlue, recogniseGlue } from './readers/glue.ts';
import { parseJsonLines } from './readers/jsonLines.ts';
import { parseSquad } from './readers/squad.ts';
import { parseSplit, rowsOfPart, splitOfFile, unknownSplit } from './splitNames.ts';

/** Options of {@link loadDataset}; those of {@link CsvOptions} say how CSV and TSV files are read (`encoding` and `features` serve JSON Lines too). */
export interface LoadDatasetOptions extends CsvOptions {
  /** One split or a part of one: `'train'`, `'train[:10%]'`, `'train+validation'`. Then the answer is one data set. */
  readonly split?: string | undefined;
  /** Which files make which split; paths are relative to the data set's folder. A file or list alone is `train`. */
  readonly dataFiles?: string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;
  /** A branch, tag or commit of a data set from the Hub. */
  readonly revision?: string;
  /** The root of Hugging Face's cache. Default: as the environment says. */
  readonly cacheDir?: string;
  /** Never ask the network. */
  readonly localFilesOnly?: boolean;
}

/** A split that can be read: nothing is read before it is asked for. */
type Source = () => Promise<Dataset>;
type Sources = ReadonlyMap<string, Source>;

const owner = 'loadDataset';
const readers: Readonly<Record<string, 'csv' | 'tsv' | 'jsonLines' | 'squad' | 'conll'>> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  jsonl: 'jsonLines',
  ndjson: 'jsonLines',
  json: 'squad',
  conll: 'conll',
  bio: 'conll',
  iob: 'conll',
};
const notReadYet = ['parquet', 'arrow', 'gz', 'zip', 'txt'];

/**
 * Loads a data set: a name in Hugging Face's cache (`'glue'` with one of its configurations), a file (CSV, TSV, JSON
 * Lines), a folder whose files say in their names which split they hold, or one of GLUE's published folders, which become
 * the columns and labels of Hugging Face's `glue`. Gives all splits, or with `split` one data set.
 *
 * Throws DataError and ArgumentError with stable codes: `ERR_DATASET_NOT_FOUND`, `ERR_UNKNOWN_SPLIT`, `ERR_UNKNOWN_CONFIG`,
 * `ERR_NO_DATA_FILES`, `ERR_FORMAT`, and those of the readers with file, line and column.
 *
 * @example
 * const dataset = await loadDataset('glue', 'mrpc');
 * const reviews = await loadDataset('reviews.csv', { split: 'train' });
 */
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  config: string | undefined,
  options: LoadDatasetOptions & { readonly split: string },
): Promise<Dataset<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  options: LoadDatasetOptions & { readonly split: string },
): Promise<Dataset<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  config?: string,
  options?: LoadDatasetOptions & { readonly split?: undefined },
): Promise<DatasetDict<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  options: LoadDatasetOptions & { readonly split?: undefined },
): Promise<DatasetDict<PlainRow<R>>>;
export async function loadDataset(
  nameOrPath: string,
  configOrOptions?: string | LoadDatasetOptions,
  moreOptions?: LoadDatasetOptions,
): Promise<Dataset | DatasetDict> {
  const config = typeof configOrOptions === 'string' ? configOrOptions : undefined;
  const options = moreOptions ?? (typeof configOrOptions === 'object' ? configOrOptions : {});
  checkOptions(options);
  const sources = await findSources(nameOrPath, config, options);
  if (options.split !== undefined) return loadSplit(sources, options.split);
  const dict: Record<string, Dataset> = {};
  for (const [split, read] of sources) dict[split] = await read();
  return dict;
}

const optionNames: Readonly<Record<keyof LoadDatasetOptions, true>> = {
  split: true,
  dataFiles: true,
  revision: true,
  cacheDir: true,
  localFilesOnly: true,
  delimiter: true,
  quote: true,
  header: true,
  columnNames: true,
  missingValues: true,
  encoding: true,
  features: true,
};

/** A misspelt option would be ignored silently where no type check guards the call. */
function checkOptions(options: LoadDatasetOptions): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name));
  if (unknown === undefined) return;
  const near = didYouMean(unknown, Object.keys(optionNames));
  throw new ArgumentError('ERR_UNKNOWN_OPTION', {
    owner,
    what: 'there is no such option',
    got: unknown,
    expected: `one of ${Object.keys(optionNames).join(', ')}`,
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}

async function loadSplit(sources: Sources, expression: string): Promise<Dataset> {
  const parts: Dataset[] = [];
  for (const part of parseSplit(expression)) {
    const read = sources.get(part.split);
    if (read === undefined) throw unknownSplit(part.split, [...sources.keys()]);
    const whole = await read();
    const { start, stop } = rowsOfPart(part, whole.length);
    parts.push(stop - start === whole.length ? whole : whole.slice(start, stop));
  }
  return concatenateDatasets(parts).withInfo({ split: expression });
}

async function findSources(
  nameOrPath: string,
  config: string | undefined,
  options: LoadDatasetOptions,
): Promise<Sources> {
  if ((await kindOf(nameOrPath)) === 'file') {
    return new Map([['train', sourceOf([nameOrPath], 'train', nameOrPath, options)]]);
  }
  const isGlue = /^(nyu-mll\/)?glue$/.test(nameOrPath);
  if (isGlue && (config === undefined || !glueTasks.has(config)))
    throw unknownConfig(nameOrPath, config, [...glueTasks.keys()]);
  const root = await resolveDataset(nameOrPath, {
    owner,
    revision: options.revision,
    cacheDir: options.cacheDir,
    localFilesOnly: options.localFilesOnly,
  });
  if (options.dataFiles !== undefined) return sourcesOfDataFiles(root, options.dataFiles, nameOrPath, options);
  const folder = await folderOfConfig(root, nameOrPath, config);
  const names = await filesIn(folder);
  const task = await glueTaskOf(folder, names, config);
  return task === undefined ? sourcesByName(folder, names, nameOrPath, options) : glueSources(folder, names, task);
}

/** The folder that holds a configuration's files: one below the root that is named so (in any case), or the root itself. */
async function folderOfConfig(root: string, name: string, config: string | undefined): Promise<string> {
  if (config === undefined) return root;
  const task = glueTasks.get(config);
  const keys = new Set([folderKey(config), ...(task === undefined ? [] : [folderKey(task.folder)])]);
  if (keys.has(folderKey(baseName(root)))) return root;
  const folders: string[] = [];
  for (const entry of await listDirectory(root)) {
    if ((await kindOf(joinPath(root, entry))) !== 'directory') continue;
    if (keys.has(folderKey(entry))) return joinPath(root, entry);
    folders.push(entry);
  }
  // GLUE's files may lie in a folder of another name, if it is told which task they are.
  if (task !== undefined && (await filesIn(root)).some((file) => Object.values(task.files).includes(file))) return root;
  throw unknownConfig(name, config, folders);
}

function unknownConfig(name: string, config: string | undefined, known: readonly string[]): ArgumentError {
  const near = config === undefined ? undefined : didYouMean(config, known);
  return new ArgumentError('ERR_UNKNOWN_CONFIG', {
    owner,
    what: config === undefined ? `'${name}' needs a configuration` : `'${name}' has no such configuration`,
    got: config,
    expected: known.length === 0 ? 'none: it has no folders' : `one of ${known.join(', ')}`,
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}

async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await listDirectory(folder)) {
    if (!entry.startsWith('.') && (await kindOf(joinPath(folder, entry))) === 'file') files.push(entry);
  }
  return files;
}

async function glueTaskOf(
  folder: string,
  files: readonly string[],
  config: string | undefined,
): Promise<GlueTask | undefined> {
  const told = config === undefined ? undefined : glueTasks.get(config);
  if (told !== undefined && files.some((file) => Object.values(told.files).includes(file))) return told;
  if (!files.includes('train.tsv')) return undefined;
  const found = recogniseGlue(baseName(folder), await readBytes(joinPath(folder, 'train.tsv')));
  if (found !== undefined)
    log.info(`[${owner}] ${folder} is read as GLUE's ${found.folder} (configuration '${found.config}')`);
  return found;
}

function glueSources(folder: string, files: readonly string[], task: GlueTask): Sources {
  const sources = new Map<string, Source>();
  for (const [split, name] of Object.entries(task.files)) {
    if (!files.includes(name)) continue;
    const path = joinPath(folder, name);
    sources.set(split, async () => parseGlue(await readBytes(path), path, task, split));
  }
  const missing = Object.values(task.files).filter((name) => !files.includes(name));
  if (missing.length > 0) log.info(`[${owner}] ${folder} has no ${missing.join(', ')}`);
  return sources;
}

/** Splits by the names of a folder's data files; where no name speaks of a split, all are `train`. */
function sourcesByName(folder: string, names: readonly string[], name: string, options: LoadDatasetOptions): Sources {
  const data = names.filter((file) => extensionOf(file) in readers);
  if (data.length === 0) {
    const unread = names.filter((file) => notReadYet.includes(extensionOf(file)));
    throw new DataError('ERR_NO_DATA_FILES', {
      owner,
      what: `the folder holds no data files that are read`,
      got: unread.length > 0 ? unread.join(', ') : names.slice(0, 10).join(', ') || 'nothing',
      expected: 'files ending in .csv, .tsv, .jsonl or .ndjson',
      file: folder,
    });
  }
  const bySplit = new Map<string, string[]>();
  const unnamed: string[] = [];
  for (const file of data) {
    const split = splitOfFile(file);
    if (split === undefined) unnamed.push(file);
    else bySplit.set(split, [...(bySplit.get(split) ?? []), file]);
  }
  if (bySplit.size === 0) {
    log.info(`[${owner}] ${folder}: no file's name speaks of a split, so ${unnamed.join(', ')} is train`);
    bySplit.set('train', unnamed);
  } else if (unnamed.length > 0) {
    log.info(`[${owner}] ${folder}: ${unnamed.join(', ')} left aside, since no split is in the name`);
  }
  const sources = new Map<string, Source>();
  // The order in which people think of them, whatever the alphabet says.
  for (const split of ['train', 'validation', 'test']) {
    const files = bySplit.get(split);
    if (files === undefined) continue;
    if (files.length > 1) log.info(`[${owner}] ${folder}: ${split} is ${files.join(' + ')}`);
    const paths = files.map((file) => joinPath(folder, file));
    sources.set(split, sourceOf(paths, split, name, options));
  }
  return sources;
}

function sourcesOfDataFiles(
  root: string,
  dataFiles: NonNullable<LoadDatasetOptions['dataFiles']>,
  name: string,
  options: LoadDatasetOptions,
): Sources {
  const bySplit = typeof dataFiles === 'string' || isList(dataFiles) ? { train: dataFiles } : dataFiles;
  const sources = new Map<string, Source>();
  for (const [split, files] of Object.entries(bySplit)) {
    const list = typeof files === 'string' ? [files] : files;
    sources.set(
      split,
      sourceOf(
        list.map((file) => joinPath(root, file)),
        split,
        name,
        options,
      ),
    );
  }
  return sources;
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

/** One split from files that stand one after another. */
function sourceOf(paths: readonly string[], split: string, name: string, options: LoadDatasetOptions): Source {
  return async () => {
    const parts: Dataset[] = [];
    for (const path of paths) parts.push(await readFile(path, options));
    return concatenateDatasets(parts).withInfo({ name, split });
  };
}

async function readFile(path: string, options: LoadDatasetOptions): Promise<Dataset> {
  const reader = readers[extensionOf(path)];
  if (reader === undefined) {
    throw new DataError('ERR_FORMAT', {
      owner,
      what: 'files of this kind are not read',
      got: baseName(path),
      expected: 'a name that ends in .csv, .tsv, .jsonl or .ndjson',
      file: path,
    });
  }
  if ((await kindOf(path)) !== 'file') {
    throw new DataError('ERR_FILE_NOT_FOUND', { owner, what: 'there is no such file', file: path });
  }
  if (reader === 'conll') return readConll(textSource(path, options), options);
  const bytes = await readBytes(path);
  if (reader === 'jsonLines') return parseJsonLines(bytes, path, options);
  if (reader === 'squad') return parseSquad(bytes, path, options);
  // A file named .tsv has no quoting (as the media type text/tab-separated-values says) unless told.
  return parseCsv(bytes, path, reader === 'tsv' ? { delimiter: '\t', quote: null, ...options } : options);
}

function extensionOf(path: string): string {
  const name = baseName(path).toLowerCase();
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : '';
}
