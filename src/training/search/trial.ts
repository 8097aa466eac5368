import type { Metrics } from '../../tasks/task.ts';
import type { Parameters } from './space.ts';

/** Which way the objective gets better. */
export type Direction = 'minimize' | 'maximize';

/**
 * How a trial stands: `running` here or in another process; `complete`; `pruned`, ended early as it was no good; `failed`;
 * `interrupted`, to be taken up again by the next search over the study.
 */
export type TrialState = 'running' | 'complete' | 'pruned' | 'failed' | 'interrupted';

/** The objective at one of a trial's evaluations. */
export interface TrialReport {
  /** The trial's how many-th evaluation, from 1. */
  readonly evaluation: number;
  /** The optimizer step that it followed. */
  readonly step: number;
  readonly value: number;
}

/** One set of hyperparameters and what came of it. */
export interface Trial {
  /** From 0, in the order in which the study began them. */
  readonly number: number;
  readonly state: TrialState;
  readonly params: Parameters;
  /** How often it was begun: more than once where a process died or was interrupted. */
  readonly attempt: number;
  readonly reports: readonly TrialReport[];
  /** The objective: of a pruned trial, at its last evaluation; of one that failed there is none. */
  readonly value?: number | undefined;
  readonly metrics?: Metrics | undefined;
  readonly seconds?: number | undefined;
  /** Why it failed or was interrupted. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** Objectives as something to make small. */
export function asLoss(value: number, direction: Direction): number {
  return direction === 'minimize' ? value : -value;
}

/** The best of the complete trials; undefined where there is none. Of equals, the earliest. */
export function bestTrial(
  trials: readonly Trial[],
  direction: Direction,
): (Trial & { readonly value: number }) | undefined {
  let best: (Trial & { readonly value: number }) | undefined;
  for (const trial of trials) {
    const { value } = trial;
    if (trial.state !== 'complete' || value === undefined) continue;
    if (best === undefined || asLoss(value, direction) < asLoss(best.value, direction)) best = { ...trial, value };
  }
  return best;
}
