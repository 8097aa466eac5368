import { FettleError } from '../core/errors.ts';
import type { Metrics } from '../tasks/task.ts';
import { type BestMetric, isBetter } from './bestMetric.ts';
import type { SavedCheckpoint } from './checkpoints.ts';
import type { SaveReason, TrainingEvent, TrainOutput } from './events.ts';
import type { Position } from './position.ts';
import { trainingSampler } from './sampling.ts';
import type { LogEntry, TrainerControl } from './trainerState.ts';
import { type StepContext, type StepResult, trainStep } from './trainStep.ts';

/** What the loop works on; state, control and position are those of a fresh run or of one that is resumed. */
export interface LoopContext<Feature> extends StepContext<Feature> {
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
  const { args, plan, task, features, state, control, position, callbacks } = context;
  const sampler = trainingSampler(args, task, features);
  const before = position.seconds;
  const started = performance.now();
  const clock = () => {
    position.seconds = before + (performance.now() - started) / 1000;
  };
  await callbacks.call('onTrainBegin');
  if (args.evalOnStart && state.globalStep === 0) yield* evaluate(context, false);
  if (position.pending) yield* doWhatIsDue(context, undefined);
  let order: { readonly epoch: number; readonly rows: Uint32Array } | undefined;
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
    if (order?.epoch !== position.epoch) order = { epoch: position.epoch, rows: sampler.order(position.epoch) };
    await callbacks.call('onStepBegin');
    const passed = yield* step(context, order.rows);
    clock();
    await callbacks.call('onStepEnd');
    if (position.batch >= plan.batchesPerEpoch || control.shouldEpochStop) await endEpoch(context);
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
  order: Uint32Array,
): AsyncGenerator<TrainingEvent, StepResult> {
  const { args, plan, state, position } = context;
  const { epoch, batch } = position;
  const last = Math.min(batch + args.gradientAccumulationSteps, plan.batchesPerEpoch);
  const size = args.perDeviceTrainBatchSize;
  let passed: StepResult;
  try {
    passed = await trainStep(context, {
      epoch,
      rows: order.subarray(batch * size, last * size),
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
  position.batch = last;
  state.epoch = epoch + last / plan.batchesPerEpoch;
  state.numInputTokensSeen += passed.tokens;
  position.losses.add(passed.loss);
  yield { type: 'step', ...placeOf(context), totalSteps: plan.totalSteps, ...passed };
  return passed;
}

async function endEpoch<Feature>({ control, position, callbacks }: LoopContext<Feature>): Promise<void> {
  control.shouldEpochStop = false;
  position.epoch++;
  position.batch = 0;
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
  if (!counts || best === undefined || !isBetter(metrics[best.name], state.bestMetric, best)) return false;
  state.bestMetric = metrics[best.name];
  state.bestGlobalStep = state.globalStep;
  return true;
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
  const { args, plan, features, state, position, callbacks } = context;
  const { seconds } = position;
  const rows = Math.min(features.length, plan.batchesPerEpoch * args.perDeviceTrainBatchSize);
  const metrics = {
    train_runtime: seconds,
    train_samples_per_second: (rows * state.epoch) / seconds,
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
