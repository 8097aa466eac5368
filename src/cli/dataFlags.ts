import { type Command, Option } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { type Dataset, type DatasetDict, type LoadDatasetOptions, loadDataset, takeSplit } from '../data/index.ts';
import type { ColumnNames } from '../tasks/textColumns.ts';

/** The flags that say where the data is. */
export interface DataFlags {
  readonly dataset?: string;
  readonly datasetConfig?: string;
  readonly dataFiles?: readonly string[];
  readonly dataFormat?: LoadDatasetOptions['format'];
  readonly textColumn?: string;
  readonly textPairColumn?: string;
  readonly labelColumn?: string;
  readonly questionColumn?: string;
  readonly contextColumn?: string;
  readonly answersColumn?: string;
  readonly idColumn?: string;
}

const dataFormats = [
  'csv',
  'tsv',
  'json',
  'jsonLines',
  'parquet',
  'conll',
  'text',
] as const satisfies readonly NonNullable<LoadDatasetOptions['format']>[];

/** Gives a command the flags of {@link DataFlags}. */
export function addDataFlags(command: Command): void {
  command
    .optionsGroup('Data:')
    .option(
      '--dataset <path or name>',
      'a file (CSV, TSV, JSON, JSON Lines, Parquet, CoNLL, text; also .gz), a glob or folder of them, one of GLUE’s folders, or a name on the Hugging Face Hub or in its cache: glue/mrpc',
    )
    .option('--dataset-config <name>', 'the configuration of a named data set: mrpc')
    .option(
      '--data-files <split=files>',
      'which files of the folder or name make which split: train=a-*.csv; may be given several times. With --dataset csv (json, parquet, text) files from anywhere',
      (text: string, earlier: readonly string[] = []) => [...earlier, text],
    )
    .addOption(
      new Option('--data-format <name>', 'what the files are, where their names do not tell it').choices(dataFormats),
    )
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

/**
 * One split, or a part of one, of the data set that the flags name; the other splits are not read.
 * @throws DataError that lists the splits.
 */
export async function loadFlaggedSplit(
  flags: DataFlags,
  positional: string | undefined,
  split: string,
): Promise<Dataset> {
  const [name, config, options] = flaggedSource(flags, positional);
  return loadDataset(name, config, { ...options, split });
}

/**
 * Name and configuration of the data set that the flags name, and which of its files count. `glue/config` is taken for
 * `glue` with a configuration.
 */
export function flaggedSource(
  flags: DataFlags,
  positional?: string,
): [name: string, config: string | undefined, options: Pick<LoadDatasetOptions, 'dataFiles' | 'format'>] {
  const name = flags.dataset ?? positional;
  if (name === undefined) {
    throw new ArgumentError('ERR_NO_DATASET', {
      owner: 'fettle',
      what: 'there is no data',
      hint: 'pass --dataset data.csv, a file whose first line names its columns: text,label',
    });
  }
  const glue = /^(?:nyu-mll\/)?(glue)\/(\w+)$/.exec(name);
  const options = { dataFiles: flaggedFiles(flags.dataFiles), format: flags.dataFormat };
  return glue === null || flags.datasetConfig !== undefined
    ? [name, flags.datasetConfig, options]
    : [glue[1], glue[2], options];
}

/** Files by split: `train=a.csv`; without a split's name they are `train`. */
function flaggedFiles(given: readonly string[] | undefined): LoadDatasetOptions['dataFiles'] {
  if (given === undefined) return undefined;
  const bySplit = new Map<string, string[]>();
  for (const text of given) {
    const [, split = 'train', files] = /^(?:([\w.-]+)=)?(.*)$/s.exec(text) as RegExpExecArray;
    if (files === '') {
      throw new ArgumentError('ERR_FLAG_VALUE', {
        owner: 'fettle',
        what: '--data-files names no file',
        got: text,
        expected: 'a path or glob, with a split before it or without: train=a-*.csv',
      });
    }
    bySplit.set(split, [...(bySplit.get(split) ?? []), files]);
  }
  return Object.fromEntries(bySplit);
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
