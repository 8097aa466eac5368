import { DataError, FettleError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Metrics } from '../tasks/task.ts';
import { type BestMetric, isBetter } from './bestMetric.ts';
import type { SavedCheckpoint } from './checkpoints.ts';
import type { SaveReason, TrainingEvent, TrainOutput } from './events.ts';
import type { Position } from './position.ts';
import type { LogEntry, TrainerControl } from './trainerState.ts';
import type { StepRows, TrainingRows } from './trainingRows.ts';
import { type StepContext, type StepResult, trainStep } from './trainStep.ts';

/** What the loop works on; state, control and position are those of a fresh run or of one that is resumed. */
export interface LoopContext<Feature> extends StepContext<Feature> {
  readonly rows: TrainingRows<Feature>;
  readonly control: TrainerControl;
  readonly position: Position;
  /** Metrics of the evaluation sets; undefined where there is nothing to evaluate on. */
  readonly evaluate: (() => Promise<Metrics>) | undefined;
  /** Which metric says what is best, of those of an evaluation. */
  readonly findBestMetric: (metrics: Metrics) => BestMetric | undefined;
  /** Writes a checkpoint; undefined where none are wanted. */
  readonly save: (() => Promise<SavedCheckpoint>) | undefined;
  /** Takes the best checkpoint's weights; undefined where the last ones stay. */
  readonly loadBest: (() => Promise<void>) | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * The training loop: epochs of shuffled batches, batches into steps, and an event for all that happens. What is due when is
 * for callbacks to say. Everything random in it is a function of the seed, the epoch and the step, so that a run goes on
 * from where it stands as if it had never stopped.
 */
export async function* trainingLoop<Feature>(context: LoopContext<Feature>): AsyncGenerator<TrainingEvent> {
  const { args, state, control, position, callbacks } = context;
  const before = position.seconds;
  const started = performance.now();
  const clock = () => {
    position.seconds = before + (performance.now() - started) / 1000;
  };
  await callbacks.call('onTrainBegin');
  if (args.evalOnStart && state.globalStep === 0) yield* evaluate(context, false);
  if (position.pending) yield* doWhatIsDue(context, undefined);
  while (!isOver(context)) {
    if (control.shouldEpochStop && position.batch > 0) {
      // Asked for after the step's own end.
      await endEpoch(context);
      yield* doWhatIsDue(context, undefined);
      continue;
    }
    if (context.signal?.aborted) {
      yield* saveUnfinished(context, 'interrupted');
      context.signal.throwIfAborted();
    }
    if (position.batch === 0) {
      control.shouldEpochStop = false;
      await callbacks.call('onEpochBegin');
    }
    const rows = yield* reading(context, context.rows.next(position));
    if (rows.features.length === 0) {
      // A stream that has fewer rows than when the run was stopped.
      if (position.batch === 0) throw noRows(position.epoch);
      await endEpoch(context);
      yield* doWhatIsDue(context, undefined);
      continue;
    }
    await callbacks.call('onStepBegin');
    const { passed, isEpochOver } = yield* step(context, rows);
    clock();
    await callbacks.call('onStepEnd');
    if (isEpochOver || control.shouldEpochStop) await endEpoch(context);
    else if (isOver(context)) await callbacks.call('onEpochEnd');
    yield* doWhatIsDue(context, passed);
    clock();
  }
  await context.loadBest?.();
  yield* end(context);
}

/** A run ends with its last step, or when a callback says so. */
function isOver<Feature>({ plan, state, control, position }: LoopContext<Feature>): boolean {
  return state.globalStep >= plan.totalSteps || position.epoch >= plan.epochs || control.shouldTrainingStop;
}

/** Trains on the next batches and moves on. */
async function* step<Feature>(
  context: LoopContext<Feature>,
  rows: StepRows<Feature>,
): AsyncGenerator<TrainingEvent, { readonly passed: StepResult; readonly isEpochOver: boolean }> {
  const { plan, state, position } = context;
  const { epoch } = position;
  let passed: StepResult;
  try {
    passed = await trainStep(context, {
      epoch,
      rows,
      following: context.rows.following(position),
      step: state.globalStep + 1,
      optimizerStep: state.globalStep + 1 - position.momentsSince,
    });
  } catch (error) {
    // The weights are still those of the step before, the last good state.
    const known = error instanceof FettleError && ['ERR_NOT_FINITE', 'ERR_OUT_OF_MEMORY'].includes(error.code);
    if (known) yield* saveUnfinished(context, 'failed');
    throw error;
  }
  state.globalStep++;
  state.numInputTokensSeen += passed.tokens;
  position.losses.add(passed.loss);
  const isEpochOver = await context.rows.moveOn(position);
  state.epoch = epoch + (isEpochOver ? 1 : position.batch / plan.batchesPerEpoch);
  yield { type: 'step', ...placeOf(context), totalSteps: plan.totalSteps, ...passed };
  return { passed, isEpochOver };
}

/** Reads rows; where they cannot be read, the steps done before are saved. */
async function* reading<Feature, T>(context: LoopContext<Feature>, work: Promise<T>): AsyncGenerator<TrainingEvent, T> {
  try {
    return await work;
  } catch (error) {
    yield* saveUnfinished(context, 'failed');
    throw error;
  }
}

function noRows(epoch: number): DataError {
  return new DataError('ERR_NO_ROWS', {
    owner: 'Trainer',
    what: `the training data has no rows in epoch ${epoch + 1}`,
    hint: 'give a data set that can be read again, or end training by maxSteps',
  });
}

async function endEpoch<Feature>({ control, position, callbacks }: LoopContext<Feature>): Promise<void> {
  control.shouldEpochStop = false;
  position.epoch++;
  position.batch = 0;
  position.stream = undefined;
  await callbacks.call('onEpochEnd');
}

/** Log, evaluation, checkpoint, in this order, as far as they are due. */
async function* doWhatIsDue<Feature>(
  context: LoopContext<Feature>,
  passed: StepResult | undefined,
): AsyncGenerator<TrainingEvent> {
  const { args, control, position } = context;
  // Without a step there are no losses to tell: a line that is asked for comes after the next.
  if (control.shouldLog && passed !== undefined) {
    control.shouldLog = false;
    yield* writeLog(context, passed);
  }
  if (control.shouldEvaluate) {
    position.pending = true;
    const isBest = yield* evaluate(context, true);
    position.pending = false;
    control.shouldEvaluate = false;
    if (isBest && (args.saveStrategy === 'best' || args.loadBestModelAtEnd)) control.shouldSave = true;
  }
  // The last weights are kept, however the run ends.
  if (isOver(context) && args.saveStrategy !== 'best' && position.savedStep < context.state.globalStep)
    control.shouldSave = true;
  if (control.shouldSave) {
    control.shouldSave = false;
    yield* save(context, 'due');
  }
}

async function* writeLog<Feature>(context: LoopContext<Feature>, passed: StepResult): AsyncGenerator<TrainingEvent> {
  const { args, state, position, callbacks } = context;
  const loss = position.losses.takeMean();
  const logs: LogEntry = {
    loss,
    grad_norm: passed.gradientNorm,
    learning_rate: passed.learningRate,
    ...(args.includeNumInputTokensSeen === 'no' ? {} : { num_input_tokens_seen: state.numInputTokensSeen }),
    ...placeOf(context),
  };
  state.logHistory.push(logs);
  const { num_input_tokens_seen: tokensSeen } = logs;
  yield { type: 'log', ...placeOf(context), ...passed, loss, ...(tokensSeen === undefined ? {} : { tokensSeen }) };
  await callbacks.call('onLog', { logs });
}

/** @returns whether the metric for the best model is better than ever before. */
async function* evaluate<Feature>(
  context: LoopContext<Feature>,
  counts: boolean,
): AsyncGenerator<TrainingEvent, boolean> {
  const { state, position, callbacks } = context;
  if (context.evaluate === undefined) return false;
  let metrics: Metrics;
  try {
    metrics = await context.evaluate();
  } catch (error) {
    if (context.signal?.aborted) yield* saveUnfinished(context, 'interrupted');
    throw error;
  }
  // Only now, so that an evaluation that is broken off and done again tells the same.
  const trainingLoss = position.losses.takeMeanSinceEvaluation();
  const logs = {
    ...(trainingLoss === undefined ? {} : { train_loss: trainingLoss }),
    ...metrics,
    ...placeOf(context),
  };
  state.logHistory.push(logs);
  yield { type: 'evaluation', ...placeOf(context), metrics, ...(trainingLoss === undefined ? {} : { trainingLoss }) };
  await callbacks.call('onLog', { logs });
  await callbacks.call('onEvaluate', { metrics });
  const best = context.findBestMetric(metrics);
  if (counts && best !== undefined) lowerOnPlateau(context, best.name, metrics[best.name]);
  if (!counts || best === undefined || !isBetter(metrics[best.name], state.bestMetric, best)) return false;
  state.bestMetric = metrics[best.name];
  state.bestGlobalStep = state.globalStep;
  return true;
}

/** Where the schedule goes by a metric, here it is told; a lower learning rate is said. */
function lowerOnPlateau<Feature>({ plan: { plateau } }: LoopContext<Feature>, name: string, value: number): void {
  const before = plateau?.learningRate;
  if (plateau?.step(value) !== true) return;
  const { patience } = plateau.options;
  const since = patience === 0 ? 'was not better' : `was not better for ${patience + 1} evaluations in a row`;
  log.info(`learning rate ${before?.toPrecision(3)} → ${plateau.learningRate.toPrecision(3)}: ${name} ${since}`);
}

async function* save<Feature>(context: LoopContext<Feature>, reason: SaveReason): AsyncGenerator<TrainingEvent> {
  if (context.save === undefined) return;
  const saved = await context.save();
  yield { type: 'save', ...placeOf(context), ...saved, reason };
  if (reason === 'due') await context.callbacks.call('onSave');
}

/** A checkpoint of where a run breaks off, where there is none yet. */
async function* saveUnfinished<Feature>(
  context: LoopContext<Feature>,
  reason: SaveReason,
): AsyncGenerator<TrainingEvent> {
  const { state, position } = context;
  if (state.globalStep > position.savedStep) yield* save(context, reason);
}

function placeOf<Feature>({ state }: LoopContext<Feature>): { step: number; epoch: number } {
  return { step: state.globalStep, epoch: state.epoch };
}

async function* end<Feature>(context: LoopContext<Feature>): AsyncGenerator<TrainingEvent> {
  const { args, plan, state, position, callbacks } = context;
  const { seconds } = position;
  const { examples } = context.rows;
  const size = args.perDeviceTrainBatchSize;
  const rows =
    examples === undefined
      ? state.globalStep * args.gradientAccumulationSteps * size
      : Math.min(examples, plan.batchesPerEpoch * size) * state.epoch;
  const metrics = {
    train_runtime: seconds,
    train_samples_per_second: rows / seconds,
    train_steps_per_second: state.globalStep / seconds,
    train_loss: position.losses.overall,
    epoch: state.epoch,
  };
  const logs = { ...metrics, total_flos: 0, step: state.globalStep };
  state.logHistory.push(logs);
  await callbacks.call('onLog', { logs });
  await callbacks.call('onTrainEnd');
  const result: TrainOutput = { globalStep: state.globalStep, trainingLoss: position.losses.overall, metrics };
  yield { type: 'end', result };
}
