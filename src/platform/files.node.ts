import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Whether something stands at `path`, and what. */
export async function kindOf(path: string): Promise<'file' | 'directory' | 'none'> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? 'directory' : 'file';
  } catch {
    return 'none';
  }
}

/** A file's bytes, on an ArrayBuffer of their own (offset 0). */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      // One read call is limited to 2 GiB − 1 by the operating system.
      const { bytesRead } = await file.read(bytes, at, Math.min(size - at, 1 << 30), at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return at === size ? bytes : bytes.slice(0, at);
  } finally {
    await file.close();
  }
}

/** A file's text, as UTF-8. */
export function readText(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

/** The names in a directory, in a fixed order (by UTF-16 units). */
export async function listDirectory(path: string): Promise<string[]> {
  return (await readdir(path)).sort();
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
 * Writes a file so that a reader sees the old content or all of the new, never a part:
 * beside its final name, flushed to disk, then renamed. `content` may come in pieces.
 */
export async function writeAtomic(path: string, content: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
  const file = await open(temporary, 'wx');
  try {
    const pieces =
      typeof content === 'string' ? [Buffer.from(content)] : content instanceof Uint8Array ? [content] : content;
    for (const piece of pieces) {
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

/** The user's home directory; undefined where there is none (a browser). */
export function homeDirectory(): string | undefined {
  return homedir() || undefined;
}
