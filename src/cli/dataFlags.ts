import type { Command } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { type Dataset, type DatasetDict, loadDataset, takeSplit } from '../data/index.ts';
import type { ColumnNames } from '../tasks/textColumns.ts';

/** The flags that say where the data is. */
export interface DataFlags {
  readonly dataset?: string;
  readonly datasetConfig?: string;
  readonly textColumn?: string;
  readonly textPairColumn?: string;
  readonly labelColumn?: string;
  readonly questionColumn?: string;
  readonly contextColumn?: string;
  readonly answersColumn?: string;
  readonly idColumn?: string;
}

/** Gives a command the flags of {@link DataFlags}. */
export function addDataFlags(command: Command): void {
  command
    .optionsGroup('Data:')
    .option(
      '--dataset <path or name>',
      'a file (CSV, TSV, JSON Lines), a folder of them, one of GLUE’s folders, or a name in the cache',
    )
    .option('--dataset-config <name>', 'the configuration of a named data set: mrpc')
    .option('--text-column <name>', 'the column with the text (default: found)')
    .option('--text-pair-column <name>', 'the column with the second text of a pair')
    .option('--label-column <name>', 'the column with the label (default: found)')
    .option('--question-column <name>', 'the column with the question (default: question)')
    .option('--context-column <name>', 'the column with the text that holds the answer (default: context)')
    .option('--answers-column <name>', 'the column with the true answers (default: answers)')
    .option('--id-column <name>', 'the column that tells questions apart (default: id)');
}

/** The data set that the flags name. */
export async function loadFlaggedDataset(flags: DataFlags, positional?: string): Promise<DatasetDict> {
  return loadDataset(...flaggedSource(flags, positional));
}

/** Name and configuration of the data set that the flags name. `glue/config` is taken for `glue` with a configuration. */
export function flaggedSource(flags: DataFlags, positional?: string): [name: string, config: string | undefined] {
  const name = flags.dataset ?? positional;
  if (name === undefined) {
    throw new ArgumentError('ERR_NO_DATASET', {
      owner: 'fettle',
      what: 'there is no data',
      hint: 'pass --dataset data.csv, a file whose first line names its columns: text,label',
    });
  }
  const glue = /^(?:nyu-mll\/)?(glue)\/(\w+)$/.exec(name);
  return glue === null || flags.datasetConfig !== undefined ? [name, flags.datasetConfig] : [glue[1], glue[2]];
}

/** One split by name, or a part of one: `train[:80%]`. @throws DataError that lists the splits. */
export function splitOf(dataset: DatasetDict, name: string): Dataset {
  return takeSplit(dataset, name);
}

/** The columns that the flags name. */
export function flaggedColumns(flags: DataFlags): ColumnNames {
  return {
    text: flags.textColumn,
    textPair: flags.textPairColumn,
    label: flags.labelColumn,
    question: flags.questionColumn,
    context: flags.contextColumn,
    answers: flags.answersColumn,
    id: flags.idColumn,
  };
}
