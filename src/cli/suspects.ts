import type { Command } from 'commander';
import { onInterrupt, setExitCode, terminalWidth } from '#platform/process';
import type { Row } from '../data/index.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { findSuspectLabels, type SuspectLabel } from '../training/suspectLabels.ts';
import { addDataFlags, type DataFlags, flaggedColumns, loadFlaggedDataset, splitOf } from './dataFlags.ts';
import { parseValue } from './flags.ts';
import { Progress } from './progress.ts';
import { makeReport } from './report.ts';
import { rowFormatOf, writeRows } from './rowFile.ts';

interface SuspectsFlags extends DataFlags {
  readonly model: string;
  readonly split: string;
  readonly output: string;
  readonly folds: number;
  readonly numTrainEpochs: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly maxLength?: number;
  readonly seed: number;
  readonly threads?: number;
  readonly json?: boolean;
}

/** How many suspects are shown; all are in the file. */
const shown = 10;

/** `fettle data suspects`: rows whose label is likely wrong. */
export function addDataSuspectsCommand(parent: Command): void {
  const number = (flag: string, type: 'integer' | 'number') => (text: string) => Number(parseValue(flag, type, text));
  const command = parent
    .command('suspects')
    .description('Find rows whose label is likely wrong: models judge rows that they did not learn from.')
    .argument('[data]', 'the data set, as --dataset')
    .requiredOption('--model <path or name>', 'the model to fine-tune, as for fettle train');
  addDataFlags(command);
  command
    .option('--split <name>', 'the split to look at', 'train')
    .option('--output <file>', 'where the suspects go: .csv, .jsonl or .parquet', 'suspect-labels.csv')
    .optionsGroup('Training:')
    .option(
      '--folds <integer>',
      'parts of the data, and models trained, each on all but one',
      number('--folds', 'integer'),
      5,
    )
    .option('--num-train-epochs <number>', 'epochs of each', number('--num-train-epochs', 'number'), 3)
    .option('--learning-rate <number>', 'the learning rate', number('--learning-rate', 'number'), 5e-5)
    .option('--batch-size <integer>', 'rows of a batch', number('--batch-size', 'integer'), 8)
    .option(
      '--max-length <integer>',
      "tokens of a row at most (default: the model's limit)",
      number('--max-length', 'integer'),
    )
    .option('--seed <integer>', 'of dealing, shuffling and dropout', number('--seed', 'integer'), 42)
    .option('--threads <integer>', 'threads to compute with (default: all)', number('--threads', 'integer'))
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(suspects);
}

async function suspects(data: string | undefined, flags: SuspectsFlags): Promise<void> {
  const format = rowFormatOf('--output', flags.output);
  const dataset = splitOf(await loadFlaggedDataset(flags, data), flags.split);
  const progress = new Progress();
  const interrupt = new AbortController();
  const stopListening = onInterrupt(() => interrupt.abort());
  try {
    const found = await findSuspectLabels({
      modelInit: () =>
        BertForSequenceClassification.fromPretrained(flags.model, { threads: flags.threads, seed: flags.seed }),
      dataset,
      columns: flaggedColumns(flags),
      folds: flags.folds,
      seed: flags.seed,
      args: {
        numTrainEpochs: flags.numTrainEpochs,
        learningRate: flags.learningRate,
        perDeviceTrainBatchSize: flags.batchSize,
        perDeviceEvalBatchSize: flags.batchSize,
        maxLength: flags.maxLength,
        seed: flags.seed,
      },
      onEvent: progress.show,
      signal: interrupt.signal,
    });
    progress.clear();
    const rows = found.suspects.map((suspect) => asRow(dataset.row(suspect.row), suspect));
    const columns = ['row', ...dataset.columnNames, ...Object.keys(asRow({}, placeholder)).slice(1)];
    const shape = { columns: [...new Set(columns)], features: dataset.features };
    await writeRows(flags.output, format, [rows], () => shape);
    const { accuracy } = found;
    makeReport(flags.json === true).result(
      { rows: found.rows, folds: flags.folds, accuracy, suspects: rows.length, output: flags.output },
      [
        `models agree with ${(100 * accuracy).toFixed(1)} % of the labels of ${found.rows} rows that they did not learn from`,
        `${rows.length} suspect labels in ${flags.output}, the likeliest first${rows.length === 0 ? '' : ':'}`,
        ...found.suspects.slice(0, shown).map((suspect) => describe(suspect, dataset.row(suspect.row))),
        ...(rows.length > shown ? [`  and ${rows.length - shown} more`] : []),
      ].join('\n'),
    );
  } catch (error) {
    if (!interrupt.signal.aborted || error !== interrupt.signal.reason) throw error;
    setExitCode(130);
  } finally {
    progress.clear();
    stopListening();
  }
}

const placeholder: SuspectLabel = {
  row: 0,
  givenLabel: '',
  givenProbability: 0,
  suggestedLabel: '',
  suggestedProbability: 0,
};

/** Rows are counted from 1, as people read files. */
function asRow(row: Row, suspect: SuspectLabel): Row {
  return {
    row: suspect.row + 1,
    ...row,
    given_label: suspect.givenLabel,
    given_probability: Number(suspect.givenProbability.toFixed(6)),
    suggested_label: suspect.suggestedLabel,
    suggested_probability: Number(suspect.suggestedProbability.toFixed(6)),
  };
}

function describe({ row, givenLabel, suggestedLabel, suggestedProbability }: SuspectLabel, cells: Row): string {
  const text = Object.entries(cells)
    .filter(([, cell]) => typeof cell === 'string' && cell !== givenLabel)
    .map(([, cell]) => cell)
    .join(' | ');
  const line = `  row ${row + 1}: ${givenLabel}, rather ${suggestedLabel} (${suggestedProbability.toFixed(3)}): ${text}`;
  const width = terminalWidth() ?? 100;
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
