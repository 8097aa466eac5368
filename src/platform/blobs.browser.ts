import { EnvironmentError } from '../core/errors.ts';
import type { Checksum, DirectoryEntry, GrowingFile } from './blobs.node.ts';

export type { Checksum, DirectoryEntry, GrowingFile };

/** Always undefined: a page has no file system. */
export async function entryAt(_path: string): Promise<DirectoryEntry | undefined> {
  return undefined;
}

/** @throws EnvironmentError always: a page has no file system. */
export async function linkTarget(path: string): Promise<string> {
  throw noFileSystem('linkTarget', path);
}

/** @throws EnvironmentError always: a page has no file system. */
export async function linkTo(_target: string, path: string): Promise<boolean> {
  throw noFileSystem('linkTo', path);
}

/** @throws EnvironmentError always: a page has no file system. */
export async function moveTo(from: string, _to: string): Promise<void> {
  throw noFileSystem('moveTo', from);
}

/** @throws EnvironmentError always: a page downloads nothing into a cache of files. */
export function newChecksum(_algorithm: 'sha1' | 'sha256'): Checksum {
  throw noFileSystem('newChecksum', '');
}

/** @throws EnvironmentError always: a page has no file system. */
export async function openGrowing(path: string): Promise<GrowingFile> {
  throw noFileSystem('openGrowing', path);
}

/** @throws EnvironmentError always: a page has no file system. */
export async function createIfAbsent(path: string, _text: string): Promise<boolean> {
  throw noFileSystem('createIfAbsent', path);
}

/** @throws EnvironmentError always: a page has no file system. */
export async function touch(path: string): Promise<void> {
  throw noFileSystem('touch', path);
}

/** Always 0. */
export function processId(): number {
  return 0;
}

/** Always false: a page knows of no other process. */
export function isProcessAlive(_id: number): boolean {
  return false;
}

/** @throws EnvironmentError always: a page has no file system. */
export async function makeTemporaryDirectory(): Promise<string> {
  throw noFileSystem('makeTemporaryDirectory', '');
}

/** @throws EnvironmentError always: a page has no file system. */
export function fileUrl(path: string): URL {
  throw noFileSystem('fileUrl', path);
}

function noFileSystem(owner: string, file: string): EnvironmentError {
  return new EnvironmentError('ERR_NO_FILE_SYSTEM', {
    owner,
    what: 'a page in a browser has no file system',
    file,
    hint: 'run this in Node',
  });
}
