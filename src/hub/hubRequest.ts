import { joinPath, kindOf } from '#platform/files';
import { ArgumentError, EnvironmentError, FettleError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type CacheAnswer, findSnapshot } from './cache.ts';
import { failure, type HubContext, nouns, type RetryRule, usualRetry } from './failures.ts';
import { faultOfName, folderOf, isSafeRevision, namesOf, type RepositoryKind } from './names.ts';
import { cacheRoot, type HubOptions, hubSettings } from './settings.ts';

/** Which revision of a repository, and where it may come from. */
export interface ResolveOptions extends HubOptions {
  /** A branch, a tag, or a commit's hash (whole, or a unique prefix of four or more digits). Default `main`. */
  readonly revision?: string | undefined;
  /** The root of Hugging Face's cache. Default: what the environment says (see `cacheRoot`). */
  readonly cacheDir?: string | undefined;
  /** Ends a download. What has come is kept, and a later call goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /** How often what fails in passing is tried again. Default: 5 attempts, half a second before the second, doubling. */
  readonly retry?: Partial<RetryRule> | undefined;
  /** Who is named as the thrower of errors: the function that the user called. Default this function's name. */
  readonly owner?: string | undefined;
}

/** A name that is sought on the Hub and in the cache, checked. */
export interface HubRequest {
  readonly context: HubContext;
  readonly root: string;
  readonly revision: string;
  /** What stands under that name in the working directory. */
  readonly standing: 'file' | 'none';
}

/** Checks a name and its options. @throws what its caller documents for them. */
export async function prepare(
  kind: RepositoryKind,
  name: string,
  options: ResolveOptions,
  owner: string,
  standing: 'file' | 'none',
): Promise<HubRequest> {
  const fault = faultOfName(name);
  if (fault !== undefined) throw refusedName(kind, name, owner, fault, standing);
  const revision = options.revision ?? 'main';
  if (!isSafeRevision(revision)) {
    throw new ArgumentError('ERR_REVISION', {
      owner,
      what: 'this cannot be a revision',
      got: revision,
      expected: "a branch's or tag's name or a commit's hash",
    });
  }
  const settings = await hubSettings(owner, kind, options);
  const root = cacheRoot(options.cacheDir);
  if (root === undefined) {
    throw new EnvironmentError('ERR_NO_CACHE', {
      owner,
      what: 'there is no place for downloads: neither a home directory nor a variable names one',
      hint: 'pass cacheDir, or set the variable HF_HOME',
    });
  }
  const retry = { ...usualRetry, ...options.retry };
  return {
    context: { owner, kind, name, revision, settings, signal: options.signal, retry },
    root,
    revision,
    standing,
  };
}

/** The repository's folder: that of another of its names, where the commit, or any other, is already there. */
export async function folderFor({ context, root }: HubRequest, commit: string): Promise<string> {
  const folders = namesOf(context.kind, context.name).map((name) => joinPath(root, folderOf(context.kind, name)));
  for (const folder of folders) {
    if ((await kindOf(joinPath(folder, 'snapshots', commit))) === 'directory') return folder;
  }
  for (const folder of folders) if ((await kindOf(folder)) === 'directory') return folder;
  return folders[0];
}

/** A snapshot in the cache, and under which of its names. */
export type Found = { readonly found: string; readonly commit: string; readonly name: string };

/** The snapshot that the cache has for the request's revision, under any of its names. */
export async function findLocal({
  context,
  root,
  revision,
}: HubRequest): Promise<Found | { readonly answers: CacheAnswer[] }> {
  const answers: CacheAnswer[] = [];
  for (const name of namesOf(context.kind, context.name)) {
    const answer = await findSnapshot(root, context.kind, name, revision);
    if ('found' in answer) {
      return { found: answer.found, commit: answer.found.split(/[/\\]/).at(-1) as string, name };
    }
    answers.push(answer);
  }
  return { answers };
}

/** Says that the cache stands in for a Hub that could not be asked. */
export function sayFallback({ owner, name }: HubContext, error: unknown, commit: string): void {
  const why = error instanceof FettleError ? error.message.slice(error.owner.length + 3) : String(error);
  log.warn(
    `[${owner}] '${name}' is taken from the cache as it was (commit ${commit.slice(0, 7)}), since the Hub did not say what is newest: ${why}`,
  );
}

/** Says that the cache knows a repository under another name, where it does. */
export function sayOtherName({ owner, name }: HubContext, kept: string): void {
  if (kept !== name) log.info(`[${owner}] '${name}' is taken from the cache as '${kept}'`);
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

const examples: Readonly<Record<RepositoryKind, string>> = { model: 'bert-base-uncased', dataset: 'nyu-mll/glue' };

/** The error for what the cache does not have while the network must not be asked. */
export function notFound({ context, revision, standing }: HubRequest, answers: readonly CacheAnswer[]) {
  const { owner, kind, name, settings } = context;
  const where = answers.map((answer) =>
    'found' in answer ? '' : `${answer.looked} (${answer.missing === 'repository' ? 'not there' : answer.fault})`,
  );
  const here = standing === 'file' ? `the file '${name}'` : `no directory '${name}'`;
  const asked = `fettle download ${kind === 'dataset' ? '--dataset ' : ''}${revision === 'main' ? '' : `--revision ${revision} `}${name}`;
  return failure(kind, `ERR_${kind.toUpperCase()}_NOT_FOUND`, {
    owner,
    what: `the ${nouns[kind]} '${name}' (revision '${revision}') is not on this machine, and the network must not be asked (${settings.offline}): here is ${here}, and in Hugging Face's cache I looked at ${where.join(' and ')}`,
    hint: `give a local directory, or allow the network once: ${asked}`,
  });
}
