import type { Tensor } from '../core/tensor.ts';
import type { Dataset } from '../data/index.ts';
import type { EngineTensor } from '../engine/engine.ts';
import type { SquadReference } from '../metrics/index.ts';
import type { ModelBatch } from '../models/programs.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { MaskedLanguageModelOptions } from './maskedLanguageModelOptions.ts';
import type { QuestionAnsweringOptions } from './questionAnsweringOptions.ts';
import type { QuestionAnswer } from './questionAnswers.ts';
import type { ColumnNames } from './textColumns.ts';
import type { TokenClassificationOptions } from './tokenClassificationOptions.ts';

/** What only some tasks can be told; given to another, an option is an error. */
export interface TaskSettings
  extends QuestionAnsweringOptions,
    MaskedLanguageModelOptions,
    TokenClassificationOptions {}

/** What a task can be told. */
export interface TaskOptions extends TaskSettings {
  /** Which columns hold what; those left out are found. */
  readonly columns?: ColumnNames | undefined;
  /** Tokens of a row at most. Default: what tokenizer and model can take. */
  readonly maxLength?: number | undefined;
  /** Cut longer rows; else they are an error. Default true. */
  readonly truncation?: boolean | undefined;
  /** For a head whose size follows the data. */
  readonly seed?: number | undefined;
}

/** Where in training a batch stands: all that anything random in it is a function of. */
export interface BatchPlace {
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  /** The number of the batch's first row in the optimizer step's whole batch, for dropout. */
  readonly firstSample: number;
}

/** How much of a stream stands before a part of it. */
export interface RowsBefore {
  readonly rows: number;
  /** What was made of them. */
  readonly features: number;
}

/** What is to be prepared. */
export interface PrepareOptions {
  /** Whether each row must have a label. */
  readonly labels: 'required' | 'optional';
  /** Where the data set is a part of a stream: what came before, so that features are numbered as in the whole. */
  readonly before?: RowsBefore | undefined;
}

/** What a user's own metrics are computed from (Hugging Face's `EvalPrediction`). */
export interface EvalPrediction {
  /** The model's raw answers, a row each. Question answering: the scores of the best answer and of none. */
  readonly predictions: Tensor<'float32'>;
  /** What the data says. Question answering: 1 where there is an answer, 0 where there is none, −1 where nobody says. */
  readonly labelIds: Tensor;
  /** Only question answering has them: the answers, a row each. */
  readonly answers?: readonly QuestionAnswer[];
  /** Only question answering has them: the true answers of each row, as the SQuAD metrics take them. */
  readonly references?: readonly SquadReference[];
}

/** What of an evaluation is wanted. */
export interface EvaluatorOptions {
  /** Whether `prediction()` will be asked for; metrics alone need less memory. Default true. */
  readonly keepAnswers?: boolean | undefined;
}

/** Metric values by name. */
export type Metrics = Readonly<Record<string, number>>;

/** Takes what a model answered, batch by batch, and makes of it what is asked. */
export interface Evaluator<Feature> {
  add(outputs: Readonly<Record<string, EngineTensor>>, features: readonly Feature[]): void;
  /** Raw answers and labels, in the order in which they were added. */
  prediction(): EvalPrediction;
  /**
   * The task's own metrics; none where the data has no labels.
   * @param loss the mean loss over all that counts, where there are labels.
   */
  metrics(loss?: number): Metrics;
}

/**
 * One task, in one place: which columns it reads, how they become features and batches, how answers are read from a
 * model's outputs, and which metrics judge them. Trainer, pipelines and the command ask the task and know no columns.
 */
export interface Task<Feature = unknown> {
  /** Hugging Face's name of the task: `text-classification`. */
  readonly name: string;
  /** Brings a data set's labels and the model's together. Said in the log; a contradiction is an error. */
  adapt(dataset: Dataset): Promise<void>;
  /**
   * Turns rows into features; all of them, before the first step, so that nothing fails late.
   * @throws DataError that names file or data set, row (of this data set) and column.
   */
  prepare(dataset: Dataset, options: PrepareOptions): Promise<readonly Feature[]>;
  /** The token sequences that {@link batch} gives to the model for these features: the very objects. */
  sequences(features: readonly Feature[]): readonly TokenSequence[];
  /** @param place where in training; left out where answers are asked for. */
  batch(features: readonly Feature[], place?: BatchPlace): ModelBatch;
  evaluator(options?: EvaluatorOptions): Evaluator<Feature>;
}
