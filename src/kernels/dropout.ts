import { adviseHugePages } from '#platform/memory';
import { ArgumentError } from '../core/errors.ts';
import { philox } from '../core/random.ts';
import { createSharedMemory, type KernelCall, type Kernels } from './kernels.ts';

interface DropoutSite {
  /** A number of its own for each place of the model where dropout stands. */
  readonly site: number;
  /** The share of units that is dropped, in [0, 1); rounded to a multiple of 2⁻¹⁶. */
  readonly probability: number;
  /** float32: 0 or 1 / (1 − probability). uint8: 0 or 1. Default float32. */
  readonly format?: 'float32' | 'uint8';
}

/** A mask [rows, width]: row r belongs to sample `samples[r]` of the global batch and stands at `positions[r]` of it. */
export interface RowsDropout extends DropoutSite {
  readonly kind: 'rows';
  readonly samples: Int32Array;
  readonly positions: Int32Array;
  readonly width: number;
}

/**
 * A mask [sequences, heads, queries, keys] of attention weights: sequence s belongs to sample `samples[s]`, its query
 * row q stands at `positions[s · queries + q]`; keys are the positions 0 … keys − 1.
 */
export interface AttentionDropout extends DropoutSite {
  readonly kind: 'attention';
  readonly samples: Int32Array;
  readonly positions: Int32Array;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
}

/** One dropout mask to be drawn. Positions must be below 65,536 (filler rows may carry any number). */
export type DropoutJob = RowsDropout | AttentionDropout;

/** What the masks of one optimizer step are a function of, apart from site, sample and position. */
export interface DropoutDraw {
  readonly seed: number;
  readonly step: number;
}

/** The key of the generator: the step's top bit keeps it apart from `RandomStream`'s, whose second word is below 2²¹. */
function keyOf({ seed, step }: DropoutDraw): [number, number] {
  return [(seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b9)) >>> 0, (step | 0x80000000) >>> 0];
}

/** Numbers below this, of 65,536, are dropped. */
const thresholdOf = (probability: number) => Math.round(probability * 65_536);

/** The number of elements of a job's mask. */
export function dropoutSize(job: DropoutJob): number {
  return job.kind === 'rows' ? job.samples.length * job.width : job.samples.length * job.heads * job.queries * job.keys;
}

/**
 * One mask element, computed plainly: the definition that the SIMD kernel is tested against. Philox4x32-10 with key
 * (seed, step) and counter (block of eight units, position and head, site, sample) gives eight 16-bit numbers; the
 * unit's own is the (unit mod 8)-th, low half of a word first. Attention's blocks of keys carry the top bit.
 * @param at `head` and `position` of a query and the key as `unit` for attention; `position` and `unit` for rows.
 */
export function dropoutKeeps(
  draw: DropoutDraw,
  job: { site: number; probability: number },
  at: { sample: number; position: number; unit: number; head?: number },
): boolean {
  const block = Math.floor(at.unit / 8);
  const words = philox(
    at.head === undefined
      ? [block, at.position >>> 0, job.site >>> 0, at.sample >>> 0]
      : [(block | 0x80000000) >>> 0, (at.position | (at.head << 16)) >>> 0, job.site >>> 0, at.sample >>> 0],
    keyOf(draw),
  );
  const word = words[(at.unit % 8) >> 1];
  return (at.unit % 2 === 0 ? word & 0xffff : word >>> 16) >= thresholdOf(job.probability);
}

const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** Bytes of one memory of masks: just under the 4 GiB that one can have. */
const largestMemory = 65_535 * 65_536;

/** Draws dropout masks into shared memory that is used again from step to step and replaced by a larger one when too small. */
export class DropoutMasks {
  readonly #kernels: Kernels;
  #memories: WebAssembly.Memory[] = [];

  constructor(kernels: Kernels) {
    this.#kernels = kernels;
  }

  /**
   * Fills one mask a job. Every element is a pure function of (seed, step, site, sample, position, unit or head and key):
   * the layout of the batch, its order and its rounding change nothing.
   * @returns views in the order of the jobs, good until the next call.
   * @throws ArgumentError where a probability is not in [0, 1) or positions and samples do not fit together.
   */
  async fill(draw: DropoutDraw, jobs: readonly DropoutJob[]): Promise<(Float32Array | Uint8Array)[]> {
    for (const job of jobs) validate(job);
    const [key0, key1] = keyOf(draw);
    // Layout: jobs in order, in as few memories as hold them; before each memory's masks the int32 arrays they read.
    const plans: { bytes: number; lists: Map<Int32Array, number>; masks: { job: DropoutJob; at: number }[] }[] = [];
    for (const job of jobs) {
      const maskBytes = aligned(dropoutSize(job) * (job.format === 'uint8' ? 1 : 4));
      let plan = plans.at(-1);
      if (
        !plan ||
        plan.bytes + maskBytes + aligned(job.samples.byteLength) + aligned(job.positions.byteLength) > largestMemory
      ) {
        plan = { bytes: 65_536, lists: new Map(), masks: [] };
        plans.push(plan);
      }
      for (const list of [job.samples, job.positions]) {
        if (plan.lists.has(list)) continue;
        plan.lists.set(list, plan.bytes);
        plan.bytes += aligned(list.byteLength);
      }
      plan.masks.push({ job, at: plan.bytes });
      plan.bytes += maskBytes;
    }

    const calls: KernelCall[] = [];
    const views: (Float32Array | Uint8Array)[] = [];
    for (const [i, plan] of plans.entries()) {
      const memory = await this.#memoryFor(i, plan.bytes);
      for (const [list, at] of plan.lists) new Int32Array(memory.buffer, at, list.length).set(list);
      for (const { job, at } of plan.masks) {
        const bytes = job.format === 'uint8';
        const attention = job.kind === 'attention';
        const width = attention ? job.keys : job.width;
        const size = dropoutSize(job);
        views.push(bytes ? new Uint8Array(memory.buffer, at, size) : new Float32Array(memory.buffer, at, size));
        calls.push({
          kernel: 'dropoutMask',
          memory,
          length: width === 0 ? 0 : size / width,
          grain: Math.max(1, Math.ceil(65_536 / width)),
          args: [
            at,
            width,
            plan.lists.get(job.samples)!,
            plan.lists.get(job.positions)!,
            attention ? job.heads : 0,
            attention ? job.queries : 0,
            job.site,
            key0,
            key1,
            thresholdOf(job.probability),
            1 / (1 - job.probability),
            bytes ? 1 : 0,
          ],
        });
      }
    }
    await this.#kernels.run(calls);
    return views;
  }

  async #memoryFor(index: number, bytes: number): Promise<WebAssembly.Memory> {
    const held = this.#memories[index];
    if (held && held.buffer.byteLength >= bytes) return held;
    if (held) this.#kernels.release(held);
    // Half as much again: batches vary, and room never written takes no real memory.
    const memory = createSharedMemory(Math.min(largestMemory, Math.max(bytes, bytes * 1.5)));
    this.#memories[index] = memory;
    await adviseHugePages(memory.buffer, 0, bytes);
    return memory;
  }

  /** Lets go of the memory; views given out stay good. */
  release(): void {
    for (const memory of this.#memories) this.#kernels.release(memory);
    this.#memories = [];
  }
}

function validate(job: DropoutJob): void {
  if (!(job.probability >= 0 && job.probability < 1) || thresholdOf(job.probability) > 65_535) {
    throw new ArgumentError('ERR_DROPOUT_PROBABILITY', {
      owner: 'DropoutMasks',
      what: 'a dropout probability is out of range',
      got: job.probability,
      expected: '0 ≤ probability < 1',
    });
  }
  const positions = job.kind === 'rows' ? job.samples.length : job.samples.length * job.queries;
  if (job.positions.length !== positions) {
    throw new ArgumentError('ERR_DROPOUT_LAYOUT', {
      owner: 'DropoutMasks',
      what: 'samples and positions do not fit together',
      got: `${job.positions.length} positions`,
      expected: `${positions}`,
    });
  }
  if (dropoutSize(job) * 4 > largestMemory - 2 ** 24) {
    throw new ArgumentError('ERR_DROPOUT_SIZE', {
      owner: 'DropoutMasks',
      what: 'one dropout mask does not fit in 4 GiB',
      got: `${dropoutSize(job)} elements`,
      hint: 'use a smaller batch or shorter sequences',
    });
  }
}
