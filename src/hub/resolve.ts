import { joinPath, kindOf, listDirectory } from '#platform/files';
import { bundledDirectory } from './bundled.ts';
import { leavesCacheInForce } from './failures.ts';
import {
  findLocal,
  folderFor,
  notFound,
  prepare,
  type ResolveOptions,
  sayFallback,
  sayOtherName,
} from './hubRequest.ts';
import { folderOf, isCommit, type RepositoryKind } from './names.ts';
import { filesByPattern, neededFiles } from './needed.ts';
import type { PathPatterns } from './patterns.ts';
import { fetchFiles, keepListing, type RepositoryFile, readListing, resolveCommit } from './repository.ts';
import { obtain, unlessReadOnly } from './snapshot.ts';

export type { ResolveOptions };

/** How {@link obtainSnapshot} gets a repository's files. */
export interface SnapshotOptions extends ResolveOptions, PathPatterns {
  /** Default `model`. */
  readonly repoType?: RepositoryKind | undefined;
  /** The commit that the revision stands at, where {@link listRepositoryFiles} has said it: the Hub is not asked again. */
  readonly commit?: string | undefined;
}

/**
 * The local directory that holds a model's files: an existing directory is itself; a name (`bert-base-uncased`,
 * `org/name`) is brought up to date in Hugging Face's cache, which is shared with Python, and is that snapshot's directory.
 * Only what is needed is downloaded: config.json, the weights as safetensors, the tokenizer's files. {@link smallBert} is
 * part of the package.
 *
 * A commit's hash whose files are in the cache, and `localFilesOnly`, ask nobody. A branch asks the Hub once for its
 * commit; where the Hub cannot be reached, the cached commit is taken, and that is said.
 *
 * @throws ModelError ERR_MODEL_NOT_FOUND, ERR_REPOSITORY_NAME for an unsafe name, ERR_MODEL_WEIGHTS where the Hub has only
 *   pickled weights, ERR_REVISION_NOT_FOUND.
 * @throws ArgumentError ERR_REVISION for an unsafe revision, ERR_ENDPOINT, ERR_TOKEN.
 * @throws EnvironmentError ERR_HUB_UNREACHABLE, ERR_HUB_STATUS, ERR_HUB_TOKEN, ERR_HUB_GATED, ERR_HUB_ANSWER, ERR_HUB_SIZE,
 *   ERR_HUB_CHECKSUM, ERR_CACHE_WRITE, ERR_DISK_SPACE.
 */
export async function resolvePretrained(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  return (
    (await bundledDirectory(nameOrPath)) ??
    obtain('model', nameOrPath, options, options.owner ?? 'resolvePretrained', neededFiles.model)
  );
}

/** As {@link resolvePretrained}, for a tokenizer's files alone. */
export async function resolveTokenizer(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  return (
    (await bundledDirectory(nameOrPath)) ??
    obtain('model', nameOrPath, options, options.owner ?? 'resolveTokenizer', neededFiles.tokenizer)
  );
}

/**
 * The local directory that holds a data set's files, all of them, as {@link resolvePretrained} does for models. Old names
 * without an organisation are known under their new ones too: `glue` is `nyu-mll/glue`.
 *
 * @throws DataError ERR_DATASET_NOT_FOUND (it says where it looked), ERR_REPOSITORY_NAME for an unsafe name; and what
 *   {@link resolvePretrained} throws.
 */
export function resolveDataset(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  return obtain('dataset', nameOrPath, options, options.owner ?? 'resolveDataset', filesByPattern({}));
}

/**
 * The directory that holds those files of a repository that the patterns choose (default: all), downloaded where they are
 * not in the cache. A local directory is itself. Throws as {@link resolvePretrained} does.
 *
 * @example
 * const folder = await obtainSnapshot('nyu-mll/glue', { repoType: 'dataset', allowPatterns: 'mrpc/*' });
 */
export function obtainSnapshot(repo: string, options: SnapshotOptions = {}): Promise<string> {
  const { repoType = 'model', owner = 'obtainSnapshot' } = options;
  return obtain(repoType, repo, options, owner, filesByPattern(options), options.commit);
}

/** What {@link listRepositoryFiles} finds. */
export interface RepositoryListing {
  /** Undefined for a local directory. */
  readonly commit: string | undefined;
  readonly files: readonly { readonly path: string; readonly size: number | undefined }[];
}

/**
 * The paths of a repository's files, without downloading any: from the Hub, or from what the cache knows of that commit.
 * Of a local directory, those in it. Offline, and where no list was kept, only the files that are in the cache.
 * Throws as {@link resolvePretrained} does.
 */
export async function listRepositoryFiles(repo: string, options: SnapshotOptions = {}): Promise<RepositoryListing> {
  const { repoType: kind = 'model', owner = 'listRepositoryFiles' } = options;
  const standing = repo === '' ? 'none' : await kindOf(repo);
  if (standing === 'directory') return { commit: undefined, files: await filesBelow(repo) };
  const request = await prepare(kind, repo, options, owner, standing);
  const { context, root, revision } = request;
  const listed = (commit: string, files: readonly RepositoryFile[]) => ({
    commit,
    files: files.map(({ path, size }) => ({ path, size })),
  });
  let failed: unknown;
  if (context.settings.offline === undefined || isCommit(revision)) {
    try {
      const commit = isCommit(revision) ? revision : await resolveCommit(context);
      const folder = await folderFor(request, commit);
      const kept = await readListing(folder, commit);
      if (kept !== undefined) return listed(commit, kept);
      if (context.settings.offline === undefined) {
        const fetched = await fetchFiles(context, commit);
        await unlessReadOnly(keepListing(folder, commit, fetched));
        return listed(commit, fetched);
      }
    } catch (error) {
      if (!leavesCacheInForce(error)) throw error;
      failed = error;
    }
  }
  const local = await findLocal(request);
  if (!('found' in local)) throw failed ?? notFound(request, local.answers);
  if (failed !== undefined) sayFallback(context, failed, local.commit);
  else sayOtherName(context, local.name);
  const kept = await readListing(joinPath(root, folderOf(kind, local.name)), local.commit);
  return kept === undefined
    ? { commit: local.commit, files: await filesBelow(local.found) }
    : listed(local.commit, kept);
}

async function filesBelow(directory: string, prefix = ''): Promise<{ path: string; size: undefined }[]> {
  const files: { path: string; size: undefined }[] = [];
  for (const name of await listDirectory(directory)) {
    const path = joinPath(directory, name);
    const kind = await kindOf(path);
    if (kind === 'directory' && prefix.split('/').length < 20)
      files.push(...(await filesBelow(path, `${prefix}${name}/`)));
    else if (kind === 'file') files.push({ path: prefix + name, size: undefined });
  }
  return files;
}
