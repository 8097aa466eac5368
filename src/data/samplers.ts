import { ArgumentError } from '../core/errors.ts';
import { RandomStream } from '../core/random.ts';

/** The order in which an epoch visits rows: a pure function of what the sampler was made with and of the epoch, so that a resumed run finds its place. */
export interface Sampler {
  /** Rows an epoch visits. */
  readonly length: number;
  /** All row numbers of epoch `epoch` (from 0), in order. */
  order(epoch: number): Uint32Array;
}

/** Rows as they stand, every epoch: for evaluation. */
export class SequentialSampler implements Sampler {
  readonly length: number;

  constructor(rows: number) {
    this.length = checkedRows('SequentialSampler', rows);
  }

  order(_epoch: number): Uint32Array {
    return inOrder(this.length);
  }
}

/** Every row once an epoch, in an order of (seed, epoch) alone: Fisher and Yates over a counter-based stream. */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly #seed: number;

  constructor(rows: number, seed: number) {
    this.length = checkedRows('RandomSampler', rows);
    this.#seed = seed;
  }

  order(epoch: number): Uint32Array {
    return permutation(this.length, this.#seed, epoch);
  }
}

/**
 * Rows of similar length together, with randomness left, as Hugging Face's `group_by_length`
 * (transformers, trainer_pt_utils.py, get_length_grouped_indices): a random order is cut into megabatches of
 * `batchSize` × min(rows ÷ (4 × batchSize), 50) rows, each sorted from long to short; the longest row of all comes first,
 * so that too little memory shows at the first step.
 */
export class LengthGroupedSampler implements Sampler {
  readonly length: number;
  readonly #lengths: ArrayLike<number>;
  readonly #batchSize: number;
  readonly #seed: number;

  /** @param lengths tokens of each row. @param batchSize rows of a step over all micro-batches. */
  constructor(lengths: ArrayLike<number>, batchSize: number, seed: number) {
    this.length = checkedRows('LengthGroupedSampler', lengths.length);
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ArgumentError('ERR_BATCH_SIZE', {
        owner: 'LengthGroupedSampler',
        what: 'the batch size is no number of rows',
        got: batchSize,
        expected: 'a whole number from 1',
      });
    }
    this.#lengths = lengths;
    this.#batchSize = batchSize;
    this.#seed = seed;
  }

  order(epoch: number): Uint32Array {
    const lengths = this.#lengths;
    const rows = permutation(this.length, this.#seed, epoch);
    const batches = Math.max(1, Math.min(Math.floor(this.length / (this.#batchSize * 4)), 50));
    const size = batches * this.#batchSize;
    let longest = 0;
    for (let start = 0; start < rows.length; start += size) {
      rows.set(
        Array.from(rows.subarray(start, start + size)).sort((a, b) => lengths[b] - lengths[a]),
        start,
      );
      if (lengths[rows[start]] > lengths[rows[longest]]) longest = start;
    }
    if (rows.length > 0) [rows[0], rows[longest]] = [rows[longest], rows[0]];
    return rows;
  }
}

function permutation(rows: number, seed: number, epoch: number): Uint32Array {
  return new RandomStream(seed, `data/sampler/epoch ${epoch}`).shuffle(inOrder(rows));
}

function inOrder(rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, i) => i);
}

function checkedRows(owner: string, rows: number): number {
  if (!Number.isInteger(rows) || rows < 0 || rows > 2 ** 32 - 1) {
    throw new ArgumentError('ERR_ROWS', {
      owner,
      what: 'this is no number of rows',
      got: rows,
      expected: 'a whole number from 0 to 2³² − 1',
    });
  }
  return rows;
}
