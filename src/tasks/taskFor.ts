import { ArgumentError } from '../core/errors.ts';
import type { Features } from '../data/index.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import type { PretrainedOptions } from '../models/loading.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { MaskedLanguageModel } from './maskedLanguageModel.ts';
import { maskedLanguageModelOptions } from './maskedLanguageModelOptions.ts';
import { QuestionAnswering } from './questionAnswering.ts';
import { hasQuestionAnsweringColumns } from './questionAnsweringColumns.ts';
import { questionAnsweringOptions } from './questionAnsweringOptions.ts';
import type { Task, TaskOptions } from './task.ts';
import type { TaskOptionRules } from './taskOptions.ts';
import { TextClassification } from './textClassification.ts';
import { TokenClassification } from './tokenClassification.ts';
import { tokenClassificationOptions } from './tokenClassificationOptions.ts';
import { hasTaggedWords } from './tokenColumns.ts';

/** How a task is made for one of the models that it is for. */
interface TaskKind<Model> {
  /** The model's class; a class whose constructor is private is no `new () => Model`. */
  readonly model: {
    readonly name: string;
    readonly prototype: Model;
    readonly fromPretrained: (nameOrPath: string, options?: PretrainedOptions) => Promise<Model>;
  };
  readonly make: (model: Model, tokenizer: BertTokenizer, options: TaskOptions) => Task;
  /** The options that this task alone has; `make` gets them checked and filled in. */
  readonly options: TaskOptionRules;
  /** Whether a data set's columns are this task's and no other's. */
  readonly recognises: (features: Features) => boolean;
}

const kind = <Model, Feature>(
  entry: Omit<TaskKind<Model>, 'make'> & {
    readonly make: (model: Model, tokenizer: BertTokenizer, options: TaskOptions) => Task<Feature>;
  },
): TaskKind<Model> => entry as TaskKind<Model>;

/** Hugging Face's names of the tasks, the model that each is for, and the columns it is known by. */
export const tasks = {
  'text-classification': kind({
    model: BertForSequenceClassification,
    make: (model, tokenizer, options) => new TextClassification(model, tokenizer, options),
    options: {},
    // What no other task knows by its columns is classified.
    recognises: () => false,
  }),
  'question-answering': kind({
    model: BertForQuestionAnswering,
    make: (model, tokenizer, options) => new QuestionAnswering(model, tokenizer, options),
    options: questionAnsweringOptions,
    recognises: hasQuestionAnsweringColumns,
  }),
  'token-classification': kind({
    model: BertForTokenClassification,
    make: (model, tokenizer, options) => new TokenClassification(model, tokenizer, options),
    options: tokenClassificationOptions,
    recognises: hasTaggedWords,
  }),
  'fill-mask': kind({
    model: BertForMaskedLM,
    make: (model, tokenizer, options) => new MaskedLanguageModel(model, tokenizer, options),
    options: maskedLanguageModelOptions,
    // Texts without labels may as well be texts to classify.
    recognises: () => false,
  }),
};

/** A task's name. */
export type TaskName = keyof typeof tasks;

/** Every task's name. */
export const taskNames = Object.keys(tasks) as readonly TaskName[];

/** The model that a task is for. */
export type ModelOf<Name extends TaskName> = (typeof tasks)[Name]['model']['prototype'];

/** A model that a {@link Task} is for, and so one that the Trainer trains. */
export type TrainableModel = ModelOf<TaskName>;

/** The task that a data set's columns speak of; texts are classified where nothing else is recognised. */
export function taskOfColumns(features: Features): TaskName {
  return taskNames.find((name) => tasks[name].recognises(features)) ?? 'text-classification';
}

/**
 * The task that a model's head is for, by its class's name as it stands in a checkpoint's `architectures`; undefined where
 * none is.
 */
export function taskOfArchitecture(className: string): TaskName | undefined {
  return taskNames.find((name) => tasks[name].model.name === className);
}

/**
 * The name of the task that a model's head is for.
 * @throws ArgumentError for a model whose head has no task, such as a headless one, and for an option that the task does not take.
 */
export function taskNameOf(model: TrainableModel): TaskName {
  const found = taskNames.find((name) => Object.prototype.isPrototypeOf.call(tasks[name].model.prototype, model));
  if (found !== undefined) return found;
  throw new ArgumentError('ERR_NO_TASK', {
    owner: 'Trainer',
    what: 'there is no task for this model',
    got: (model as object).constructor.name,
    expected: taskNames.map((name) => tasks[name].model.name).join(', '),
  });
}

/**
 * The task that a model's head is for.
 * @param options what every task takes, and what this one takes alone ({@link resolveTaskOptions} checks these).
 * @throws ArgumentError for a model whose head has no task, such as a headless one, and for an option that the task does not take.
 */
export function taskFor(model: TrainableModel, tokenizer: BertTokenizer, options: TaskOptions): Task {
  const { make } = tasks[taskNameOf(model)] as TaskKind<TrainableModel>;
  return make(model, tokenizer, options);
}
