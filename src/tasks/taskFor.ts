import { ArgumentError } from '../core/errors.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import type { Task, TaskOptions } from './task.ts';
import { TextClassification } from './textClassification.ts';

/** How a task is made for one of the models that it is for. */
interface TaskKind<Model> {
  /** The model's class; a class whose constructor is private is no `new () => Model`. */
  readonly model: { readonly name: string; readonly prototype: Model };
  readonly make: (model: Model, tokenizer: BertTokenizer, options: TaskOptions) => Task;
}

const kind = <Model, Feature>(
  model: TaskKind<Model>['model'],
  make: (model: Model, tokenizer: BertTokenizer, options: TaskOptions) => Task<Feature>,
): TaskKind<Model> => ({ model, make: make as TaskKind<Model>['make'] });

/** Hugging Face's names of the tasks, and the model that each is for. */
export const tasks = {
  'text-classification': kind(
    BertForSequenceClassification,
    (model, tokenizer, options) => new TextClassification(model, tokenizer, options),
  ),
};

/** A task's name. */
export type TaskName = keyof typeof tasks;

/** A model that a {@link Task} is for, and so one that the Trainer trains. */
export type TrainableModel = (typeof tasks)[TaskName]['model']['prototype'];

/**
 * The task that a model's head is for.
 * @throws ArgumentError for a model whose head has no task, such as a headless one.
 */
export function taskFor(model: TrainableModel, tokenizer: BertTokenizer, options: TaskOptions): Task {
  const kinds: readonly TaskKind<TrainableModel>[] = Object.values(tasks);
  const found = kinds.find(({ model: { prototype } }) => Object.prototype.isPrototypeOf.call(prototype, model));
  if (found !== undefined) return found.make(model, tokenizer, options);
  throw new ArgumentError('ERR_NO_TASK', {
    owner: 'Trainer',
    what: 'there is no task for this model',
    got: (model as object).constructor.name,
    expected: kinds.map((entry) => entry.model.name).join(', '),
  });
}
