import { RandomStream } from '../core/random.ts';
import type { Row } from './features.ts';
import type { RowBatch, RowStream } from './rowStream.ts';

/** Where a pass over rows stands: plain data, which can be written to JSON. */
export type CursorState =
  | null
  | boolean
  | number
  | string
  | readonly CursorState[]
  | { readonly [key: string]: CursorState };

/** One pass over rows. */
export interface RowCursor {
  /** The next row (at once where it is at hand); undefined at the end. */
  next(): Row | undefined | Promise<Row | undefined>;
  /** Where it stands: a stage opened with it goes on with the row that `next` would give. */
  state(): CursorState;
  /** Lets go of files. Rows are asked for no more. */
  close(): Promise<void>;
}

/** What rows can be drawn from, as often as wanted. */
export interface RowStage {
  /** Whether a pass is known to come to an end; files do, what a function makes may not. */
  readonly isFinite?: boolean;
  /** Whether its rows are mixed. */
  readonly isShuffled?: boolean;
  /** @param epoch counts passes; only orders depend on it. @param state where an earlier cursor of this stage stood. */
  open(epoch: number, state?: CursorState): RowCursor;
  /** This stage with its files in an order of (seed, epoch); itself where it has no files below. */
  withShuffledFiles?(seed: number): RowStage;
}

/** A part of a state, as the stage that wrote it knows it. */
export function partOf<T extends CursorState>(state: CursorState | undefined, key: string): T | undefined {
  return typeof state === 'object' && state !== null && !Array.isArray(state)
    ? ((state as { readonly [key: string]: CursorState })[key] as T | undefined)
    : undefined;
}

/** Waits only where there is something to wait for: most rows are at hand. */
export function whenReady<T, U>(value: T | Promise<T>, use: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}

/** Opens one of several sources of rows. */
export type OpenStream = () => Promise<RowStream>;

/** The rows of files, one file after another. */
export class FilesStage implements RowStage {
  readonly isFinite = true;
  readonly #files: readonly OpenStream[];
  readonly #order: (count: number, epoch: number) => readonly number[];

  /** @param order the files' order in an epoch; default as they stand. */
  constructor(files: readonly OpenStream[], order: (count: number, epoch: number) => readonly number[] = inOrder) {
    this.#files = files;
    this.#order = order;
  }

  open(epoch: number, state?: CursorState): RowCursor {
    const order = this.#order(this.#files.length, epoch);
    return new FilesCursor(
      order.map((k) => this.#files[k]),
      state,
    );
  }

  withShuffledFiles(seed: number): RowStage {
    return this.#files.length < 2 ? this : new FilesStage(this.#files, shuffledOrder(seed));
  }
}

function inOrder(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function shuffledOrder(seed: number): (count: number, epoch: number) => readonly number[] {
  return (count, epoch) => new RandomStream(seed, `data/files/epoch ${epoch}`).shuffle([...inOrder(count)]);
}

/** Its state: the file, the position of the batch at hand, and how many of its rows are gone. */
class FilesCursor implements RowCursor {
  readonly #files: readonly OpenStream[];
  #file: number;
  #from: { readonly offset: number; readonly line: number } | undefined;
  #skip: number;
  #batches: AsyncGenerator<RowBatch> | undefined;
  #batch: RowBatch | undefined;
  #at = 0;

  constructor(files: readonly OpenStream[], state?: CursorState) {
    this.#files = files;
    this.#file = partOf<number>(state, 'file') ?? 0;
    const offset = partOf<number>(state, 'offset');
    this.#from = offset === undefined ? undefined : { offset, line: partOf<number>(state, 'line') ?? 1 };
    this.#skip = partOf<number>(state, 'skip') ?? 0;
  }

  next(): Row | undefined | Promise<Row | undefined> {
    const batch = this.#batch;
    return batch !== undefined && this.#at < batch.rows.length ? batch.rows[this.#at++] : this.#nextBatch();
  }

  async #nextBatch(): Promise<Row | undefined> {
    while (this.#file < this.#files.length) {
      this.#batches ??= (await this.#files[this.#file]()).batches(this.#from);
      const { value, done } = await this.#batches.next();
      if (done) {
        this.#file++;
        this.#from = undefined;
        this.#skip = 0;
        this.#batches = undefined;
        this.#batch = undefined;
        continue;
      }
      this.#batch = value;
      // What a position's batch holds may be cut otherwise than when the state was made: rows are counted off across batches.
      this.#at = Math.min(this.#skip, value.rows.length);
      this.#skip -= this.#at;
      if (this.#at < value.rows.length) return value.rows[this.#at++];
    }
    return undefined;
  }

  state(): CursorState {
    if (this.#batch !== undefined) return { file: this.#file, ...this.#batch.position, skip: this.#at + this.#skip };
    return { file: this.#file, ...this.#from, skip: this.#skip };
  }

  async close(): Promise<void> {
    await this.#batches?.return(undefined);
  }
}
