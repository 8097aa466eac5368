import { EnvironmentError } from '../core/errors.ts';
import type { ReadableFile } from './files.node.ts';

export type { ReadableFile };

/**
 * What stands at a URL (relative to the page, or whole). A web server shows no directories: a path that ends in `/` is taken
 * for one. A web page that a server sends in place of a missing file is no file.
 */
export async function kindOf(path: string): Promise<'file' | 'directory' | 'none'> {
  if (path.endsWith('/')) return 'directory';
  try {
    const response = await fetch(path, { method: 'HEAD' });
    return response.ok && !isPageInstead(response, path) ? 'file' : 'none';
  } catch {
    return 'none';
  }
}

/** The URL of a directory of this package, where its files are served as they stand in it. */
export function packageDirectory(path: string): string {
  return new URL(`../../${path}/`, import.meta.url).href;
}

/** The URL of a module of this library, by which a worker imports it. */
export function moduleUrl(path: string): string {
  return new URL(`../${path}.js`, import.meta.url).href;
}

/** A file's bytes, by fetch. @throws EnvironmentError ERR_FETCH where the server does not send it. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await get(path)).arrayBuffer());
}

/** A file's text, as UTF-8, by fetch. @throws EnvironmentError ERR_FETCH where the server does not send it. */
export async function readText(path: string): Promise<string> {
  return (await get(path)).text();
}

/** Fetches a file whole, to read parts of it; its bytes are held until it is closed. */
export async function openFile(path: string): Promise<ReadableFile> {
  let bytes = await readBytes(path);
  return {
    size: bytes.byteLength,
    async readInto(target, position) {
      const part = bytes.subarray(position, position + target.byteLength);
      target.set(part);
      return part.byteLength;
    },
    async close() {
      bytes = new Uint8Array(0);
    },
  };
}

async function get(path: string): Promise<Response> {
  let what: string;
  let cause: unknown;
  try {
    const response = await fetch(path);
    if (response.ok && !isPageInstead(response, path)) return response;
    what = response.ok
      ? 'the server sent a web page in place of the file'
      : `the server answered status ${response.status}`;
  } catch (error) {
    what = 'the server could not be reached';
    cause = error;
  }
  throw new EnvironmentError('ERR_FETCH', { owner: 'fetch', what, file: path, hint: 'check its URL', cause });
}

function isPageInstead(response: Response, path: string): boolean {
  return (response.headers.get('content-type') ?? '').startsWith('text/html') && !/\.html?$/.test(path);
}

/** @throws EnvironmentError always: a web server shows no directories. */
export async function listDirectory(path: string): Promise<string[]> {
  throw noFileSystem('listDirectory', path);
}

/** The path itself: a web server shows no links. */
export async function realPath(path: string): Promise<string> {
  return path;
}

/** @throws EnvironmentError always: a page cannot write files. */
export async function makeDirectory(path: string): Promise<void> {
  throw noFileSystem('makeDirectory', path);
}

/** @throws EnvironmentError always: a page cannot remove files. */
export async function remove(path: string): Promise<void> {
  throw noFileSystem('remove', path);
}

/** @throws EnvironmentError always: a page cannot write files. */
export async function writeAtomic(
  path: string,
  _content: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  throw noFileSystem('writeAtomic', path);
}

/** @throws EnvironmentError always: a page cannot write files. */
export async function writeDirectoryAtomic(
  path: string,
  _write: (temporary: string) => Promise<void>,
  _options: { overwrite?: boolean | undefined } = {},
): Promise<void> {
  throw noFileSystem('writeDirectoryAtomic', path);
}

/** @throws EnvironmentError always: a page cannot remove files. */
export async function removeDirectoryAtomic(path: string): Promise<void> {
  throw noFileSystem('removeDirectoryAtomic', path);
}

/** @throws EnvironmentError always: a page cannot write files. */
export async function appendBytes(path: string, _bytes: Uint8Array): Promise<void> {
  throw noFileSystem('appendBytes', path);
}

/** Always false: a page leaves no unfinished writes. */
export function isTemporaryName(_name: string): boolean {
  return false;
}

/** @throws EnvironmentError always: a page cannot remove files. */
export async function removeLeftovers(directory: string): Promise<string[]> {
  throw noFileSystem('removeLeftovers', directory);
}

/** Always undefined: a page does not know. */
export async function freeBytes(_path: string): Promise<number | undefined> {
  return undefined;
}

/** @throws EnvironmentError always: a page cannot write files. */
export async function ensureWritableDirectory(path: string): Promise<void> {
  throw noFileSystem('ensureWritableDirectory', path);
}

function noFileSystem(owner: string, file: string): EnvironmentError {
  return new EnvironmentError('ERR_NO_FILE_SYSTEM', {
    owner,
    what: 'a page in a browser has no file system',
    file,
    hint: 'offer the bytes as a download, or run this in Node',
  });
}

/** The parts joined by `/`, with `.` and `..` resolved; the scheme and host of a URL stay. */
export function joinPath(...parts: string[]): string {
  const joined = parts.filter((part) => part !== '').join('/');
  const [root] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*\/?|\/)?/.exec(joined) as RegExpExecArray;
  const steps: string[] = [];
  for (const step of joined.slice(root.length).split('/')) {
    if (step === '' || step === '.') continue;
    if (step === '..' && steps.length > 0 && steps.at(-1) !== '..') steps.pop();
    else if (step !== '..' || root === '') steps.push(step);
  }
  const path = root + steps.join('/') + (joined.endsWith('/') && steps.length > 0 ? '/' : '');
  return path === '' ? '.' : path;
}

/** A path's last part. */
export function baseName(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) as string;
}

/** Always undefined: a page has no environment. */
export function environmentVariable(_name: string): string | undefined {
  return undefined;
}

/** Always empty: a page has no environment. */
export function pathList(_name: string): string[] {
  return [];
}

/** Always `browser`. */
export function hostName(): string {
  return 'browser';
}

/** Always undefined: a page has no home directory. */
export function homeDirectory(): string | undefined {
  return undefined;
}
