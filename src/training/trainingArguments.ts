import { resolveOptions, trainingOptions } from './options.ts';
import type { ScheduleName } from './schedules.ts';

/** When something is due: never, every so many steps, or at the end of each epoch. */
type IntervalStrategy = 'no' | 'steps' | 'epoch';

/** Options of {@link TrainingArguments}: Hugging Face's names in camelCase, its meanings and its defaults. */
export interface TrainingArgumentsOptions {
  /** Where the run leaves what it makes. */
  outputDir?: string | undefined;
  /** How often training goes through the data; may be a fraction. Default 3. */
  numTrainEpochs?: number | undefined;
  /** The number of optimizer steps, in place of `numTrainEpochs`, where it is positive. Default −1. */
  maxSteps?: number | undefined;
  /** Rows of a training batch. Default 8. */
  perDeviceTrainBatchSize?: number | undefined;
  /** Rows of an evaluation batch. Default 8. */
  perDeviceEvalBatchSize?: number | undefined;
  /** Batches whose gradients add up to one optimizer step. Default 1. */
  gradientAccumulationSteps?: number | undefined;
  /** AdamW's learning rate at its highest. Default 5e-5. */
  learningRate?: number | undefined;
  /** How the learning rate goes from the end of the warm-up to the end of training. Default `'linear'`. */
  lrSchedulerType?: ScheduleName | undefined;
  /** Optimizer steps in which the learning rate rises from 0; a value below 1 is a share of all steps. Default 0. */
  warmupSteps?: number | undefined;
  /** Decoupled weight decay, of all but biases and LayerNorm. Default 0. */
  weightDecay?: number | undefined;
  adamBeta1?: number | undefined;
  adamBeta2?: number | undefined;
  adamEpsilon?: number | undefined;
  /** Gradients are scaled down to this norm where theirs is larger; 0: never. Default 1. */
  maxGradNorm?: number | undefined;
  /** When to evaluate while training: `'no'` (the default), `'steps'` or `'epoch'`. */
  evalStrategy?: IntervalStrategy | undefined;
  /** Steps between evaluations under `'steps'`. Default: `loggingSteps`. */
  evalSteps?: number | undefined;
  /** When to log the training loss: `'no'`, `'steps'` (the default) or `'epoch'`. */
  loggingStrategy?: IntervalStrategy | undefined;
  /** Steps between log lines. Default 500. */
  loggingSteps?: number | undefined;
  loggingFirstStep?: boolean | undefined;
  /** Where TensorBoard's event files go; none are written where left out. */
  loggingDir?: string | undefined;
  /** Shuffling and dropout are pure functions of it. Default 42. */
  seed?: number | undefined;
  /** Shuffling's own seed. Default: `seed`. */
  dataSeed?: number | undefined;
  /** Tokens of a row at most. Default: the model's limit. */
  maxLength?: number | undefined;
  /** Cut longer rows; else they are an error. Default true. */
  truncation?: boolean | undefined;
  /**
   * Compute training steps in bfloat16, which needs OpenVINO and a processor that has it; weights and moments stay float32.
   * Default false.
   */
  bf16?: boolean | undefined;
  /** Compute what frozen parameters give once a row, and train on that. Default true. */
  cacheFrozenFeatures?: boolean | undefined;
  /** Leave out the last, smaller batch of an epoch. Default false. */
  dataloaderDropLast?: boolean | undefined;
}

type Optional = 'outputDir' | 'evalSteps' | 'loggingDir' | 'dataSeed' | 'maxLength';

/** {@link TrainingArgumentsOptions} with every default filled in. */
export type ResolvedTrainingArguments = {
  readonly [K in keyof TrainingArgumentsOptions]-?: K extends Optional
    ? TrainingArgumentsOptions[K]
    : NonNullable<TrainingArgumentsOptions[K]>;
};

export interface TrainingArguments extends ResolvedTrainingArguments {}

/**
 * How a training run goes (Hugging Face's class of the same name). Checked when made.
 * @throws ArgumentError for an unknown option, with a suggestion, and for values out of range.
 *
 * @example
 * const args = new TrainingArguments({ outputDir: './results', numTrainEpochs: 3, warmupSteps: 500, weightDecay: 0.01 });
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the fields are assigned from the table of options
export class TrainingArguments {
  constructor(options: TrainingArgumentsOptions = {}) {
    Object.assign(this, resolveOptions('TrainingArguments', trainingOptions, options as Record<string, unknown>));
  }

  /** Every option with its value, under Hugging Face's snake_case names. */
  toJSON(): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(this).map(([name, value]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value ?? null,
      ]),
    );
  }
}
