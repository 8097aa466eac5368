import { joinPath, kindOf, listDirectory, remove, removeDirectoryAtomic } from '#platform/files';
import { ArgumentError } from '../../core/errors.ts';
import type { Metrics } from '../../tasks/task.ts';
import { type TrainableModel, taskNameOf, tasks } from '../../tasks/taskFor.ts';
import type { CallbackContext, TrainerCallback } from '../callbacks.ts';
import { listCheckpoints } from '../checkpointFiles.ts';
import { directoryOfReports } from '../reporting.ts';
import type { Trainer } from '../trainer.ts';
import { namedSets, type TrainerOptions } from '../trainerOptions.ts';
import type { JsonObject, TrainerControl, TrainerState } from '../trainerState.ts';
import { TrainingArguments } from '../trainingArguments.ts';
import type { Outcome } from './runTrials.ts';
import type { Parameters } from './space.ts';
import type { ClaimedTrial } from './study.ts';
import { overridden } from './trainingSpace.ts';

/** What `modelInit` is given by a search. */
export interface ModelInitTrial {
  readonly number: number;
  readonly params: Parameters;
  /** The trial's arguments; their seed is for a new head. */
  readonly args: TrainingArguments;
}

/** What of a Trainer a search works with. */
export interface SearchedTrainer {
  readonly options: TrainerOptions;
  readonly args: TrainingArguments;
  readonly make: (options: TrainerOptions) => Trainer;
}

const owner = 'hyperparameterSearch';

/** @throws ArgumentError where a trial could not make its model. */
export function checkModel({ model, modelInit }: TrainerOptions): void {
  if (modelInit !== undefined || model === undefined) return;
  const refuse = (what: string) =>
    new ArgumentError('ERR_NO_MODEL_INIT', {
      owner,
      what: `each trial needs a model of its own, and ${what}`,
      hint: 'pass modelInit in place of model: a function that makes one',
    });
  if (model.source === undefined) throw refuse('the model was not loaded from anywhere');
  if (model.adapter !== undefined) throw refuse('an adapter is on the model, which loading would not put there');
  if (model.trainableParameters.length < model.parameters.size)
    throw refuse('parameters are frozen, which loading would not do');
}

/** A trial's own model: by `modelInit`, or from where the trainer's was loaded, with its labels. */
async function makeModel({ model, modelInit }: TrainerOptions, trial: ModelInitTrial): Promise<TrainableModel> {
  if (modelInit !== undefined) return modelInit(trial);
  const { source, config, engine } = model!;
  const { seed } = trial.args;
  const names =
    'labelsOpen' in model! && model.labelsOpen ? {} : { id2label: config.id2label, problemType: config.problemType };
  const load: (nameOrPath: string, options: object) => Promise<TrainableModel> =
    tasks[taskNameOf(model!)].model.fromPretrained;
  return load.call(tasks[taskNameOf(model!)].model, source!, { seed, threads: engine.threads, ...names });
}

/** What one trial is run with. */
export interface TrialRun {
  readonly trial: ClaimedTrial;
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly compute: (metrics: Metrics) => number;
  readonly callbacks: FreshCallbacks;
  /** The first trial here: the objective is tried on a few rows before the first step. */
  readonly first: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Trains and judges one trial's model, and disposes of it. What it left on disk goes too.
 */
export async function runTrial(trainer: SearchedTrainer, run: TrialRun): Promise<Outcome> {
  const { trial, compute, signal } = run;
  const args = trialArgs(trainer.args, run);
  const model = await makeModel(trainer.options, { number: trial.number, params: trial.params, args });
  try {
    const watch = new Watch(trial, compute);
    const callbacks = [...run.callbacks.renew(), watch];
    const own = trainer.make({ ...trainer.options, model, modelInit: undefined, args, callbacks });
    if (run.first) await tryObjective(own, trainer.options, args, run);
    const { globalStep } = await own.train({ signal });
    // The last evaluation is that of the model as it is now, unless the run ended elsewhere or took the best weights back.
    const known = watch.last?.step === globalStep && !args.loadBestModelAtEnd ? watch.last : undefined;
    if (watch.pruned && watch.last !== undefined) return { ...watch.last, pruned: true };
    if (known !== undefined) return known;
    const metrics = await own.evaluate(undefined, { signal });
    return { value: compute(metrics), metrics };
  } finally {
    await model.dispose();
    if (args.outputDir !== undefined) await clearRun(args.outputDir);
  }
}

/** Removes a trial's checkpoints, and its folder unless something else stands in it. */
async function clearRun(directory: string): Promise<void> {
  if ((await kindOf(directory)) !== 'directory') return;
  for (const checkpoint of await listCheckpoints(directory)) await removeDirectoryAtomic(checkpoint.directory);
  if ((await listDirectory(directory)).length === 0) await remove(directory);
}

/** @throws ArgumentError where the objective is no number, or its metric none of those that there are. */
async function tryObjective(
  own: Trainer,
  { evalDataset }: TrainerOptions,
  { perDeviceEvalBatchSize }: TrainingArguments,
  { compute, signal }: TrialRun,
): Promise<void> {
  const few = Object.entries(namedSets(evalDataset)).map(
    ([name, rows]) => [name, rows.take(perDeviceEvalBatchSize)] as const,
  );
  const [[name, only]] = few;
  let metrics: Metrics;
  try {
    metrics = await own.evaluate(name === '' ? only : Object.fromEntries(few), { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    // Some metrics have no value on few rows; what is wrong with the data training says, too.
    return;
  }
  const value: unknown = compute(metrics);
  if (typeof value === 'number') return;
  throw new ArgumentError('ERR_OBJECTIVE', {
    owner,
    what: 'computeObjective gives no number',
    got: value,
    expected: `a number made of ${Object.keys(metrics).join(', ')}`,
  });
}

/**
 * A trial's arguments. It leaves checkpoints only where it ends with its best one's weights, in a folder of its own, which is
 * removed afterwards: a search would fill a disk.
 */
function trialArgs(args: TrainingArguments, { overrides, name }: TrialRun): TrainingArguments {
  const needsCheckpoints = args.loadBestModelAtEnd && args.outputDir !== undefined;
  const board = directoryOfReports(args);
  return new TrainingArguments({
    ...overridden(args, overrides),
    ...(needsCheckpoints ? { saveTotalLimit: 1 } : { saveStrategy: 'no' }),
    outputDir: needsCheckpoints ? joinPath(args.outputDir!, name) : undefined,
    overwriteOutputDir: true,
    resumeFromCheckpoint: undefined,
    loggingDir: board === undefined ? undefined : joinPath(board, name),
    runName: undefined,
  });
}

/** Tells the study of a trial's evaluations, and ends the trial where the pruner says so. */
class Watch implements TrainerCallback {
  readonly #trial: ClaimedTrial;
  readonly #compute: (metrics: Metrics) => number;
  #evaluation = 0;
  last: { readonly step: number; readonly value: number; readonly metrics: Metrics } | undefined;
  pruned = false;

  constructor(trial: ClaimedTrial, compute: (metrics: Metrics) => number) {
    this.#trial = trial;
    this.#compute = compute;
  }

  async onEvaluate(
    _: TrainingArguments,
    state: TrainerState,
    control: TrainerControl,
    { metrics = {} }: CallbackContext,
  ): Promise<void> {
    // evalOnStart judges no hyperparameter.
    if (state.globalStep === 0) return;
    const value = this.#compute(metrics);
    this.last = { step: state.globalStep, value, metrics };
    const evaluation = ++this.#evaluation;
    if (!(await this.#trial.report({ evaluation, step: state.globalStep, value }))) return;
    this.pruned = true;
    control.shouldTrainingStop = true;
  }
}

/** A user's callbacks, as they were before the first trial: what one of them remembers is of its own trial alone. */
export class FreshCallbacks {
  readonly #callbacks: readonly { readonly callback: TrainerCallback; readonly initial: JsonObject | undefined }[];

  constructor(callbacks: readonly TrainerCallback[]) {
    this.#callbacks = callbacks.map((callback) => ({ callback, initial: callback.state?.() }));
  }

  renew(): readonly TrainerCallback[] {
    return this.#callbacks.map(({ callback, initial }) => {
      if (initial !== undefined) callback.loadState?.(initial);
      return callback;
    });
  }
}
