import { joinPath, kindOf } from '#platform/files';
import { ArgumentError, EnvironmentError, FettleError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { keepReference } from './cache.ts';
import { isPresent, type RepositoryPlace } from './download.ts';
import { failure, type HubContext, leavesCacheInForce, nouns } from './failures.ts';
import { fetchAll } from './fetchAll.ts';
import {
  type Found,
  findLocal,
  folderFor,
  type HubRequest,
  notFound,
  prepare,
  type ResolveOptions,
  sayFallback,
  sayOtherName,
} from './hubRequest.ts';
import { faultOfPath, folderOf, isCommit, type RepositoryKind } from './names.ts';
import type { NeededFiles } from './needed.ts';
import { fetchFiles, keepListing, type RepositoryFile, readListing, resolveCommit } from './repository.ts';

/** Finds a repository's files on this machine, and fetches those that are not there. */
export async function obtain(
  kind: RepositoryKind,
  nameOrPath: string,
  options: ResolveOptions,
  owner: string,
  needed: NeededFiles,
  knownCommit?: string,
): Promise<string> {
  const standing = nameOrPath === '' ? 'none' : await kindOf(nameOrPath);
  if (standing === 'directory') {
    if (options.revision !== undefined) {
      log.warn(`[${owner}] '${nameOrPath}' is a local directory: revision '${options.revision}' is ignored`);
    }
    return nameOrPath;
  }
  const request = await prepare(kind, nameOrPath, options, owner, standing);
  const { context, revision } = request;
  if (knownCommit !== undefined && !isCommit(knownCommit)) {
    throw new ArgumentError('ERR_REVISION', { owner, what: "this is no commit's whole hash", got: knownCommit });
  }
  const exact = knownCommit ?? (isCommit(revision) ? revision : undefined);
  if (exact !== undefined) {
    const place = { root: request.root, folder: await folderFor(request, exact), commit: exact };
    if (await isComplete(place, needed, context)) {
      if (knownCommit !== undefined) await unlessReadOnly(keepReference(place.folder, revision, exact));
      return joinPath(place.folder, 'snapshots', exact);
    }
  }
  // Who knows the commit has listed the files before, and said under which name they are there.
  if (context.settings.offline !== undefined) return local(request, needed, knownCommit === undefined);
  let commit = exact;
  try {
    // Where the cache can serve, nobody waits long for a Hub that does not answer.
    const kept = commit === undefined ? await findLocal(request) : undefined;
    const quick = kept !== undefined && 'found' in kept && (await servesOffline(request, kept, needed));
    commit ??= await resolveCommit(quick ? { ...context, retry: { ...context.retry, attempts: 1 } } : context);
    return await download(request, commit, needed);
  } catch (error) {
    if (!leavesCacheInForce(error) || (commit !== undefined && exact === undefined)) throw error;
    const kept = await findLocal(request);
    if (!('found' in kept) || !(await servesOffline(request, kept, needed))) throw orNoDirectory(error, context);
    sayFallback(context, error, kept.commit);
    return kept.found;
  }
}

/** Where nobody can say whether the Hub has a name, it may have been meant for a directory. */
function orNoDirectory(error: unknown, { owner, name }: HubContext): unknown {
  if (!(error instanceof FettleError) || error.code !== 'ERR_HUB_UNREACHABLE') return error;
  const { hint, cause, message } = error;
  const what = message.slice(owner.length + 3, hint === undefined ? undefined : -hint.length - 2);
  return new EnvironmentError(error.code, {
    owner,
    what: `there is no directory '${name}' here, and the Hub does not say what it has: ${what}`,
    hint,
    cause,
  });
}

/** Whether all that is needed of a commit is in the cache, as far as the cache can tell. */
async function isComplete(place: RepositoryPlace, needed: NeededFiles, context: HubContext): Promise<boolean> {
  const directory = joinPath(place.folder, 'snapshots', place.commit);
  if ((await kindOf(directory)) !== 'directory') return false;
  const listing = await readListing(place.folder, place.commit);
  if (listing === undefined) return needed.suffices(directory).catch(() => false);
  return (await missingFiles(place, needed, context, listing)).length === 0;
}

async function missingFiles(
  place: RepositoryPlace,
  needed: NeededFiles,
  context: HubContext,
  listing: readonly RepositoryFile[],
): Promise<string[]> {
  const paths = listing.map(({ path }) => path);
  const directory = joinPath(place.folder, 'snapshots', place.commit);
  const wanted = [...needed.choose(paths, context), ...((await needed.more?.(directory, paths)) ?? [])];
  const present = await Promise.all(wanted.map((path) => faultOfPath(path) === undefined && isPresent(place, path)));
  return wanted.filter((_, i) => !present[i]);
}

/** Brings the needed files of a commit into the cache. Returns its snapshot's directory. */
async function download(request: HubRequest, commit: string, needed: NeededFiles): Promise<string> {
  const { context, root, revision } = request;
  const place: RepositoryPlace = { root, folder: await folderFor(request, commit), commit };
  let listing = await readListing(place.folder, commit);
  if (listing === undefined) {
    listing = await fetchFiles(context, commit);
    await unlessReadOnly(keepListing(place.folder, commit, listing));
  }
  // A first round may bring an index that names more files.
  for (let round = 0; round < 2; round++) {
    const missing = await missingFiles(place, needed, context, listing);
    if (missing.length > 0) await fetchAll(missing, listing, place, context);
  }
  await unlessReadOnly(keepReference(place.folder, revision, commit));
  return joinPath(place.folder, 'snapshots', commit);
}

/** A cache that may only be read serves all the same; where files are to be written, that says what is wrong. */
export async function unlessReadOnly(note: Promise<void>): Promise<void> {
  await note.catch((error: unknown) => log.debug(`a note could not be written to the cache: ${String(error)}`));
}

async function servesOffline(
  { context, root }: HubRequest,
  { commit, name }: Found,
  needed: NeededFiles,
): Promise<boolean> {
  const folder = joinPath(root, folderOf(context.kind, name));
  const listing = await readListing(folder, commit);
  return listing === undefined || (await missingFiles({ root, folder, commit }, needed, context, listing)).length === 0;
}

/** What the cache has, without asking anybody. */
async function local(request: HubRequest, needed: NeededFiles, sayName: boolean): Promise<string> {
  const { context, root } = request;
  const { owner, kind, name, settings } = context;
  const kept = await findLocal(request);
  if (!('found' in kept)) throw notFound(request, kept.answers);
  const folder = joinPath(root, folderOf(kind, kept.name));
  const listing = await readListing(folder, kept.commit);
  // Without a list the loader finds out what is missing.
  const missing =
    listing === undefined ? [] : await missingFiles({ root, folder, commit: kept.commit }, needed, context, listing);
  if (missing.length > 0) {
    throw failure(kind, `ERR_${kind.toUpperCase()}_NOT_FOUND`, {
      owner,
      what: `the cache holds only a part of the ${nouns[kind]} '${name}' (commit ${kept.commit.slice(0, 7)}): ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''} is not there, and the network must not be asked (${settings.offline})`,
      file: kept.found,
      hint: `get the rest: fettle download ${kind === 'dataset' ? '--dataset ' : ''}${name}`,
    });
  }
  if (sayName) sayOtherName(context, kept.name);
  return kept.found;
}
