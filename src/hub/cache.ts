import { joinPath, kindOf, listDirectory, makeDirectory, readText, writeAtomic } from '#platform/files';
import { folderOf, type RepositoryKind } from './names.ts';

/** A repository's snapshot in the cache, or why there is none. */
export type CacheAnswer =
  | { readonly found: string }
  /** The repository's folder is not there. */
  | { readonly missing: 'repository'; readonly looked: string }
  /** The repository is there, this revision of it is not; `fault` says why in words. */
  | { readonly missing: 'revision'; readonly looked: string; readonly fault: string };

/**
 * Looks a revision of a repository up in the cache: `refs/<revision>` names the commit whose files lie (often as
 * symbolic links into `blobs`) in `snapshots/<commit>`; a commit's hash, whole or by a unique prefix of four or more
 * digits, is taken as well. A branch whose name looks like a hash goes before the hash. Touches no network.
 */
export async function findSnapshot(
  root: string,
  kind: RepositoryKind,
  name: string,
  revision: string,
): Promise<CacheAnswer> {
  const looked = joinPath(root, folderOf(kind, name));
  if ((await kindOf(looked)) !== 'directory') return { missing: 'repository', looked };
  const snapshots = joinPath(looked, 'snapshots');
  const reference = joinPath(looked, 'refs', ...revision.split('/'));
  if ((await kindOf(reference)) === 'file') {
    const commit = (await readText(reference)).trim();
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(commit)) {
      return { missing: 'revision', looked, fault: `refs/${revision} does not hold a commit's hash` };
    }
    const directory = joinPath(snapshots, commit);
    if ((await kindOf(directory)) === 'directory') return { found: directory };
    return {
      missing: 'revision',
      looked,
      fault: `refs/${revision} names the commit ${commit}, but snapshots/${commit} is not there (a download that was broken off?)`,
    };
  }
  const commits = (await kindOf(snapshots)) === 'directory' ? await listDirectory(snapshots) : [];
  const digits = revision.toLowerCase();
  const matching = /^[0-9a-f]{4,}$/.test(digits) ? commits.filter((commit) => commit.startsWith(digits)) : [];
  if (matching.length === 1) return { found: joinPath(snapshots, matching[0]) };
  return {
    missing: 'revision',
    looked,
    fault:
      matching.length > 1
        ? `'${revision}' begins several commits: ${matching.join(', ')}`
        : `there is no refs/${revision}; its commits are: ${commits.join(', ') || 'none'}`,
  };
}

/** Notes in `refs` that a revision stands at a commit. A commit's own hash needs no note. */
export async function keepReference(repositoryFolder: string, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  const path = joinPath(repositoryFolder, 'refs', ...revision.split('/'));
  if ((await kindOf(path)) === 'file' && (await readText(path)) === commit) return;
  await makeDirectory(joinPath(path, '..'));
  await writeAtomic(path, commit);
}
