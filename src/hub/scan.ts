import { entryAt, linkTarget } from '#platform/blobs';
import { joinPath, kindOf, listDirectory, readText, remove } from '#platform/files';
import { ArgumentError } from '../core/errors.ts';
import { cacheFailure } from './failures.ts';
import type { RepositoryKind } from './names.ts';
import { cacheRoot } from './settings.ts';

/** A commit of a repository, as the cache has it. */
export interface CachedRevision {
  readonly commit: string;
  /** The branches and tags that stand at it. */
  readonly refs: readonly string[];
  readonly files: number;
  /** Bytes of its files; another commit may share some of them. */
  readonly size: number;
}

/** A repository in the cache. */
export interface CachedRepository {
  readonly kind: RepositoryKind;
  readonly name: string;
  /** Its folder. */
  readonly path: string;
  readonly revisions: readonly CachedRevision[];
  /** Bytes on the disk: each content once, unfinished downloads among them. */
  readonly size: number;
  /** Bytes of unfinished downloads, which the next one goes on from. */
  readonly unfinished: number;
  /** When the newest content came, in milliseconds since 1970. */
  readonly modified: number;
}

/** What Hugging Face's cache holds on this machine, whoever put it there; by size, the largest first. */
export async function scanCache(cacheDir?: string): Promise<CachedRepository[]> {
  const root = cacheRoot(cacheDir);
  if (root === undefined || (await kindOf(root)) !== 'directory') return [];
  const repositories: CachedRepository[] = [];
  for (const folder of await listDirectory(root)) {
    const [, kind, name] = /^(model|dataset)s--(.+)$/.exec(folder) ?? [];
    const path = joinPath(root, folder);
    if (name === undefined || (await kindOf(path)) !== 'directory') continue;
    repositories.push(await scanRepository(path, kind as RepositoryKind, name.replace('--', '/')));
  }
  return repositories.sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));
}

async function scanRepository(path: string, kind: RepositoryKind, name: string): Promise<CachedRepository> {
  const refs = await referencesIn(path);
  const revisions: CachedRevision[] = [];
  /** Contents that stand in a snapshot itself, where the system makes no links. */
  let copied = 0;
  for (const commit of await directoriesIn(joinPath(path, 'snapshots'))) {
    const files = await filesIn(joinPath(path, 'snapshots', commit));
    const sizes = new Map<string, number>();
    for (const file of files) {
      const { content, size } = await contentOf(file);
      if (content === file) copied += size;
      sizes.set(content, size);
    }
    const standing = refs.filter((reference) => reference.commit === commit).map((reference) => reference.name);
    revisions.push({ commit, refs: standing, files: files.length, size: sum(sizes.values()) });
  }
  let size = copied;
  let unfinished = 0;
  let modified = 0;
  for (const blob of await filesIn(joinPath(path, 'blobs'))) {
    const entry = await entryAt(blob);
    if (entry === undefined) continue;
    size += entry.size;
    if (blob.endsWith('.incomplete')) unfinished += entry.size;
    modified = Math.max(modified, entry.modified);
  }
  return { kind, name, path, revisions, size, unfinished, modified };
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

/** The content behind a file of a snapshot: its link's target, or itself. */
async function contentOf(file: string): Promise<{ content: string; size: number }> {
  const entry = await entryAt(file);
  if (entry?.kind !== 'link') return { content: file, size: entry?.size ?? 0 };
  const content = await linkTarget(file);
  return { content, size: (await entryAt(content))?.size ?? 0 };
}

async function directoriesIn(path: string): Promise<string[]> {
  const names = (await kindOf(path)) === 'directory' ? await listDirectory(path) : [];
  const kinds = await Promise.all(names.map((name) => kindOf(joinPath(path, name))));
  return names.filter((_, i) => kinds[i] === 'directory');
}

/** The paths of all files and links below a directory. Links to directories are not followed. */
async function filesIn(path: string): Promise<string[]> {
  if ((await entryAt(path))?.kind !== 'directory') return [];
  const files: string[] = [];
  for (const name of await listDirectory(path)) {
    const at = joinPath(path, name);
    if ((await entryAt(at))?.kind === 'directory') files.push(...(await filesIn(at)));
    else files.push(at);
  }
  return files;
}

async function referencesIn(path: string): Promise<{ name: string; path: string; commit: string }[]> {
  const root = joinPath(path, 'refs');
  const files = await filesIn(root);
  return Promise.all(
    files.map(async (file) => ({
      name: file.slice(root.length + 1).replaceAll('\\', '/'),
      path: file,
      commit: (await readText(file).catch(() => '')).trim(),
    })),
  );
}

/** What a call of {@link planDeletion} means: of a repository all, or some commits of it. */
export interface Deletion {
  readonly repository: CachedRepository;
  readonly commits: readonly string[];
  /** Whether nothing of the repository stays. */
  readonly whole: boolean;
  /** Bytes that it frees. */
  readonly frees: number;
}

/**
 * What in the cache is meant by names (`org/name`: all of it; `org/name@revision`: a branch, a tag or a commit) and commits
 * (a hash or its beginning, of seven or more digits).
 *
 * @throws ArgumentError ERR_NOT_IN_CACHE for what is not there, ERR_AMBIGUOUS for what could be several.
 */
export async function planDeletion(
  repositories: readonly CachedRepository[],
  targets: readonly string[],
  owner: string,
): Promise<Deletion[]> {
  const chosen = new Map<CachedRepository, Set<string>>();
  for (const target of targets) {
    const { repository, commits } = findTarget(repositories, target, owner);
    const before = chosen.get(repository) ?? new Set();
    chosen.set(repository, new Set([...before, ...commits]));
  }
  return Promise.all(
    [...chosen].map(async ([repository, commits]) => {
      const whole = repository.revisions.every(({ commit }) => commits.has(commit));
      const frees = whole ? repository.size : await freedBy(repository, commits);
      return { repository, commits: [...commits], whole, frees };
    }),
  );
}

function findTarget(repositories: readonly CachedRepository[], target: string, owner: string) {
  const [name, revision] = target.split('@', 2);
  const named = repositories.filter((repository) => repository.name === name);
  const matches = (revisions: readonly CachedRevision[], text: string) =>
    revisions
      .filter(({ commit, refs }) => refs.includes(text) || (/^[0-9a-f]{7,40}$/.test(text) && commit.startsWith(text)))
      .map(({ commit }) => commit);
  const found =
    named.length > 0
      ? named.map((repository) => ({
          repository,
          commits:
            revision === undefined
              ? repository.revisions.map(({ commit }) => commit)
              : matches(repository.revisions, revision),
        }))
      : repositories.map((repository) => ({
          repository,
          // A branch's name alone says too little.
          commits: /^[0-9a-f]{7,40}$/.test(target) ? matches(repository.revisions, target) : [],
        }));
  const hits = found.filter(({ commits }) => commits.length > 0 || (named.length > 0 && revision === undefined));
  if (
    hits.length === 1 &&
    (revision === undefined ? named.length > 0 || hits[0].commits.length === 1 : hits[0].commits.length === 1)
  ) {
    return hits[0];
  }
  const several = hits.length > 0;
  throw new ArgumentError(several ? 'ERR_AMBIGUOUS' : 'ERR_NOT_IN_CACHE', {
    owner,
    what: several ? 'this could be several things in the cache' : 'the cache does not hold this',
    got: target,
    expected: several
      ? hits
          .map(
            ({ repository, commits }) =>
              `${repository.kind} ${repository.name}@${commits.map((commit) => commit.slice(0, 10)).join(' or @')}`,
          )
          .join(' or ')
      : "a name that 'fettle cache' lists, or one of its commits",
  });
}

/** The contents that only these commits use. */
async function onlyOf(repository: CachedRepository, commits: ReadonlySet<string>): Promise<Map<string, number>> {
  const own = new Map<string, number>();
  const kept = new Set<string>();
  for (const { commit } of repository.revisions) {
    for (const file of await filesIn(joinPath(repository.path, 'snapshots', commit))) {
      const { content, size } = await contentOf(file);
      if (commits.has(commit)) own.set(content, size);
      else kept.add(content);
    }
  }
  for (const content of kept) own.delete(content);
  return own;
}

async function freedBy(repository: CachedRepository, commits: ReadonlySet<string>): Promise<number> {
  return sum((await onlyOf(repository, commits)).values());
}

/**
 * Deletes what was planned: names first, contents last, so that what is broken off leaves no name without its content.
 * Contents that other commits use stay.
 *
 * @throws EnvironmentError ERR_CACHE_WRITE where the place cannot be written to.
 */
export async function deleteFromCache(deletion: Deletion, owner: string): Promise<void> {
  const { repository, commits, whole } = deletion;
  const { path } = repository;
  const chosen = new Set(commits);
  try {
    const contents = whole ? [] : [...(await onlyOf(repository, chosen)).keys()];
    for (const reference of await referencesIn(path)) if (chosen.has(reference.commit)) await remove(reference.path);
    for (const commit of commits) {
      await remove(joinPath(path, 'snapshots', commit));
      await remove(joinPath(path, 'trees', `${commit}.json`));
      await remove(joinPath(path, '.no_exist', commit));
    }
    const blobs = joinPath(path, 'blobs');
    // A link may lead elsewhere: only what lies here is ours to remove.
    for (const content of contents) if (content.startsWith(blobs)) await remove(content);
    if (whole) await remove(path);
  } catch (error) {
    throw cacheFailure({ owner }, path, error);
  }
}
