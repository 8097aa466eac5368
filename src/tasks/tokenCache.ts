import { entryAt, newChecksum, touch } from '#platform/blobs';
import { joinPath, kindOf, listDirectory, makeDirectory, readBytes, remove, writeAtomic } from '#platform/files';
import { log } from '../core/log.ts';
import type { EncodedFeatures, TableHeader } from './featureCodec.ts';

/** What one entry of the cache holds. */
export interface CacheEntry extends EncodedFeatures {
  /** What was said when the features were made. */
  readonly messages: readonly (readonly [level: 'warn' | 'info' | 'debug', message: string])[];
}

/** The first bytes of an entry; another version of the layout has another name. */
const magic = 'FETTLE TOKENS 1\n';
const checksumBytes = 32;
/** Typed arrays begin at multiples of this. */
const alignment = 8;
const extension = '.tokens';

/**
 * Entries in a directory, a file each, named by what they were made from. A file appears whole or not at all (written beside its name,
 * then renamed), so two processes do not harm each other; one that is damaged, by its checksum, is removed and counts as absent. Together they stay
 * below `maxBytes`: those not used for longest go first. Nothing here throws: a cache that cannot be used is none.
 */
export class TokenCache {
  readonly directory: string;
  readonly #maxBytes: number;

  /** @param maxBytes of all entries together. Default 4 GiB. */
  constructor(directory: string, maxBytes = 4 * 2 ** 30) {
    this.directory = directory;
    this.#maxBytes = maxBytes;
  }

  /** The entry of this key; undefined where there is none. */
  async read(key: string): Promise<CacheEntry | undefined> {
    const path = this.#path(key);
    if ((await kindOf(path)) !== 'file') return undefined;
    // Another process may make room meanwhile.
    const bytes = await readBytes(path).catch(() => undefined);
    if (bytes === undefined) return undefined;
    try {
      const entry = parseEntry(bytes, key);
      // Marks it as used.
      await touch(path).catch(() => undefined);
      return entry;
    } catch (error) {
      log.info(`a file of the token cache was damaged (${(error as Error).message}) and is made anew: ${path}`);
      await remove(path).catch(() => undefined);
      return undefined;
    }
  }

  /** Keeps an entry. Where it cannot be written, that is said. */
  async write(key: string, entry: CacheEntry): Promise<void> {
    const pieces = formatEntry(entry, key);
    const size = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (size > this.#maxBytes) return;
    try {
      await makeDirectory(this.directory);
      await this.#makeRoom(size);
      await writeAtomic(this.#path(key), pieces);
    } catch (error) {
      log.info(`tokens are not kept for the next run: ${(error as Error).message}`);
    }
  }

  /** Removes what was not used for longest until so many bytes fit. */
  async #makeRoom(size: number): Promise<void> {
    const files: { path: string; size: number; modified: number }[] = [];
    for (const name of await listDirectory(this.directory)) {
      // A process that was killed while it wrote leaves a part under another name.
      const path = joinPath(this.directory, name);
      const entry = name.includes(extension) ? await entryAt(path) : undefined;
      if (entry === undefined) continue;
      if (!name.endsWith(extension) && Date.now() - entry.modified > 3_600_000) await remove(path);
      else files.push({ path, size: entry.size, modified: entry.modified });
    }
    files.sort((a, b) => a.modified - b.modified);
    let total = files.reduce((sum, file) => sum + file.size, 0);
    for (const file of files) {
      if (total + size <= this.#maxBytes) return;
      await remove(file.path);
      total -= file.size;
    }
  }

  #path(key: string): string {
    return joinPath(this.directory, `${key}${extension}`);
  }
}

/** An entry as the pieces of its file: name, checksum of all that follows, header's length, header, buffers. */
function formatEntry({ header, buffers, messages }: CacheEntry, key: string): Uint8Array[] {
  const lengths = buffers.map(({ byteLength }) => byteLength);
  const json = new TextEncoder().encode(JSON.stringify({ key, header, messages, lengths }));
  const headerLength = new Uint8Array(8);
  new DataView(headerLength.buffer).setFloat64(0, json.length, true);
  const body = [headerLength, padded(json), ...buffers.map(padded)].flat();
  const checksum = newChecksum('sha256');
  for (const piece of body) checksum.update(piece);
  const sum = Uint8Array.from(checksum.digest().match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
  return [new TextEncoder().encode(magic), sum, ...body];
}

/** Bytes, and zeros up to the next multiple of 8. */
function padded(bytes: Uint8Array): Uint8Array[] {
  const rest = -bytes.byteLength & (alignment - 1);
  return rest === 0 ? [bytes] : [bytes, new Uint8Array(rest)];
}

/** @throws Error where the bytes are not those of an entry of this key. */
function parseEntry(bytes: Uint8Array<ArrayBuffer>, key: string): CacheEntry {
  const start = magic.length + checksumBytes;
  if (new TextDecoder().decode(bytes.subarray(0, magic.length)) !== magic) throw new Error('it is no such file');
  const checksum = newChecksum('sha256');
  checksum.update(bytes.subarray(start));
  const sum = Array.from(bytes.subarray(magic.length, start), (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (checksum.digest() !== sum) throw new Error('its checksum is wrong');
  const headerLength = new DataView(bytes.buffer).getFloat64(start, true);
  let at = start + 8;
  const json = JSON.parse(new TextDecoder().decode(bytes.subarray(at, at + headerLength))) as {
    readonly key: string;
    readonly header: TableHeader;
    readonly messages: CacheEntry['messages'];
    readonly lengths: readonly number[];
  };
  if (json.key !== key) throw new Error('it is of another content');
  at += Math.ceil(headerLength / alignment) * alignment;
  const buffers = json.lengths.map((length) => {
    const buffer = bytes.subarray(at, at + length);
    at += Math.ceil(length / alignment) * alignment;
    return buffer;
  });
  return { header: json.header, messages: json.messages, buffers };
}
