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

/** What a {@link WeightedRandomSampler} is told. */
export interface WeightedRandomOptions {
  /** Rows an epoch visits. Default: as many as there are weights. */
  readonly numSamples?: number | undefined;
  /** Whether a row may come twice in an epoch. Default true. */
  readonly replacement?: boolean | undefined;
}

/**
 * Rows drawn in proportion to their weights (PyTorch's class of the same name): give each row 1 ÷ its class's rows, and all classes
 * come as often. The draws of an epoch are a pure function of weights, seed and epoch.
 */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  readonly #weights: Float64Array;
  readonly #replacement: boolean;
  readonly #seed: number;

  /** @throws ArgumentError for weights that are negative, no numbers or all 0, and for more rows than there are without replacement. */
  constructor(weights: ArrayLike<number>, seed: number, options: WeightedRandomOptions = {}) {
    const owner = 'WeightedRandomSampler';
    this.#weights = Float64Array.from(weights);
    this.#replacement = options.replacement ?? true;
    this.#seed = seed;
    this.length = checkedRows(owner, options.numSamples ?? weights.length);
    const wrong = this.#weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
    if (wrong >= 0) {
      throw new ArgumentError('ERR_WEIGHTS', {
        owner,
        what: `the weight of row ${wrong} is none`,
        got: this.#weights[wrong],
        expected: 'a number from 0',
      });
    }
    const drawable = this.#weights.reduce((count, weight) => count + (weight > 0 ? 1 : 0), 0);
    if (this.length > (this.#replacement && drawable > 0 ? this.length : drawable)) {
      throw new ArgumentError('ERR_WEIGHTS', {
        owner,
        what: 'too few rows have a weight above 0',
        got: drawable,
        expected: this.#replacement ? 'one at least' : `${this.length}, as many as are drawn`,
        hint: this.#replacement ? undefined : 'draw fewer (numSamples), or with replacement',
      });
    }
  }

  order(epoch: number): Uint32Array {
    const stream = new RandomStream(this.#seed, `data/weighted sampler/epoch ${epoch}`);
    return this.#replacement ? this.#drawn(stream) : this.#drawnOnce(stream);
  }

  /** Each draw by itself: where a uniform number falls among the sums of the weights. */
  #drawn(stream: RandomStream): Uint32Array {
    const sums = new Float64Array(this.#weights.length);
    let sum = 0;
    let last = 0;
    this.#weights.forEach((weight, row) => {
      sum += weight;
      sums[row] = sum;
      if (weight > 0) last = row;
    });
    return Uint32Array.from({ length: this.length }, () => {
      const at = stream.uniform() * sum;
      let [low, high] = [0, last];
      // The first row whose sum is above: never one of weight 0.
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (sums[middle] > at) high = middle;
        else low = middle + 1;
      }
      return low;
    });
  }

  /** Without replacement: the rows of the smallest −log(u) ÷ weight, in that order (Efraimidis and Spirakis 2006). */
  #drawnOnce(stream: RandomStream): Uint32Array {
    const keys = this.#weights.map((weight) => -Math.log(1 - stream.uniform()) / weight);
    // 0 ÷ 0 is no number; such a row is as little drawn as any of weight 0.
    const key = (row: number) => (this.#weights[row] > 0 ? keys[row] : Number.POSITIVE_INFINITY);
    return inOrder(this.#weights.length)
      .sort((a, b) => (key(a) === key(b) ? a - b : key(a) < key(b) ? -1 : 1))
      .slice(0, this.length);
  }
}

/**
 * Every row once an epoch, with the classes spread evenly: however far an epoch has come, each class has come in proportion to its
 * size, so that every batch looks like the data. The rows of a class come in a random order, and classes take their turns as seats are
 * given by Sainte-Laguë's method: the j-th row of n stands at (j + ½) ÷ n of the epoch.
 */
export class StratifiedSampler implements Sampler {
  readonly length: number;
  readonly #classes: readonly (readonly number[])[];
  readonly #seed: number;

  /** @param labels each row's class; what is equal (`===`) is one class. */
  constructor(labels: ArrayLike<unknown>, seed: number) {
    this.length = checkedRows('StratifiedSampler', labels.length);
    this.#seed = seed;
    const classes = new Map<unknown, number[]>();
    for (let row = 0; row < labels.length; row++) {
      const members = classes.get(labels[row]);
      if (members === undefined) classes.set(labels[row], [row]);
      else members.push(row);
    }
    this.#classes = [...classes.values()];
  }

  order(epoch: number): Uint32Array {
    const stream = new RandomStream(this.#seed, `data/stratified sampler/epoch ${epoch}`);
    const rows = new Uint32Array(this.length);
    const places = new Float64Array(this.length);
    const ties = new Float64Array(this.length);
    let at = 0;
    for (const members of this.#classes) {
      // Which of two classes goes first where both are due, no class is favoured in.
      const tie = stream.uniform();
      for (const [j, row] of stream.shuffle([...members]).entries()) {
        rows[at] = row;
        places[at] = (j + 0.5) / members.length;
        ties[at++] = tie;
      }
    }
    return inOrder(this.length)
      .sort((a, b) => places[a] - places[b] || ties[a] - ties[b] || a - b)
      .map((slot) => rows[slot]);
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
