import { ArgumentError } from '../core/errors.ts';
import { readOptionsFile } from './argumentFiles.ts';
import { optimizerFor } from './optimizers.ts';
import { type GivenOption, type PlaceOf, readOptions, resolveOptions, snakeCase } from './optionRules.ts';
import { trainingTable } from './options.ts';
import type { ClassWeights } from './optionValues.ts';
import type { ParameterGroup } from './parameterGroups.ts';
import { makeSchedule, type ScheduleName } from './schedules.ts';

/** When something is due: never, every so many steps, or at the end of each epoch. */
type IntervalStrategy = 'no' | 'steps' | 'epoch';

/** Options of {@link TrainingArguments}: Hugging Face's names in camelCase, its meanings and its defaults. */
export interface TrainingArgumentsOptions {
  /** Where the run leaves what it makes. */
  outputDir?: string | undefined;
  /** Train though a run stands in `outputDir` already; its checkpoints go. Default false. */
  overwriteOutputDir?: boolean | undefined;
  /** How often training goes through the data; may be a fraction. Default 3. */
  numTrainEpochs?: number | undefined;
  /** The number of optimizer steps, in place of `numTrainEpochs`, where it is positive. Default −1. */
  maxSteps?: number | undefined;
  /** Stop after so many evaluations in a row without a better `metricForBestModel`. Default: never. */
  earlyStoppingPatience?: number | undefined;
  /** How much better counts as better for `earlyStoppingPatience`. Default 0. */
  earlyStoppingThreshold?: number | undefined;
  /** Rows of a training batch. Default 8. */
  perDeviceTrainBatchSize?: number | undefined;
  /** Rows of an evaluation batch. Default 8. */
  perDeviceEvalBatchSize?: number | undefined;
  /** Batches whose gradients add up to one optimizer step. Default 1. */
  gradientAccumulationSteps?: number | undefined;
  /** Where memory runs out, try again with smaller batches and as many more of them. Default false. */
  autoFindBatchSize?: boolean | undefined;
  /** The order of rows: shuffled each epoch (the default), as they stand, or rows of like length together. */
  trainSamplingStrategy?: 'random' | 'sequential' | 'group_by_length' | undefined;
  /** AdamW (the default) under any of Python's names for it, or stochastic gradient descent. */
  optim?: OptimizerName | OptimizerSpelling | undefined;
  /** The learning rate at its highest. Default 5e-5. */
  learningRate?: number | undefined;
  /** How the learning rate goes from the end of the warm-up to the end of training. Default `'linear'`. */
  lrSchedulerType?: ScheduleName | undefined;
  /** The schedule's own numbers: `{ numCycles: 2 }`, `{ minLrRate: 0.1 }`. */
  lrSchedulerKwargs?: Readonly<Record<string, number | string | boolean>> | undefined;
  /** Optimizer steps in which the learning rate rises from 0; a value below 1 is a share of all steps. Default 0. */
  warmupSteps?: number | undefined;
  /** Weight decay of all but biases and LayerNorm: AdamW's decoupled one, or SGD's added to the gradient. Default 0. */
  weightDecay?: number | undefined;
  adamBeta1?: number | undefined;
  adamBeta2?: number | undefined;
  adamEpsilon?: number | undefined;
  /** SGD's momentum. Default 0. */
  momentum?: number | undefined;
  /** SGD's dampening of the momentum. Default 0. */
  dampening?: number | undefined;
  /** Nesterov's form of SGD's momentum. Default false. */
  nesterov?: boolean | undefined;
  /** Gradients are scaled down to this norm where theirs is larger; 0: never. Default 1. */
  maxGradNorm?: number | undefined;
  /** Each layer learns at the rate of the one above it times this, from the head down. Default 1. */
  layerwiseLearningRateDecay?: number | undefined;
  /** Parameters with a learning rate or weight decay of their own; the first group that fits counts. */
  parameterGroups?: readonly ParameterGroup[] | undefined;
  /** The share of each label's weight that is spread evenly over all classes. Default 0. */
  labelSmoothingFactor?: number | undefined;
  /** How much each class counts in the loss: numbers by label id or label name, or `'balanced'`. Default: the same. */
  classWeights?: ClassWeights | undefined;
  /** When to evaluate while training: `'no'` (the default), `'steps'` or `'epoch'`. */
  evalStrategy?: IntervalStrategy | undefined;
  /** Steps between evaluations under `'steps'`; below 1, a share of all steps. Default: `loggingSteps`. */
  evalSteps?: number | undefined;
  /** Evaluate before the first step too. Default false. */
  evalOnStart?: boolean | undefined;
  /** No evaluation before so many steps or epochs, as `evalStrategy` counts. Default 0. */
  evalDelay?: number | undefined;
  /** When to log the training loss: `'no'`, `'steps'` (the default) or `'epoch'`. */
  loggingStrategy?: IntervalStrategy | undefined;
  /** Steps between log lines; below 1, a share of all steps. Default 500. */
  loggingSteps?: number | undefined;
  loggingFirstStep?: boolean | undefined;
  /** Log the number of tokens trained on so far. Default `'no'`. */
  includeNumInputTokensSeen?: 'no' | 'all' | 'non_padding' | boolean | undefined;
  /** Who is told of a run: `'tensorboard'`, `'csv'`, `'jsonl'`, `'none'`. Default: TensorBoard, where `loggingDir` is given. */
  reportTo?: ReportTarget | 'all' | readonly ReportTarget[] | undefined;
  /** Where the files of `reportTo` go; none are written where left out, unless `reportTo` asks for them. */
  loggingDir?: string | undefined;
  /** The run's name: TensorBoard's files go to a folder of that name in `loggingDir`. */
  runName?: string | undefined;
  /** Histograms for TensorBoard every `loggingSteps`: `'no'` (the default), `'gradients'`, `'weights'` or `'all'`. */
  loggingHistograms?: 'no' | 'gradients' | 'weights' | 'all' | undefined;
  /** No progress bar of the command; the library has none. Default false. */
  disableTqdm?: boolean | undefined;
  /** From which level on the log speaks; `'passive'` (the default) leaves it as it is. */
  logLevel?: 'passive' | 'debug' | 'info' | 'warning' | 'error' | 'warn' | 'critical' | undefined;
  /** When to save a checkpoint in `outputDir`: `'no'`, `'steps'` (the default), `'epoch'`, or `'best'`. */
  saveStrategy?: IntervalStrategy | 'best' | undefined;
  /** Steps between checkpoints under `'steps'`; below 1, a share of all steps. Default 500. */
  saveSteps?: number | undefined;
  /** Checkpoints kept at most; the newest and the best are never deleted. Default: all. */
  saveTotalLimit?: number | undefined;
  /** Leave the optimizer's state out of checkpoints, which cannot be resumed then. Default false. */
  saveOnlyModel?: boolean | undefined;
  /** Go on from this checkpoint; true: from the newest in `outputDir`. */
  resumeFromCheckpoint?: string | boolean | undefined;
  /** End with the weights of the best checkpoint by `metricForBestModel`. Default false. */
  loadBestModelAtEnd?: boolean | undefined;
  /** The metric that says which checkpoint is best, with or without `eval_`. Default: the loss. */
  metricForBestModel?: string | undefined;
  /** Whether more of `metricForBestModel` is better. Default: unless its name ends in `loss`. */
  greaterIsBetter?: boolean | undefined;
  /** Shuffling and dropout are pure functions of it. Default 42. */
  seed?: number | undefined;
  /** Shuffling's own seed. Default: `seed`. */
  dataSeed?: number | undefined;
  /** Tokens of a row at most. Default: the model's limit. */
  maxLength?: number | undefined;
  /** Cut longer rows; else they are an error. Default true. */
  truncation?: boolean | undefined;
  /** Keep tokens on disk for further runs over the same rows: where it saves a second, always, or never. Default 'auto'. */
  tokenCache?: 'auto' | 'on' | 'off' | undefined;
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

/** The optimizers that there are. */
export type OptimizerName = 'adamw_torch' | 'sgd';

/** Other names of AdamW that are taken. */
type OptimizerSpelling = 'adamw' | 'adamw_hf' | 'adamw_torch_fused' | 'adamw_torch_xla' | 'adamw_torch_npu_fused';

type ReportTarget = 'none' | 'tensorboard' | 'csv' | 'jsonl';

/** Options that are kept in another form than all that they are taken in. */
interface Normalized {
  optim: OptimizerName;
  includeNumInputTokensSeen: 'no' | 'all' | 'non_padding';
  reportTo: readonly ReportTarget[] | undefined;
  logLevel: 'passive' | 'debug' | 'info' | 'warning' | 'error';
}

type Optional =
  | 'outputDir'
  | 'earlyStoppingPatience'
  | 'lrSchedulerKwargs'
  | 'parameterGroups'
  | 'classWeights'
  | 'evalSteps'
  | 'loggingDir'
  | 'runName'
  | 'saveTotalLimit'
  | 'resumeFromCheckpoint'
  | 'metricForBestModel'
  | 'greaterIsBetter'
  | 'dataSeed'
  | 'maxLength';

/** {@link TrainingArgumentsOptions} with every default filled in. */
export type ResolvedTrainingArguments = {
  readonly [K in keyof TrainingArgumentsOptions]-?: K extends keyof Normalized
    ? Normalized[K]
    : K extends Optional
      ? TrainingArgumentsOptions[K]
      : NonNullable<TrainingArgumentsOptions[K]>;
};

const owner = 'TrainingArguments';

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
    Object.assign(this, resolveOptions(owner, trainingTable, options as Record<string, unknown>));
    // Its own numbers are checked by the schedule; what they are together, at any step.
    const { learningRate } = this;
    makeSchedule(this.lrSchedulerType, this.lrSchedulerKwargs)(0, { learningRate, warmupSteps: 0, totalSteps: 1 });
    optimizerFor(this);
    if (this.reportTo !== undefined && this.reportTo.length > 1 && this.reportTo.includes('none')) {
      throw new ArgumentError('ERR_OPTION_VALUE', {
        owner,
        what: "'reportTo' says 'none' and something else",
        got: this.reportTo.join(', '),
        hint: 'leave one of them out',
      });
    }
  }

  /**
   * Options from a JSON or YAML file, under names in camelCase or Hugging Face's snake_case; what Python's
   * `TrainingArguments.to_json_string` writes is taken.
   * @param options go before what the file says.
   * @throws ArgumentError that names file and line.
   *
   * @example
   * const args = await TrainingArguments.fromFile('run.yaml', { seed: 7 });
   */
  static async fromFile(path: string, options: TrainingArgumentsOptions = {}): Promise<TrainingArguments> {
    const { values, placeOf } = await readOptionsFile('TrainingArguments.fromFile', path);
    const inFile = readTrainingOptions(values, placeOf);
    const given = readOptions(owner, trainingTable, options as Record<string, unknown>);
    const merged = new Map([...inFile, ...given]);
    return new TrainingArguments(Object.fromEntries([...merged].map(([name, { value }]) => [name, value])));
  }

  /** Every option with its value, under Hugging Face's snake_case names; taken again by the constructor. */
  toJSON(): Record<string, unknown> {
    return Object.fromEntries(
      // Names of labels are not ours to spell.
      Object.entries(this).map(([name, value]) => [
        snakeCase(name),
        name === 'classWeights' ? (value ?? null) : jsonOf(value),
      ]),
    );
  }
}

/** Checks options that a file has, and gives those that are there by their names here. */
export function readTrainingOptions(
  values: Readonly<Record<string, unknown>>,
  placeOf: PlaceOf,
): ReadonlyMap<string, GivenOption> {
  return readOptions(owner, trainingTable, values, placeOf);
}

/** Patterns are written as `/…/`. */
function jsonOf(value: unknown): unknown {
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [snakeCase(name), jsonOf(each)]));
}
