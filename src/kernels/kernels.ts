import { createWorker, type PlatformWorker } from '#platform/workers';
import { EnvironmentError, RunError } from '../core/errors.ts';
import { kernelsBase64 } from './generated/kernels.ts';

/** The exported functions of src/kernels/assembly. */
export type KernelName =
  | 'accumulate'
  | 'adamw'
  | 'adamwTable'
  | 'dropoutMask'
  | 'scale'
  | 'scatterAddRows'
  | 'sgd'
  | 'sgdTable'
  | 'squaredNorm'
  | 'squaredNormRows'
  | 'touch'
  | 'zero'
  | 'zeroRows';

/** One call of a kernel, to be cut into slices of `grain` of its `length` units of work; the makers are in calls.ts. */
export interface KernelCall {
  readonly kernel: KernelName;
  /** The shared memory that all addresses among `args` are in. */
  readonly memory: WebAssembly.Memory;
  readonly length: number;
  readonly grain: number;
  readonly args: readonly number[];
}

/**
 * What every worker runs. Workers take slices off a shared counter, so a thread that the system disturbs holds up
 * nobody. Kernels of one batch may run in any order and at the same time.
 */
const workerSource = `
const instances = new Map();
receive((message) => {
  if (message.memory) {
    const { exports } = new WebAssembly.Instance(data.module, { env: { memory: message.memory } });
    instances.set(message.index, exports);
    return;
  }
  if (message.calls === undefined) {
    instances.delete(message.index);
    return;
  }
  let failure;
  try {
    const { calls, next } = message;
    let at = 0, before = 0;
    for (;;) {
      const slice = Atomics.add(next, 0, 1);
      while (at < calls.length && slice >= before + calls[at].slices) before += calls[at++].slices;
      if (at === calls.length) break;
      const { index, kernel, length, grain, args } = calls[at];
      const start = (slice - before) * grain;
      instances.get(index)[kernel](start, Math.min(start + grain, length), ...args);
    }
  } catch (error) {
    failure = String(error && error.message || error);
  }
  send({ batch: message.batch, failure });
});
`;

interface Pending {
  waiting: number;
  failure: string | undefined;
  resolve(): void;
  reject(error: Error): void;
}

/** What a forgotten pool leaves behind; holds nothing that would keep the pool itself alive. */
const forgotten = new FinalizationRegistry<PlatformWorker[]>((workers) => {
  for (const worker of workers) void worker.terminate();
});

/**
 * Threads that run the WebAssembly kernels over shared memories, never on the thread that asks. One pool serves any
 * number of memories. The threads do not keep the process alive, except while something is being waited for.
 */
export class Kernels {
  readonly #workers: PlatformWorker[];
  readonly #memories = new Map<WebAssembly.Memory, number>();
  readonly #pending: Map<number, Pending>;
  readonly #state: { broken: RunError | undefined };
  #nextBatch = 0;
  #nextMemory = 0;

  private constructor(workers: PlatformWorker[]) {
    const pending = new Map<number, Pending>();
    const state: { broken: RunError | undefined } = { broken: undefined };
    this.#workers = workers;
    this.#pending = pending;
    this.#state = state;
    // These handlers must not hold `this`: the workers hold them, and a forgotten pool could never be collected.
    for (const worker of workers) {
      worker.onMessage((message) => {
        const { batch, failure } = message as { batch: number; failure: string | undefined };
        const entry = pending.get(batch);
        if (!entry) return;
        entry.failure ??= failure;
        if (--entry.waiting > 0) return;
        pending.delete(batch);
        if (pending.size === 0) for (const idle of workers) idle.unref();
        if (entry.failure === undefined) entry.resolve();
        else entry.reject(kernelFailure(entry.failure));
      });
      worker.onFailure((error) => {
        state.broken ??= kernelFailure(error.message, error);
        failAll(pending, state.broken);
        for (const other of workers) other.unref();
      });
      worker.unref();
    }
    forgotten.register(this, workers, this);
  }

  /** Compiles the kernels and starts `threads` workers. */
  static async create({ threads }: { threads: number }): Promise<Kernels> {
    const binary = Uint8Array.from(atob(kernelsBase64), (character) => character.charCodeAt(0));
    const module = await WebAssembly.compile(binary);
    return new Kernels(Array.from({ length: Math.max(1, threads) }, () => createWorker(workerSource, { module })));
  }

  get threads(): number {
    return this.#workers.length;
  }

  /**
   * Runs calls, in any order and side by side: none may need another's result. A batch costs one message to each worker
   * and one back. Batches given one after the other without waiting may overlap.
   * @throws RunError where a kernel traps (an address outside its memory) or a worker breaks; a pool with a broken worker
   * is unfit from then on and says so at every call.
   */
  run(calls: readonly KernelCall[]): Promise<void> {
    if (this.#state.broken) return Promise.reject(this.#state.broken);
    const sent = calls
      .filter((call) => call.length > 0)
      .map(({ kernel, memory, length, grain, args }) => {
        const slices = Math.ceil(length / grain);
        return { kernel, index: this.#indexOf(memory), length, grain, args, slices };
      });
    const slices = sent.reduce((sum, call) => sum + call.slices, 0);
    if (slices === 0) return Promise.resolve();
    const workers = this.#workers.slice(0, slices);
    const batch = this.#nextBatch++;
    const next = new Int32Array(new SharedArrayBuffer(4));
    return new Promise((resolve, reject) => {
      this.#pending.set(batch, { waiting: workers.length, failure: undefined, resolve, reject });
      for (const worker of workers) {
        worker.ref();
        worker.postMessage({ batch, calls: sent, next });
      }
    });
  }

  #indexOf(memory: WebAssembly.Memory): number {
    let index = this.#memories.get(memory);
    if (index === undefined) {
      index = this.#nextMemory++;
      this.#memories.set(memory, index);
      for (const worker of this.#workers) worker.postMessage({ memory, index });
    }
    return index;
  }

  /** Lets go of a memory, so that it can be collected. Nothing happens where it was never used. */
  release(memory: WebAssembly.Memory): void {
    const index = this.#memories.get(memory);
    if (index === undefined) return;
    this.#memories.delete(memory);
    for (const worker of this.#workers) worker.postMessage({ index });
  }

  /** Ends the workers; what is still running is rejected. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#state.broken ??= new RunError('ERR_KERNELS_DISPOSED', {
      owner: 'Kernels',
      what: 'the kernels were disposed of',
    });
    failAll(this.#pending, this.#state.broken);
    forgotten.unregister(this);
    this.#memories.clear();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function failAll(pending: Map<number, Pending>, error: Error): void {
  const entries = [...pending.values()];
  pending.clear();
  for (const entry of entries) entry.reject(error);
}

function kernelFailure(message: string, cause?: Error): RunError {
  return new RunError('ERR_KERNEL_FAILED', {
    owner: 'Kernels',
    what: `a kernel's thread failed: ${message}`,
    hint: 'this is a fault of the library; please report it with the steps that led here',
    cause,
  });
}

/**
 * V8 does not count shared memories when it decides whether to collect garbage, so that dropped ones would pile up. Each
 * has a plain buffer, which is counted, for company; never written, it takes no memory itself.
 */
const counterweights = new WeakMap<WebAssembly.Memory, ArrayBuffer>();

/**
 * A shared WebAssembly memory of `bytes`, zeroed, that never grows, so that views of it stay good. Its pages take real
 * memory only once written.
 * @throws EnvironmentError where memory cannot be shared (a page without cross-origin isolation) or is not to be had.
 */
export function createSharedMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.max(1, Math.ceil(bytes / 65_536));
  if (typeof SharedArrayBuffer === 'undefined') {
    throw new EnvironmentError('ERR_NO_SHARED_MEMORY', {
      owner: 'createSharedMemory',
      what: 'this page may not share memory between threads',
      hint: 'serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
    });
  }
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    counterweights.set(memory, new ArrayBuffer(Math.min(bytes, 2 ** 28)));
    return memory;
  } catch (cause) {
    throw new EnvironmentError('ERR_OUT_OF_MEMORY', {
      owner: 'createSharedMemory',
      what: 'the system gives no memory of this size',
      got: `${Math.ceil(bytes / 2 ** 20)} MiB`,
      hint: 'use a smaller model or batch, or free memory',
      cause,
    });
  }
}
