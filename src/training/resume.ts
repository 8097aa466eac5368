import { log } from '../core/log.ts';
import type { CallbackHandler } from './callbacks.ts';
import type { Checkpoint } from './checkpointFiles.ts';
import type { TrainingPlan } from './plan.ts';
import type { Position } from './position.ts';
import { differences, type RunRecord } from './runRecord.ts';
import type { JsonObject, TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';
import type { StreamPlace } from './trainingRows.ts';

/** Arguments that may differ: they change what a run leaves and says, not how it goes. */
const harmless = [
  'output_dir',
  'overwrite_output_dir',
  'logging_dir',
  'run_name',
  'report_to',
  'resume_from_checkpoint',
  'disable_tqdm',
  'log_level',
  'save_total_limit',
];

/** What is taken up from a checkpoint. */
export interface ResumeParts {
  readonly args: TrainingArguments;
  readonly plan: TrainingPlan;
  readonly state: TrainerState;
  readonly control: TrainerControl;
  readonly position: Position;
  readonly callbacks: CallbackHandler;
  readonly run: RunRecord;
}

/**
 * Takes up how far a checkpoint's run was: state, control, position and callbacks. All that makes the run go on otherwise
 * than it would have is said in the log.
 */
export function takeUp(checkpoint: Checkpoint, parts: ResumeParts): void {
  const { args, plan, state, control, position, callbacks, run } = parts;
  const { directory } = checkpoint;
  state.restore(checkpoint.state, directory);
  if (checkpoint.args !== undefined) {
    const now = JSON.parse(JSON.stringify(args)) as JsonObject;
    const changed = differences(checkpoint.args, now, harmless);
    if (changed.length > 0)
      log.warn(
        `these options are not those of the run that is resumed, which goes on with the new: ${changed.join(', ')}`,
      );
  }
  if (checkpoint.run === undefined) {
    fromPython(checkpoint, parts);
    return;
  }
  const before = Object.fromEntries(Object.keys(run).map((name) => [name, checkpoint.run![name] ?? null]));
  const changed = differences(before, { ...run });
  if (changed.length > 0)
    log.warn(
      `the run may end in other bits than if it had not been stopped, as it is resumed with: ${changed.join(', ')}`,
    );
  position.restore(checkpoint.run['position'] as JsonObject);
  if (checkpoint.scheduler?.['lr_scheduler_type'] === args.lrSchedulerType)
    plan.plateau?.loadState(checkpoint.scheduler);
  position.stream = checkpoint.stream as unknown as StreamPlace | undefined;
  position.savedStep = position.pending ? 0 : state.globalStep;
  takeBatchSize(checkpoint, parts);
  dropOtherBest(checkpoint, parts);
  const callbackStates = checkpoint.state['stateful_callbacks'] as JsonObject;
  control.restore((callbackStates['TrainerControl'] as JsonObject)['args'] as JsonObject);
  const { FettleRun: _, ...states } = callbackStates;
  const absent = callbacks.restore(states);
  if (absent.length > 0) log.warn(`the run that is resumed had callbacks that are not there now: ${absent.join(', ')}`);
  // A place in a stream is one whatever the batches.
  if (position.stream !== undefined || run.examples === null) return;
  // Other batches than before: the place is found by the number of steps.
  const same = ['per_device_train_batch_size', 'gradient_accumulation_steps', 'dataloader_drop_last'].every(
    (name) => checkpoint.args === undefined || checkpoint.args[name] === args.toJSON()[name],
  );
  if (!same || Number(checkpoint.run['examples']) !== run.examples) placeByStep(parts, plan);
}

/** The rows at once that `autoFindBatchSize` had come down to; where it is off, batches are as large as the arguments say. */
function takeBatchSize({ state: before, args: then }: Checkpoint, { args, state }: ResumeParts): void {
  const found = Number(before['train_batch_size']);
  const asked = Number(then?.['per_device_train_batch_size'] ?? found);
  if (args.autoFindBatchSize && found < asked) state.trainBatchSize = Math.min(found, args.perDeviceTrainBatchSize);
}

/** The best so far means nothing by another metric, or the other way round: then it is looked for anew. */
function dropOtherBest({ args: then }: Checkpoint, { args, state }: ResumeParts): void {
  if (then === undefined || state.bestMetric === null) return;
  // Left out it is the loss; `eval_` may stand before a name.
  const judgedBy = (json: Readonly<Record<string, unknown>>) =>
    `${String(json['metric_for_best_model'] ?? 'loss').replace(/^eval_/, '')} ${String(json['greater_is_better'])}`;
  if (judgedBy(then) === judgedBy(args.toJSON())) return;
  log.warn(
    `the best so far, ${state.bestMetric.toPrecision(4)} at step ${state.bestGlobalStep}, was judged by another metric: from here on the best is looked for anew`,
  );
  state.bestMetric = null;
  state.bestGlobalStep = null;
  state.bestModelCheckpoint = null;
}

/** A checkpoint of Python's Trainer: the step, the log and the best are taken; what pickles hold is not. */
function fromPython({ directory, pickles }: Checkpoint, parts: ResumeParts): void {
  const { plan, state, position } = parts;
  placeByStep(parts, plan);
  position.momentsSince = state.globalStep;
  log.warn(
    `${directory} is a checkpoint of Python's Trainer: weights, step ${state.globalStep}, log and best metric are taken up; ${
      pickles.length === 0
        ? 'it has no state of the optimizer'
        : `${pickles.join(', ')} are pickles, which can run any program and are never executed`
    }. The optimizer's moments begin empty, and rows come in Fettle's order`,
  );
}

/** Hugging Face's rule: so many whole epochs, and so many steps into the next. */
function placeByStep({ args, state, position }: ResumeParts, plan: TrainingPlan): void {
  position.epoch = Math.floor(state.globalStep / plan.stepsPerEpoch);
  position.batch = (state.globalStep % plan.stepsPerEpoch) * args.gradientAccumulationSteps;
  position.savedStep = state.globalStep;
}
