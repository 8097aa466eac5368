import { RandomStream } from '../core/random.ts';
import type { Cell, Row } from './features.ts';
import { type CursorState, partOf, type RowCursor, type RowStage, whenReady } from './rowCursor.ts';

/** What becomes of each row; `index` counts the rows of a pass from 0. Undefined drops the row. */
export type RowTransform = (row: Row, index: number) => Row | undefined | Promise<Row | undefined>;

/** Rows one by one through a function: `map`, `filter` and all that changes columns. */
export class TransformStage implements RowStage {
  readonly #source: RowStage;
  readonly #transform: RowTransform;

  constructor(source: RowStage, transform: RowTransform) {
    this.#source = source;
    this.#transform = transform;
  }

  get isFinite(): boolean {
    return this.#source.isFinite === true;
  }

  get isShuffled(): boolean {
    return this.#source.isShuffled === true;
  }

  open(epoch: number, state?: CursorState): RowCursor {
    const source = this.#source.open(epoch, partOf(state, 'source'));
    let index = partOf<number>(state, 'index') ?? 0;
    const transform = this.#transform;
    const taken = (row: Row | undefined): Row | undefined | Promise<Row | undefined> =>
      row === undefined ? undefined : whenReady(transform(row, index++), (made) => made ?? wait());
    const wait = async (): Promise<Row | undefined> => {
      for (;;) {
        const row = await source.next();
        if (row === undefined) return undefined;
        const made = await transform(row, index++);
        if (made !== undefined) return made;
      }
    };
    return {
      next: () => whenReady(source.next(), taken),
      state: () => ({ source: source.state(), index }),
      close: () => source.close(),
    };
  }

  withShuffledFiles(seed: number): RowStage {
    const source = this.#source.withShuffledFiles?.(seed) ?? this.#source;
    return source === this.#source ? this : new TransformStage(source, this.#transform);
  }
}

/** Rows by column, as a batched function takes and gives them. */
export type ColumnBatch = { readonly [column: string]: Iterable<Cell> };

/** Rows in batches through a function of columns. A resumed pass calls it again for the batch it stood in. */
export class BatchTransformStage implements RowStage {
  readonly #source: RowStage;
  readonly #size: number;
  readonly #transform: (rows: readonly Row[], firstRow: number) => readonly Row[] | Promise<readonly Row[]>;

  constructor(
    source: RowStage,
    size: number,
    transform: (rows: readonly Row[], firstRow: number) => readonly Row[] | Promise<readonly Row[]>,
  ) {
    this.#source = source;
    this.#size = size;
    this.#transform = transform;
  }

  get isFinite(): boolean {
    return this.#source.isFinite === true;
  }

  get isShuffled(): boolean {
    return this.#source.isShuffled === true;
  }

  open(epoch: number, state?: CursorState): RowCursor {
    const source = this.#source.open(epoch, partOf(state, 'source'));
    let first = partOf<number>(state, 'first') ?? 0;
    let skip = partOf<number>(state, 'skip') ?? 0;
    let before = source.state();
    let taken = 0;
    let made: readonly Row[] = [];
    let at = 0;
    const nextBatch = async (): Promise<Row | undefined> => {
      for (;;) {
        first += taken;
        before = source.state();
        const rows: Row[] = [];
        while (rows.length < this.#size) {
          const row = await source.next();
          if (row === undefined) break;
          rows.push(row);
        }
        taken = rows.length;
        at = 0;
        made = [];
        if (taken === 0) return undefined;
        made = await this.#transform(rows, first);
        at = Math.min(skip, made.length);
        skip = 0;
        if (at < made.length) return made[at++];
      }
    };
    return {
      next: () => (at < made.length ? made[at++] : nextBatch()),
      state: () => ({ source: before, first, skip: taken === 0 ? skip : at }),
      close: () => source.close(),
    };
  }

  withShuffledFiles(seed: number): RowStage {
    const source = this.#source.withShuffledFiles?.(seed) ?? this.#source;
    return source === this.#source ? this : new BatchTransformStage(source, this.#size, this.#transform);
  }
}

/** Rows `start` (included) to `stop` (left out) of a pass. */
export class SliceStage implements RowStage {
  readonly #source: RowStage;
  readonly #start: number;
  readonly #stop: number;

  constructor(source: RowStage, start: number, stop = Number.POSITIVE_INFINITY) {
    this.#source = source;
    this.#start = start;
    this.#stop = stop;
  }

  get isFinite(): boolean {
    return Number.isFinite(this.#stop) || this.#source.isFinite === true;
  }

  get isShuffled(): boolean {
    return this.#source.isShuffled === true;
  }

  open(epoch: number, state?: CursorState): RowCursor {
    const source = this.#source.open(epoch, partOf(state, 'source'));
    let passed = partOf<number>(state, 'passed') ?? 0;
    const counted = (row: Row | undefined): Row | undefined => {
      if (row !== undefined) passed++;
      return row;
    };
    const skipping = async (): Promise<Row | undefined> => {
      while (passed < this.#start) if (counted(await source.next()) === undefined) return undefined;
      return passed < this.#stop ? counted(await source.next()) : undefined;
    };
    return {
      next: () => {
        if (passed < this.#start) return skipping();
        return passed < this.#stop ? whenReady(source.next(), counted) : undefined;
      },
      state: () => ({ source: source.state(), passed }),
      close: () => source.close(),
    };
  }
}

/**
 * Rows in a random order of limited reach, as Hugging Face's: a buffer of rows is kept full, each row is drawn from it
 * at random, and the next one of the source takes its place. The draws are a pure function of seed and epoch. The state holds
 * the buffer's rows, so that a resumed pass gives exactly what the first would have.
 */
export class ShuffleStage implements RowStage {
  readonly isShuffled = true;
  readonly #source: RowStage;
  readonly #seed: number;
  readonly #size: number;

  constructor(source: RowStage, seed: number, bufferSize: number) {
    this.#source = source.withShuffledFiles?.(seed) ?? source;
    this.#seed = seed;
    this.#size = bufferSize;
  }

  get isFinite(): boolean {
    return this.#source.isFinite === true;
  }

  open(epoch: number, state?: CursorState): RowCursor {
    const source = this.#source.open(epoch, partOf(state, 'source'));
    const buffer: Row[] = [...(partOf<readonly CursorState[]>(state, 'buffer') ?? [])] as Row[];
    const random = new RandomStream(this.#seed, `data/shuffle/epoch ${epoch}`);
    let draws = partOf<number>(state, 'draws') ?? 0;
    for (let i = 0; i < draws; i++) random.integer(1);
    let ended = false;
    const draw = (): Row | undefined => {
      if (buffer.length === 0) return undefined;
      draws++;
      const at = random.integer(buffer.length);
      const row = buffer[at];
      const last = buffer.pop() as Row;
      if (at < buffer.length) buffer[at] = last;
      return row;
    };
    const put = (row: Row | undefined): void => {
      if (row === undefined) ended = true;
      else buffer.push(row);
    };
    const filling = async (): Promise<Row | undefined> => {
      while (!ended && buffer.length < this.#size) put(await source.next());
      return draw();
    };
    return {
      next: () => {
        if (ended) return draw();
        if (buffer.length < this.#size - 1) return filling();
        return whenReady(source.next(), (row) => {
          put(row);
          return draw();
        });
      },
      state: () => ({ source: source.state(), draws, buffer: [...buffer] as CursorState[] }),
      close: () => source.close(),
    };
  }
}

/** The rows of several stages one after another. */
export class ChainStage implements RowStage {
  readonly #parts: readonly RowStage[];

  constructor(parts: readonly RowStage[]) {
    this.#parts = parts;
  }

  get isFinite(): boolean {
    return this.#parts.every((part) => part.isFinite === true);
  }

  get isShuffled(): boolean {
    return this.#parts.every((part) => part.isShuffled === true);
  }

  open(epoch: number, state?: CursorState): RowCursor {
    let part = partOf<number>(state, 'part') ?? 0;
    let current = this.#parts[part]?.open(epoch, partOf(state, 'source'));
    const next = async (): Promise<Row | undefined> => {
      while (current !== undefined) {
        const row = await current.next();
        if (row !== undefined) return row;
        await current.close();
        current = this.#parts[++part]?.open(epoch);
      }
      return undefined;
    };
    return {
      next: () => {
        const row = current?.next();
        if (row instanceof Promise) return row.then((found) => found ?? next());
        return row ?? next();
      },
      state: () => ({ part, source: current?.state() ?? null }),
      close: async () => current?.close(),
    };
  }

  withShuffledFiles(seed: number): RowStage {
    return new ChainStage(this.#parts.map((part) => part.withShuffledFiles?.(seed) ?? part));
  }
}
