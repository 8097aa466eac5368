import { createHash } from 'node:crypto';
import { copyFile, link, lstat, mkdir, mkdtemp, open, readlink, rename, rm, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What stands at a path, without following a link. */
export interface DirectoryEntry {
  readonly kind: 'file' | 'directory' | 'link';
  /** In bytes; of a link, the link's own. */
  readonly size: number;
  /** When it was changed last, in milliseconds since 1970. */
  readonly modified: number;
}

/** What stands at `path`, a link itself and not what it points to; undefined where there is nothing. */
export async function entryAt(path: string): Promise<DirectoryEntry | undefined> {
  try {
    const found = await lstat(path);
    const kind = found.isSymbolicLink() ? 'link' : found.isDirectory() ? 'directory' : 'file';
    return { kind, size: found.size, modified: found.mtimeMs };
  } catch {
    return undefined;
  }
}

/** The whole path that the link at `path` points to, one step far. */
export async function linkTarget(path: string): Promise<string> {
  return resolve(dirname(path), await readlink(path));
}

/**
 * Makes `path` a link to `target` (relative, so that the folder of both can be moved), with the directories above it.
 * What stands there is replaced at once. Where the system makes no links (Windows without its developer mode), `path`
 * becomes a copy.
 *
 * @returns whether it is a link.
 */
export async function linkTo(target: string, path: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
  let linked = true;
  try {
    await symlink(relative(dirname(path), target), temporary);
  } catch (error) {
    if (!['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    linked = false;
    await copyFile(target, temporary);
  }
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return linked;
}

/** Gives a file or directory another name on the same disk; a file that stands there is replaced. */
export async function moveTo(from: string, to: string): Promise<void> {
  await rename(from, to);
}

/** A checksum that grows with its input. */
export interface Checksum {
  update(bytes: Uint8Array): void;
  /** The sum of all input, as hexadecimal digits. It ends the checksum. */
  digest(): string;
}

/** Begins a checksum. */
export function newChecksum(algorithm: 'sha1' | 'sha256'): Checksum {
  const hash = createHash(algorithm);
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest('hex'),
  };
}

/** A file that grows at its end. */
export interface GrowingFile {
  /** How many bytes it had when it was opened. */
  readonly size: number;
  /** Writes at a place: two writers of the same content do no harm to each other. */
  writeAt(position: number, bytes: Uint8Array): Promise<void>;
  /** Reads all that was there when it was opened, in pieces. */
  readAll(take: (bytes: Uint8Array) => void): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file to write on at its end; it is made where there is none, with the directories above it. */
export async function openGrowing(path: string): Promise<GrowingFile> {
  await mkdir(dirname(path), { recursive: true });
  let file = await open(path, 'a');
  await file.close();
  file = await open(path, 'r+');
  const { size } = await file.stat();
  return {
    size,
    async writeAt(position, bytes) {
      for (let at = 0; at < bytes.byteLength; ) {
        const { bytesWritten } = await file.write(bytes, at, bytes.byteLength - at, position + at);
        at += bytesWritten;
      }
    },
    async readAll(take) {
      const buffer = new Uint8Array(1 << 20);
      for (let at = 0; at < size; ) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.byteLength, size - at), at);
        if (bytesRead === 0) break;
        take(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
    },
    flush: () => file.sync(),
    close: () => file.close(),
  };
}

/** Makes a file with this text where there is none yet; false where there is one. */
export async function createIfAbsent(path: string, text: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  // A link appears with its whole content; a file that is opened and then written would be seen empty in between.
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
  const file = await open(temporary, 'wx');
  try {
    await file.write(text);
    await file.close();
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EMLINK'].includes(code ?? '')) throw error;
    return createSlowly(path, text);
  } finally {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
  }
}

/** For disks without hard links. */
async function createSlowly(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.write(text);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Sets a file's time of change to now. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

/** This process's number. */
export function processId(): number {
  return process.pid;
}

/** Whether a process of this number runs on this machine. */
export function isProcessAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled, but it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Makes an empty directory of its own among the system's temporary files; the caller removes it. */
export function makeTemporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'fettle-'));
}

/** The `file:` URL of a path. */
export function fileUrl(path: string): URL {
  return pathToFileURL(path);
}
