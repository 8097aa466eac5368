import { filterLog } from '../../core/log.ts';

/**
 * What the trials of a search say: the first all of it, those after it only warnings that none before has said, since the
 * same is true of each.
 */
export class TrialLog {
  readonly #said = new Set<string>();
  #first = true;

  /** Whether no trial has ended yet, well or badly. */
  get first(): boolean {
    return this.#first;
  }

  /** Runs a trial's work. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const first = this.#first;
    const stop = filterLog((level, message) => {
      const keep = level === 'warn' ? !this.#said.has(message) : first;
      this.#said.add(message);
      return keep;
    });
    try {
      return await work();
    } finally {
      this.#first = false;
      stop();
    }
  }
}
