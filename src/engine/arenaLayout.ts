import { ArgumentError } from '../core/errors.ts';
import { normBlock } from '../kernels/calls.ts';

/** A parameter as the arena needs to know it. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Where one parameter lies in its shard's memory; addresses in bytes. */
export interface Placement {
  readonly name: string;
  readonly shard: number;
  readonly count: number;
  /** Rows and columns, of a matrix; a vector is one row. */
  readonly rows: number;
  readonly width: number;
  readonly weight: number;
}

/** One memory: its weights, then a region for each array that training needs, as large as all its weights. */
export interface Shard {
  bytes: number;
  /** Whether there is room to train what lies here. */
  readonly trainable: boolean;
  /** Bytes of the weights, which is also the size of each of the four regions below. */
  weightBytes: number;
  gradient: number;
  incoming: number;
  first: number;
  second: number;
  /** Partial sums, row ids and row flags of its parameters. */
  bookkeeping: number;
  bookkeepingBytes: number;
  /** Ids and rows that are to be added to a table. */
  scratch: number;
  readonly scratchBytes: number;
}

/** Just under the 4 GiB that 32-bit addresses reach. */
export const largestShard = 65_535 * 65_536;

/** The first page belongs to the compiler of the kernels. */
const firstAddress = 65_536;

const product = (dims: readonly number[]) => dims.reduce((all, dim) => all * dim, 1);

export const align = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Bytes for partial sums of a norm (float64), ids (uint32) and flags (bytes) of one parameter. */
export function bookkeepingOf(count: number, rows: number): { partials: number; ids: number; flags: number } {
  return {
    partials: align(8 * Math.max(Math.ceil(count / normBlock), rows)),
    ids: align(4 * rows),
    flags: align(rows),
  };
}

/**
 * Lays parameters out in as few memories as hold them, in order. A parameter's weight, gradients and moments share a
 * memory, since one kernel call reaches only one. One too large for that gets a memory for its weight alone, where it
 * can be used but not trained.
 * @param training whether room for gradients and moments is reserved (it takes real memory only once written).
 * @throws ArgumentError where a weight alone is too large, a name comes twice or a shape is not one.
 */
export function planArena(
  parameters: readonly ParameterSpec[],
  { shardBytes, training }: { shardBytes: number; training: boolean },
): { placements: Placement[]; shards: Shard[] } {
  const widest = parameters.reduce(
    (most, { shape }) => Math.max(most, shape.length > 1 ? product(shape.slice(1)) : 0),
    0,
  );
  const scratchBytes = align(Math.max(Math.min(8 * 2 ** 20, shardBytes / 8), 8 * widest + 128));
  const placements: Placement[] = [];
  const shards: Shard[] = [];
  const names = new Set<string>();
  let open: Shard | undefined; // the shard being filled
  for (const { name, shape } of parameters) {
    if (names.has(name) || !shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
      throw new ArgumentError('ERR_ARENA_PARAMETER', {
        owner: 'Arena.create',
        what: names.has(name) ? 'a parameter comes twice' : `the shape [${shape.join(', ')}] is not one`,
        got: name,
      });
    }
    names.add(name);
    const count = product(shape);
    const width = shape.length > 1 ? product(shape.slice(1)) : count;
    const rows = shape.length > 1 ? shape[0] : 1;
    const bytes = align(4 * count);
    const books = bookkeepingOf(count, rows);
    const bookBytes = books.partials + books.ids + books.flags;
    const fits = (shard: Shard) =>
      firstAddress +
        (shard.weightBytes + bytes) * (shard.trainable ? 5 : 1) +
        (shard.trainable ? shard.bookkeepingBytes + bookBytes + shard.scratchBytes : 0) <=
      shardBytes;
    if (!open || !fits(open)) {
      open = emptyShard(training, scratchBytes);
      if (training && !fits(open)) open = emptyShard(false, scratchBytes);
      if (!fits(open)) {
        throw new ArgumentError('ERR_ARENA_SIZE', {
          owner: 'Arena.create',
          what: `the parameter '${name}' does not fit in one memory`,
          got: `${bytes} bytes`,
          expected: `at most ${shardBytes - firstAddress}`,
        });
      }
      shards.push(open);
    }
    placements.push({ name, shard: shards.indexOf(open), count, rows, width, weight: firstAddress + open.weightBytes });
    open.weightBytes += bytes;
    if (open.trainable) open.bookkeepingBytes += bookBytes;
    else if (training) open = undefined;
  }
  for (const shard of shards) {
    shard.gradient = firstAddress + shard.weightBytes;
    shard.incoming = shard.gradient + shard.weightBytes;
    shard.first = shard.incoming + shard.weightBytes;
    shard.second = shard.first + shard.weightBytes;
    shard.bookkeeping = shard.second + shard.weightBytes;
    shard.scratch = shard.bookkeeping + shard.bookkeepingBytes;
    shard.bytes = shard.trainable ? shard.scratch + shard.scratchBytes : shard.gradient;
  }
  return { placements, shards };
}

function emptyShard(trainable: boolean, scratchBytes: number): Shard {
  const regions = { bytes: 0, weightBytes: 0, gradient: 0, incoming: 0, first: 0, second: 0 };
  return { ...regions, trainable, bookkeeping: 0, bookkeepingBytes: 0, scratch: 0, scratchBytes };
}
