import { ArgumentError, FettleError, RunError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import type { Metrics } from '../../tasks/task.ts';
import type { Parameters, ParameterValue } from './space.ts';
import type { ClaimedTrial, Study, TrialEnd } from './study.ts';
import { bestTrial, type Trial } from './trial.ts';

/** What an objective comes to. */
export interface Outcome {
  readonly value: number;
  readonly metrics?: Metrics | undefined;
  /** It was ended early, as the pruner said. */
  readonly pruned?: boolean | undefined;
}

/** How trials are run. */
export interface RunTrialsOptions {
  /** Trials that the study is to have, those of other processes and earlier runs among them. */
  readonly nTrials: number;
  /** No trial begins after so many seconds. Default: no limit. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The parameters of a new trial. Default: what the sampler draws from the study's space. */
  readonly propose?: ((number: number, trials: readonly Trial[]) => Parameters) | undefined;
  /** Told of each trial that ended here. */
  readonly onTrial?: ((trial: Trial) => void) | undefined;
}

/** Errors that say something about the parameters, not about the program: the trial has failed, and the search goes on. */
const outcomes = ['ERR_NOT_FINITE', 'ERR_OUT_OF_MEMORY'];

/**
 * Runs trials until the study has as many as it is to have. A trial whose loss is not finite or that runs out of memory has
 * failed; any other error ends the search, and the trial is taken up again by the next one.
 */
export async function runTrials(
  study: Study,
  objective: (trial: ClaimedTrial) => Promise<Outcome>,
  options: RunTrialsOptions,
): Promise<void> {
  const { nTrials, timeout = Number.POSITIVE_INFINITY, signal, propose, onTrial } = options;
  const started = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    if ((performance.now() - started) / 1000 >= timeout) {
      log.info(`no further trial begins: the ${timeout} seconds of the search are over`);
      return;
    }
    const trial = await study.claim(nTrials, propose);
    if (trial === undefined) return;
    log.info(`trial ${trial.number}: ${describeParameters(trial.params)}`);
    const end = await runTrial(trial, objective, signal);
    onTrial?.({ ...trial, ...end });
    log.info(describeEnd(trial.number, end, bestTrial(await study.trials(), study.direction)));
  }
}

async function runTrial(
  trial: ClaimedTrial,
  objective: (trial: ClaimedTrial) => Promise<Outcome>,
  signal: AbortSignal | undefined,
): Promise<TrialEnd> {
  const started = performance.now();
  const seconds = () => Math.round(performance.now() - started) / 1000;
  let end: TrialEnd;
  try {
    const { value, metrics, pruned } = await objective(trial);
    if (typeof (value as unknown) !== 'number') {
      throw new ArgumentError('ERR_OBJECTIVE', { owner: 'search', what: 'the objective is no number', got: value });
    }
    if (!Number.isFinite(value)) {
      throw new RunError('ERR_NOT_FINITE', {
        owner: 'search',
        what: 'the objective is not finite',
        got: String(value),
      });
    }
    end = { state: pruned === true ? 'pruned' : 'complete', value, metrics, seconds: seconds() };
  } catch (error) {
    const code = error instanceof FettleError ? error.code : 'ERR_INTERNAL';
    const interrupted = signal?.aborted === true && error === signal.reason;
    const message = interrupted ? 'the search was stopped' : error instanceof Error ? error.message : String(error);
    const state = outcomes.includes(code) ? 'failed' : 'interrupted';
    end = { state, seconds: seconds(), error: { code: interrupted ? 'ERR_INTERRUPTED' : code, message } };
    if (state === 'interrupted') {
      await trial.end(end);
      throw error;
    }
  }
  await trial.end(end);
  return end;
}

/** `learning_rate 3.2e-5, per_device_train_batch_size 16` */
export function describeParameters(params: Parameters): string {
  return Object.entries(params)
    .map(([name, value]) => `${name} ${describeValue(value)}`)
    .join(', ');
}

/** A value as people read it: numbers with four digits. */
export function describeValue(value: ParameterValue): string {
  return typeof value === 'number' && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
}

function describeEnd(number: number, end: TrialEnd, best: ReturnType<typeof bestTrial>): string {
  const { state, value, seconds, error } = end;
  const came =
    state === 'failed'
      ? `failed, ${error?.message}`
      : `${describeValue(value ?? Number.NaN)}${state === 'pruned' ? ', pruned' : ''}`;
  const standing =
    best === undefined
      ? ''
      : best.number === number
        ? '; the best so far'
        : `; best so far ${describeValue(best.value)} of trial ${best.number}`;
  return `trial ${number}: ${came} (${seconds.toFixed(1)} s)${standing}`;
}
