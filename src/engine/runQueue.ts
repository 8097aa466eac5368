import { RunError } from '../core/errors.ts';

/**
 * The order of a session's runs: one after the other, as they were called, each whatever became of those before it;
 * what frees the session comes after them all.
 */
export class RunQueue {
  readonly #owner: string;
  /** Settles when all runs called so far have ended; never rejects. */
  #last: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** @param owner who refuses a run that comes too late: `'OnnxRuntimeSession.run'`. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Runs `work` when all before it have ended. Rejects with a RunError `ERR_ENGINE_DISPOSED` once closed. */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      const error = new RunError('ERR_ENGINE_DISPOSED', {
        owner: this.#owner,
        what: 'this session was disposed',
        hint: 'create another one, or dispose it later',
      });
      return Promise.reject(error);
    }
    const result = this.#last.then(work);
    this.#last = result.then(ignore, ignore);
    return result;
  }

  /** Whether it takes no further runs. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Takes no further runs, and calls `free` once when those called before have ended. */
  close(free: () => Promise<void>): Promise<void> {
    this.#closed ??= this.#last.then(free);
    return this.#closed;
  }
}

function ignore(): void {}
