import { ArgumentError, didYouMean } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import type { Metrics } from '../../tasks/task.ts';
import { gridSampler } from './gridSampler.ts';
import { ashaPruner, medianPruner, type Pruner } from './pruners.ts';
import { randomSampler, type Sampler } from './samplers.ts';
import type { SearchSpace } from './space.ts';
import { tpeSampler } from './tpeSampler.ts';
import type { TrainingSpace, TrainingSpaceFunction } from './trainingSpace.ts';
import type { Direction, Trial } from './trial.ts';

/** In messages. */
const owner = 'hyperparameterSearch';

/** The samplers by name, with their defaults. */
const samplers = { tpe: tpeSampler, random: randomSampler, grid: gridSampler };
/** The pruners by name, with their defaults. */
const pruners = { none: () => undefined, median: medianPruner, asha: ashaPruner };

/** What `trainer.hyperparameterSearch` takes (Hugging Face's names, where it has them). */
export interface HyperparameterSearchOptions {
  /**
   * What is searched: distributions of training options by name, or Hugging Face's form, a function that asks a trial for
   * parameters and gives training options. Default: {@link defaultHpSpace}, Hugging Face's.
   */
  readonly hpSpace?: TrainingSpace | SearchSpace | TrainingSpaceFunction | undefined;
  /** The objective from a trial's metrics. Default: `metricForBestModel`, which is the evaluation's loss where it is left out. */
  readonly computeObjective?: ((metrics: Metrics) => number) | undefined;
  /** Trials that the study is to have, those of other processes and of earlier runs among them. Default 20; of a grid, all. */
  readonly nTrials?: number | undefined;
  /** Default: as the metric is better; with `computeObjective`, `'minimize'`. */
  readonly direction?: Direction | undefined;
  /** Hugging Face's word for what chooses parameters: `'optuna'` is taken for `'tpe'`. */
  readonly backend?: keyof typeof samplers | 'optuna' | undefined;
  /** What chooses parameters, where it is to have options: `tpeSampler({ nStartupTrials: 5 })`. Default: as `backend` says, TPE. */
  readonly sampler?: Sampler | keyof typeof samplers | undefined;
  /** What ends trials early: `'median'`, `'asha'`, or one with options. Default `'none'`. */
  readonly pruner?: Pruner | keyof typeof pruners | undefined;
  /** The study's file, JSON Lines, made where there is none; an older one is gone on with. Default: none is kept. */
  readonly study?: string | undefined;
  /** What is drawn is a pure function of it. Default: the arguments' seed. */
  readonly seed?: number | undefined;
  /** A trial's name, for its folder. Default: `run-<number>`. */
  readonly hpName?: ((trial: Trial) => string) | undefined;
  /** No trial begins after so many seconds. */
  readonly timeout?: number | undefined;
  /** Stops the search between two steps, with the signal's reason as its error; the trial under way can be taken up again. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each trial that ended. */
  readonly onTrial?: ((trial: Trial) => void) | undefined;
}

const optionNames: readonly (keyof HyperparameterSearchOptions)[] = [
  'hpSpace',
  'computeObjective',
  'nTrials',
  'direction',
  'backend',
  'sampler',
  'pruner',
  'study',
  'seed',
  'hpName',
  'timeout',
  'signal',
  'onTrial',
];

/** @throws ArgumentError for an unknown option, with a suggestion, and for values that do not fit. */
export function checkOptions(options: HyperparameterSearchOptions): void {
  const wrong = (name: string, got: unknown, expected: string, hint?: string) =>
    new ArgumentError('ERR_OPTION_VALUE', { owner, what: `'${name}' has a wrong value`, got, expected, hint });
  for (const name of Object.keys(options)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    const near = didYouMean(name, optionNames);
    throw new ArgumentError('ERR_UNKNOWN_OPTION', {
      owner,
      what: `there is no option '${name}'`,
      hint: near === undefined ? `the options are ${optionNames.join(', ')}` : `did you mean '${near}'?`,
    });
  }
  const { nTrials, direction, backend, sampler, pruner, timeout } = options;
  if (nTrials !== undefined && !(Number.isSafeInteger(nTrials) && nTrials > 0))
    throw wrong('nTrials', nTrials, 'a whole number of at least 1');
  if (timeout !== undefined && !(timeout > 0)) throw wrong('timeout', timeout, 'a number of seconds above 0');
  if (direction !== undefined && direction !== 'minimize' && direction !== 'maximize')
    throw wrong(
      'direction',
      direction,
      "'minimize' or 'maximize'",
      Array.isArray(direction) ? 'there is one objective here: compute it from several in computeObjective' : undefined,
    );
  if (backend !== undefined && backend !== 'optuna' && !Object.hasOwn(samplers, backend)) {
    const elsewhere = ['ray', 'wandb', 'sigopt'].includes(backend);
    throw wrong(
      'backend',
      backend,
      `one of ${Object.keys(samplers).join(', ')}`,
      elsewhere ? 'the search is built in and asks no service; several processes may share a study file' : undefined,
    );
  }
  if (backend !== undefined && sampler !== undefined) {
    throw new ArgumentError('ERR_OPTION_TWICE', {
      owner,
      what: "'backend' and 'sampler' say the same",
      hint: 'leave one of them out',
    });
  }
  if (typeof sampler === 'string' && !Object.hasOwn(samplers, sampler))
    throw wrong('sampler', sampler, `one of ${Object.keys(samplers).join(', ')}`);
  if (typeof pruner === 'string' && !Object.hasOwn(pruners, pruner))
    throw wrong('pruner', pruner, `one of ${Object.keys(pruners).join(', ')}`);
}

/** What is to choose parameters. */
export function samplerOf({ backend, sampler }: HyperparameterSearchOptions): Sampler {
  if (typeof sampler === 'object') return sampler;
  if (backend === 'optuna') log.info("backend 'optuna': its sampler is built in, as 'tpe'");
  return samplers[sampler ?? (backend === 'optuna' ? 'tpe' : (backend ?? 'tpe'))]();
}

/** What is to end trials early; undefined for nothing. */
export function prunerOf({ pruner = 'none' }: HyperparameterSearchOptions): Pruner | undefined {
  return typeof pruner === 'string' ? pruners[pruner]() : pruner;
}

/** How many trials there are to be; a grid has an end. */
export function trialCount(asked: number | undefined, sampler: Sampler, space: SearchSpace | undefined): number {
  if (sampler.count === undefined) return asked ?? 20;
  if (space === undefined) {
    throw new ArgumentError('ERR_SAMPLER', {
      owner,
      what: 'a grid is laid over a space, not over what a function asks for',
      hint: 'give hpSpace as an object, or take another sampler',
    });
  }
  const all = sampler.count(space);
  const count = Math.min(all, asked ?? all);
  log.info(`the grid has ${all} combinations${count < all ? `; ${count} of them, chosen by the seed, are tried` : ''}`);
  return count;
}
