import { ArgumentError } from '../../core/errors.ts';
import { asLoss, type Direction, type Trial } from './trial.ts';

/** What ends trials early that are no good. Evaluations are counted within a trial, from 1. */
export interface Pruner {
  readonly name: string;
  /** Whether a trial that has just reported is to end. @param others every other trial of the study. */
  shouldPrune(trial: Trial, others: readonly Trial[], direction: Direction): boolean;
}

/** How {@link medianPruner} judges; the defaults are Optuna's. */
export interface MedianPrunerOptions {
  /** Complete trials before anything is pruned. Default 5. */
  readonly nStartupTrials?: number;
  /** Evaluations of a trial that are not judged. Default 0. */
  readonly nWarmupSteps?: number;
  /** Of a trial, every so many-th evaluation is judged. Default 1. */
  readonly intervalSteps?: number;
}

/** How {@link ashaPruner} judges. */
export interface AshaPrunerOptions {
  /** Evaluations before the first rung. Default 1. */
  readonly minResource?: number;
  /** One in so many goes on to the next rung, which is so many times as far up. Default 4. */
  readonly reductionFactor?: number;
  /** Rungs at the bottom that are left out. Default 0. */
  readonly minEarlyStoppingRate?: number;
}

/**
 * Ends a trial whose best objective so far is worse than the median of complete trials at the same evaluation (Golovin et al.
 * 2017, "Google Vizier", §3.2; Optuna's MedianPruner).
 * @throws ArgumentError for options out of range.
 */
export function medianPruner(options: MedianPrunerOptions = {}): Pruner {
  const { nStartupTrials = 5, nWarmupSteps = 0, intervalSteps = 1 } = options;
  check(
    'medianPruner',
    { nStartupTrials, nWarmupSteps, intervalSteps },
    { nStartupTrials: 0, nWarmupSteps: 0, intervalSteps: 1 },
  );
  return {
    name: 'median',
    shouldPrune({ reports }, others, direction) {
      const complete = others.filter(({ state }) => state === 'complete');
      const now = reports.at(-1)?.evaluation;
      if (now === undefined || complete.length < Math.max(1, nStartupTrials)) return false;
      if (now <= nWarmupSteps || (now - nWarmupSteps - 1) % intervalSteps !== 0) return false;
      const losses = reports.map(({ value }) => asLoss(value, direction)).filter((loss) => !Number.isNaN(loss));
      if (losses.length === 0) return true;
      const theirs = complete
        .map((trial) => trial.reports.find(({ evaluation }) => evaluation === now))
        .filter((report) => report !== undefined)
        .map(({ value }) => asLoss(value, direction));
      return theirs.length > 0 && Math.min(...losses) > median(theirs);
    },
  };
}

/**
 * Asynchronous successive halving (Li et al. 2020, "A system for massively parallel hyperparameter tuning"): a trial that
 * comes to a rung, at minResource · reductionFactor^i evaluations, goes on only if it is among the best 1 in reductionFactor
 * of all that have come there so far; while these are fewer than reductionFactor, only if it is the best of them.
 * @throws ArgumentError for options out of range.
 */
export function ashaPruner(options: AshaPrunerOptions = {}): Pruner {
  const { minResource = 1, reductionFactor = 4, minEarlyStoppingRate = 0 } = options;
  check(
    'ashaPruner',
    { minResource, reductionFactor, minEarlyStoppingRate },
    { minResource: 1, reductionFactor: 2, minEarlyStoppingRate: 0 },
  );
  return {
    name: 'asha',
    shouldPrune({ reports }, others, direction) {
      const last = reports.at(-1);
      if (last === undefined) return false;
      // Every evaluation is told, so a trial meets each rung, and was judged at those below.
      let rung = minResource * reductionFactor ** minEarlyStoppingRate;
      while (rung < last.evaluation) rung *= reductionFactor;
      if (rung !== last.evaluation) return false;
      if (Number.isNaN(last.value)) return true;
      const here = asLoss(last.value, direction);
      const theirs = others
        .map((trial) => trial.reports.find(({ evaluation }) => evaluation === rung)?.value)
        .filter((value) => value !== undefined && !Number.isNaN(value))
        .map((value) => asLoss(Number(value), direction));
      const sorted = [...theirs, here].sort((a, b) => a - b);
      const promoted = Math.max(1, Math.floor(sorted.length / reductionFactor));
      return here > sorted[promoted - 1];
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

function check(owner: string, given: Readonly<Record<string, number>>, least: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (Number.isInteger(value) && value >= least[name]) continue;
    throw new ArgumentError('ERR_PRUNER', {
      owner,
      what: `'${name}' has a wrong value`,
      got: value,
      expected: `a whole number of at least ${least[name]}`,
    });
  }
}
