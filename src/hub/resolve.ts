import { kindOf } from '#platform/files';
import { ArgumentError, DataError, type ErrorParts, ModelError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type CacheAnswer, cacheRoot, findSnapshot } from './cache.ts';
import { faultOfName, isSafeRevision, namesOf, type RepositoryKind } from './names.ts';

/** Which revision of a repository, and where it may come from. */
export interface ResolveOptions {
  /** A branch, a tag, or a commit's hash (whole, or a unique prefix of four or more digits). Default `main`. */
  readonly revision?: string | undefined;
  /** The root of Hugging Face's cache. Default: what the environment says (see `cacheRoot`). */
  readonly cacheDir?: string | undefined;
  /** Never ask the network. This version never does, so it changes nothing yet. */
  readonly localFilesOnly?: boolean | undefined;
  /** Who is named as the thrower of errors: the function that the user called. Default this function's name. */
  readonly owner?: string | undefined;
}

/**
 * The local directory that holds a model's files: an existing directory is itself; a name (`bert-base-uncased`,
 * `org/name`) is looked up in Hugging Face's cache, where Python's `from_pretrained` leaves what it downloads.
 * Which files the directory holds is for the loader to check.
 *
 * @throws ModelError ERR_MODEL_NOT_FOUND (it says where it looked), ERR_REPOSITORY_NAME for an unsafe name.
 * @throws ArgumentError ERR_REVISION for an unsafe revision.
 */
export function resolvePretrained(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  return obtain('model', nameOrPath, options, options.owner ?? 'resolvePretrained');
}

/**
 * The local directory that holds a data set's files, as {@link resolvePretrained} does for models. Old names without an
 * organisation are known under their new ones too: `glue` is `nyu-mll/glue`.
 *
 * @throws DataError ERR_DATASET_NOT_FOUND (it says where it looked), ERR_REPOSITORY_NAME for an unsafe name.
 * @throws ArgumentError ERR_REVISION for an unsafe revision.
 */
export function resolveDataset(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  return obtain('dataset', nameOrPath, options, options.owner ?? 'resolveDataset');
}

/** Finds a repository's files on this machine, or refuses. Fetching what is missing belongs between the two. */
async function obtain(
  kind: RepositoryKind,
  nameOrPath: string,
  options: ResolveOptions,
  owner: string,
): Promise<string> {
  const standing = nameOrPath === '' ? 'none' : await kindOf(nameOrPath);
  if (standing === 'directory') {
    if (options.revision !== undefined) {
      log.warn(`[${owner}] '${nameOrPath}' is a local directory: revision '${options.revision}' is ignored`);
    }
    return nameOrPath;
  }
  const fault = faultOfName(nameOrPath);
  if (fault !== undefined) throw refusedName(kind, nameOrPath, owner, fault, standing);

  const revision = options.revision ?? 'main';
  if (!isSafeRevision(revision)) {
    throw new ArgumentError('ERR_REVISION', {
      owner,
      what: 'this cannot be a revision',
      got: revision,
      expected: "a branch's or tag's name or a commit's hash",
    });
  }
  const root = cacheRoot(options.cacheDir);
  const answers: CacheAnswer[] = [];
  for (const name of root === undefined ? [] : namesOf(kind, nameOrPath)) {
    const answer = await findSnapshot(root as string, kind, name, revision);
    if ('found' in answer) {
      if (name !== nameOrPath) log.info(`[${owner}] '${nameOrPath}' is taken from the cache as '${name}'`);
      return answer.found;
    }
    answers.push(answer);
  }
  throw notFound(kind, nameOrPath, owner, revision, answers, standing);
}

function refusedName(kind: RepositoryKind, nameOrPath: string, owner: string, fault: string, standing: string) {
  return failure(kind, 'ERR_REPOSITORY_NAME', {
    owner,
    what:
      standing === 'file'
        ? 'this is a file, not a directory'
        : `there is no such directory, and it cannot be a name on the Hugging Face Hub: ${fault}`,
    got: nameOrPath,
    expected: `a directory that holds the ${nouns[kind]}'s files, or a name like '${examples[kind]}'`,
  });
}

function notFound(
  kind: RepositoryKind,
  name: string,
  owner: string,
  revision: string,
  answers: readonly CacheAnswer[],
  standing: string,
) {
  const where = answers.map((answer) =>
    'found' in answer ? '' : `${answer.looked} (${answer.missing === 'repository' ? 'not there' : answer.fault})`,
  );
  const extra = kind === 'dataset' ? ', repo_type="dataset"' : '';
  const at = revision === 'main' ? '' : `, revision="${revision}"`;
  const here = standing === 'file' ? `the file '${name}'` : `no directory '${name}'`;
  return failure(kind, `ERR_${kind.toUpperCase()}_NOT_FOUND`, {
    owner,
    what: `the ${nouns[kind]} '${name}' (revision '${revision}') is not on this machine: here is ${here}, and in Hugging Face's cache I looked at ${where.join(' and ') || 'nothing (there is no cache here)'}`,
    hint: `give a local directory, or get it with Python: python -c 'from huggingface_hub import snapshot_download; snapshot_download("${name}"${extra}${at})'`,
  });
}

const nouns: Readonly<Record<RepositoryKind, string>> = { model: 'model', dataset: 'data set' };
const examples: Readonly<Record<RepositoryKind, string>> = { model: 'bert-base-uncased', dataset: 'nyu-mll/glue' };

function failure(kind: RepositoryKind, code: string, parts: ErrorParts): ModelError | DataError {
  return kind === 'model' ? new ModelError(code, parts) : new DataError(code, parts);
}
