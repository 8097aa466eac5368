import { joinPath, kindOf, listDirectory, realPath } from '#platform/files';
import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';

const owner = 'loadDataset';

/** Files by split, as a user or a repository names them: one, several, or by split; each a path or a glob. */
export type DataFiles = string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;

/** Whether a path holds signs of a glob: `*`, `?`, `[…]`, `{a,b}`. */
export function isGlob(path: string): boolean {
  return /[*?{]|\[[^\]]+\]/.test(path);
}

/**
 * A glob as a regular expression over paths with `/`: `*` and `?` stay within a step, `**` goes through any number of
 * folders, `[a-z]` is one character (`[!a-z]` any other), `{a,b}` one of several.
 */
export function globToRegExp(glob: string): RegExp {
  let pattern = '';
  for (let i = 0; i < glob.length; i++) {
    const sign = glob[i];
    const rest = glob.slice(i);
    const set = sign === '[' ? /^\[(!?)([^\]]+)\]/.exec(rest) : null;
    const choice = sign === '{' ? /^\{([^{}]*)\}/.exec(rest) : null;
    if (rest.startsWith('**/')) {
      pattern += '(?:[^/]+/)*';
      i += 2;
    } else if (rest.startsWith('**')) {
      pattern += '.*';
      i += 1;
    } else if (sign === '*') pattern += '[^/]*';
    else if (sign === '?') pattern += '[^/]';
    else if (set !== null) {
      pattern += `[${set[1] === '!' ? '^' : ''}${set[2].replace(/[\\^]/g, '\\$&')}]`;
      i += set[0].length - 1;
    } else if (choice !== null) {
      pattern += `(?:${choice[1]
        .split(',')
        .map((part) => globToRegExp(part).source.slice(1, -1))
        .join('|')})`;
      i += choice[0].length - 1;
    } else pattern += sign.replace(/[.+^$()|\\{}[\]]/, '\\$&');
  }
  return new RegExp(`^${pattern}$`, 'u');
}

/**
 * All files below a folder as paths with `/`, in the order of their names. Names that begin with `.` or `__` are left out.
 * @throws DataError ERR_DIRECTORY_LOOP where a link leads back to a folder that it stands in.
 */
export async function filesBelow(root: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string, prefix: string, around: readonly string[]): Promise<void> => {
    const real = await realPath(folder);
    if (around.includes(real)) {
      throw new DataError('ERR_DIRECTORY_LOOP', {
        owner,
        what: 'a link in the folder leads back to a folder around it',
        file: folder,
        hint: 'remove the link, or name the files with dataFiles',
      });
    }
    for (const entry of await listDirectory(folder)) {
      if (/^(\.|__)/.test(entry)) continue;
      const path = joinPath(folder, entry);
      const kind = await kindOf(path);
      if (kind === 'file') files.push(prefix + entry);
      else if (kind === 'directory') await walk(path, `${prefix}${entry}/`, [...around, real]);
    }
  };
  await walk(root, '', []);
  return files;
}

/** What `dataFiles` may name. */
export interface DataFileRules {
  /** Paths that leave the folder are as good as others: they are the user's own, not a repository's. */
  readonly anywhere?: boolean;
}

/** Those of a list of paths that patterns mean, in order, without repetition. Throws as {@link expandFiles} does. */
export function matchFiles(paths: readonly string[], patterns: readonly string[]): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const path = inside('', pattern);
    const glob = isGlob(path) ? globToRegExp(path) : undefined;
    const matching = glob === undefined ? [] : paths.filter((file) => glob.test(file));
    if (paths.includes(path)) matching.push(path);
    if (matching.length === 0) throw missing(paths, pattern, pattern);
    for (const file of matching) found.add(file);
  }
  return [...found];
}

/**
 * The files that patterns mean, as paths below `root` (with `anywhere`, as they were given), in order, without repetition.
 * Throws `ERR_PATH_OUTSIDE`, `ERR_FILE_NOT_FOUND`.
 */
export async function expandFiles(
  root: string,
  patterns: string | readonly string[],
  rules: DataFileRules = {},
): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of typeof patterns === 'string' ? [patterns] : patterns) {
    const path = rules.anywhere === true ? pattern : inside(root, pattern);
    for (const file of await expandOne(root, path)) found.add(file);
  }
  return [...found];
}

/** A path below `root`, without `.` and `..`. */
function inside(root: string, path: string): string {
  const steps: string[] = [];
  const slashed = path.replaceAll('\\', '/');
  const below = `${root.replaceAll('\\', '/').replace(/\/+$/, '')}/`;
  const relative = slashed.startsWith(below) ? slashed.slice(below.length) : slashed;
  let outside = relative.startsWith('/') || /^[A-Za-z][A-Za-z+.-]*:/.test(relative);
  for (const step of relative.split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') steps.push(step);
    else outside ||= steps.pop() === undefined;
  }
  if (outside) {
    throw new ArgumentError('ERR_PATH_OUTSIDE', {
      owner,
      what: "a path leads out of the data set's folder",
      got: path,
      expected: 'a path below it',
      file: root,
      hint: "to read files from anywhere, name the format instead of a folder: loadDataset('csv', { dataFiles })",
    });
  }
  return steps.join('/');
}

async function expandOne(root: string, path: string): Promise<string[]> {
  const whole = root === '' ? path : joinPath(root, path);
  if ((await kindOf(whole)) === 'file') return [path];
  // In a glob a backslash can only be Windows's: `shards\*.csv`.
  const steps = path.replaceAll('\\', '/').split('/');
  // What stands before the first sign is a folder; only what is below it can match.
  const first = steps.findIndex(isGlob);
  const plain = steps.slice(0, first).join('/');
  const folder = root === '' ? plain || (path.startsWith('/') ? '/' : '.') : joinPath(root, plain);
  if (first < 0) {
    const beside = steps.slice(0, -1).join('/');
    const place = root === '' ? beside || (path.startsWith('/') ? '/' : '.') : joinPath(root, beside);
    throw missing(
      (await namesIn(place)).map((name) => (beside === '' ? name : `${beside}/${name}`)),
      path,
      whole,
    );
  }
  const pattern = globToRegExp(steps.slice(first).join('/'));
  const files = (await kindOf(folder)) === 'directory' ? await filesBelow(folder) : [];
  const matching = files.filter((file) => pattern.test(file));
  if (matching.length === 0) throw missing([], path, whole);
  return matching.map((file) => (first === 0 ? file : `${plain}/${file}`));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await kindOf(folder)) === 'directory' ? listDirectory(folder) : [];
}

function missing(known: readonly string[], path: string, whole: string): DataError {
  const near = didYouMean(path, known);
  return new DataError('ERR_FILE_NOT_FOUND', {
    owner,
    what: isGlob(path) ? 'no file matches' : 'there is no such file',
    file: whole,
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}
