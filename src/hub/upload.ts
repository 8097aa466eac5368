import { fileUrl, makeTemporaryDirectory } from '#platform/blobs';
import { isTemporaryName, joinPath, kindOf, listDirectory, openFile, remove } from '#platform/files';
import { ArgumentError, EnvironmentError, FettleError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type HubContext, nouns, type RetryRule, usualRetry } from './failures.ts';
import { faultOfName, type RepositoryKind } from './names.ts';
import { choosePaths } from './patterns.ts';
import { formatBytes } from './progress.ts';
import { hubFetch } from './request.ts';
import { type HubOptions, hubSettings } from './settings.ts';

/** How something is put on the Hub. */
export interface PushOptions extends Pick<HubOptions, 'endpoint' | 'token'> {
  /** Whether a repository that is new shall be seen by its owner alone. Default: as the owner's settings say. */
  readonly private?: boolean | undefined;
  /** What the commit says. */
  readonly commitMessage?: string | undefined;
  /** Ends the upload; nothing of it is seen on the Hub then. */
  readonly signal?: AbortSignal | undefined;
  /** How often what fails in passing is tried again. Default: 5 attempts, half a second before the second, doubling. */
  readonly retry?: Partial<RetryRule> | undefined;
}

/** How {@link uploadFolder} works. */
export interface UploadOptions extends PushOptions {
  /** Default `model`. */
  readonly repoType?: RepositoryKind | undefined;
  /** Only these files, by patterns as in `obtainSnapshot`. Default: all but those that `ignorePatterns` leave out. */
  readonly allowPatterns?: string | readonly string[] | undefined;
  /** Not these. Default: Git's own files, caches, and a Trainer's checkpoints. */
  readonly ignorePatterns?: string | readonly string[] | undefined;
  /** Who is named as the thrower of errors. */
  readonly owner?: string | undefined;
}

/** A commit on the Hub. */
export interface PushedCommit {
  /** The repository's whole name: `org/name`. */
  readonly repo: string;
  /** The commit's hash. */
  readonly commit: string;
  /** Its page. */
  readonly url: string;
}

const usuallyIgnored = ['.git/*', '*/.git/*', '.cache/*', 'checkpoint-*/*'];

/**
 * Puts a directory's files on the Hub in one commit, into a repository that is made where there is none. Other files that
 * stand there stay. The token must be allowed to write.
 *
 * @param repo `org/name`, or a name alone, which is then the token's owner's.
 * @throws ArgumentError ERR_NOTHING_TO_UPLOAD, ERR_TOKEN where there is no token; ModelError or DataError
 *   ERR_REPOSITORY_NAME; EnvironmentError ERR_HUB_TOKEN where it may not write, and what else a request may throw.
 * @example
 * await uploadFolder('me/my-model', 'output', { private: true, commitMessage: 'Trained on mrpc' });
 */
export async function uploadFolder(
  repo: string,
  directory: string,
  options: UploadOptions = {},
): Promise<PushedCommit> {
  const { repoType: kind = 'model', owner = 'uploadFolder' } = options;
  const fault = faultOfName(repo);
  if (fault !== undefined) {
    throw new ArgumentError('ERR_REPOSITORY_NAME', {
      owner,
      what: `this cannot be a name on the Hugging Face Hub: ${fault}`,
      got: repo,
      expected: "a name like 'me/my-model'",
    });
  }
  const files = await filesToPush(directory, options, owner);
  const settings = await hubSettings(owner, kind, options);
  if (settings.offline !== undefined) {
    throw new EnvironmentError('ERR_OFFLINE', {
      owner,
      what: `nothing can be uploaded while the network must not be asked (${settings.offline})`,
    });
  }
  const { token } = settings;
  if (token === undefined || !token.startsWith('hf_')) {
    throw new ArgumentError('ERR_TOKEN', {
      owner,
      what:
        token === undefined
          ? 'there is no token to write with'
          : `the token (from ${settings.tokenSource}) does not begin with 'hf_'`,
      hint: `make one with the right to write at ${settings.endpoint}/settings/tokens, and pass it (token, or the variable HF_TOKEN)`,
    });
  }
  const retry = { ...usualRetry, ...options.retry };
  const context: HubContext = { owner, kind, name: repo, revision: 'main', settings, signal: options.signal, retry };
  try {
    return await push(context, token, files, options);
  } catch (error) {
    if (error instanceof FettleError || options.signal?.aborted)
      throw options.signal?.aborted ? options.signal.reason : error;
    throw new EnvironmentError('ERR_HUB_UPLOAD', {
      owner,
      what: `the upload failed: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'try again; nothing of it is seen on the Hub',
      cause: error,
    });
  }
}

/** {@link uploadFolder} of what `save` writes into a directory that is removed afterwards. */
export async function pushSaved(
  repo: string,
  save: (directory: string) => Promise<void>,
  options: UploadOptions,
): Promise<PushedCommit> {
  const directory = await makeTemporaryDirectory();
  try {
    await save(directory);
    return await uploadFolder(repo, directory, options);
  } finally {
    await remove(directory);
  }
}

async function push(
  context: HubContext,
  token: string,
  files: readonly LocalFile[],
  options: UploadOptions,
): Promise<PushedCommit> {
  const { owner, kind, settings } = context;
  const hub = await import('@huggingface/hub');
  const fetch = hubFetch(context);
  const access = { accessToken: token, hubUrl: settings.endpoint, fetch };
  const name = context.name.includes('/') ? context.name : `${(await hub.whoAmI(access)).name}/${context.name}`;
  const repo = { type: kind, name };
  const visibility =
    options.private === undefined ? {} : { visibility: options.private ? ('private' as const) : ('public' as const) };
  try {
    await hub.createRepo({ repo, ...access, ...visibility });
    log.info(`[${owner}] made the ${nouns[kind]} '${name}' on ${new URL(settings.endpoint).host}`);
  } catch (error) {
    // It is there already: a commit more.
    if (!(error instanceof FettleError && error.code === 'ERR_HUB_CONFLICT')) throw error;
    if (options.private !== undefined)
      log.info(`[${owner}] '${name}' is on the Hub already: who may see it stays as it is`);
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  log.info(
    `[${owner}] uploading ${files.length} file${files.length === 1 ? '' : 's'} (${formatBytes(bytes)}) to '${name}'`,
  );
  const made = await hub.uploadFiles({
    repo,
    ...access,
    files: files.map(({ path, file }) => ({ path, content: fileUrl(file) })),
    commitTitle: options.commitMessage ?? 'Upload with Fettle',
    ...(options.signal === undefined ? {} : { abortSignal: options.signal }),
  });
  if (made === undefined || typeof made.commit.oid !== 'string') throw new Error('the Hub names no commit');
  log.info(`[${owner}] committed ${made.commit.oid.slice(0, 7)} to '${name}'`);
  return { repo: name, commit: made.commit.oid, url: made.commit.url };
}

interface LocalFile {
  /** Its path in the repository. */
  readonly path: string;
  /** Where it is here. */
  readonly file: string;
  readonly size: number;
}

async function filesToPush(directory: string, options: UploadOptions, owner: string): Promise<LocalFile[]> {
  const none = (what: string) =>
    new ArgumentError('ERR_NOTHING_TO_UPLOAD', {
      owner,
      what,
      file: directory,
      hint: 'save the model there first (savePretrained)',
    });
  if ((await kindOf(directory)) !== 'directory') throw none('there is no such directory');
  const all = await pathsBelow(directory, '', owner);
  const chosen = choosePaths(all, { ignorePatterns: usuallyIgnored, ...options });
  if (chosen.length === 0) throw none('the directory holds no files to upload');
  const left = all.length - chosen.length;
  if (left > 0 && options.ignorePatterns === undefined && options.allowPatterns === undefined) {
    log.info(
      `[${owner}] ${left} files of checkpoints, caches or Git are not uploaded (ignorePatterns: [] takes them too)`,
    );
  }
  return Promise.all(
    chosen.map(async (path) => {
      const file = joinPath(directory, ...path.split('/'));
      const opened = await openFile(file);
      await opened.close();
      return { path, file, size: opened.size };
    }),
  );
}

const deepest = 20;

async function pathsBelow(directory: string, prefix: string, owner: string, depth = 0): Promise<string[]> {
  if (depth > deepest) {
    throw new ArgumentError('ERR_TOO_DEEP', {
      owner,
      what: `the directory has more than ${deepest} levels (a circle of links?)`,
      file: directory,
    });
  }
  const paths: string[] = [];
  for (const name of await listDirectory(directory)) {
    const at = joinPath(directory, name);
    const kind = await kindOf(at);
    if (kind === 'directory') paths.push(...(await pathsBelow(at, `${prefix}${name}/`, owner, depth + 1)));
    // What a write that is under way, or was killed, has left is no content.
    else if (kind === 'file' && !isTemporaryName(name)) paths.push(prefix + name);
  }
  return paths;
}
