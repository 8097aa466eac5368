import { joinPath, kindOf, makeDirectory, readText, writeAtomic } from '#platform/files';
import { FettleError } from '../core/errors.ts';
import type { HubContext } from './failures.ts';
import { isCommit } from './names.ts';
import { answerFailure, hubFetch } from './request.ts';

/** A file of a repository at one commit. */
export interface RepositoryFile {
  /** Its path in the repository, with `/`. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Git's own hash of the file, or, of a large one, of the small file that stands for it. */
  readonly blobId: string;
  /** The SHA-256 of a large file's content. */
  readonly sha256?: string | undefined;
  /** Its name in the Hub's newer storage, kept for Python. */
  readonly xetHash?: string | undefined;
}

/** The commit that the context's revision stands at now. Asks the Hub once. */
export async function resolveCommit(context: HubContext): Promise<string> {
  const { kind, name, revision, settings } = context;
  const hub = await import('@huggingface/hub');
  const ask = {
    name,
    revision,
    additionalFields: ['sha'] as ['sha'],
    hubUrl: settings.endpoint,
    fetch: hubFetch(context),
  };
  const { sha } = await answered(context, () => (kind === 'model' ? hub.modelInfo(ask) : hub.datasetInfo(ask)));
  if (typeof sha === 'string' && isCommit(sha)) return sha;
  throw answerFailure(context, "it names no commit's hash");
}

/** All files of a repository at a commit. Asks the Hub, once for each thousand of files. */
export async function fetchFiles(context: HubContext, commit: string): Promise<RepositoryFile[]> {
  const { kind, name, settings } = context;
  const hub = await import('@huggingface/hub');
  const files: RepositoryFile[] = [];
  await answered(context, async () => {
    const listing = hub.listFiles({
      repo: { type: kind, name },
      recursive: true,
      revision: commit,
      hubUrl: settings.endpoint,
      fetch: hubFetch(context),
    });
    for await (const entry of listing) {
      if (entry.type !== 'file') continue;
      const { path, oid, lfs } = entry;
      const size = lfs?.size ?? entry.size;
      const sound =
        typeof path === 'string' &&
        Number.isSafeInteger(size) &&
        size >= 0 &&
        isCommit(oid ?? '') &&
        (lfs === undefined || lfs === null || /^[0-9a-f]{64}$/.test(lfs.oid));
      if (!sound) throw answerFailure(context, `its list of files has an entry without path, size or hash`);
      files.push({ path, size, blobId: oid as string, sha256: lfs?.oid, xetHash: entry.xetHash });
    }
  });
  return sortByPath(files);
}

/** What is thrown while an answer is taken apart means that it is not the Hub's. */
async function answered<T>(context: HubContext, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof FettleError || context.signal?.aborted) throw error;
    throw answerFailure(context, error instanceof Error ? error.message : String(error));
  }
}

/** Python's form of a listing that is kept: huggingface_hub's `_tree_cache`. */
interface KeptListing {
  readonly format_version: 1;
  readonly files: Record<
    string,
    { size: number; blob_id: string; lfs_sha256?: string; lfs_size?: number; xet_hash?: string }
  >;
}

function listingPath(repositoryFolder: string, commit: string): string {
  return joinPath(repositoryFolder, 'trees', `${commit}.json`);
}

/** The list of a commit's files that an earlier download (ours or Python's) has left in the cache; undefined where none did. */
export async function readListing(repositoryFolder: string, commit: string): Promise<RepositoryFile[] | undefined> {
  const path = listingPath(repositoryFolder, commit);
  if ((await kindOf(path)) !== 'file') return undefined;
  try {
    const kept = JSON.parse(await readText(path)) as KeptListing;
    if (kept.format_version !== 1) return undefined;
    return Object.entries(kept.files).map(([name, file]) => {
      const size = file.lfs_size ?? file.size;
      const sound = Number.isSafeInteger(size) && isCommit(file.blob_id);
      if (!sound || (file.lfs_sha256 !== undefined && !/^[0-9a-f]{64}$/.test(file.lfs_sha256))) throw new Error(name);
      return { path: name, size, blobId: file.blob_id, sha256: file.lfs_sha256, xetHash: file.xet_hash };
    });
  } catch {
    // A broken list is as good as none: it is fetched again.
    return undefined;
  }
}

function sortByPath(files: readonly RepositoryFile[]): RepositoryFile[] {
  return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Keeps a commit's list of files: a commit never changes, so neither does this. */
export async function keepListing(
  repositoryFolder: string,
  commit: string,
  files: readonly RepositoryFile[],
): Promise<void> {
  const entries = sortByPath(files).map(({ path, size, blobId, sha256, xetHash }) => {
    const large = sha256 === undefined ? {} : { lfs_sha256: sha256, lfs_size: size };
    return [
      path,
      { size, blob_id: blobId, ...large, ...(xetHash === undefined ? {} : { xet_hash: xetHash }) },
    ] as const;
  });
  const kept: KeptListing = { format_version: 1, files: Object.fromEntries(entries) };
  await makeDirectory(joinPath(repositoryFolder, 'trees'));
  // Python takes a repository's folder without snapshots for a broken one.
  await makeDirectory(joinPath(repositoryFolder, 'snapshots', commit));
  await writeAtomic(listingPath(repositoryFolder, commit), JSON.stringify(kept, undefined, 1));
}
