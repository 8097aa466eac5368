import { ArgumentError, didYouMean } from '../core/errors.ts';
import type { Optimizer } from '../engine/optimizers.ts';
import type { LossFunction } from '../models/loss.ts';
import type { EvalPrediction, Metrics, TaskSettings } from '../tasks/task.ts';
import type { TrainableModel } from '../tasks/taskFor.ts';
import type { ColumnNames } from '../tasks/textColumns.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { checkCallback, type TrainerCallback } from './callbacks.ts';
import type { TrainingEvent } from './events.ts';
import type { Schedule } from './schedules.ts';
import type { ModelInitTrial } from './search/searchTrial.ts';
import { isTrainerDataset, type TrainerDataset } from './trainerData.ts';
import type { TrainingArguments, TrainingArgumentsOptions } from './trainingArguments.ts';

/** One data set or stream to evaluate on, or several by name, whose metrics are `eval_<name>_loss` and so on. */
export type EvalDataset = TrainerDataset | Readonly<Record<string, TrainerDataset>>;

/** What a `Trainer` is made of (Hugging Face's names). */
export interface TrainerOptions {
  /** What is trained; or give `modelInit`. */
  readonly model?: TrainableModel | undefined;
  /**
   * Makes the model: anew for every `train()`, and for every trial of a search, which it is told of. The one before is
   * disposed of.
   */
  readonly modelInit?: ((trial?: ModelInitTrial) => TrainableModel | Promise<TrainableModel>) | undefined;
  /** A plain object is taken too. */
  readonly args?: TrainingArguments | TrainingArgumentsOptions | undefined;
  /** Of a stream each epoch is a pass of its own, in the stream's order; one that is not known to end needs `maxSteps`. */
  readonly trainDataset?: TrainerDataset | undefined;
  readonly evalDataset?: EvalDataset | undefined;
  /** Default: the tokenizer that stands where the model came from. */
  readonly tokenizer?: BertTokenizer | undefined;
  /** Which columns hold text and label; those left out are found, and said in the log. */
  readonly columns?: ColumnNames | undefined;
  /** What the model's task alone can be told, such as `docStride` for question answering. */
  readonly taskOptions?: TaskSettings | undefined;
  /** The loss in place of the head's own, in ops of `fettle/nn` over symbolic values; see {@link LossFunction}. */
  readonly computeLossFunc?: LossFunction | undefined;
  /** Optimizer (`adamW({ … })`, `sgd({ … })`) and schedule (a function of the step) in place of those of `args`. */
  readonly optimizers?: readonly [Optimizer | undefined, Schedule?] | undefined;
  /** Replaces the task's own metrics. Names get the prefix `eval_`. */
  readonly computeMetrics?: ((prediction: EvalPrediction) => Metrics) | undefined;
  /** What looks in on a run and may change its course. */
  readonly callbacks?: readonly TrainerCallback[] | undefined;
  /** Called with every event of a run. */
  readonly onEvent?: ((event: TrainingEvent) => void) | undefined;
}

const optionNames: readonly (keyof TrainerOptions)[] = [
  'model',
  'modelInit',
  'args',
  'trainDataset',
  'evalDataset',
  'tokenizer',
  'columns',
  'taskOptions',
  'computeLossFunc',
  'optimizers',
  'computeMetrics',
  'callbacks',
  'onEvent',
];

/** @throws ArgumentError for a missing model, an unknown option, and data sets or callbacks that are none. */
export function checkTrainerOptions(options: TrainerOptions): void {
  for (const name of Object.keys(options)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    const near = didYouMean(name, optionNames);
    throw new ArgumentError('ERR_UNKNOWN_OPTION', {
      owner: 'Trainer',
      what: `there is no option '${name}'`,
      hint: near === undefined ? `the options are ${optionNames.join(', ')}` : `did you mean '${near}'?`,
    });
  }
  if ((options.model === undefined) === (options.modelInit === undefined)) {
    throw new ArgumentError('ERR_NO_MODEL', {
      owner: 'Trainer',
      what: options.model === undefined ? 'there is no model' : 'there are two models: model and modelInit',
      hint:
        options.model === undefined
          ? 'pass model: await BertForSequenceClassification.fromPretrained(…)'
          : 'leave one of them out',
    });
  }
  checkDataset('trainDataset', options.trainDataset);
  for (const [name, dataset] of Object.entries(namedSets(options.evalDataset)))
    checkDataset(name === '' ? 'evalDataset' : `evalDataset['${name}']`, dataset);
  for (const callback of options.callbacks ?? []) checkCallback(callback);
}

function checkDataset(name: string, given: unknown): void {
  if (given === undefined || isTrainerDataset(given)) return;
  throw new ArgumentError('ERR_DATASET', {
    owner: 'Trainer',
    what: `${name} is no data set`,
    got: Array.isArray(given) ? `an array of ${given.length}` : given,
    hint: 'make one: Dataset.fromRows(rows), or loadDataset(…)',
  });
}

/** Evaluation sets by name; one alone stands under ''. */
export function namedSets(sets: EvalDataset | undefined): Readonly<Record<string, TrainerDataset>> {
  if (sets === undefined) return {};
  const plain = typeof sets === 'object' && sets !== null && !isTrainerDataset(sets) && !Array.isArray(sets);
  return plain ? (sets as Readonly<Record<string, TrainerDataset>>) : { '': sets as TrainerDataset };
}
