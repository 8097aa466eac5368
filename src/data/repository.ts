import { joinPath, kindOf, listDirectory } from '#platform/files';
import { listRepositoryFiles, obtainSnapshot } from '../hub/resolve.ts';
import { filesBelow } from './dataFiles.ts';

/** A folder of data files: on this machine, or a repository on the Hub of which only the files that are asked for are fetched. */
export interface Repository {
  /** The folder itself; undefined for the Hub's. */
  readonly folder: string | undefined;
  /** The files right in it. */
  top(): Promise<readonly string[]>;
  /** All files in it and below, as paths with `/`, hidden ones left out. */
  all(): Promise<readonly string[]>;
  /** The folder on this machine that holds these files. */
  obtain(paths: readonly string[]): Promise<string>;
}

/** Where a repository comes from. */
export interface RepositoryOptions {
  readonly revision?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly localFilesOnly?: boolean | undefined;
  readonly token?: string | false | undefined;
  readonly endpoint?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The data set's folder that a name or path means. Throws `ERR_DATASET_NOT_FOUND` and what the Hub throws. */
export async function openRepository(nameOrPath: string, options: RepositoryOptions): Promise<Repository> {
  if ((await kindOf(nameOrPath)) === 'directory' && options.revision === undefined) return localFolder(nameOrPath);
  const { revision, cacheDir, localFilesOnly, token, endpoint, signal } = options;
  const from = { revision, cacheDir, localFilesOnly, token, endpoint, signal };
  const asked = { ...from, owner: 'loadDataset', repoType: 'dataset' } as const;
  const { commit, files } = await listRepositoryFiles(nameOrPath, asked);
  if (commit === undefined) return localFolder(nameOrPath);
  const paths = files.map(({ path }) => path).filter((path) => !/(^|\/)(\.|__)/.test(path));
  return {
    folder: undefined,
    top: async () => paths.filter((path) => !path.includes('/')),
    all: async () => paths,
    obtain: (wanted) => obtainSnapshot(nameOrPath, { ...asked, commit, allowPatterns: wanted.map(literally) }),
  };
}

function localFolder(folder: string): Repository {
  return {
    folder,
    async top() {
      const files: string[] = [];
      for (const entry of await listDirectory(folder)) {
        if (!/^(\.|__)/.test(entry) && (await kindOf(joinPath(folder, entry))) === 'file') files.push(entry);
      }
      return files;
    },
    all: () => filesBelow(folder),
    obtain: async () => folder,
  };
}

/** A path as a pattern that means it alone. */
function literally(path: string): string {
  return path.replace(/[*?[]/g, '[$&]');
}
