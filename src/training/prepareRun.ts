import { ensureWritableDirectory, kindOf, removeDirectoryAtomic, removeLeftovers } from '#platform/files';
import { ArgumentError, ModelError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { TrainingProgram } from '../models/programs.ts';
import type { Metrics, Task } from '../tasks/task.ts';
import type { TrainableModel } from '../tasks/taskFor.ts';
import { type BestMetric, findBestMetric } from './bestMetric.ts';
import { CallbackHandler, type TrainerCallback } from './callbacks.ts';
import { type Checkpoint, formatBytes, listCheckpoints, readCheckpoint } from './checkpointFiles.ts';
import { Checkpoints } from './checkpoints.ts';
import { EarlyStoppingCallback } from './earlyStopping.ts';
import { defaultFlow, planState } from './flow.ts';
import type { LoopContext } from './loop.ts';
import { OverfittingWatch } from './overfittingWatch.ts';
import type { TrainingPlan } from './plan.ts';
import { Position } from './position.ts';
import { takeUp } from './resume.ts';
import { describeRun } from './runRecord.ts';
import { plateauName } from './schedules.ts';
import { StepBatches } from './stepBatches.ts';
import { TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';
import type { TrainingRows } from './trainingRows.ts';

/** What a run is prepared from. */
export interface RunParts {
  readonly model: TrainableModel;
  readonly args: TrainingArguments;
  readonly plan: TrainingPlan;
  readonly task: Task;
  readonly rows: TrainingRows;
  readonly program: TrainingProgram;
  readonly callbacks: readonly TrainerCallback[];
  /** Metrics of the evaluation sets, or of their first batches; undefined where nothing is evaluated. */
  readonly evaluate: ((options?: { readonly firstBatch?: boolean }) => Promise<Metrics>) | undefined;
  readonly saveModel: (directory: string) => Promise<void>;
  readonly checkpoint: Checkpoint | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A run that is ready to begin. */
export interface PreparedRun {
  readonly loop: LoopContext<unknown>;
  /** undefined where nothing is saved. */
  readonly checkpoints: Checkpoints | undefined;
}

/**
 * The checkpoint that a run goes on from.
 * @param from a checkpoint's directory; true for the newest in `outputDir`; false or undefined for none.
 * @throws ArgumentError without `outputDir`; ModelError where there is none, or it has no state of an optimizer.
 */
export async function findCheckpoint(
  args: TrainingArguments,
  from: boolean | string | undefined,
): Promise<Checkpoint | undefined> {
  if (from === undefined || from === false) return undefined;
  let directory = from;
  if (directory === true) {
    if (args.outputDir === undefined) {
      throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
        owner: 'resume',
        what: 'without outputDir there is no newest checkpoint',
        hint: "set outputDir, or give the checkpoint's directory",
      });
    }
    const newest = (await listCheckpoints(args.outputDir)).at(-1);
    if (newest === undefined) {
      throw new ModelError('ERR_NO_CHECKPOINT', {
        owner: 'resume',
        what: 'there is no checkpoint to go on from',
        file: args.outputDir,
        hint: 'train without resumeFromCheckpoint',
      });
    }
    directory = newest.directory;
  }
  const checkpoint = await readCheckpoint(directory);
  if (checkpoint.run !== undefined && checkpoint.optimizer === undefined) {
    throw new ModelError('ERR_NO_OPTIMIZER_STATE', {
      owner: 'resume',
      what: 'the checkpoint has no state of the optimizer (saveOnlyModel), so the run cannot go on as it would have',
      file: directory,
      hint: 'load the model from it and train anew',
    });
  }
  return checkpoint;
}

/** What can be refused before anything is loaded. @throws ArgumentError, or EnvironmentError for directories. */
export async function checkRun(
  args: TrainingArguments,
  hasEvaluation: boolean,
  { ownSchedule }: { readonly ownSchedule: boolean },
): Promise<void> {
  const needEvaluation = (option: string) =>
    new ArgumentError('ERR_NO_EVALUATION', {
      owner: 'Trainer',
      what: `${option} needs evaluations to tell what is best`,
      hint: "set evalStrategy to 'steps' or 'epoch' and pass evalDataset",
    });
  const evaluated = hasEvaluation && args.evalStrategy !== 'no';
  if (args.saveStrategy === 'best' && !evaluated) throw needEvaluation("saveStrategy 'best'");
  if (args.loadBestModelAtEnd && !evaluated) throw needEvaluation('loadBestModelAtEnd');
  if (args.lrSchedulerType === plateauName && !ownSchedule && !evaluated)
    throw needEvaluation(`lrSchedulerType '${plateauName}'`);
  if (args.earlyStoppingPatience !== undefined && !evaluated) throw needEvaluation('earlyStoppingPatience');
  if (args.loadBestModelAtEnd && (args.outputDir === undefined || args.saveStrategy === 'no')) {
    throw new ArgumentError('ERR_NOTHING_SAVED', {
      owner: 'Trainer',
      what: 'loadBestModelAtEnd has nothing to load: no checkpoints are saved',
      hint: args.outputDir === undefined ? 'set outputDir' : "set saveStrategy to 'steps', 'epoch' or 'best'",
    });
  }
  if (args.earlyStoppingThreshold !== 0 && args.earlyStoppingPatience === undefined)
    log.warn('earlyStoppingThreshold has no effect without earlyStoppingPatience');
  for (const directory of [args.outputDir, args.loggingDir])
    if (directory !== undefined) await ensureWritableDirectory(directory);
}

/** Puts a run together: its state, fresh or taken up from a checkpoint, its callbacks, and what writes its checkpoints. */
export async function prepareRun(parts: RunParts): Promise<PreparedRun> {
  const { model, args, plan, task, rows, program, checkpoint, evaluate } = parts;
  const state = new TrainerState();
  planState(state, args, plan);
  const control = new TrainerControl();
  const position = new Position();
  const { earlyStoppingPatience, earlyStoppingThreshold } = args;
  const stopping =
    earlyStoppingPatience === undefined
      ? []
      : [new EarlyStoppingCallback({ earlyStoppingPatience, earlyStoppingThreshold })];
  const all = [defaultFlow, ...stopping, new OverfittingWatch(), ...parts.callbacks];
  const callbacks = new CallbackHandler(all, { args, state, control, model });
  const run = await describeRun(program.engine, rows);
  if (checkpoint !== undefined) {
    takeUp(checkpoint, { args, plan, state, control, position, callbacks, run });
    await model.loadWeights(checkpoint.directory);
    if (checkpoint.optimizer !== undefined) await program.loadOptimizer(checkpoint.optimizer);
  }
  // What is frozen must be that of the checkpoint. Rows that training comes to once at most gain nothing from being kept.
  if (plan.epochs > 1) await program.computeFrozenFeatures(rows.sequences());
  const best = evaluate === undefined ? undefined : await checkMetric(args, plan, evaluate);
  const checkpoints = await checkpointsOf(parts, { state, control, position, callbacks, run });
  return {
    checkpoints,
    loop: {
      args,
      plan,
      task,
      rows,
      program,
      state,
      control,
      position,
      callbacks,
      batches: new StepBatches({ args, task, state }),
      evaluate,
      findBestMetric: (metrics) => best ?? findBestMetric(args, Object.keys(metrics)),
      save: checkpoints === undefined ? undefined : () => checkpoints.save(),
      loadBest: args.loadBestModelAtEnd ? () => loadBest(model, state) : undefined,
      signal: parts.signal,
    },
  };
}

async function checkpointsOf(
  { args, plan, program, model, saveModel, checkpoint }: RunParts,
  own: Pick<ConstructorParameters<typeof Checkpoints>[0], 'state' | 'control' | 'position' | 'callbacks' | 'run'>,
): Promise<Checkpoints | undefined> {
  const { outputDir } = args;
  if (outputDir === undefined || args.saveStrategy === 'no') return undefined;
  // Of a process that was killed while it wrote.
  await removeLeftovers(outputDir);
  if (checkpoint === undefined) await meetEarlierRun(outputDir, args.overwriteOutputDir);
  const { weightBytes } = model;
  const checkpoints = new Checkpoints({ ...own, outputDir, args, plan, program, saveModel, weightBytes });
  await checkpoints.requireRoom();
  const { saveSteps } = own.state;
  const due = { steps: `every ${saveSteps} steps and at the end`, epoch: 'each epoch', best: 'at each best', no: '' };
  log.info(
    `checkpoints: ${due[args.saveStrategy]}, about ${formatBytes(checkpoints.expectedBytes)} each, in ${outputDir}${args.saveTotalLimit === undefined ? '' : `; at most ${args.saveTotalLimit} are kept, the newest and the best always`}`,
  );
  return checkpoints;
}

/** A run that begins anew where there are checkpoints of another. */
async function meetEarlierRun(outputDir: string, overwrite: boolean): Promise<void> {
  const earlier = await listCheckpoints(outputDir);
  if (earlier.length === 0) return;
  const count = `${earlier.length} checkpoint${earlier.length === 1 ? '' : 's'} of an earlier run`;
  if (overwrite) {
    for (const { directory } of earlier) await removeDirectoryAtomic(directory);
    log.info(`removed ${count} from ${outputDir}, as overwriteOutputDir asks`);
  } else {
    log.warn(
      `there ${earlier.length === 1 ? 'is' : 'are'} ${count} in ${outputDir}: those of the same steps will be replaced; resumeFromCheckpoint: true goes on from them, overwriteOutputDir: true removes them`,
    );
  }
}

/**
 * Holds `metricForBestModel` against what an evaluation gives, before the first step: where it is named or goes into the schedule, on the first batch.
 * @throws ArgumentError where there is no such metric.
 */
async function checkMetric(
  args: TrainingArguments,
  { plateau }: TrainingPlan,
  evaluate: NonNullable<RunParts['evaluate']>,
): Promise<BestMetric | undefined> {
  if (args.metricForBestModel === undefined && !args.loadBestModelAtEnd && plateau === undefined) return undefined;
  // Some metrics of a user's or of few rows have no value on one batch; then all rows are asked.
  const metrics = await evaluate({ firstBatch: true }).catch(() => evaluate());
  const best = findBestMetric(args, Object.keys(metrics));
  log.info(`best is what has the ${best.greaterIsBetter ? 'greatest' : 'smallest'} ${best.name}`);
  if (plateau !== undefined && (plateau.options.mode === 'max') !== best.greaterIsBetter) {
    log.warn(
      `lrSchedulerType '${plateauName}' lowers the learning rate where ${best.name} no longer ${best.greaterIsBetter ? 'falls' : 'rises'} (mode '${plateau.options.mode}'): set mode: '${best.greaterIsBetter ? 'max' : 'min'}' in lrSchedulerKwargs if that is not meant`,
    );
  }
  return best;
}

async function loadBest(model: TrainableModel, state: TrainerState): Promise<void> {
  const { bestModelCheckpoint: directory, bestMetric, bestGlobalStep, globalStep } = state;
  if (directory === null || (await kindOf(directory)) !== 'directory') {
    log.warn(
      `loadBestModelAtEnd: ${directory === null ? 'no evaluation was better than any before' : `${directory} is gone`}; the model keeps the weights of step ${globalStep}`,
    );
    return;
  }
  await model.loadWeights(directory);
  log.info(
    `the model has the weights of its best step, ${bestGlobalStep}: ${bestMetric?.toPrecision(4)} (${directory})`,
  );
}
