import { baseName, joinPath, readBytes, readText } from '#platform/files';
import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type DataFiles, expandFiles, matchFiles } from './dataFiles.ts';
import { type CardConfig, type DatasetCard, parseCard } from './datasetCard.ts';
import type { Features } from './features.ts';
import { type Format, formatOf, readableFiles } from './formats.ts';
import { folderKey, type GlueTask, glueTasks, recogniseGlue } from './readers/glue.ts';
import type { Repository } from './repository.ts';
import { inUsualOrder, splitOfPath } from './splitNames.ts';

const owner = 'loadDataset';

/** Which files of a repository are to be read, as what. Nothing is read yet. */
export interface Plan {
  /** Paths below the repository's folder, by split, in order. */
  readonly splits: ReadonlyMap<string, readonly string[]>;
  /** The task, where the files are those that GLUE publishes. */
  readonly glue?: GlueTask | undefined;
  /** Features that the repository's README.md tells. */
  readonly features?: Features | undefined;
}

/** What a plan is asked for. */
export interface PlanRequest {
  /** The name or path, for messages. */
  readonly name: string;
  readonly config?: string | undefined;
  readonly dataFiles?: DataFiles | undefined;
  readonly dataDir?: string | undefined;
}

/**
 * Decides which files make which split: those that `dataFiles` names; or the configuration's in README.md; or GLUE's
 * published files; or data files whose names (or folders' names) speak of a split, and without any such name all are `train`.
 * Throws `ERR_UNKNOWN_CONFIG`, `ERR_NO_DATA_FILES`, `ERR_FILE_NOT_FOUND`, `ERR_PATH_OUTSIDE`.
 */
export async function planFiles(repository: Repository, request: PlanRequest): Promise<Plan> {
  if (request.dataFiles !== undefined) {
    return { splits: await namedFiles(repository, request.dataFiles, request.dataDir) };
  }
  const card = await readCard(repository);
  const config = chooseConfig(card, request);
  const features = card.features.get(config?.name ?? request.config ?? 'default');
  if (config?.dataFiles !== undefined) {
    return { splits: await namedFiles(repository, config.dataFiles, config.dataDir), features };
  }
  const folder = request.dataDir ?? config?.dataDir ?? (await folderOfConfig(repository, request));
  const within = (paths: readonly string[]) => paths.filter((path) => path.startsWith(folder));
  const direct =
    folder === ''
      ? await repository.top()
      : within(await repository.all()).filter((path) => !path.slice(folder.length).includes('/'));
  const glue = await glueTaskOf(repository, folder, direct, request.config);
  if (glue !== undefined) return { splits: glueFiles(folder, direct, glue, request.name), glue };
  const files = direct.some(isData) ? direct : within(await repository.all());
  return { splits: filesByName(request.name, folder, files), features };
}

async function namedFiles(
  repository: Repository,
  dataFiles: DataFiles,
  dataDir?: string,
): Promise<Map<string, readonly string[]>> {
  const bySplit = typeof dataFiles === 'string' || isList(dataFiles) ? { train: dataFiles } : dataFiles;
  const splits = new Map<string, readonly string[]>();
  for (const [split, patterns] of Object.entries(bySplit)) {
    const list = (typeof patterns === 'string' ? [patterns] : patterns).map((path) => joinDataDir(dataDir, path));
    const files =
      repository.folder === undefined
        ? matchFiles(await repository.all(), list)
        : await expandFiles(repository.folder, list);
    splits.set(split, files);
  }
  return splits;
}

function joinDataDir(dataDir: string | undefined, path: string): string {
  return dataDir === undefined || dataDir === '' || dataDir === '.' ? path : `${dataDir.replace(/\/+$/, '')}/${path}`;
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

const cardName = 'README.md';

async function readCard(repository: Repository): Promise<DatasetCard> {
  if (!(await repository.top()).includes(cardName)) return { configs: [], features: new Map() };
  const path = joinPath(await repository.obtain([cardName]), cardName);
  return parseCard(await readText(path), path);
}

function chooseConfig(card: DatasetCard, request: PlanRequest): CardConfig | undefined {
  if (card.configs.length === 0) return undefined;
  const { config } = request;
  if (config === undefined) {
    const chosen = card.configs.length === 1 ? card.configs[0] : card.configs.find(({ isDefault }) => isDefault);
    if (chosen !== undefined) return chosen;
  }
  const found = card.configs.find(({ name }) => name === config);
  if (found !== undefined) return found;
  // GLUE's published folders may stand beside a card that does not know them.
  if (config !== undefined && glueTasks.has(config)) return undefined;
  throw unknownConfig(
    request.name,
    config,
    card.configs.map(({ name }) => name),
  );
}

/** The folder that holds a configuration's files, with a `/` behind: one in the repository that is named so (in any case), or '' for the whole. */
async function folderOfConfig(repository: Repository, { name, config }: PlanRequest): Promise<string> {
  if (config === undefined) return '';
  const task = glueTasks.get(config);
  const keys = new Set([folderKey(config), ...(task === undefined ? [] : [folderKey(task.folder)])]);
  if (repository.folder !== undefined && keys.has(folderKey(baseName(repository.folder)))) return '';
  const all = await repository.all();
  const folders = [...new Set(all.filter((path) => path.includes('/')).map((path) => path.split('/')[0]))];
  const exact = folders.find((folder) => folder === config) ?? folders.find((folder) => keys.has(folderKey(folder)));
  if (exact !== undefined) return `${exact}/`;
  // GLUE's files may lie in a folder of another name, if it is told which task they are.
  if (task !== undefined && all.some((file) => Object.values(task.files).includes(file))) return '';
  throw unknownConfig(name, config, folders);
}

/** Refuses a configuration that a data set lacks, or the lack of one. */
export function unknownConfig(name: string, config: string | undefined, known: readonly string[]): ArgumentError {
  const near = config === undefined ? undefined : didYouMean(config, known);
  return new ArgumentError('ERR_UNKNOWN_CONFIG', {
    owner,
    what: config === undefined ? `'${name}' needs a configuration` : `'${name}' has no such configuration`,
    got: config,
    expected: known.length === 0 ? 'none: it has no folders' : `one of ${known.join(', ')}`,
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}

async function glueTaskOf(
  repository: Repository,
  folder: string,
  files: readonly string[],
  config: string | undefined,
): Promise<GlueTask | undefined> {
  const told = config === undefined ? undefined : glueTasks.get(config);
  const has = (name: string) => files.includes(folder + name);
  if (told !== undefined && Object.values(told.files).some(has)) return told;
  if (!has('train.tsv')) return undefined;
  const root = await repository.obtain([`${folder}train.tsv`]);
  const around = joinPath(root, folder);
  const found = recogniseGlue(baseName(around), await readBytes(joinPath(root, `${folder}train.tsv`)));
  if (found !== undefined)
    log.info(`[${owner}] ${around} is read as GLUE's ${found.folder} (configuration '${found.config}')`);
  return found;
}

function glueFiles(
  folder: string,
  files: readonly string[],
  task: GlueTask,
  name: string,
): Map<string, readonly string[]> {
  const splits = new Map<string, readonly string[]>();
  const missing: string[] = [];
  for (const [split, file] of Object.entries(task.files)) {
    if (files.includes(folder + file)) splits.set(split, [folder + file]);
    else missing.push(file);
  }
  if (missing.length > 0) log.info(`[${owner}] ${joinPath(name, folder)} has no ${missing.join(', ')}`);
  return splits;
}

/** Formats in the order in which they are taken: JSON may be about the data instead, text mostly is. */
const ranks: readonly (readonly Format[])[] = [['parquet', 'jsonLines', 'csv', 'tsv', 'conll'], ['json'], ['text']];
const aboutData =
  /^(dataset_infos?|state|config|package|tsconfig|metadata|croissant)\.json$|^(read.?me|licen[cs]e|notice|citation|classes|requirements).*\.txt$/i;

function isData(path: string): boolean {
  return formatOf(path) !== undefined && !aboutData.test(baseName(path));
}

function filesByName(name: string, folder: string, paths: readonly string[]): Map<string, readonly string[]> {
  const place = folder === '' ? name : joinPath(name, folder);
  const usable = paths.filter(isData);
  const rank = ranks.find((formats) => usable.some((path) => formats.includes(formatOf(path) as Format)));
  if (rank === undefined) throw noDataFiles(place, paths);
  const bySplit = new Map<string, string[]>();
  const unnamed: string[] = [];
  for (const path of usable.filter((file) => rank.includes(formatOf(file) as Format))) {
    const split = splitOfPath(path.slice(folder.length));
    if (split === undefined) unnamed.push(path);
    else bySplit.set(split, [...(bySplit.get(split) ?? []), path]);
  }
  const show = (files: readonly string[]) => shortList(files.map((file) => file.slice(folder.length)));
  if (bySplit.size === 0) {
    log.info(`[${owner}] ${place}: no file's name speaks of a split, so ${show(unnamed)} is train`);
    bySplit.set('train', unnamed);
  } else if (unnamed.length > 0) {
    log.info(`[${owner}] ${place}: ${show(unnamed)} left aside, since no split is in the name`);
  }
  for (const [split, files] of bySplit) {
    const kept = ofOneFormat(files, rank);
    const left = files.filter((file) => !kept.includes(file));
    if (left.length > 0) {
      log.warn(`[${owner}] ${place}: ${split} is read from ${show(kept)}; ${show(left)} left aside, of another format`);
    } else if (kept.length > 1) log.info(`[${owner}] ${place}: ${split} is ${show(kept)}`);
    bySplit.set(split, kept);
  }
  return inUsualOrder(bySplit);
}

/** The files of the format that most of them have: the same rows may be there in two. */
function ofOneFormat(files: readonly string[], rank: readonly Format[]): string[] {
  const groups = rank.map((format) => files.filter((file) => formatOf(file) === format));
  return groups.reduce((most, group) => (group.length > most.length ? group : most));
}

function shortList(names: readonly string[]): string {
  return names.length <= 5 ? names.join(' + ') : `${names.slice(0, 3).join(' + ')} + … (${names.length} files)`;
}

function noDataFiles(place: string, paths: readonly string[]): DataError {
  return new DataError('ERR_NO_DATA_FILES', {
    owner,
    what: 'the folder holds no data files that are read',
    got: paths.slice(0, 10).join(', ') || 'nothing',
    expected: readableFiles,
    file: place,
    hint: 'name the files with dataFiles, and their format where their names do not tell it',
  });
}
