import { entryAt, linkTo, moveTo } from '#platform/blobs';
import { joinPath, kindOf, remove } from '#platform/files';
import { EnvironmentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { cacheFailure, type HubContext, PassingFailure } from './failures.ts';
import { withLock } from './lock.ts';
import { folderOf } from './names.ts';
import { PartialFile } from './partialFile.ts';
import type { RepositoryFile } from './repository.ts';
import { send, Watch, withRetries } from './request.ts';

/** Where a repository lies in the cache. */
export interface RepositoryPlace {
  /** The cache's root. */
  readonly root: string;
  /** The repository's folder: `models--org--name`. */
  readonly folder: string;
  readonly commit: string;
}

/** The path of a file in its snapshot. */
export function snapshotPath(place: RepositoryPlace, path: string): string {
  return joinPath(place.folder, 'snapshots', place.commit, ...path.split('/'));
}

/** Whether a file stands in its snapshot, with its content behind it. */
export async function isPresent(place: RepositoryPlace, path: string): Promise<boolean> {
  return (await kindOf(snapshotPath(place, path))) === 'file';
}

/**
 * Brings one file of a commit into the cache: its content into `blobs`, named by its checksum, and a link to that into the
 * snapshot. A content that is there already (from another commit, or by Python) is only linked. What came of it in an earlier,
 * broken try (`<checksum>.incomplete`) is kept and gone on from. The content gets its name only when length and checksum are right.
 *
 * @param received is told how many bytes of the file there are, each time there are more (or fewer: a new beginning).
 */
export async function obtainFile(
  file: RepositoryFile,
  place: RepositoryPlace,
  context: HubContext,
  received: (bytes: number) => void,
): Promise<void> {
  const checksum = file.sha256 ?? file.blobId;
  const blob = joinPath(place.folder, 'blobs', checksum);
  if (!(await isWhole(blob, file))) {
    const name = folderOf(context.kind, context.name);
    const lock = joinPath(place.root, '.locks', name, `${checksum}.fettle.lock`);
    await withLock(lock, { owner: context.owner, what: `'${file.path}'`, signal: context.signal }, async () => {
      if (!(await isWhole(blob, file))) await obtainBlob(file, blob, place, context, received);
    });
  }
  received(file.size);
  const pointer = snapshotPath(place, file.path);
  const linked = await linkTo(blob, pointer).catch((error) => Promise.reject(cacheFailure(context, pointer, error)));
  if (!linked) log.debug(`[${context.owner}] this system makes no links: '${file.path}' stands twice in the cache`);
}

async function isWhole(blob: string, { path, size }: RepositoryFile): Promise<boolean> {
  const entry = await entryAt(blob);
  if (entry === undefined) return false;
  // Python may make a blob a link into a store that several repositories share.
  if (entry.kind === 'link') return (await kindOf(blob)) === 'file';
  if (entry.size === size) return true;
  log.warn(`the cached content of '${path}' has ${entry.size} bytes and not ${size}: it is fetched again (${blob})`);
  return false;
}

/** Downloads a file's content to `blob`, under the lock. */
async function obtainBlob(
  file: RepositoryFile,
  blob: string,
  place: RepositoryPlace,
  context: HubContext,
  received: (bytes: number) => void,
): Promise<void> {
  const { owner, kind, name, settings } = context;
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const prefix = kind === 'model' ? '' : 'datasets/';
  const url = new URL(`${settings.endpoint}/${prefix}${name}/resolve/${place.commit}/${path}`);
  const partial = await PartialFile.open(`${blob}.incomplete`, file, context);
  let mismatched = false;
  let before = 0;
  try {
    if (partial.position > file.size) await partial.restart();
    if (partial.position > 0 && partial.position < file.size) {
      log.info(`[${owner}] '${file.path}': going on after ${partial.position} of ${file.size} bytes`);
    }
    received(partial.position);
    await withRetries(
      context,
      async () => {
        before = partial.position;
        if (partial.position < file.size) await receive(url, partial, file, context, received);
        if (partial.checksum() === (file.sha256 ?? file.blobId)) return;
        await partial.restart();
        received(0);
        const error = new EnvironmentError('ERR_HUB_CHECKSUM', {
          owner,
          what: `'${file.path}' came with all its ${file.size} bytes, but their checksum is wrong: something on the way changes them`,
          hint: 'try again, or on another network; nothing of it was put into the cache',
        });
        // Once more from the start, since an earlier part may have been the bad one; a second time is no accident.
        const again = !mismatched;
        mismatched = true;
        throw again ? new PassingFailure(error) : error;
      },
      () => partial.position > before,
    );
    await partial.flush();
  } finally {
    await partial.close();
    if (partial.position === 0 && file.size > 0) await remove(partial.path);
  }
  await moveTo(partial.path, blob).catch((error) => Promise.reject(cacheFailure(context, blob, error)));
}

/** One request for what of a file is still missing. It returns when all of it is there. */
async function receive(
  url: URL,
  partial: PartialFile,
  file: RepositoryFile,
  context: HubContext,
  received: (bytes: number) => void,
): Promise<void> {
  const from = partial.position;
  const watch = new Watch(context);
  const wrongSize = (what: string) =>
    new PassingFailure(
      new EnvironmentError('ERR_HUB_SIZE', {
        owner: context.owner,
        what: `'${file.path}' ${what}, expected ${file.size} bytes`,
        hint: 'try again; what came is not used until it is whole',
      }),
    );
  try {
    const headers = { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) };
    const { response } = await send(
      url,
      { headers },
      context,
      watch,
      (status) => status === 200 || status === 206 || status === 416,
    );
    const begin = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    if (response.status === 416 || (response.status === 206 && Number(begin) !== from)) {
      await partial.restart();
      received(0);
      throw wrongSize(`cannot be gone on with after ${from} bytes`);
    }
    // A server that knows no ranges begins anew.
    if (response.status === 200 && from > 0) {
      await partial.restart();
      received(0);
    }
    const announced = response.headers.get('content-length');
    if (announced !== null && partial.position + Number(announced) !== file.size) {
      throw wrongSize(`is announced with ${partial.position + Number(announced)} bytes`);
    }
    for await (const piece of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      watch.beat();
      if (partial.position + piece.byteLength > file.size) {
        await partial.restart();
        received(0);
        throw wrongSize('goes on after its end');
      }
      await partial.add(piece);
      received(partial.position);
    }
    if (partial.position < file.size) throw wrongSize(`ended after ${partial.position} bytes`);
  } catch (error) {
    throw watch.explain(error, url, context);
  } finally {
    watch.close();
  }
}
