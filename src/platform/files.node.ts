import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, open, readdir, readFile, realpath, rename, rm, stat, statfs } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArgumentError, EnvironmentError } from '../core/errors.ts';

/** Whether something stands at `path`, and what. */
export async function kindOf(path: string): Promise<'file' | 'directory' | 'none'> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? 'directory' : 'file';
  } catch {
    return 'none';
  }
}

/** A directory of this package, wherever it is installed. */
export function packageDirectory(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/**
 * The URL of a module of this library, by which a worker imports it: of its source, or of what was built of it.
 * @param path within the library, without an ending: `data/preprocessing/transforms`.
 */
export function moduleUrl(path: string): string {
  const [ending] = /\.[jt]s$/.exec(import.meta.url)!;
  return new URL(`../${path}${ending}`, import.meta.url).href;
}

/** A file's bytes, on an ArrayBuffer of their own (offset 0). */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openFile(path);
  try {
    const bytes = new Uint8Array(file.size);
    const read = await file.readInto(bytes, 0);
    return read === file.size ? bytes : bytes.slice(0, read);
  } finally {
    await file.close();
  }
}

/** A file that is read in parts. */
export interface ReadableFile {
  /** In bytes, when it was opened. */
  readonly size: number;
  /**
   * Fills `target` (on shared memory or not) from `position` on. Returns how many bytes there were: fewer than asked for
   * only where the file ends.
   */
  readInto(target: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** Opens a file to read parts of it in any order; the caller closes it. */
export async function openFile(path: string): Promise<ReadableFile> {
  const file = await open(path, 'r');
  let size: number;
  try {
    size = (await file.stat()).size;
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    size,
    async readInto(target, position) {
      let at = 0;
      while (at < target.byteLength) {
        // One read call is limited to 2 GiB − 1 by the operating system.
        const { bytesRead } = await file.read(target, at, Math.min(target.byteLength - at, 1 << 30), position + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return at;
    },
    close: () => file.close(),
  };
}

/** A file's text, as UTF-8. */
export function readText(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

/** The names in a directory, in a fixed order (by UTF-16 units). */
export async function listDirectory(path: string): Promise<string[]> {
  return (await readdir(path)).sort();
}

/** A path without links in it: two names of one folder are one path. */
export function realPath(path: string): Promise<string> {
  return realpath(path);
}

/** Makes a directory with all above it. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** Removes a file or a whole directory; nothing happens where there is none. */
export async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/**
 * Removes a directory so that no reader sees a part of it under its name: it is renamed first. What a process that dies
 * meanwhile leaves is cleared by {@link removeLeftovers}. Nothing happens where there is none.
 */
export async function removeDirectoryAtomic(path: string): Promise<void> {
  const final = resolve(path);
  if ((await kindOf(final)) === 'none') return;
  const doomed = temporaryBeside(final);
  await explained('removeDirectoryAtomic', path, () => rename(final, doomed));
  await remove(doomed);
}

/** A name beside `path`: `partial` for what is not finished, `old` for what is about to be replaced. */
function temporaryBeside(path: string, state: 'partial' | 'old' = 'partial'): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.${state}`);
}

const temporaryName = /^\.(.+)\.[0-9a-f]{12}\.(partial|old)$/s;

/** Whether a name in a directory is that of an unfinished write, which a process that died may have left. */
export function isTemporaryName(name: string): boolean {
  return temporaryName.test(name);
}

/**
 * Clears what processes which died in a write have left in a directory, and returns the names that are gone: unfinished
 * writes are removed; what was moved aside to be replaced goes back to its place if that is still empty.
 * Only for the owner of a directory: another process's write that is under way would be removed too.
 */
export async function removeLeftovers(directory: string): Promise<string[]> {
  const leftovers = (await listDirectory(directory)).filter(isTemporaryName);
  for (const name of leftovers) {
    const [, original, state] = temporaryName.exec(name) as RegExpExecArray;
    const place = join(directory, original);
    if (state === 'old' && (await kindOf(place)) === 'none') await rename(join(directory, name), place);
    else await remove(join(directory, name));
  }
  return leftovers;
}

/**
 * Writes a file so that a reader sees the old content or all of the new, never a part:
 * beside its final name, flushed to disk, then renamed. `content` may come in pieces, made as they are written, on shared memory or not.
 *
 * @throws EnvironmentError ERR_WRITE where the disk is full, the directory is absent or not writable; nothing is left behind.
 */
export async function writeAtomic(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = temporaryBeside(path);
  const pieces =
    typeof content === 'string' ? [Buffer.from(content)] : content instanceof Uint8Array ? [content] : content;
  await explained('writeAtomic', path, async () => {
    const file = await open(temporary, 'wx');
    try {
      for await (const piece of pieces) {
        for (let at = 0; at < piece.byteLength; ) {
          const { bytesWritten } = await file.write(piece, at, Math.min(piece.byteLength - at, 1 << 30));
          at += bytesWritten;
        }
      }
      await file.sync();
      await file.close();
      await rename(temporary, path);
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    }
    await flushDirectory(dirname(path));
  });
}

/**
 * Writes a directory so that a reader sees all of it or nothing: `write` fills a directory beside the final name, whose
 * files are flushed to disk before it is renamed. Where `write` fails, what it wrote is removed. A process that dies
 * leaves a name that {@link isTemporaryName} knows, never a part under the final name.
 *
 * @param options.overwrite replaces what stands at `path`. The old directory is moved aside first, so a process that dies
 *   just between the two renames leaves none under `path` (file systems offer no portable exchange);
 *   {@link removeLeftovers} then puts the old one back. Default false.
 * @throws ArgumentError ERR_EXISTS where something stands at `path` (an empty directory does not count).
 * @throws EnvironmentError ERR_WRITE where the disk is full or the place not writable.
 */
export async function writeDirectoryAtomic(
  path: string,
  write: (temporary: string) => Promise<void>,
  options: { overwrite?: boolean | undefined } = {},
): Promise<void> {
  const final = resolve(path);
  const refuse = async () => {
    if (options.overwrite || (await isFree(final))) return;
    throw new ArgumentError('ERR_EXISTS', {
      owner: 'writeDirectoryAtomic',
      what: 'something stands there already',
      file: path,
      hint: 'choose another place, or say overwrite',
    });
  };
  await refuse();
  const temporary = temporaryBeside(final);
  await explained('writeDirectoryAtomic', path, () => mkdir(temporary, { recursive: true }));
  try {
    await write(temporary);
    await explained('writeDirectoryAtomic', path, () => flushTree(temporary));
    await refuse();
    await explained('writeDirectoryAtomic', path, () => replaceDirectory(temporary, final));
  } catch (error) {
    await remove(temporary);
    throw error;
  }
}

async function isFree(path: string): Promise<boolean> {
  const kind = await kindOf(path);
  return kind === 'none' || (kind === 'directory' && (await readdir(path)).length === 0);
}

async function replaceDirectory(temporary: string, final: string): Promise<void> {
  if ((await kindOf(final)) === 'none') {
    await rename(temporary, final);
    return flushDirectory(dirname(final));
  }
  const old = temporaryBeside(final, 'old');
  await rename(final, old);
  try {
    await rename(temporary, final);
  } catch (error) {
    await rename(old, final);
    throw error;
  }
  await flushDirectory(dirname(final));
  await remove(old);
}

/** Flushes what a directory and all below it hold. */
async function flushTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await flushTree(path);
    else if (entry.isFile()) await flushFile(path);
  }
  await flushDirectory(directory);
}

async function flushFile(path: string): Promise<void> {
  // Windows flushes only what is open for writing.
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes renames in a directory last through a loss of power. Windows and some network file systems cannot: there it is left out. */
async function flushDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF'].includes(systemCode(error))) throw error;
  }
}

/**
 * Free bytes for this user on the disk that holds `path`, or would hold it where it is not there yet. Undefined where that
 * cannot be known.
 */
export async function freeBytes(path: string): Promise<number | undefined> {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error)) || at === dirname(at)) return undefined;
    }
  }
}

/**
 * Makes a directory with all above it and proves by a small file that it can be written to: to be asked before long work.
 *
 * @throws EnvironmentError ERR_NOT_WRITABLE naming the directory.
 */
export async function ensureWritableDirectory(path: string): Promise<void> {
  const probe = temporaryBeside(join(path, 'probe'));
  try {
    await mkdir(path, { recursive: true });
    const file = await open(probe, 'wx');
    try {
      await file.write('.');
      await file.sync();
    } finally {
      await file.close();
      await rm(probe, { force: true });
    }
  } catch (cause) {
    throw new EnvironmentError('ERR_NOT_WRITABLE', {
      owner: 'ensureWritableDirectory',
      what: `cannot write to the directory: ${inWords(cause)}`,
      file: path,
      hint: 'choose another directory, or make room or permission there',
      cause,
    });
  }
}

/** Runs file-system work; its system error becomes one that names the place and says the reason in words. */
async function explained(owner: string, path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (systemCode(cause) === '') throw cause;
    throw new EnvironmentError('ERR_WRITE', { owner, what: `cannot write: ${inWords(cause)}`, file: path, cause });
  }
}

function systemCode(error: unknown): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? '' : (code ?? '');
}

function inWords(error: unknown): string {
  const words: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EDQUOT: 'the disk quota is used up',
    EEXIST: 'a file stands in its place',
    EISDIR: 'a directory stands in its place',
    ENOENT: 'its directory does not exist',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of the path is a file, not a directory',
    EPERM: 'not permitted',
    EROFS: 'the file system is read-only',
  };
  const code = systemCode(error);
  return code in words ? `${words[code]} (${code})` : error instanceof Error ? error.message : String(error);
}

/** Adds bytes to the end of a file, which is made where there is none. */
export async function appendBytes(path: string, bytes: Uint8Array): Promise<void> {
  await appendFile(path, bytes);
}

/** The parts joined by the platform's separator, with `.` and `..` resolved. */
export function joinPath(...parts: string[]): string {
  return join(...parts);
}

/** A path's last part. */
export function baseName(path: string): string {
  return basename(path);
}

/** A variable of the process's environment. */
export function environmentVariable(name: string): string | undefined {
  return process.env[name];
}

/** The folders that a variable like `PATH` lists, in its order; none where it is not set. */
export function pathList(name: string): string[] {
  return (process.env[name] ?? '').split(delimiter).filter((folder) => folder !== '');
}

/** This machine's name, as programs that watch several machines tell them apart. */
export function hostName(): string {
  return hostname();
}

/** The user's home directory; undefined where there is none (a browser). */
export function homeDirectory(): string | undefined {
  return homedir() || undefined;
}
