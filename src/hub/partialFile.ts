import { type Checksum, type GrowingFile, newChecksum, openGrowing } from '#platform/blobs';
import { remove } from '#platform/files';
import { cacheFailure, type HubContext } from './failures.ts';
import type { RepositoryFile } from './repository.ts';

/** The part of a file that has come so far, on disk, and the checksum of it. */
export class PartialFile {
  readonly path: string;
  readonly #expected: RepositoryFile;
  readonly #context: HubContext;
  #file: GrowingFile;
  #sum: Checksum;
  #digest: string | undefined;
  #position: number;
  #closed = false;

  private constructor(path: string, expected: RepositoryFile, context: HubContext, file: GrowingFile, sum: Checksum) {
    this.path = path;
    this.#expected = expected;
    this.#context = context;
    this.#file = file;
    this.#sum = sum;
    this.#position = file.size;
  }

  /** Takes up what an earlier try has left, or begins. @throws EnvironmentError ERR_CACHE_WRITE, ERR_DISK_SPACE */
  static async open(path: string, expected: RepositoryFile, context: HubContext): Promise<PartialFile> {
    try {
      const file = await openGrowing(path);
      const sum = beginChecksum(expected);
      if (file.size <= expected.size) await file.readAll((bytes) => sum.update(bytes));
      return new PartialFile(path, expected, context, file, sum);
    } catch (error) {
      throw cacheFailure(context, path, error);
    }
  }

  /** How many bytes there are. */
  get position(): number {
    return this.#position;
  }

  async add(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.writeAt(this.#position, bytes);
    } catch (error) {
      throw cacheFailure(this.#context, this.path, error);
    }
    this.#sum.update(bytes);
    this.#position += bytes.byteLength;
  }

  /** Throws away what there is. */
  async restart(): Promise<void> {
    try {
      await this.#file.close();
      // A new file, not the old one cut: another writer that still holds that harms nobody.
      await remove(this.path);
      this.#file = await openGrowing(this.path);
    } catch (error) {
      throw cacheFailure(this.#context, this.path, error);
    }
    this.#sum = beginChecksum(this.#expected);
    this.#digest = undefined;
    this.#position = 0;
  }

  /** The checksum of all bytes; after it nothing can be added but by {@link restart}. */
  checksum(): string {
    this.#digest ??= this.#sum.digest();
    return this.#digest;
  }

  async flush(): Promise<void> {
    try {
      await this.#file.flush();
    } catch (error) {
      throw cacheFailure(this.#context, this.path, error);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}

/** Large files are known by the SHA-256 of their content; the others by Git's hash, whose input is `blob <size>\0<content>`. */
function beginChecksum({ sha256, size }: RepositoryFile): Checksum {
  const sum = newChecksum(sha256 === undefined ? 'sha1' : 'sha256');
  if (sha256 === undefined) sum.update(new TextEncoder().encode(`blob ${size}\0`));
  return sum;
}
