import { environmentVariable, homeDirectory, joinPath, kindOf, listDirectory, readText } from '#platform/files';
import { folderOf, type RepositoryKind } from './names.ts';

/**
 * The root of Hugging Face's cache on this machine, by huggingface_hub's rules: `cacheDir`, then the variables
 * HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME (+ `hub`), XDG_CACHE_HOME (+ `huggingface/hub`), then
 * `~/.cache/huggingface/hub`. A leading `~` is the home directory, `$NAME` and `${NAME}` in a variable are other variables;
 * an empty variable counts as not set.
 * Undefined where there is no home directory (a browser).
 */
export function cacheRoot(cacheDir?: string): string | undefined {
  const home = homeDirectory();
  const expand = (path: string) => (home !== undefined && /^~(?=$|[/\\])/.test(path) ? home + path.slice(1) : path);
  if (cacheDir !== undefined && cacheDir !== '') return expand(cacheDir);
  const variable = (name: string): string | undefined => {
    const value = environmentVariable(name);
    if (value === undefined || value === '') return undefined;
    return expand(value.replace(/\$(?:\{(\w+)\}|(\w+))/g, (all, a, b) => environmentVariable(a ?? b) ?? all));
  };
  const direct = variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE');
  if (direct !== undefined) return direct;
  const hubHome = variable('HF_HOME');
  if (hubHome !== undefined) return joinPath(hubHome, 'hub');
  const userCache = variable('XDG_CACHE_HOME') ?? (home === undefined ? undefined : joinPath(home, '.cache'));
  return userCache === undefined ? undefined : joinPath(userCache, 'huggingface', 'hub');
}

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
