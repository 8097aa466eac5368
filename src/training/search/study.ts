import { ArgumentError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import type { Metrics } from '../../tasks/task.ts';
import type { Pruner } from './pruners.ts';
import type { Sampler } from './samplers.ts';
import { describeDistribution, type Parameters, type SearchSpace } from './space.ts';
import { type StudyHeader, type StudyRecord, trialsOf } from './studyRecords.ts';
import { memoryStore, type StudyStore, thisProcess } from './studyStore.ts';
import type { Direction, Trial, TrialReport } from './trial.ts';

/** A trial whose process died is begun so often at most; then it counts as failed. */
const mostAttempts = 3;

/** What a study is made of. */
export interface StudyOptions {
  readonly direction: Direction;
  readonly sampler: Sampler;
  /** Default: none. */
  readonly pruner?: Pruner | undefined;
  readonly seed: number;
  /** null where `propose` asks for parameters one by one. */
  readonly space: SearchSpace | null;
  /** The objective in words. */
  readonly objective: string;
  /** The training options that all trials share. */
  readonly args?: Readonly<Record<string, unknown>> | undefined;
  /** Default: in memory. */
  readonly store?: StudyStore | undefined;
}

/** How a trial ended. */
export interface TrialEnd {
  readonly state: 'complete' | 'pruned' | 'failed' | 'interrupted';
  readonly value?: number | undefined;
  readonly metrics?: Metrics | undefined;
  readonly seconds: number;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** A trial that this process is at work on. */
export interface ClaimedTrial extends Trial {
  /** Notes an evaluation. @returns whether the pruner ends the trial. */
  report(report: TrialReport): Promise<boolean>;
  /** Notes how it ended, and lets go of it. */
  end(end: TrialEnd): Promise<void>;
}

/**
 * Trials and their outcomes: append-only records, in memory or in a file that several processes share. What is drawn for a
 * trial depends on the seed, its number and the trials before it alone, so one process that is stopped and goes on ends with
 * the study of one that never stopped.
 */
export class Study {
  readonly #options: StudyOptions;
  readonly #store: StudyStore;

  private constructor(options: StudyOptions, store: StudyStore) {
    this.#options = options;
    this.#store = store;
  }

  /**
   * Opens a study, or goes on with the one that stands in the store.
   * @throws ArgumentError where that one is about something else; DataError where the file is no study.
   */
  static async open(options: StudyOptions): Promise<Study> {
    const { store = memoryStore(), direction, objective, sampler, pruner, seed, space, args = {} } = options;
    const header: StudyHeader = {
      type: 'study',
      version: 1,
      direction,
      objective,
      sampler: sampler.name,
      pruner: pruner?.name ?? 'none',
      seed,
      space,
      args,
    };
    const study = new Study(options, store);
    await store.open(async ({ records, append }) => {
      const [first] = records;
      if (first === undefined) return append(header);
      compareStudies(store.name, first as StudyHeader, header);
      log.info(`[study] going on with ${store.name}: ${describeStates(trialsOf(records))}`);
    });
    return study;
  }

  get direction(): Direction {
    return this.#options.direction;
  }

  /** All trials so far, by number. */
  async trials(): Promise<readonly Trial[]> {
    return this.#store.open(async ({ records }) => trialsOf(records));
  }

  /**
   * The next trial: one that a process left unfinished, or a new one while there are fewer than `nTrials`.
   * @param propose the parameters of a new trial; by default, what the sampler draws from the space.
   * @returns undefined where nothing is left to do here; other processes may still be at work.
   */
  claim(
    nTrials: number,
    propose: (number: number, trials: readonly Trial[]) => Parameters = (number, trials) =>
      this.sample(this.#options.space ?? {}, number, trials),
  ): Promise<ClaimedTrial | undefined> {
    return this.#store.open(async ({ records, append }) => {
      const trials = trialsOf(records);
      const left = await this.#unfinished(trials, append);
      const next = Math.max(-1, ...trials.map(({ number }) => number)) + 1;
      if (left === undefined && trials.length >= nTrials) return undefined;
      const { number, attempt, params } =
        left === undefined
          ? { number: next, attempt: 1, params: propose(next, trials) }
          : { ...left, attempt: left.attempt + 1 };
      const release = await this.#store.hold(number);
      const time = new Date().toISOString();
      await append({ type: 'begin', number, attempt, params, ...thisProcess(), time });
      return this.#claimed({ number, attempt, params, state: 'running', reports: [] }, release);
    });
  }

  /** Draws parameters for a trial from a space. */
  sample(space: SearchSpace, number: number, trials: readonly Trial[]): Parameters {
    const { sampler, direction, seed } = this.#options;
    return sampler.sample({ space, trials, direction, seed, number });
  }

  /** The first trial whose process is gone, or that was interrupted. */
  async #unfinished(
    trials: readonly Trial[],
    append: (record: StudyRecord) => Promise<void>,
  ): Promise<Trial | undefined> {
    for (const trial of trials) {
      const { number, attempt, state } = trial;
      if (state === 'interrupted') return trial;
      if (state !== 'running' || (await this.#store.isHeld(number))) continue;
      if (attempt < mostAttempts) {
        log.info(`[study] the process of trial ${number} is gone: the trial begins anew with the same parameters`);
        return trial;
      }
      const message = `its process died ${attempt} times`;
      log.warn(`[study] trial ${number} counts as failed: ${message}`);
      await append({
        type: 'end',
        number,
        attempt,
        state: 'failed',
        seconds: 0,
        error: { code: 'ERR_TRIAL_KILLED', message },
      });
    }
    return undefined;
  }

  #claimed(trial: Trial, release: () => Promise<void>): ClaimedTrial {
    const { number, attempt } = trial;
    return {
      ...trial,
      report: (report) =>
        this.#store.open(async ({ records, append }) => {
          await append({ type: 'report', number, attempt, ...report });
          const trials = trialsOf(records);
          const own = trials.find((each) => each.number === number);
          const others = trials.filter((each) => each.number !== number);
          return own !== undefined && (this.#options.pruner?.shouldPrune(own, others, this.direction) ?? false);
        }),
      end: async (end) => {
        await this.#store.open(({ append }) => append({ type: 'end', number, attempt, ...end }));
        await release();
      },
    };
  }
}

/** `12 trials complete, 3 pruned` */
export function describeStates(trials: readonly Trial[]): string {
  const states = ['complete', 'pruned', 'failed', 'interrupted', 'running'] as const;
  const counts = states
    .map((state) => ({ state, count: trials.filter((trial) => trial.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`);
  return `${trials.length} trial${trials.length === 1 ? '' : 's'}${counts.length === 0 ? '' : ` (${counts.join(', ')})`}`;
}

/** @throws ArgumentError where trials of one study would not mean what those of the other do; says what else differs. */
function compareStudies(name: string, old: StudyHeader, now: StudyHeader): void {
  const refuse = (what: string, before: string, given: string) =>
    new ArgumentError('ERR_STUDY_DIFFERS', {
      owner: 'study',
      what: `the study is there and has another ${what}`,
      got: given,
      expected: before,
      file: name,
      hint: 'go on with the same, or choose another file',
    });
  if (old.direction !== now.direction) throw refuse('direction', old.direction, now.direction);
  if (old.objective !== now.objective) throw refuse('objective', old.objective, now.objective);
  if (describeSpace(old.space) !== describeSpace(now.space))
    throw refuse('space', describeSpace(old.space), describeSpace(now.space));
  for (const what of ['sampler', 'pruner', 'seed'] as const)
    if (old[what] !== now[what]) log.info(`[study] ${what} ${now[what]} in place of ${old[what]} from here on`);
  const differing = [...new Set([...Object.keys(old.args), ...Object.keys(now.args)])].filter(
    (each) => JSON.stringify(old.args[each] ?? null) !== JSON.stringify(now.args[each] ?? null),
  );
  if (differing.length > 0) {
    const list = differing.map(
      (each) => `${each}: ${JSON.stringify(old.args[each] ?? null)}, now ${JSON.stringify(now.args[each] ?? null)}`,
    );
    log.warn(`[study] trials before and after this are not alike: ${list.join('; ')}`);
  }
}

function describeSpace(space: SearchSpace | null): string {
  if (space === null) return 'a function';
  return Object.entries(space)
    .map(([name, distribution]) => `${name}=${describeDistribution(distribution)}`)
    .sort()
    .join(' ');
}
