import {
  baseName,
  environmentVariable,
  homeDirectory,
  joinPath,
  kindOf,
  listDirectory,
  pathList,
} from '#platform/files';
import { nativePlatform, packageFile } from '#platform/native';
import { EnvironmentError } from '../../core/errors.ts';
import { installHint } from './versions.ts';

/** A library that was found. */
export interface FoundLibrary {
  readonly path: string;
  /** Where it was found, in words: `'FETTLE_OPENVINO'`, `'VIRTUAL_ENV'`, `'PATH'`. */
  readonly source: string;
  /** Whether the user named it, by the option or by `FETTLE_OPENVINO`. */
  readonly chosen: boolean;
}

/** Where to look: in words, and as a path whose parts may hold `*`. */
export interface Place {
  readonly source: string;
  readonly folder: string;
}

/** What decides where to look; {@link thisSystem} is the real one. */
export interface SearchedSystem {
  readonly os: string;
  readonly arch: string;
  readonly home: string | undefined;
  readonly variable: (name: string) => string | undefined;
  readonly pathList: (name: string) => string[];
  readonly packageFile: (packageName: string, relativePath: string) => string | undefined;
}

/** The system that this process runs on. */
export function thisSystem(): SearchedSystem {
  return {
    ...nativePlatform(),
    home: homeDirectory(),
    variable: environmentVariable,
    pathList,
    packageFile,
  };
}

/** The file's name on each system; Linux and macOS have versions in it, which may be left out. */
const fileNames: Readonly<Record<string, RegExp>> = {
  linux: /^libopenvino_c\.so(\.\d+)*$/,
  darwin: /^libopenvino_c(\.\d+)*\.dylib$/,
  win32: /^openvino_c\.dll$/i,
};

/** Where the library stands below a folder that the user names: itself, a wheel, an archive, a virtual environment. */
const below = ['', 'libs', 'openvino/libs', 'runtime/lib/*', 'runtime/bin/*/Release', 'lib'] as const;

/**
 * The libraries to try, in order: the one that the user names, or all that stand where they usually do.
 * @param libraryPath the option's file or folder; without it, `FETTLE_OPENVINO`'s.
 * @throws EnvironmentError `ERR_OPENVINO_UNAVAILABLE` where what the user names holds no library.
 */
export async function findLibraries(
  libraryPath?: string,
  system: SearchedSystem = thisSystem(),
): Promise<FoundLibrary[]> {
  const named = libraryPath ?? (system.variable('FETTLE_OPENVINO') || undefined);
  const source = libraryPath === undefined ? 'FETTLE_OPENVINO' : 'libraryPath';
  if (named !== undefined) {
    if ((await kindOf(named)) === 'file') return [{ path: named, source, chosen: true }];
    const folders = [...below, ...pythonFolders(system.os, '')].map((folder) => joinPath(named, folder));
    for (const folder of folders) {
      const [path] = await librariesIn(folder, system.os);
      if (path !== undefined) return [{ path, source, chosen: true }];
    }
    throw new EnvironmentError('ERR_OPENVINO_UNAVAILABLE', {
      owner: 'createOpenVinoEngine',
      what: `${source} names neither OpenVINO's library nor a folder with it`,
      file: named,
      hint: installHint,
    });
  }
  const found = new Map<string, FoundLibrary>();
  for (const place of usualPlaces(system)) {
    for (const path of await librariesIn(place.folder, system.os)) {
      if (!found.has(path)) found.set(path, { path, source: place.source, chosen: false });
    }
  }
  return [...found.values()];
}

/** Where libraries of OpenVINO usually stand: Python environments, npm, OpenVINO's own installers, the system. */
export function usualPlaces(system: SearchedSystem): Place[] {
  const { os, arch, home, variable } = system;
  const windows = os === 'win32';
  const places: Place[] = [];
  const add = (source: string, root: string | undefined, folders: readonly string[]) => {
    if (root) for (const folder of folders) places.push({ source, folder: joinPath(root, folder) });
  };
  const python = (source: string, root: string | undefined) => add(source, root, pythonFolders(os, ''));

  python('VIRTUAL_ENV', variable('VIRTUAL_ENV'));
  python('CONDA_PREFIX', variable('CONDA_PREFIX'));
  add('CONDA_PREFIX', variable('CONDA_PREFIX'), windows ? ['Library/bin'] : ['lib']);
  add('INTEL_OPENVINO_DIR', variable('INTEL_OPENVINO_DIR'), ['runtime/lib/*', 'runtime/bin/*/Release']);
  const libraryPath = windows ? 'PATH' : os === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  for (const folder of system.pathList(libraryPath)) add(libraryPath, folder, ['']);
  // Pythons stand in …/bin, their packages in …/lib; on Windows beside each other, scripts one folder deeper.
  for (const folder of system.pathList('PATH')) {
    if (windows) python('PATH', folder);
    if (/^(bin|scripts)$/i.test(baseName(folder))) python('PATH', joinPath(folder, '..'));
  }
  python('~/.local', home && joinPath(home, '.local'));
  if (os === 'darwin') add('~/Library/Python', home, ['Library/Python/*/lib/python/site-packages/openvino/libs']);
  if (windows) add('%APPDATA%', variable('APPDATA'), ['Python/Python*/site-packages/openvino/libs']);
  const pyenv = variable('PYENV_ROOT') ?? (home && joinPath(home, windows ? '.pyenv/pyenv-win' : '.pyenv'));
  add('pyenv', pyenv, pythonFolders(os, 'versions/*/'));
  if (!windows) for (const root of ['/usr/local', '/usr']) python('Python of the system', root);
  add('openvino-node', system.packageFile('openvino-node', 'bin'), ['']);
  if (windows) {
    add('Program Files', variable('ProgramFiles(x86)'), ['Intel/openvino*/runtime/bin/*/Release']);
  } else {
    add('/opt/intel', '/opt/intel', ['openvino*/runtime/lib/*']);
    const folders = os === 'darwin' ? ['/opt/homebrew/lib', '/usr/local/lib'] : linuxLibraryFolders(arch);
    for (const folder of folders) add('libraries of the system', folder, ['']);
  }
  return places;
}

/** What `ldconfig` has by default on common distributions. */
function linuxLibraryFolders(arch: string): string[] {
  const triplet = arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return ['/usr/local/lib', '/usr/local/lib64', `/usr/lib/${triplet}`, '/usr/lib64', '/usr/lib'];
}

/** Where a Python keeps its wheel of OpenVINO, below the Python's own folder. */
function pythonFolders(os: string, prefix: string): string[] {
  const packages =
    os === 'win32'
      ? ['Lib/site-packages']
      : ['lib/python3*/site-packages', 'lib64/python3*/site-packages', 'lib/python3*/dist-packages'];
  return packages.map((folder) => `${prefix}${folder}/openvino/libs`);
}

/** The libraries in the folders that a path with `*` stands for, newest first. */
async function librariesIn(pattern: string, os: string): Promise<string[]> {
  const fileName = fileNames[os];
  if (fileName === undefined) return [];
  const paths: string[] = [];
  for (const folder of await expand(pattern)) {
    const names = (await namesIn(folder)).filter((name) => fileName.test(name)).sort(newestFirst);
    // Links beside the file itself (libopenvino_c.so → libopenvino_c.so.2641) are the same library.
    if (names.length > 0) paths.push(joinPath(folder, names[0]));
  }
  return paths;
}

/** The folders that a path stands for: each part with a `*` is compared with what is there. */
async function expand(pattern: string): Promise<string[]> {
  const parts = pattern.split(/[\\/]/);
  let folders = [parts[0] === '' ? '/' : parts[0]];
  for (const part of parts.slice(1)) {
    if (!part.includes('*')) {
      folders = folders.map((folder) => joinPath(folder, part));
      continue;
    }
    const matches = new RegExp(`^${part.split('*').map(escaped).join('.*')}$`);
    const next: string[] = [];
    for (const folder of folders) {
      const names = (await namesIn(folder)).filter((name) => matches.test(name)).sort(newestFirst);
      next.push(...names.map((name) => joinPath(folder, name)));
    }
    folders = next;
  }
  return folders;
}

async function namesIn(folder: string): Promise<string[]> {
  if ((await kindOf(folder)) !== 'directory') return [];
  // A folder that may not be read holds nothing for us.
  return listDirectory(folder).catch(() => []);
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

function escaped(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
