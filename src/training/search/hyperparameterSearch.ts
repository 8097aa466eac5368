import { ArgumentError, RunError } from '../../core/errors.ts';
import { log } from '../../core/log.ts';
import { missingDataset } from '../trainerData.ts';
import { namedSets } from '../trainerOptions.ts';
import type { TrainingArguments } from '../trainingArguments.ts';
import { objectiveOf } from './objective.ts';
import { runTrials } from './runTrials.ts';
import { checkOptions, type HyperparameterSearchOptions, prunerOf, samplerOf, trialCount } from './searchOptions.ts';
import { checkModel, FreshCallbacks, runTrial, type SearchedTrainer } from './searchTrial.ts';
import { contains, type Parameters, type SearchSpace } from './space.ts';
import { Study } from './study.ts';
import { fileStore } from './studyStore.ts';
import { askFor, fixedDraw } from './suggest.ts';
import { SearchSummary } from './summary.ts';
import { checkTrainingSpace, defaultHpSpace, overridden, probe, type TrainingSpaceFunction } from './trainingSpace.ts';
import type { Trial } from './trial.ts';
import { TrialLog } from './trialLog.ts';

/** The best trial (Hugging Face's class of the same name). */
export interface BestRun {
  /** The trial's number, as text. */
  readonly runId: string;
  readonly objective: number;
  readonly hyperparameters: Parameters;
  /** The trainer's arguments with the best trial's hyperparameters: for a `Trainer` that trains the final model. */
  readonly args: TrainingArguments;
  /** All trials, with a table of them and what mattered: `String(runSummary)`. */
  readonly runSummary: SearchSummary;
}

const owner = 'hyperparameterSearch';

/**
 * Searches over training options; see {@link HyperparameterSearchOptions}. Every trial makes a model of its own, by
 * `modelInit` or from where the trainer's model was loaded, and disposes of it.
 * @throws ArgumentError for options, a space or a study that do not fit, before the first trial; RunError where no trial is
 * complete.
 */
export async function hyperparameterSearch(
  trainer: SearchedTrainer,
  options: HyperparameterSearchOptions,
): Promise<BestRun> {
  checkOptions(options);
  const { args } = trainer;
  const hpSpace = options.hpSpace ?? defaultHpSpace;
  if (trainer.options.trainDataset === undefined) throw missingDataset('training', 'trainDataset');
  if (Object.keys(namedSets(trainer.options.evalDataset)).length === 0) throw missingDataset('a search', 'evalDataset');
  checkModel(trainer.options);
  const isFunction = typeof hpSpace === 'function';
  const space = isFunction ? probe(owner, args, hpSpace) : checkTrainingSpace(owner, args, hpSpace as SearchSpace);
  const { direction, name: objective, compute } = objectiveOf(args, options);
  const sampler = samplerOf(options);
  const pruner = prunerOf(options);
  if (pruner !== undefined && args.evalStrategy === 'no') {
    throw new ArgumentError('ERR_NO_EVALUATION', {
      owner,
      what: `the pruner '${pruner.name}' needs evaluations during training`,
      hint: "set evalStrategy to 'epoch' or 'steps'",
    });
  }
  const nTrials = trialCount(options.nTrials, sampler, isFunction ? undefined : space);
  const study = await Study.open({
    direction,
    objective,
    sampler,
    pruner,
    seed: options.seed ?? args.seed,
    space: isFunction ? null : space,
    args: sharedArgs(args),
    store: options.study === undefined ? undefined : fileStore(options.study),
  });
  const overridesOf = ({ number, params }: Pick<Trial, 'number' | 'params'>): Readonly<Record<string, unknown>> =>
    isFunction ? { ...askFor(hpSpace, number, fixedDraw(params)).result } : params;
  const callbacks = new FreshCallbacks(trainer.options.callbacks ?? []);
  const trialLog = new TrialLog();
  await runTrials(
    study,
    async (trial) => {
      const name = options.hpName?.(trial) ?? `run-${trial.number}`;
      const { first } = trialLog;
      const { signal } = options;
      const outcome = await trialLog.run(() =>
        runTrial(trainer, { trial, overrides: overridesOf(trial), name, compute, callbacks, first, signal }),
      );
      if (first) log.info('further trials: only warnings that are new are said');
      return outcome;
    },
    {
      nTrials,
      timeout: options.timeout,
      signal: options.signal,
      onTrial: options.onTrial,
      propose: isFunction ? (number, trials) => ask(study, hpSpace, space, number, trials) : undefined,
    },
  );
  const summary = new SearchSummary(direction, objective, await study.trials());
  const { best } = summary;
  if (best === undefined) {
    const failed = summary.trials.find(({ error }) => error !== undefined);
    throw new RunError('ERR_NO_TRIAL', {
      owner,
      what: 'no trial is complete',
      got:
        failed === undefined ? `${summary.trials.length} trials` : `trial ${failed.number}: ${failed.error?.message}`,
      hint: 'choose a narrower space, or more trials',
    });
  }
  return {
    runId: String(best.number),
    objective: best.value,
    hyperparameters: best.params,
    args: overridden(args, overridesOf(best)),
    runSummary: summary,
  };
}

/** The arguments that all trials share, without what says only where a run leaves what. */
function sharedArgs(args: TrainingArguments): Record<string, unknown> {
  const places = [
    'output_dir',
    'logging_dir',
    'overwrite_output_dir',
    'resume_from_checkpoint',
    'run_name',
    'log_level',
    'disable_tqdm',
    'report_to',
  ];
  return Object.fromEntries(Object.entries(args.toJSON()).filter(([name]) => !places.includes(name)));
}

/** Parameters that a function asks for: together for those that all trials have, else one by one. */
function ask(
  study: Study,
  hpSpace: TrainingSpaceFunction,
  probed: SearchSpace,
  number: number,
  trials: readonly Trial[],
): Parameters {
  const ended = trials.filter(({ state }) => state !== 'running' && state !== 'interrupted');
  const common = Object.entries(probed).filter(([name]) => ended.every(({ params }) => name in params));
  const together = study.sample(Object.fromEntries(common), number, trials);
  return askFor(hpSpace, number, (name, distribution) => {
    const drawn = together[name];
    return contains(distribution, drawn) ? drawn : study.sample({ [name]: distribution }, number, trials)[name];
  }).params;
}
