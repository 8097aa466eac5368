import { type Command, Option } from 'commander';
import type { DatasetDict } from '../data/index.ts';
import type { TaskSettings } from '../tasks/task.ts';
import type { TaskName } from '../tasks/taskFor.ts';
import type { ColumnNames } from '../tasks/textColumns.ts';
import type { TrainerDataset } from '../training/trainer.ts';
import type { TrainingArguments } from '../training/trainingArguments.ts';
import { addDataFlags, type DataFlags, flaggedColumns, loadFlaggedDataset, splitOf } from './dataFlags.ts';
import { addPreparationFlags, type PreparationFlags, prepareRows, refusePreparation } from './preparation.ts';
import { loadStreamedData } from './streamedData.ts';
import { addTaskFlag, taskOfDataset, taskSettings } from './taskFlags.ts';

/** The flags that say which model learns from which rows. */
export interface TrainingDataFlags extends DataFlags, PreparationFlags {
  readonly model: string;
  readonly task?: TaskName;
  readonly tokenizer?: string;
  readonly trainSplit: string;
  readonly evalSplit?: string;
}

/**
 * Gives a command the flags of {@link TrainingDataFlags}.
 * @param requireModel whether the command's parser says so where `--model` is left out.
 * @param purpose of the split that is not trained on.
 */
export function addTrainingDataFlags(command: Command, requireModel: boolean, purpose: string): void {
  command.optionsGroup('Model:');
  command.addOption(
    new Option(
      '--model <path or name>',
      'the model to begin with: a directory, or a name: bert-base-uncased',
    ).makeOptionMandatory(requireModel),
  );
  command.option('--tokenizer <path or name>', 'the tokenizer, where it does not stand with the model');
  addTaskFlag(command, 'by the columns of the data');
  addDataFlags(command);
  command
    .option('--train-split <name>', 'the split to train on', 'train')
    .option('--eval-split <name>', `the split to ${purpose} (default: validation, or else test)`);
  addPreparationFlags(command, { training: true });
}

/** What is trained and evaluated on. */
export interface TrainingData {
  readonly task: TaskName;
  readonly taskOptions: TaskSettings;
  readonly train: TrainerDataset | undefined;
  readonly evaluation: TrainerDataset | undefined;
  readonly columns: ColumnNames;
  /** The name of the split that is evaluated on. */
  readonly evalSplit: string | undefined;
  /** How many rows are trained on, where that is known. */
  readonly trainRows: number | undefined;
}

/**
 * Rows in memory, prepared as the flags ask.
 * @param missing the error where there are no rows to evaluate on but there must be.
 */
export async function rowsInMemory(
  data: string | undefined,
  flags: TrainingDataFlags & Readonly<Record<string, unknown>>,
  args: TrainingArguments,
  missing?: (dataset: DatasetDict) => Error,
) {
  const dataset = await loadFlaggedDataset(flags, data);
  const evalSplit = flags.evalSplit ?? evaluationSplits.find((name) => name in dataset);
  const rows = {
    train: splitOf(dataset, flags.trainSplit),
    evaluation: evalSplit === undefined ? undefined : splitOf(dataset, evalSplit),
  };
  if (rows.evaluation === undefined && missing !== undefined) throw missing(dataset);
  const task = taskOfDataset(flags.task, rows.train);
  const taskOptions = taskSettings(task, flags);
  const prepared = await prepareRows(flags, rows, {
    task,
    columns: flaggedColumns(flags),
    seed: args.dataSeed ?? args.seed,
    maxLength: args.maxLength,
    tokenizer: flags.tokenizer ?? flags.model,
  });
  return { task, taskOptions, ...prepared, evalSplit, trainRows: prepared.train?.length } satisfies TrainingData;
}

/** Rows as they are read: nothing is done to them before. */
export async function streamedRows(
  data: string | undefined,
  flags: TrainingDataFlags & Readonly<Record<string, unknown>>,
  args: TrainingArguments,
  missing?: () => Error,
): Promise<TrainingData> {
  refusePreparation(flags);
  const inOrder = args.trainSamplingStrategy === 'sequential';
  const streams = await loadStreamedData(flags, data, { seed: args.dataSeed ?? args.seed, inOrder, evaluationSplits });
  if (streams.evaluation === undefined && missing !== undefined) throw missing();
  const task = taskOfDataset(flags.task, { features: streams.train.features ?? {} });
  return {
    task,
    taskOptions: taskSettings(task, flags),
    ...streams,
    columns: flaggedColumns(flags),
    trainRows: undefined,
  };
}

/** Splits for judging, the first that there is. */
const evaluationSplits = ['validation', 'validation_matched', 'test'];
