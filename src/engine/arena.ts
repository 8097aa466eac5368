import { adviseHugePages } from '#platform/memory';
import { availableThreads } from '#platform/workers';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import {
  accumulate,
  adamw,
  adamwTable,
  normBlock,
  scatterAddRows,
  squaredNorm,
  squaredNormRows,
  zero,
  zeroRows,
} from '../kernels/calls.ts';
import { type DropoutDraw, type DropoutJob, DropoutMasks } from '../kernels/dropout.ts';
import { createSharedMemory, type KernelCall, Kernels } from '../kernels/kernels.ts';
import {
  align,
  bookkeepingOf,
  largestShard,
  type ParameterSpec,
  type Placement,
  planArena,
  type Shard,
} from './arenaLayout.ts';

export type { ParameterSpec } from './arenaLayout.ts';

/** How one parameter is trained. */
export interface OptimizedParameter {
  readonly name: string;
  readonly weightDecay: number;
  /** Multiplies the step's learning rate. */
  readonly learningRateScale: number;
  /** The gradient comes as rows of a table with their ids ({@link Arena.addRows}), not as a whole. */
  readonly rowGradient: boolean;
}

/** One AdamW step (PyTorch's names and meanings). */
export interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Gradients are scaled down to this global L2 norm where theirs is larger; 0: no clipping. */
  readonly maxGradNorm: number;
  /** Which step this is, from 1, for the bias correction. */
  readonly step: number;
}

/** A parameter in training: where its arrays lie, in bytes. */
interface Trained extends OptimizedParameter {
  readonly place: Placement;
  readonly memory: WebAssembly.Memory;
  readonly gradient: number;
  readonly incoming: number;
  readonly first: number;
  readonly second: number;
  readonly partials: number;
  readonly ids: number;
  readonly flags: number;
  /** Rows with a gradient since the last step, in order of their first coming; only of tables. */
  readonly touched: number[];
}

/** Row flags, as the kernel `adamwTable` reads them. */
const hasMoments = 1;
const hasGradient = 2;

/**
 * Where a model's parameters live on the CPU and are updated: shared WebAssembly memory, which engines read and write in
 * place and kernels update on other threads. Weights are there from the start; gradients and moments of what is trained
 * are laid out by {@link prepareTraining}. Memory takes no room until written.
 */
export class Arena {
  readonly #placements: ReadonlyMap<string, Placement>;
  readonly #shards: readonly Shard[];
  readonly #threads: number;
  #memories: WebAssembly.Memory[];
  #trained = new Map<string, Trained>();
  #accumulate = false;
  /** How much of each shard's training regions has been in use, and must be zeroed before another use. */
  readonly #used: number[];
  #kernels: Promise<Kernels> | undefined;
  #masks: DropoutMasks | undefined;
  /** Ends when what was asked before has ended: updates happen in the order in which they were asked for. */
  #last: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(placements: readonly Placement[], shards: readonly Shard[], threads: number) {
    this.#placements = new Map(placements.map((placement) => [placement.name, placement]));
    this.#shards = shards;
    this.#threads = threads;
    this.#memories = shards.map((shard) => createSharedMemory(shard.bytes));
    this.#used = shards.map(() => 0);
  }

  /**
   * Makes room for parameters, all zero.
   * @param options.threads for the kernels; default: all this process may use. Results do not depend on it.
   * @param options.shardBytes the largest memory; default and most: just under 4 GiB. Results do not depend on it.
   * @param options.training false: no room for training is reserved (for models that only predict). Default true.
   * @throws ArgumentError where a parameter does not fit or comes twice; EnvironmentError where memory cannot be had.
   */
  static async create(
    parameters: readonly ParameterSpec[],
    options: { threads?: number; shardBytes?: number; training?: boolean } = {},
  ): Promise<Arena> {
    const { placements, shards } = planArena(parameters, {
      shardBytes: Math.min(options.shardBytes ?? largestShard, largestShard),
      training: options.training ?? true,
    });
    const arena = new Arena(placements, shards, options.threads ?? availableThreads());
    for (const [i, shard] of shards.entries()) {
      await adviseHugePages(arena.#memories[i].buffer, 0, 65_536 + shard.weightBytes);
    }
    return arena;
  }

  /** The weight itself, row-major, in place. */
  weight(name: string): Float32Array {
    const { shard, weight, count } = this.#placement(name);
    return new Float32Array(this.#memories[shard].buffer, weight, count);
  }

  /**
   * Lays out gradients (zero) and moments (zero) of the parameters to be trained; all others are frozen. May be called
   * again: what was there before is gone, and earlier views of it are meaningless.
   * @param options.accumulate whether there is a second buffer for gradients ({@link incoming}).
   * @throws ArgumentError for unknown names, and parameters too large to be trained in one memory.
   */
  prepareTraining(parameters: readonly OptimizedParameter[], options: { accumulate: boolean }): Promise<void> {
    return this.#inTurn('prepareTraining', async () => {
      const asked = new Map(parameters.map((parameter) => [parameter.name, parameter]));
      for (const { name } of parameters) {
        const place = this.#placement(name);
        if (!this.#shards[place.shard].trainable) {
          throw new ArgumentError('ERR_ARENA_NOT_TRAINABLE', {
            owner: 'Arena.prepareTraining',
            what: `there is no room for gradient and moments of '${name}' beside it`,
            got: `${4 * place.count} bytes`,
            hint: 'freeze this parameter, or create the arena with training: true',
          });
        }
      }
      const used = this.#shards.map(() => 0);
      const books = this.#shards.map(() => 0);
      const trained: Trained[] = [];
      // In the arena's order, whatever the order asked for; dense gradients first, so that they lie in one piece.
      let dense: readonly number[] = used;
      for (const table of [false, true]) {
        if (table) dense = [...used];
        for (const place of this.#placements.values()) {
          const parameter = asked.get(place.name);
          if (!parameter || parameter.rowGradient !== table) continue;
          const shard = this.#shards[place.shard];
          const offset = used[place.shard];
          const partials = shard.bookkeeping + books[place.shard];
          const sizes = bookkeepingOf(place.count, place.rows);
          trained.push({
            ...parameter,
            place,
            memory: this.#memories[place.shard],
            gradient: shard.gradient + offset,
            incoming: shard.incoming + offset,
            first: shard.first + offset,
            second: shard.second + offset,
            partials,
            ids: partials + sizes.partials,
            flags: partials + sizes.partials + sizes.ids,
            touched: [],
          });
          used[place.shard] += align(4 * place.count);
          books[place.shard] += sizes.partials + sizes.ids + sizes.flags;
        }
      }
      await this.#clearTraining();
      this.#trained = new Map(trained.map((entry) => [entry.name, entry]));
      this.#accumulate = options.accumulate;
      for (const [i, shard] of this.#shards.entries()) {
        this.#used[i] = used[i];
        // Not the tables, which come last: only the pages of touched rows shall take memory.
        for (const region of [
          shard.gradient,
          shard.first,
          shard.second,
          ...(options.accumulate ? [shard.incoming] : []),
        ]) {
          await adviseHugePages(this.#memories[i].buffer, region, region + dense[i]);
        }
      }
    });
  }

  /** Zeroes what an earlier training has written, which a fresh memory already is. */
  async #clearTraining(): Promise<void> {
    if (this.#trained.size === 0) return;
    const calls: KernelCall[] = [];
    this.#shards.forEach((shard, i) => {
      const memory = this.#memories[i];
      for (const target of [shard.gradient, shard.incoming, shard.first, shard.second]) {
        calls.push(zero(memory, { target, count: this.#used[i] / 4 }));
      }
      calls.push(zero(memory, { target: shard.bookkeeping, count: shard.bookkeepingBytes / 4 }));
    });
    await this.#run(calls);
  }

  /** Where the engine writes the gradient; of a row gradient: the dense table that rows are added to. */
  gradient(name: string): Float32Array {
    return this.#view(this.#training(name), 'gradient');
  }

  /** The second buffer for gradients, of a further micro-batch, which {@link addIncoming} adds to the first. */
  incoming(name: string): Float32Array {
    const entry = this.#training(name);
    if (!this.#accumulate || entry.rowGradient) {
      throw new ArgumentError('ERR_ARENA_INCOMING', {
        owner: 'Arena.incoming',
        what: `'${name}' has no second gradient buffer`,
        hint: entry.rowGradient ? 'use addRows' : 'use prepareTraining with accumulate: true',
      });
    }
    return this.#view(entry, 'incoming');
  }

  /** AdamW's moments, in place, to be read; {@link setMoments} writes them. */
  moments(name: string): { first: Float32Array; second: Float32Array } {
    const entry = this.#training(name);
    return { first: this.#view(entry, 'first'), second: this.#view(entry, 'second') };
  }

  /** Sets AdamW's moments, as a resumed run needs. @throws ArgumentError where the lengths do not fit. */
  setMoments(name: string, moments: { first: Float32Array; second: Float32Array }): void {
    const entry = this.#training(name);
    const { rows, width, count } = entry.place;
    if (moments.first.length !== count || moments.second.length !== count) {
      throw new ArgumentError('ERR_ARENA_MOMENTS', {
        owner: 'Arena.setMoments',
        what: `the moments of '${name}' do not fit`,
        got: `${moments.first.length} and ${moments.second.length} elements`,
        expected: `${count}`,
      });
    }
    const target = this.moments(name);
    if (!entry.rowGradient) {
      target.first.set(moments.first);
      target.second.set(moments.second);
      return;
    }
    const flags = this.#flags(entry);
    for (let row = 0; row < rows; row++) {
      const [first, second] = [moments.first, moments.second].map((m) => m.subarray(row * width, (row + 1) * width));
      const active = first.some((x) => x !== 0) || second.some((x) => x !== 0);
      // Rows that have no moments and get none stay unwritten: their pages take no memory.
      if (!active && !(flags[row] & hasMoments)) continue;
      target.first.set(first, row * width);
      target.second.set(second, row * width);
      flags[row] = (flags[row] & hasGradient) | (active ? hasMoments : 0);
    }
  }

  /** All dense gradients, one flat view a memory: what an all-reduce sums. Row tables are not among them. */
  denseGradients(): Float32Array[] {
    const bytes = this.#shards.map(() => 0);
    for (const entry of this.#trained.values()) {
      if (!entry.rowGradient) bytes[entry.place.shard] += align(4 * entry.place.count);
    }
    return this.#shards.flatMap((shard, i) =>
      bytes[i] === 0 ? [] : [new Float32Array(this.#memories[i].buffer, shard.gradient, bytes[i] / 4)],
    );
  }

  /** gradient += incoming, of every parameter that is not a row table. */
  addIncoming(): Promise<void> {
    return this.#inTurn('addIncoming', () =>
      this.#run(
        [...this.#trained.values()]
          .filter((entry) => this.#accumulate && !entry.rowGradient)
          .map(({ memory, gradient, incoming, place }) =>
            accumulate(memory, { target: gradient, source: incoming, count: place.count }),
          ),
      ),
    );
  }

  /**
   * Adds rows to a table's gradient: gradient[ids[i]] += rows[i], in order, so equal ids add up.
   * @param ids one row number of the table for each row; @param rows [ids.length, width]. Both may lie anywhere and are
   * read before the promise settles.
   * @throws ArgumentError where an id is no row of the table or the lengths do not fit.
   */
  addRows(name: string, ids: Int32Array | BigInt64Array, rows: Float32Array): Promise<void> {
    return this.#inTurn('addRows', async () => {
      const entry = this.#training(name);
      const { place, memory } = entry;
      if (!entry.rowGradient) throw this.#notTable(name);
      if (rows.length !== ids.length * place.width) {
        throw new ArgumentError('ERR_ARENA_ROWS', {
          owner: 'Arena.addRows',
          what: `ids and rows for '${name}' do not fit together`,
          got: `${rows.length} numbers for ${ids.length} ids`,
          expected: `${ids.length * place.width}`,
        });
      }
      for (const id of ids) {
        if (id < 0 || id >= place.rows) {
          throw new ArgumentError('ERR_ARENA_ROWS', {
            owner: 'Arena.addRows',
            what: `'${name}' has no such row`,
            got: id,
            expected: `0 to ${place.rows - 1}`,
          });
        }
      }
      const flags = this.#flags(entry);
      const shard = this.#shards[place.shard];
      const atOnce = Math.floor((shard.scratchBytes - 64) / (4 * place.width + 4));
      for (let from = 0; from < ids.length; from += atOnce) {
        const rowCount = Math.min(atOnce, ids.length - from);
        const scratchIds = new Uint32Array(memory.buffer, shard.scratch, rowCount);
        for (let i = 0; i < rowCount; i++) {
          const id = Number(ids[from + i]);
          scratchIds[i] = id;
          if (flags[id] & hasGradient) continue;
          flags[id] |= hasGradient;
          entry.touched.push(id);
        }
        const scratchRows = shard.scratch + align(4 * rowCount);
        new Float32Array(memory.buffer, scratchRows, rowCount * place.width).set(
          rows.subarray(from * place.width, (from + rowCount) * place.width),
        );
        await this.#run([
          scatterAddRows(memory, {
            table: entry.gradient,
            rows: scratchRows,
            ids: shard.scratch,
            rowCount,
            width: place.width,
          }),
        ]);
      }
    });
  }

  /**
   * One step of AdamW on all trained parameters: the global L2 norm, PyTorch's `clip_grad_norm_` factor
   * min(1, max / (norm + 1e-6)), and the update. Row tables have a zero gradient afterwards; other gradients keep theirs,
   * since the engine writes them anew. Where the norm is not finite nothing is updated.
   * @returns the norm before clipping, for the caller to judge.
   */
  step(options: AdamWStep): Promise<{ gradientNorm: number }> {
    return this.#inTurn('step', async () => {
      const gradientNorm = Math.sqrt(await this.#squaredNorm());
      const trained = [...this.#trained.values()];
      if (Number.isFinite(gradientNorm)) {
        const clip = options.maxGradNorm > 0 ? Math.min(1, options.maxGradNorm / (gradientNorm + 1e-6)) : 1;
        await this.#run(trained.map((entry) => this.#updateOf(entry, options, clip)));
      } else {
        await this.#run(
          trained.map(({ memory, gradient, ids, touched, place }) =>
            zeroRows(memory, { table: gradient, ids, rowCount: touched.length, width: place.width }),
          ),
        );
        for (const entry of trained) {
          if (!entry.rowGradient) continue;
          const flags = this.#flags(entry);
          for (const row of entry.touched) flags[row] &= hasMoments;
        }
      }
      for (const entry of trained) entry.touched.length = 0;
      return { gradientNorm };
    });
  }

  /** The sum of the partial sums in a fixed order: parameter by parameter, block by block or touched row by row. */
  async #squaredNorm(): Promise<number> {
    const calls: KernelCall[] = [];
    const parts: Float64Array[] = [];
    for (const { memory, gradient, partials, ids, touched, place, rowGradient } of this.#trained.values()) {
      const sums = rowGradient ? touched.length : Math.ceil(place.count / normBlock);
      parts.push(new Float64Array(memory.buffer, partials, sums));
      if (rowGradient) {
        touched.sort((a, b) => a - b);
        new Uint32Array(memory.buffer, ids, sums).set(touched);
        calls.push(squaredNormRows(memory, { table: gradient, ids, rowCount: sums, width: place.width, partials }));
      } else {
        calls.push(squaredNorm(memory, { values: gradient, count: place.count, partials }));
      }
    }
    await this.#run(calls);
    let sum = 0;
    for (const part of parts) for (const partial of part) sum += partial;
    return sum;
  }

  #updateOf(entry: Trained, options: AdamWStep, gradientScale: number): KernelCall {
    const { memory, gradient, first, second, flags, place } = entry;
    const coefficients = {
      learningRate: options.learningRate * entry.learningRateScale,
      beta1: options.beta1,
      beta2: options.beta2,
      epsilon: options.epsilon,
      weightDecay: entry.weightDecay,
      biasCorrection1: 1 - options.beta1 ** options.step,
      biasCorrection2: 1 - options.beta2 ** options.step,
      gradientScale,
    };
    const arrays = { weight: place.weight, gradient, first, second };
    return entry.rowGradient
      ? adamwTable(memory, { ...arrays, flags, rows: place.rows, width: place.width }, coefficients)
      : adamw(memory, { ...arrays, count: place.count }, coefficients);
  }

  /** Draws dropout masks into shared memory; see {@link DropoutMasks.fill}. The views are good until the next call. */
  async dropoutMasks(draw: DropoutDraw, jobs: readonly DropoutJob[]): Promise<(Float32Array | Uint8Array)[]> {
    const kernels = await this.#startKernels();
    this.#masks ??= new DropoutMasks(kernels);
    return this.#masks.fill(draw, jobs);
  }

  /** Ends the kernels' threads and lets go of the memory, which is freed once no view of it is held. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    const kernels = await this.#kernels;
    await kernels?.dispose();
    await this.#last;
    this.#memories = [];
    this.#masks = undefined;
    this.#trained = new Map();
  }

  async #run(calls: readonly KernelCall[]): Promise<void> {
    await (await this.#startKernels()).run(calls);
  }

  #startKernels(): Promise<Kernels> {
    if (this.#disposed) throw this.#gone('this call');
    this.#kernels ??= Kernels.create({ threads: this.#threads });
    return this.#kernels;
  }

  #inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#disposed) throw this.#gone(what);
      return work();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #placement(name: string): Placement {
    if (this.#disposed) throw this.#gone(`'${name}'`);
    const placement = this.#placements.get(name);
    if (placement) return placement;
    const meant = didYouMean(name, this.#placements.keys());
    throw new ArgumentError('ERR_ARENA_NAME', {
      owner: 'Arena',
      what: 'there is no parameter of this name',
      got: name,
      hint: meant === undefined ? undefined : `did you mean '${meant}'?`,
    });
  }

  #training(name: string): Trained {
    this.#placement(name);
    const entry = this.#trained.get(name);
    if (entry) return entry;
    throw new ArgumentError('ERR_ARENA_FROZEN', {
      owner: 'Arena',
      what: `'${name}' is not being trained`,
      hint: 'name it in prepareTraining',
    });
  }

  #view(entry: Trained, array: 'gradient' | 'incoming' | 'first' | 'second'): Float32Array {
    return new Float32Array(entry.memory.buffer, entry[array], entry.place.count);
  }

  #flags(entry: Trained): Uint8Array {
    return new Uint8Array(entry.memory.buffer, entry.flags, entry.place.rows);
  }

  #notTable(name: string): ArgumentError {
    return new ArgumentError('ERR_ARENA_TABLE', {
      owner: 'Arena',
      what: `'${name}' does not take its gradient as rows`,
      hint: 'set rowGradient for it in prepareTraining; it must be a matrix',
    });
  }

  #gone(what: string): ArgumentError {
    return new ArgumentError('ERR_ARENA_DISPOSED', { owner: 'Arena', what: `${what} came after dispose()` });
  }
}
