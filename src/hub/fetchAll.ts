import { freeBytes } from '#platform/files';
import { forEachConcurrently } from '../core/concurrency.ts';
import { EnvironmentError } from '../core/errors.ts';
import { obtainFile, type RepositoryPlace } from './download.ts';
import { failure, type HubContext } from './failures.ts';
import { faultOfPath } from './names.ts';
import { DownloadCount, formatBytes } from './progress.ts';
import type { RepositoryFile } from './repository.ts';

/** Files downloaded at the same time. */
const concurrentFiles = 8;

/**
 * Brings files of one commit into the cache, several at the same time. The first that fails ends the others, whose parts are kept.
 *
 * @throws ModelError or DataError ERR_HUB_PATH for a path that leads out of the snapshot, EnvironmentError ERR_DISK_SPACE before
 *   anything is fetched.
 */
export async function fetchAll(
  paths: readonly string[],
  listing: readonly RepositoryFile[],
  place: RepositoryPlace,
  context: HubContext,
): Promise<void> {
  const byPath = new Map(listing.map((file) => [file.path, file]));
  const files = paths.map((path) => byPath.get(path) as RepositoryFile);
  for (const { path } of files) refuseUnsafePath(path, context);
  await requireRoom(files, place, context);
  const count = new DownloadCount(context.owner, context.name, files);
  count.begin(context.settings.endpoint);
  // The first failure ends the others; what they have is kept.
  const group = new AbortController();
  const stop = () => group.abort(context.signal?.reason);
  context.signal?.addEventListener('abort', stop);
  const grouped = { ...context, signal: group.signal };
  const work = async (file: RepositoryFile) => {
    try {
      context.signal?.throwIfAborted();
      await obtainFile(file, place, grouped, (bytes) => count.received(file.path, bytes));
      count.fileDone();
    } catch (error) {
      group.abort(error);
      throw error;
    }
  };
  try {
    await forEachConcurrently(files, concurrentFiles, work);
  } catch (error) {
    count.failed();
    throw error;
  } finally {
    context.signal?.removeEventListener('abort', stop);
  }
  count.end();
}

function refuseUnsafePath(path: string, { owner, kind, name }: HubContext): void {
  const fault = faultOfPath(path);
  if (fault === undefined) return;
  throw failure(kind, 'ERR_HUB_PATH', {
    owner,
    what: `the repository '${name}' names a file that would not stay in its folder: ${fault}`,
    got: path,
    hint: 'do not use this repository',
  });
}

async function requireRoom(
  files: readonly RepositoryFile[],
  place: RepositoryPlace,
  { owner }: HubContext,
): Promise<void> {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const free = await freeBytes(place.root);
  if (free === undefined || free >= bytes) return;
  throw new EnvironmentError('ERR_DISK_SPACE', {
    owner,
    what: 'the disk of the cache has too little room for the download',
    got: formatBytes(free),
    expected: formatBytes(bytes),
    file: place.root,
    hint: 'make room (fettle cache lists what is there), or choose another place: cacheDir, or the variable HF_HOME',
  });
}
