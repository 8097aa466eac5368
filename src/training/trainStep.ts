import { EnvironmentError, FettleError, RunError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { ModelBatch, TrainingProgram } from '../models/programs.ts';
import type { Task } from '../tasks/task.ts';
import type { CallbackHandler } from './callbacks.ts';
import type { TrainingPlan } from './plan.ts';
import type { StepBatches } from './stepBatches.ts';
import type { TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';
import type { StepRows } from './trainingRows.ts';

/** What a step works with. */
export interface StepContext<Feature> {
  readonly args: TrainingArguments;
  readonly plan: TrainingPlan;
  readonly task: Task<Feature>;
  readonly program: TrainingProgram;
  readonly state: TrainerState;
  readonly callbacks: CallbackHandler;
  /** Makes the steps' batches; those of the next while this one runs. */
  readonly batches: StepBatches<Feature>;
}

/** A step's place in training. */
export interface StepPlace<Feature> {
  /** From 0. */
  readonly epoch: number;
  readonly rows: StepRows<Feature>;
  /** The features of the step that follows in this epoch, if they are at hand; none otherwise. */
  readonly following: readonly Feature[];
  /** From 1. */
  readonly step: number;
  /** Steps since the optimizer's moments were empty, this one counted. */
  readonly optimizerStep: number;
}

/** What a step gave. */
export interface StepResult {
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Real tokens. */
  readonly tokens: number;
}

/** A batch, and what the loss's sum is multiplied by. */
interface Pass {
  readonly batch: ModelBatch;
  readonly lossScale: number;
}

/**
 * One optimizer step over its rows: forward and backward batch by batch, then the update.
 * @throws RunError ERR_NOT_FINITE where loss or gradient is not finite: nothing is updated then.
 * @throws EnvironmentError ERR_OUT_OF_MEMORY where the engine had no memory and `autoFindBatchSize` is off or at its end.
 */
export async function trainStep<Feature>(
  context: StepContext<Feature>,
  place: StepPlace<Feature>,
): Promise<StepResult> {
  const { args, plan, program, callbacks } = context;
  const learningRate = plan.learningRate(place.step);
  const { loss, tokens, passes } = await computeGradients(context, place);
  await callbacks.call('onPreOptimizerStep', { gradients: () => program.gradients() });
  // A loss that is no number may still have a finite gradient: of such a step nothing is applied either.
  const { gradientNorm } = Number.isFinite(loss)
    ? await program.update({
        learningRate,
        maxGradNorm: args.maxGradNorm,
        step: place.optimizerStep,
        stepsBefore: place.step - place.optimizerStep,
      })
    : { gradientNorm: Number.NaN };
  if (!Number.isFinite(gradientNorm)) throw await notFinite(context, place, passes, loss, gradientNorm);
  await callbacks.call('onOptimizerStep');
  return { loss, gradientNorm, learningRate, tokens };
}

/** Forward and backward over the step's rows; where memory runs out, in smaller batches if `autoFindBatchSize` allows it. */
async function computeGradients<Feature>(context: StepContext<Feature>, place: StepPlace<Feature>) {
  const { args, program, state, callbacks } = context;
  for (;;) {
    const batches = context.batches.of(place.epoch, place.rows.features);
    // What the loss averages over is known only of all batches together; so accumulation equals one large batch.
    const count = batches.reduce((sum, batch) => sum + batch.count, 0);
    const lossScale = count === 0 ? 0 : 1 / count;
    const passes = batches.map((batch) => ({ batch, lossScale }));
    let loss = 0;
    let tokens = 0;
    try {
      for (const [i, { batch }] of passes.entries()) {
        const running = program.accumulate(batch, { seed: args.seed, step: place.step, lossScale });
        const outputs = await context.batches.during(running, place.epoch, place.following);
        loss += Number(outputs['loss'].data[0]);
        tokens += batch.packed.tokens;
        if (i < passes.length - 1) await callbacks.call('onSubstepEnd');
      }
      return { loss, tokens, passes };
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      await program.discard();
      if (!args.autoFindBatchSize || state.trainBatchSize === 1) throw outOfMemory(args, state, batches, error);
      const before = state.trainBatchSize;
      state.trainBatchSize = Math.floor(before / 2);
      log.warn(
        `memory ran out at step ${place.step} with ${before} rows at once; going on with ${state.trainBatchSize}: a step still has ${args.perDeviceTrainBatchSize * args.gradientAccumulationSteps} rows, in more batches whose gradients add up`,
      );
    }
  }
}

/** Whether an engine, or JavaScript itself, had no memory for what it was to compute. */
function isOutOfMemory(error: unknown): boolean {
  // Besides the engine's own: the memory of dropout masks, which is ours.
  if (error instanceof FettleError)
    return ['ERR_ENGINE_MEMORY', 'ERR_OUT_OF_MEMORY', 'ERR_DROPOUT_SIZE'].includes(error.code);
  return (
    error instanceof RangeError &&
    /allocation failed|could not allocate|invalid (typed )?array( buffer)? length/i.test(error.message)
  );
}

function outOfMemory(
  args: TrainingArguments,
  state: TrainerState,
  batches: readonly ModelBatch[],
  cause: unknown,
): EnvironmentError {
  const rows = state.trainBatchSize;
  const tokens = Math.max(...batches.map(({ packed }) => packed.tokens));
  const longest = Math.max(...batches.flatMap(({ packed }) => packed.rows.map(({ ids }) => ids.length)));
  const half = Math.max(1, Math.floor(rows / 2));
  const smaller =
    rows === 1
      ? undefined
      : `perDeviceTrainBatchSize ${half} with gradientAccumulationSteps ${Math.ceil((args.perDeviceTrainBatchSize * args.gradientAccumulationSteps) / half)}, which trains on the same steps, or autoFindBatchSize`;
  const shorter = `maxLength below ${longest}, the longest row's tokens`;
  return new EnvironmentError('ERR_OUT_OF_MEMORY', {
    owner: 'Trainer',
    what: `memory ran out in a batch of ${rows} row${rows === 1 ? '' : 's'} with up to ${tokens} tokens`,
    hint: `set ${[smaller, shorter].filter((part) => part !== undefined).join('; or ')}; or freeze layers`,
    cause,
  });
}

/** The error for a step whose loss or gradient is not finite: says step, rows, and where it began. */
async function notFinite<Feature>(
  { args, program }: StepContext<Feature>,
  place: StepPlace<Feature>,
  passes: readonly Pass[],
  loss: number,
  gradientNorm: number,
): Promise<RunError> {
  let found: Awaited<ReturnType<TrainingProgram['diagnose']>>;
  for (const { batch, lossScale } of passes) {
    found = await program.diagnose(batch, { seed: args.seed, step: place.step, lossScale });
    if (found !== undefined) break;
  }
  const rows = Array.from(place.rows.numbers, (row) => row + 1);
  const gave = Number.isFinite(loss) ? `a gradient norm of ${gradientNorm}` : `a loss of ${loss}`;
  const from =
    found === undefined ? '' : `, first in ${found.where} ${found.where === 'the loss' ? 'itself' : `'${found.name}'`}`;
  return new RunError('ERR_NOT_FINITE', {
    owner: 'Trainer',
    what: `step ${place.step} gave ${gave}${from}; the weights are those of step ${place.step - 1}`,
    hint: `lower learningRate, or look at the rows of the batch: ${rows.join(', ')}`,
  });
}
