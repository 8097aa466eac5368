import { adviseHugePages } from '#platform/memory';
import { availableThreads } from '#platform/workers';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import { type DropoutDraw, type DropoutJob, DropoutMasks } from '../kernels/dropout.ts';
import { createSharedMemory, type KernelCall, Kernels } from '../kernels/kernels.ts';
import { largestShard, type ParameterSpec, type Placement, planArena, type Shard } from './arenaLayout.ts';
import {
  ArenaTraining,
  type GradientOptions,
  type GradientTarget,
  notTrained,
  type OptimizedParameter,
  type OptimizerStep,
} from './arenaTraining.ts';

export type { DropoutDraw, DropoutJob } from '../kernels/dropout.ts';
export type { ParameterSpec } from './arenaLayout.ts';
export type { OptimizedParameter, OptimizerStep } from './arenaTraining.ts';

/**
 * Where a model's parameters live on the CPU and are updated: shared WebAssembly memory, which engines read and write in
 * place and kernels update on other threads. Weights are there from the start; gradients and moments of what is trained
 * are laid out by {@link prepareTraining}. Memory takes no room until written. What changes something happens in the
 * order in which it was asked for.
 */
export class Arena {
  readonly #placements: ReadonlyMap<string, Placement>;
  readonly #shards: readonly Shard[];
  readonly #threads: number;
  #memories: readonly WebAssembly.Memory[];
  #training: ArenaTraining | undefined;
  #kernels: Promise<Kernels> | undefined;
  #masks: DropoutMasks | undefined;
  readonly #listeners = new Set<() => void>();
  /** Settles when all that was asked for has ended. */
  #last: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(placements: readonly Placement[], shards: readonly Shard[], threads: number) {
    this.#placements = new Map(placements.map((placement) => [placement.name, placement]));
    this.#shards = shards;
    this.#threads = threads;
    this.#memories = shards.map((shard) => createSharedMemory(shard.bytes));
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
      await adviseHugePages(arena.#memories[i].buffer, 0, shard.gradient);
    }
    return arena;
  }

  /** The weight itself, row-major, in place. */
  weight(name: string): Float32Array {
    const { shard, weight, count } = this.#placement(name);
    return new Float32Array(this.#memories[shard].buffer, weight, count);
  }

  /** Has a function called before each {@link step} changes weights, and after; the same function once, however often it is given. */
  onStep(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Lays out gradients (zero) and moments (zero) of the parameters to be trained; all others are frozen. May be called
   * again: what was there before is gone, and earlier views of it are meaningless.
   * @throws ArgumentError for unknown names, parameters too large to be trained in one memory, and bfloat16 gradients that
   *   are to be added up.
   */
  prepareTraining(parameters: readonly OptimizedParameter[], options: GradientOptions): Promise<void> {
    return this.#inTurn(async () => {
      for (const { name } of parameters) this.#placement(name);
      const arena = { placements: this.#placements.values(), shards: this.#shards, memories: this.#memories };
      const training = new ArenaTraining(arena, parameters, { ...options, run: (calls) => this.#run(calls) });
      await this.#training?.clear();
      await training.adviseHugePages();
      this.#training = training;
      // This goes on while the step is compiled. Where it fails, so does what needs the kernels, which says why.
      void training.touchAhead().catch(() => undefined);
    });
  }

  /** Where the engine writes the gradient, in place; of a row gradient: the dense table that rows are added to. */
  gradientTarget(name: string): GradientTarget {
    return this.#trainingOf(name).gradientTarget(name);
  }

  /** The gradient in float32: in place, or a copy where the engine writes bfloat16. */
  gradient(name: string): Float32Array {
    return this.#trainingOf(name).gradient(name);
  }

  /** The second buffer for gradients, of a further micro-batch, which {@link addIncoming} adds to the first. */
  incoming(name: string): Float32Array {
    return this.#trainingOf(name).incoming(name);
  }

  /** The optimizer's state, in place, to be read: AdamW's moments; of SGD, `first` is the momentum. {@link setMoments} writes it. */
  moments(name: string): { first: Float32Array; second: Float32Array } {
    return this.#trainingOf(name).moments(name);
  }

  /** Sets the optimizer's state, as a resumed run needs. @throws ArgumentError where the lengths do not fit. */
  setMoments(name: string, moments: { first: Float32Array; second?: Float32Array | undefined }): void {
    this.#trainingOf(name).setMoments(name, moments);
  }

  /** All dense gradients, one flat view a memory: what an all-reduce sums. Row tables are not among them. */
  denseGradients(): (Float32Array | Uint16Array)[] {
    return this.#training?.denseGradients() ?? [];
  }

  /** gradient += incoming, of every parameter that is not a row table; nothing where there is no second buffer. */
  addIncoming(): Promise<void> {
    return this.#inTurn(async () => this.#training?.addIncoming());
  }

  /**
   * Adds rows to a table's gradient: gradient[ids[i]] += rows[i], in order, so equal ids add up.
   * @param ids one row number of the table for each row; @param rows [ids.length, width]. Both may lie anywhere and are
   * read before the promise settles.
   * @throws ArgumentError where an id is no row of the table or the lengths do not fit; then nothing is added.
   */
  addRows(name: string, ids: Int32Array | BigInt64Array, rows: Float32Array): Promise<void> {
    return this.#inTurn(() => this.#trainingOf(name).addRows(name, ids, rows));
  }

  /**
   * One step of an optimizer on all trained parameters: the global L2 norm, PyTorch's `clip_grad_norm_` factor
   * min(1, max / (norm + 1e-6)), and the update. Row tables have a zero gradient afterwards; other gradients keep theirs,
   * since the engine writes them anew. Where the norm is not finite nothing is updated.
   * @returns the norm before clipping, for the caller to judge.
   */
  step(options: OptimizerStep): Promise<{ gradientNorm: number }> {
    return this.#inTurn(async () => {
      if (this.#training) {
        this.#tellListeners();
        return await this.#training.step(options).finally(() => this.#tellListeners());
      }
      throw new ArgumentError('ERR_ARENA_UNPREPARED', {
        owner: 'Arena.step',
        what: 'nothing is being trained',
        hint: 'call prepareTraining first',
      });
    });
  }

  /** Throws away the gradients since the last step, for a step that is begun again. */
  discard(): Promise<void> {
    return this.#inTurn(async () => this.#training?.discard());
  }

  /**
   * Draws dropout masks into shared memory, see {@link DropoutMasks.fill}; may run beside everything else but another
   * drawing. @returns views in the order of the jobs, good until the next call.
   */
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
    this.#training = undefined;
    this.#masks = undefined;
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  async #run(calls: readonly KernelCall[]): Promise<void> {
    await (await this.#startKernels()).run(calls);
  }

  /** The threads are started when first needed: a model that only predicts has none. */
  #startKernels(): Promise<Kernels> {
    if (this.#disposed) throw disposed();
    this.#kernels ??= Kernels.create({ threads: this.#threads });
    return this.#kernels;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#disposed) throw disposed();
      return work();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #placement(name: string): Placement {
    if (this.#disposed) throw disposed();
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

  #trainingOf(name: string): ArenaTraining {
    this.#placement(name);
    if (!this.#training) throw notTrained(name);
    return this.#training;
  }
}

function disposed(): ArgumentError {
  return new ArgumentError('ERR_ARENA_DISPOSED', { owner: 'Arena', what: 'this came after dispose()' });
}
