import { joinPath, kindOf } from '#platform/files';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { concatenateDatasets } from './concatenate.ts';
import { type DataFiles, expandFiles, isGlob } from './dataFiles.ts';
import type { Dataset } from './dataset.ts';
import { type DatasetDict, datasetDict, type IterableDatasetDict } from './datasetDict.ts';
import type { Features, PlainRow, Row, RowOf } from './features.ts';
import { type Format, formatOf, openDataFile, type ReadOptions, readDataFile } from './formats.ts';
import { fitsFeature } from './huggingFaceFeatures.ts';
import { IterableDataset } from './iterableDataset.ts';
import { type Plan, planFiles, unknownConfig } from './plan.ts';
import { textSource } from './readers/byteSource.ts';
import { glueTasks, parseGlue } from './readers/glue.ts';
import { openRepository, type Repository } from './repository.ts';
import { wholeStream } from './rowStream.ts';
import { inUsualOrder, parseSplit, rowsOfPart, type SplitPart, splitOfPath, unknownSplit } from './splitNames.ts';

/** Options of {@link loadDataset}; those of {@link ReadOptions} say how files are read. */
export interface LoadDatasetOptions extends ReadOptions {
  /** One split or a part of one: `'train'`, `'train[:10%]'`, `'train[10:20]'`, `'train+validation'`. Then the answer is one data set. */
  readonly split?: string | undefined;
  /** Which files make which split: paths or globs, relative to the data set's folder. A file or list alone is `train`. */
  readonly dataFiles?: DataFiles | undefined;
  /** A folder in the data set's folder in which the files lie. */
  readonly dataDir?: string | undefined;
  /** What the files are, where their names do not tell it. */
  readonly format?: Format | undefined;
  /** Rows are read as they are asked for, in bounded memory: the answer is an {@link IterableDataset}. Default false. */
  readonly streaming?: boolean | undefined;
  /** A branch, tag or commit of a data set from the Hub. */
  readonly revision?: string | undefined;
  /** The root of Hugging Face's cache. Default: as the environment says. */
  readonly cacheDir?: string | undefined;
  /** Never ask the network. */
  readonly localFilesOnly?: boolean | undefined;
  /** The user's token for the Hub; `false` sends none. Default: as the environment says (HF_TOKEN, or `hf auth login`'s file). */
  readonly token?: string | false | undefined;
  /** The Hub's address. Default: the variable HF_ENDPOINT, or else `https://huggingface.co`. */
  readonly endpoint?: string | undefined;
  /** Ends loading, a download too: what has come is kept, and a later call goes on from there. Streams do not read it. */
  readonly signal?: AbortSignal | undefined;
}

type Whole = { readonly streaming?: false | undefined };
type Streamed = { readonly streaming: true };
type OneSplit = { readonly split: string };
type AllSplits = { readonly split?: undefined };

const owner = 'loadDataset';

/** Hugging Face's names for "files of this format, which `dataFiles` names". */
const builders: Readonly<Record<string, Format>> = { csv: 'csv', json: 'json', parquet: 'parquet', text: 'text' };

/**
 * Loads a data set: a name on the Hugging Face Hub or in its cache (`'glue'` with one of its configurations, `'imdb'`), a
 * file, a glob, a folder, or (with `dataFiles`) the name of a format: `'csv'`, `'json'`, `'parquet'`, `'text'`. Files may be
 * CSV, TSV, JSON, JSON Lines, Parquet, CoNLL columns or text, each with or without gzip. Gives all splits, or with `split`
 * one data set; with `streaming`, data sets that read their rows as they are asked for.
 *
 * Throws DataError and ArgumentError with stable codes: `ERR_DATASET_NOT_FOUND`, `ERR_UNKNOWN_SPLIT`, `ERR_UNKNOWN_CONFIG`,
 * `ERR_NO_DATA_FILES`, `ERR_FILE_NOT_FOUND`, `ERR_PATH_OUTSIDE`, `ERR_DIRECTORY_LOOP`, `ERR_FORMAT`, and those of the readers
 * with file, line and column.
 *
 * @example
 * const dataset = await loadDataset('glue', 'mrpc');
 * const reviews = await loadDataset('reviews.csv', { split: 'train' });
 * const large = await loadDataset('parquet', { dataFiles: 'shards/*.parquet', split: 'train', streaming: true });
 */
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  config: string | undefined,
  options: LoadDatasetOptions & OneSplit & Whole,
): Promise<Dataset<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  options: LoadDatasetOptions & OneSplit & Whole,
): Promise<Dataset<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  config: string | undefined,
  options: LoadDatasetOptions & OneSplit & Streamed,
): Promise<IterableDataset<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  options: LoadDatasetOptions & OneSplit & Streamed,
): Promise<IterableDataset<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  config: string | undefined,
  options: LoadDatasetOptions & AllSplits & Streamed,
): Promise<IterableDatasetDict<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  options: LoadDatasetOptions & AllSplits & Streamed,
): Promise<IterableDatasetDict<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  config?: string,
  options?: LoadDatasetOptions & AllSplits & Whole,
): Promise<DatasetDict<PlainRow<R>>>;
export function loadDataset<R extends RowOf<R> = Row>(
  nameOrPath: string,
  options: LoadDatasetOptions & AllSplits & Whole,
): Promise<DatasetDict<PlainRow<R>>>;
export async function loadDataset(
  nameOrPath: string,
  configOrOptions?: string | LoadDatasetOptions,
  moreOptions?: LoadDatasetOptions,
): Promise<Dataset | DatasetDict | IterableDataset | IterableDatasetDict> {
  const config = typeof configOrOptions === 'string' ? configOrOptions : undefined;
  const options = moreOptions ?? (typeof configOrOptions === 'object' ? configOrOptions : {});
  checkOptions(options);
  const source = await findSource(nameOrPath, config, options);
  const wanted = options.split === undefined ? undefined : partsOf(options.split, source.plan);
  for (const { split } of wanted ?? []) {
    if (!source.plan.splits.has(split)) throw unknownSplit(split, [...source.plan.splits.keys()]);
  }
  const loader = new Loader(source, options);
  if (options.streaming === true) {
    if (wanted !== undefined) return loader.streamParts(wanted, options.split as string);
    const streams: Record<string, IterableDataset> = {};
    for (const split of source.plan.splits.keys()) streams[split] = await loader.stream(split);
    return streams;
  }
  if (wanted !== undefined) return loader.readParts(wanted, options.split as string);
  const dict: Record<string, Dataset> = {};
  for (const split of source.plan.splits.keys()) dict[split] = await loader.read(split);
  return datasetDict(dict);
}

/** A split may be named as no expression is: such a name goes first. */
function partsOf(split: string, { splits }: Plan): readonly SplitPart[] {
  return splits.has(split) ? [{ split, percent: false }] : parseSplit(split);
}

const optionNames: Readonly<Record<keyof LoadDatasetOptions, true>> = {
  split: true,
  dataFiles: true,
  dataDir: true,
  format: true,
  streaming: true,
  revision: true,
  cacheDir: true,
  localFilesOnly: true,
  token: true,
  endpoint: true,
  signal: true,
  delimiter: true,
  quote: true,
  header: true,
  columnNames: true,
  missingValues: true,
  encoding: true,
  features: true,
  field: true,
  sampleBy: true,
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

/** Files that are decided on but not read. */
interface Source {
  readonly name: string;
  readonly config?: string | undefined;
  readonly plan: Plan;
  readonly format?: Format | undefined;
  /** Makes paths of the plan readable. */
  obtain(paths: readonly string[]): Promise<readonly string[]>;
}

async function findSource(name: string, config: string | undefined, options: LoadDatasetOptions): Promise<Source> {
  const asTheyAre = async (paths: readonly string[]) => paths;
  const format = options.format;
  const isFolder = (await kindOf(name)) === 'directory';
  if (Object.hasOwn(builders, name) && (options.dataFiles !== undefined || !isFolder)) {
    const plan = { splits: await filesAnywhere(name, options) };
    return { name, plan, format: format ?? builders[name], obtain: asTheyAre };
  }
  if ((await kindOf(name)) === 'file') {
    return { name, plan: { splits: new Map([['train', [name]]]) }, format, obtain: asTheyAre };
  }
  // A name that ends as a data file's is one: the Hub is not asked for 'reveiws.csv'.
  if (isGlob(name) || (!isFolder && formatOf(name) !== undefined)) {
    const files = await expandFiles('', name, { anywhere: true });
    return { name, plan: { splits: bySplitNames(files) }, format, obtain: asTheyAre };
  }
  if (/^(nyu-mll\/)?glue$/.test(name) && (config === undefined || !glueTasks.has(config))) {
    throw unknownConfig(name, config, [...glueTasks.keys()]);
  }
  const repository = await openRepository(name, options);
  const plan = await planFiles(repository, { name, config, dataFiles: options.dataFiles, dataDir: options.dataDir });
  return { name, config, plan, format, obtain: (paths) => obtainPaths(repository, paths) };
}

async function obtainPaths(repository: Repository, paths: readonly string[]): Promise<readonly string[]> {
  const root = await repository.obtain(paths);
  return paths.map((path) => joinPath(root, path));
}

/** Hugging Face's `load_dataset('csv', data_files=…)`: files from anywhere on this machine. */
async function filesAnywhere(name: string, options: LoadDatasetOptions): Promise<Map<string, readonly string[]>> {
  const { dataFiles, dataDir = '' } = options;
  if (dataFiles === undefined) {
    throw new ArgumentError('ERR_NO_DATA_FILES', {
      owner,
      what: `'${name}' is a format, and no files are named`,
      hint: `say which: loadDataset('${name}', { dataFiles: 'train.${name === 'text' ? 'txt' : name}' }), or --data-files`,
    });
  }
  const isByName = typeof dataFiles === 'object' && !Array.isArray(dataFiles);
  const bySplit = (isByName ? dataFiles : { train: dataFiles }) as Readonly<Record<string, string | readonly string[]>>;
  const splits = new Map<string, readonly string[]>();
  for (const [split, patterns] of Object.entries(bySplit)) {
    const list = (typeof patterns === 'string' ? [patterns] : patterns).map((path) =>
      dataDir === '' ? path : `${dataDir}/${path}`,
    );
    splits.set(split, await expandFiles('', list, { anywhere: true }));
  }
  return splits;
}

function bySplitNames(files: readonly string[]): Map<string, readonly string[]> {
  const bySplit = new Map<string, string[]>();
  for (const file of files) {
    const split = splitOfPath(file) ?? 'train';
    const others = bySplit.get(split);
    if (others === undefined) bySplit.set(split, [file]);
    else others.push(file);
  }
  return inUsualOrder(bySplit);
}

/** Reads the splits of a source, whole or as streams. */
class Loader {
  readonly #source: Source;
  readonly #options: LoadDatasetOptions;
  readonly #read = new Map<string, Promise<Dataset>>();

  constructor(source: Source, options: LoadDatasetOptions) {
    this.#source = source;
    this.#options = options;
  }

  async #paths(split: string): Promise<readonly string[]> {
    return this.#source.obtain(this.#source.plan.splits.get(split) ?? []);
  }

  /** A whole split, read once however often it is asked for. */
  read(split: string): Promise<Dataset> {
    const known = this.#read.get(split) ?? this.#readWhole(split);
    this.#read.set(split, known);
    return known;
  }

  async #readWhole(split: string): Promise<Dataset> {
    const { plan, name, config, format } = this.#source;
    const paths = await this.#paths(split);
    if (plan.glue !== undefined) return this.#readGlue(paths[0], split);
    const parts: Dataset[] = [];
    for (const path of paths) {
      this.#options.signal?.throwIfAborted();
      parts.push(await readDataFile(path, this.#options, format));
    }
    const whole = concatenateDatasets(parts);
    const told = this.#options.features === undefined ? (plan.features ?? {}) : {};
    return withTold(whole, told, name).withInfo({ name, ...(config === undefined ? {} : { config }), split });
  }

  async #readGlue(path: string, split: string): Promise<Dataset> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const piece of textSource(path, this.#options).pieces()) {
      parts.push(piece.slice());
      size += piece.length;
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return parseGlue(bytes, path, this.#source.plan.glue as never, split);
  }

  async readParts(parts: readonly SplitPart[], expression: string): Promise<Dataset> {
    const read: Dataset[] = [];
    for (const part of parts) {
      const whole = await this.read(part.split);
      const { start, stop } = rowsOfPart(part, whole.length);
      read.push(stop - start === whole.length ? whole : whole.slice(start, stop));
    }
    return concatenateDatasets(read).withInfo({ split: expression });
  }

  async stream(split: string): Promise<IterableDataset> {
    const { plan, name, config, format } = this.#source;
    const info = { name, ...(config === undefined ? {} : { config }), split };
    const paths = await this.#paths(split);
    if (plan.glue !== undefined) {
      const read = async () => wholeStream(await this.read(split));
      return IterableDataset.fromStreams([read], (await this.read(split)).features, info);
    }
    const first = await openDataFile(paths[0], this.#options, format);
    const features =
      this.#options.features === undefined ? merged(first.features, plan.features ?? {}) : first.features;
    const files = paths.map((path) => () => openDataFile(path, { ...this.#options, features }, format));
    return IterableDataset.fromStreams(files, features, info);
  }

  async streamParts(parts: readonly SplitPart[], expression: string): Promise<IterableDataset> {
    const streams: IterableDataset[] = [];
    for (const part of parts) {
      const whole = await this.stream(part.split);
      const { from = 0, to } = part;
      if (part.percent || from < 0 || (to ?? 0) < 0) {
        throw new ArgumentError('ERR_SPLIT', {
          owner,
          what: 'a stream does not know its number of rows, which this part counts from',
          got: expression,
          expected: "rows from the start: 'train[:1000]', 'train[1000:2000]'",
          hint: 'or leave streaming out',
        });
      }
      const cut = from === 0 ? whole : whole.skip(from);
      streams.push(to === undefined ? cut : cut.take(Math.max(0, to - from)));
    }
    return (streams.length === 1 ? streams[0] : IterableDataset.concatenate(streams)).withInfo({ split: expression });
  }
}

/** The features that a file's own make together with those that README.md tells: the latter where the values fit. */
function merged(own: Features, told: Features): Features {
  const fits = (name: string) =>
    Object.hasOwn(told, name) && (own[name] === 'string' || fitsFeature(own[name], told[name]));
  return Object.fromEntries(Object.keys(own).map((name) => [name, fits(name) ? told[name] : own[name]]));
}

/** The data set under the features that README.md tells, as far as its cells fit. */
function withTold(dataset: Dataset, told: Features, name: string): Dataset {
  let made = dataset;
  const own = dataset.features;
  for (const [column, feature] of Object.entries(merged(own, told))) {
    if (JSON.stringify(feature) === JSON.stringify(own[column])) continue;
    try {
      made = made.castColumn(column, feature);
    } catch (error) {
      log.warn(
        `[${owner}] ${name}: column '${column}' does not hold what README.md tells, and stays as it is (${(error as Error).message})`,
      );
    }
  }
  return made;
}
