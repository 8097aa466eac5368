import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { plateauOptions, ReduceLROnPlateau } from './plateau.ts';
import { makeSchedule, plateauName, type Schedule, scheduleParameters } from './schedules.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** How a run is cut into steps; a step is an optimizer step, of one or several batches. */
export interface TrainingPlan {
  readonly batchesPerEpoch: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** Epochs begun, the last perhaps not to its end. */
  readonly epochs: number;
  readonly warmupSteps: number;
  /** Optimizer steps between log lines, evaluations and checkpoints: shares of all steps are steps here. */
  readonly loggingSteps: number;
  readonly evalSteps: number;
  readonly saveSteps: number;
  /** What lowers the learning rate by the metrics of evaluations, where the schedule is that. */
  readonly plateau?: ReduceLROnPlateau | undefined;
  /** The learning rate of a step, from 1; with `plateau`, that of the next step whatever its number. */
  learningRate(step: number): number;
}

/**
 * Hugging Face's arithmetic: the last batch of an epoch may be smaller, and so may the last step.
 * @param examples rows of an epoch; undefined for a stream whose length is not known: it is gone through as often as `maxSteps` needs.
 * @param own a schedule in place of the one that the arguments name.
 */
export function planTraining(
  args: TrainingArguments,
  examples: number | undefined,
  own?: Schedule | undefined,
): TrainingPlan {
  if (examples === undefined) return planSteps(args, unknownLength(args), own);
  const perBatch = examples / args.perDeviceTrainBatchSize;
  const batchesPerEpoch = args.dataloaderDropLast ? Math.floor(perBatch) : Math.ceil(perBatch);
  if (batchesPerEpoch === 0) {
    throw new ArgumentError('ERR_NO_BATCHES', {
      owner: 'Trainer',
      what: examples === 0 ? 'the training data has no rows' : 'the training data fills no batch',
      got: `${examples} rows`,
      expected: args.dataloaderDropLast ? `at least ${args.perDeviceTrainBatchSize}` : 'at least 1',
      hint: examples === 0 ? 'give it rows' : 'lower perDeviceTrainBatchSize, or leave out dataloaderDropLast',
    });
  }
  const stepsPerEpoch = Math.max(1, Math.ceil(batchesPerEpoch / args.gradientAccumulationSteps));
  const totalSteps = args.maxSteps > 0 ? args.maxSteps : Math.ceil(args.numTrainEpochs * stepsPerEpoch);
  const epochs = Math.ceil(totalSteps / stepsPerEpoch);
  return planSteps(args, { batchesPerEpoch, stepsPerEpoch, totalSteps, epochs }, own);
}

type Lengths = Pick<TrainingPlan, 'batchesPerEpoch' | 'stepsPerEpoch' | 'totalSteps' | 'epochs'>;

/** As in Hugging Face's Trainer all steps count as one epoch, and of epochs there may be any number. */
function unknownLength({ maxSteps, gradientAccumulationSteps }: TrainingArguments): Lengths {
  const batchesPerEpoch = maxSteps * gradientAccumulationSteps;
  return { batchesPerEpoch, stepsPerEpoch: maxSteps, totalSteps: maxSteps, epochs: Number.MAX_SAFE_INTEGER };
}

function planSteps(args: TrainingArguments, lengths: Lengths, own: Schedule | undefined): TrainingPlan {
  const { totalSteps } = lengths;
  // A value below 1 is a share of all steps (transformers 5).
  const warmupSteps = args.warmupSteps < 1 ? Math.ceil(args.warmupSteps * totalSteps) : Math.floor(args.warmupSteps);
  if (own === undefined && args.lrSchedulerType === plateauName) return planPlateau(args, lengths);
  const schedule = own ?? makeSchedule(args.lrSchedulerType, args.lrSchedulerKwargs);
  const context = { warmupSteps, totalSteps, learningRate: args.learningRate };
  return {
    ...intervals(args, totalSteps),
    ...lengths,
    warmupSteps,
    learningRate: (step) => args.learningRate * schedule(step - 1, context),
  };
}

/** As in Hugging Face's Trainer there is no warm-up; that it was asked for is said. */
function planPlateau(args: TrainingArguments, lengths: Lengths): TrainingPlan {
  if (args.warmupSteps > 0) log.warn(`warmupSteps has no effect with lrSchedulerType '${plateauName}'`);
  const parameters = scheduleParameters(plateauName, args.lrSchedulerKwargs);
  const plateau = new ReduceLROnPlateau(args.learningRate, plateauOptions(parameters));
  const { totalSteps } = lengths;
  return {
    ...intervals(args, totalSteps),
    ...lengths,
    warmupSteps: 0,
    plateau,
    learningRate: () => plateau.learningRate,
  };
}

/** Shares of all steps as steps: transformers' TrainerState.compute_steps. */
function intervals(
  args: TrainingArguments,
  totalSteps: number,
): Pick<TrainingPlan, 'loggingSteps' | 'evalSteps' | 'saveSteps'> {
  const inSteps = (steps: number) => (steps < 1 ? Math.ceil(steps * totalSteps) : steps);
  return {
    loggingSteps: inSteps(args.loggingSteps),
    evalSteps: inSteps(args.evalSteps ?? args.loggingSteps),
    saveSteps: inSteps(args.saveSteps),
  };
}
