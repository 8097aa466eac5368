import { adviseHugePages } from '#platform/memory';
import { byteSize } from '../core/dtypes.ts';
import { ArgumentError } from '../core/errors.ts';
import { bfloat16ToFloat32 } from '../formats/half.ts';
import {
  accumulate,
  type GradientType,
  normBlock,
  scatterAddRows,
  squaredNorm,
  squaredNormRows,
  touch,
  zero,
  zeroRows,
} from '../kernels/calls.ts';
import type { KernelCall } from '../kernels/kernels.ts';
import { align, bookkeepingOf, type Placement, type Shard } from './arenaLayout.ts';
import type { Optimizer } from './optimizers.ts';

/** How one parameter is trained. */
export interface OptimizedParameter {
  readonly name: string;
  readonly weightDecay: number;
  /** Multiplies the step's learning rate. */
  readonly learningRateScale: number;
  /** The gradient comes as rows of a table with their ids (`Arena.addRows`), not as a whole. */
  readonly rowGradient: boolean;
}

/** How gradients come. */
export interface GradientOptions {
  /** Whether there is a second buffer for gradients, which is added to the first. */
  readonly accumulate: boolean;
  /** What the engine writes those in that come whole; float32 by default. What is added up is float32 in any case. */
  readonly gradientType?: GradientType | undefined;
  /** How many arrays the optimizer keeps beside each weight; 2 by default. */
  readonly stateArrays?: number | undefined;
}

/** Where an engine writes a gradient. */
export type GradientTarget =
  | { readonly type: 'float32'; readonly data: Float32Array }
  | { readonly type: 'bfloat16'; readonly data: Uint16Array };

/** One step of an optimizer. */
export interface OptimizerStep {
  readonly optimizer: Optimizer;
  readonly learningRate: number;
  /** Gradients are scaled down to this global L2 norm where theirs is larger; 0: no clipping. */
  readonly maxGradNorm: number;
  /** Which step this is, from 1. */
  readonly step: number;
  /** The parameters that are updated, each with which step this is for it; where absent, all of them with `step`. */
  readonly steps?: ReadonlyMap<string, number> | undefined;
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

type Run = (calls: readonly KernelCall[]) => Promise<void>;

/** Row flags, as the kernels of tables read them. */
const hasMoments = 1;
const hasGradient = 2;

/**
 * Gradients and moments of the parameters in training, and what is done with them: the part of an `Arena` that is laid
 * out anew by each `prepareTraining`. All work goes through `run`, which hands kernel calls to other threads.
 */
export class ArenaTraining {
  readonly #shards: readonly Shard[];
  readonly #memories: readonly WebAssembly.Memory[];
  readonly #trained: ReadonlyMap<string, Trained>;
  readonly #accumulate: boolean;
  readonly #gradientType: GradientType;
  readonly #stateArrays: number;
  /** Bytes of all arrays in each shard's regions, and of the dense ones, which come first. */
  readonly #used: readonly number[];
  readonly #dense: readonly number[];
  readonly #run: Run;

  /** Lays out the parameters asked for in the arena's order, dense gradients first, so that those lie in one piece. */
  constructor(
    arena: { placements: Iterable<Placement>; shards: readonly Shard[]; memories: readonly WebAssembly.Memory[] },
    parameters: readonly OptimizedParameter[],
    options: GradientOptions & { run: Run },
  ) {
    const { shards, memories } = arena;
    const { accumulate, gradientType = 'float32', stateArrays = 2 } = options;
    if (accumulate && gradientType !== 'float32') {
      throw new ArgumentError('ERR_ARENA_GRADIENT_TYPE', {
        owner: 'Arena.prepareTraining',
        what: 'gradients that are added up must not be rounded before',
        got: gradientType,
        expected: "gradientType 'float32' where accumulate is true",
      });
    }
    const asked = new Map(parameters.map((parameter) => [parameter.name, parameter]));
    const twice = parameters.find((parameter) => asked.get(parameter.name) !== parameter);
    if (twice) {
      throw new ArgumentError('ERR_ARENA_PARAMETER', {
        owner: 'Arena.prepareTraining',
        what: 'a parameter comes twice',
        got: twice.name,
      });
    }
    const places = [...arena.placements].filter((place) => asked.has(place.name));
    const isTable = (place: Placement) => asked.get(place.name)!.rowGradient;
    const used = shards.map(() => 0);
    const books = shards.map((shard) => shard.bookkeeping);
    const layOut = (place: Placement): Trained => {
      const shard = shards[place.shard];
      if (!shard.trainable) {
        throw new ArgumentError('ERR_ARENA_NOT_TRAINABLE', {
          owner: 'Arena.prepareTraining',
          what: `there is no room for gradient and moments of '${place.name}' beside it`,
          got: `${4 * place.count} bytes`,
          hint: 'freeze this parameter, or create the arena with training: true',
        });
      }
      const offset = used[place.shard];
      const partials = books[place.shard];
      const sizes = bookkeepingOf(place.count, place.rows);
      used[place.shard] += align(4 * place.count);
      books[place.shard] += sizes.partials + sizes.ids + sizes.flags;
      return {
        ...asked.get(place.name)!,
        place,
        memory: memories[place.shard],
        gradient: shard.gradient + (isTable(place) ? offset : (offset * byteSize(gradientType)) / 4),
        incoming: shard.incoming + offset,
        first: shard.first + offset,
        second: shard.second + offset,
        partials,
        ids: partials + sizes.partials,
        flags: partials + sizes.partials + sizes.ids,
        touched: [],
      };
    };
    const dense = places.filter((place) => !isTable(place)).map(layOut);
    this.#dense = [...used];
    const tables = places.filter(isTable).map(layOut);
    this.#used = used;
    this.#trained = new Map([...dense, ...tables].map((entry) => [entry.name, entry]));
    this.#shards = shards;
    this.#memories = memories;
    this.#accumulate = accumulate;
    this.#gradientType = gradientType;
    this.#stateArrays = stateArrays;
    this.#run = options.run;
  }

  /** Asks for huge pages, except for tables: of those only the pages of touched rows shall take memory. */
  async adviseHugePages(): Promise<void> {
    for (const { memory, target, bytes } of this.#denseRegions(this.#accumulate))
      await adviseHugePages(memory.buffer, target, target + bytes);
  }

  /** Has the system find the pages of what every step writes, which the first step would otherwise wait for. */
  touchAhead(): Promise<void> {
    return this.#run(this.#denseRegions(false).map(({ memory, ...region }) => touch(memory, region)));
  }

  /**
   * Where dense gradients and the optimizer's arrays lie.
   * @param withIncoming also the second buffer for gradients, which only further micro-batches write.
   */
  #denseRegions(withIncoming: boolean) {
    return this.#shards.flatMap(({ gradient, incoming, first, second }, i) => {
      const [memory, bytes] = [this.#memories[i], this.#dense[i]];
      const gradientBytes = (bytes / 4) * byteSize(this.#gradientType);
      const others = [...(withIncoming ? [incoming] : []), ...[first, second].slice(0, this.#stateArrays)];
      return [
        { memory, target: gradient, bytes: gradientBytes },
        ...others.map((target) => ({ memory, target, bytes })),
      ].filter((region) => region.bytes > 0);
    });
  }

  /** Zeroes all that this training has written, as a fresh memory is. */
  clear(): Promise<void> {
    return this.#run(
      this.#shards.flatMap((shard, i) => [
        ...[shard.gradient, shard.first, shard.second, ...(this.#accumulate ? [shard.incoming] : [])].map((target) =>
          zero(this.#memories[i], { target, count: this.#used[i] / 4 }),
        ),
        zero(this.#memories[i], { target: shard.bookkeeping, count: shard.bookkeepingBytes / 4 }),
      ]),
    );
  }

  gradientTarget(name: string): GradientTarget {
    const entry = this.#entry(name);
    if (entry.rowGradient || this.#gradientType === 'float32')
      return { type: 'float32', data: view(entry, 'gradient') };
    return { type: 'bfloat16', data: new Uint16Array(entry.memory.buffer, entry.gradient, entry.place.count) };
  }

  gradient(name: string): Float32Array {
    const { type, data } = this.gradientTarget(name);
    return type === 'float32' ? data : bfloat16ToFloat32(data);
  }

  incoming(name: string): Float32Array {
    const entry = this.#entry(name);
    if (!this.#accumulate || entry.rowGradient) {
      throw new ArgumentError('ERR_ARENA_INCOMING', {
        owner: 'Arena.incoming',
        what: `'${name}' has no second gradient buffer`,
        hint: entry.rowGradient ? 'use addRows' : 'use prepareTraining with accumulate: true',
      });
    }
    return view(entry, 'incoming');
  }

  moments(name: string): { first: Float32Array; second: Float32Array } {
    const entry = this.#entry(name);
    return { first: view(entry, 'first'), second: view(entry, 'second') };
  }

  setMoments(name: string, moments: { first: Float32Array; second?: Float32Array | undefined }): void {
    const entry = this.#entry(name);
    const { rows, width, count } = entry.place;
    const given = [moments.first, moments.second].filter((each) => each !== undefined);
    if (given.some(({ length }) => length !== count)) {
      throw new ArgumentError('ERR_ARENA_MOMENTS', {
        owner: 'Arena.setMoments',
        what: `the moments of '${name}' do not fit`,
        got: `${given.map(({ length }) => length).join(' and ')} elements`,
        expected: `${count}`,
      });
    }
    const both = this.moments(name);
    // What an optimizer does not use stays unwritten: it takes no memory then.
    const targets = [both.first, both.second].slice(0, given.length);
    if (!entry.rowGradient) {
      targets.forEach((target, i) => {
        target.set(given[i]);
      });
      return;
    }
    const flags = flagsOf(entry);
    for (let row = 0; row < rows; row++) {
      const parts = given.map((each) => each.subarray(row * width, (row + 1) * width));
      const active = parts.some((part) => part.some((x) => x !== 0));
      // Rows that have no moments and get none stay unwritten: their pages take no memory.
      if (!active && !(flags[row] & hasMoments)) continue;
      targets.forEach((target, i) => {
        target.set(parts[i], row * width);
      });
      flags[row] = (flags[row] & hasGradient) | (active ? hasMoments : 0);
    }
  }

  denseGradients(): (Float32Array | Uint16Array)[] {
    const Type = this.#gradientType === 'float32' ? Float32Array : Uint16Array;
    return this.#shards.flatMap((shard, i) =>
      this.#dense[i] === 0 ? [] : [new Type(this.#memories[i].buffer, shard.gradient, this.#dense[i] / 4)],
    );
  }

  addIncoming(): Promise<void> {
    if (!this.#accumulate) return Promise.resolve();
    return this.#run(
      this.#shards.map(({ gradient, incoming }, i) =>
        accumulate(this.#memories[i], { target: gradient, source: incoming, count: this.#dense[i] / 4 }),
      ),
    );
  }

  async addRows(name: string, ids: Int32Array | BigInt64Array, rows: Float32Array): Promise<void> {
    const entry = this.#entry(name);
    const { place, memory } = entry;
    const refuse = (what: string, got: unknown, expected: string) =>
      new ArgumentError('ERR_ARENA_ROWS', { owner: 'Arena.addRows', what, got, expected });
    if (!entry.rowGradient) {
      throw new ArgumentError('ERR_ARENA_TABLE', {
        owner: 'Arena.addRows',
        what: `'${name}' does not take its gradient as rows`,
        hint: 'set rowGradient for it in prepareTraining',
      });
    }
    if (rows.length !== ids.length * place.width) {
      const got = `${rows.length} numbers for ${ids.length} ids`;
      throw refuse(`ids and rows for '${name}' do not fit together`, got, `${ids.length * place.width}`);
    }
    for (const id of ids) {
      if (id < 0 || id >= place.rows) throw refuse(`'${name}' has no such row`, id, `0 to ${place.rows - 1}`);
    }
    const flags = flagsOf(entry);
    const { scratch, scratchBytes } = this.#shards[place.shard];
    const atOnce = Math.floor((scratchBytes - 64) / (4 * place.width + 4));
    for (let from = 0; from < ids.length; from += atOnce) {
      const rowCount = Math.min(atOnce, ids.length - from);
      const scratchIds = new Uint32Array(memory.buffer, scratch, rowCount);
      for (let i = 0; i < rowCount; i++) {
        const id = Number(ids[from + i]);
        scratchIds[i] = id;
        if (flags[id] & hasGradient) continue;
        flags[id] |= hasGradient;
        entry.touched.push(id);
      }
      const scratchRows = scratch + align(4 * rowCount);
      const { width } = place;
      new Float32Array(memory.buffer, scratchRows, rowCount * width).set(
        rows.subarray(from * width, (from + rowCount) * width),
      );
      await this.#run([
        scatterAddRows(memory, { table: entry.gradient, rows: scratchRows, ids: scratch, rowCount, width }),
      ]);
    }
  }

  async step(options: OptimizerStep): Promise<{ gradientNorm: number }> {
    const { steps } = options;
    const all = [...this.#trained.values()];
    const trained = steps === undefined ? all : all.filter(({ name }) => steps.has(name));
    const gradientNorm = Math.sqrt(await this.#squaredNorm(trained));
    if (Number.isFinite(gradientNorm)) {
      const clip = options.maxGradNorm > 0 ? Math.min(1, options.maxGradNorm / (gradientNorm + 1e-6)) : 1;
      const own = (name: string) => ({ ...options, step: steps?.get(name) ?? options.step });
      await this.#run(trained.map((entry) => this.#updateOf(entry, own(entry.name), clip)));
      for (const entry of trained) entry.touched.length = 0;
    } else await this.#forgetRows();
    return { gradientNorm };
  }

  /** Throws away the gradients since the last step. Dense ones need nothing: the next pass writes them anew. */
  async discard(): Promise<void> {
    for (const { memory, ids, touched } of this.#trained.values())
      new Uint32Array(memory.buffer, ids, touched.length).set(touched);
    await this.#forgetRows();
  }

  /** Zeroes the touched rows of tables, whose numbers stand in `ids`. */
  async #forgetRows(): Promise<void> {
    const trained = [...this.#trained.values()];
    await this.#run(
      trained.map(({ memory, gradient, ids, touched, place }) =>
        zeroRows(memory, { table: gradient, ids, rowCount: touched.length, width: place.width }),
      ),
    );
    for (const entry of trained) {
      const flags = flagsOf(entry);
      for (const row of entry.touched) flags[row] &= hasMoments;
      entry.touched.length = 0;
    }
  }

  /** The sum of the partial sums in a fixed order: parameter by parameter, block by block or touched row by row. */
  async #squaredNorm(trained: readonly Trained[]): Promise<number> {
    const calls: KernelCall[] = [];
    const parts: Float64Array[] = [];
    for (const { memory, gradient, partials, ids, touched, place, rowGradient } of trained) {
      const sums = rowGradient ? touched.length : Math.ceil(place.count / normBlock);
      parts.push(new Float64Array(memory.buffer, partials, sums));
      if (rowGradient) {
        touched.sort((a, b) => a - b);
        new Uint32Array(memory.buffer, ids, sums).set(touched);
        calls.push(squaredNormRows(memory, { table: gradient, ids, rowCount: sums, width: place.width, partials }));
      } else {
        calls.push(squaredNorm(memory, { values: gradient, type: this.#gradientType, count: place.count, partials }));
      }
    }
    await this.#run(calls);
    let sum = 0;
    for (const part of parts) for (const partial of part) sum += partial;
    return sum;
  }

  #updateOf(entry: Trained, options: OptimizerStep, gradientScale: number): KernelCall {
    const { memory, gradient, first, second, flags, place, weightDecay, learningRateScale } = entry;
    const { weight, count, rows, width } = place;
    const { optimizer, step } = options;
    const share = { learningRate: options.learningRate * learningRateScale, weightDecay, gradientScale, step };
    const arrays = { memory, weight, gradient, first, second };
    return entry.rowGradient
      ? optimizer.updateTable({ ...arrays, flags, rows, width }, share)
      : optimizer.update({ ...arrays, count, gradientType: this.#gradientType }, share);
  }

  #entry(name: string): Trained {
    const entry = this.#trained.get(name);
    if (entry) return entry;
    throw notTrained(name);
  }
}

/** The error for a parameter that has no gradient. */
export function notTrained(name: string): ArgumentError {
  return new ArgumentError('ERR_ARENA_FROZEN', {
    owner: 'Arena',
    what: `'${name}' is not being trained`,
    hint: 'name it in prepareTraining',
  });
}

function view(entry: Trained, array: 'gradient' | 'incoming' | 'first' | 'second'): Float32Array {
  return new Float32Array(entry.memory.buffer, entry[array], entry.place.count);
}

function flagsOf(entry: Trained): Uint8Array {
  return new Uint8Array(entry.memory.buffer, entry.flags, entry.place.rows);
}
