import { log } from '../core/log.ts';

/** How far the download of a repository's files is. */
export interface DownloadProgress {
  readonly type: 'begin' | 'progress' | 'end' | 'failed';
  /** The repository's name. */
  readonly name: string;
  /** Bytes that are there, those of an earlier, broken download among them. */
  readonly receivedBytes: number;
  /** Bytes of all files that are fetched. */
  readonly totalBytes: number;
  readonly filesDone: number;
  readonly files: number;
}

/** Takes {@link DownloadProgress}. */
export type DownloadListener = (progress: DownloadProgress) => void;

let listener: DownloadListener | undefined;

/**
 * Hands all progress of downloads in this process to `take` (a progress bar) instead of writing lines of it to the log.
 * Returns a function that restores what was before.
 */
export function onDownload(take: DownloadListener): () => void {
  const before = listener;
  listener = take;
  return () => {
    listener = before;
  };
}

/** Between two lines of the log, in seconds. */
const lineSeconds = 10;

/** Counts one repository's download and tells of it. */
export class DownloadCount {
  readonly #owner: string;
  readonly #name: string;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #received = new Map<string, number>();
  readonly #totalBytes: number;
  readonly #started = performance.now();
  #line = performance.now();
  #done = 0;
  #atStart: number | undefined;

  constructor(owner: string, name: string, files: readonly { readonly path: string; readonly size: number }[]) {
    this.#owner = owner;
    this.#name = name;
    this.#sizes = new Map(files.map(({ path, size }) => [path, size]));
    this.#totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  }

  /** @param from the Hub's address. */
  begin(from: string): void {
    const { size } = this.#sizes;
    log.info(
      `[${this.#owner}] downloading ${size} file${size === 1 ? '' : 's'} (${formatBytes(this.#totalBytes)}) of '${this.#name}' from ${new URL(from).host}`,
    );
    this.#tell('begin');
  }

  /** There are now `bytes` of a file. */
  received(path: string, bytes: number): void {
    this.#received.set(path, bytes);
    this.#atStart ??= this.#sum();
    this.#tell('progress');
    if (listener !== undefined || performance.now() - this.#line < lineSeconds * 1000) return;
    this.#line = performance.now();
    log.info(`[${this.#owner}] '${this.#name}': ${this.#describe()}`);
  }

  fileDone(): void {
    this.#done++;
    this.#tell('progress');
  }

  end(): void {
    this.#tell('end');
    log.info(`[${this.#owner}] '${this.#name}': ${this.#describe()}`);
  }

  failed(): void {
    this.#tell('failed');
  }

  #sum(): number {
    let sum = 0;
    for (const bytes of this.#received.values()) sum += bytes;
    return sum;
  }

  #describe(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const sum = this.#sum();
    // A rate over less than a second says nothing of the line.
    const rate = seconds < 1 ? '' : ` (${formatBytes((sum - (this.#atStart ?? 0)) / seconds)}/s)`;
    return `${formatBytes(sum)} of ${formatBytes(this.#totalBytes)} in ${seconds.toFixed(1)} s${rate}`;
  }

  #tell(type: DownloadProgress['type']): void {
    listener?.({
      type,
      name: this.#name,
      receivedBytes: this.#sum(),
      totalBytes: this.#totalBytes,
      filesDone: this.#done,
      files: this.#sizes.size,
    });
  }
}

/** `440 MB`, with three digits and powers of 1000, as download pages write it. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`;
}
