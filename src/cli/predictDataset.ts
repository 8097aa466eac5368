import { writeOutput } from '#platform/process';
import { DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { Dataset, type IterableDataset, loadDataset, type Row } from '../data/index.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { Trainer } from '../training/trainer.ts';
import { type DataFlags, flaggedColumns, flaggedSource } from './dataFlags.ts';
import { addedColumns, type JudgedRow, judgeRows, sayReplaced, worstRows } from './labelRows.ts';
import { makeReport } from './report.ts';
import { jsonLines, type RowShape, rowFormatOf, writeRows } from './rowFile.ts';

/** The flags of `fettle predict` for whole data sets. */
export interface DatasetFlags extends DataFlags {
  readonly split?: string;
  readonly output?: string;
  readonly errors?: string;
  readonly batchSize: number;
  readonly maxLength?: number;
  readonly json?: boolean;
}

/** Rows that are read, asked about and written at once. */
const rowsAtOnce = 1024;

/** What the rows of a whole prediction came to. */
interface Totals {
  rows: number;
  labelled: number;
  wrong: number;
  /** Of a regression: the sum of the absolute errors. */
  absoluteErrors: number | undefined;
  readonly worst: JudgedRow[];
  /** In the data, and added to it. */
  columns: readonly string[];
}

/** Checks what can be checked of the flags before a model is loaded. @throws ArgumentError for a file of an unknown kind. */
export function checkDatasetFlags(flags: DatasetFlags): void {
  for (const flag of ['output', 'errors'] as const)
    if (flags[flag] !== undefined) rowFormatOf(`--${flag}`, flags[flag]);
}

/**
 * What a classifier says of each row of a data set, which is read, asked about and written part by part: of all that is
 * read only the wrong rows are kept, where `--errors` asks for them.
 */
export async function predictDataset(
  model: BertForSequenceClassification,
  flags: DatasetFlags,
  positional: string | undefined,
): Promise<void> {
  const stream = await openSplit(flags, positional);
  const totals: Totals = { rows: 0, labelled: 0, wrong: 0, absoluteErrors: undefined, worst: [], columns: [] };
  const parts = judgedParts(model, stream, flags, totals);
  const shape = (): RowShape => ({ columns: totals.columns, features: stream.features ?? {} });
  const { output, errors } = flags;
  if (output !== undefined) await writeRows(output, rowFormatOf('--output', output), rowsOf(parts), shape);
  else
    for await (const part of parts)
      writeOutput(flags.json === true ? jsonLines(part.map(({ row }) => row)) : tabbed(part));
  if (totals.rows === 0)
    throw new DataError('ERR_NO_ROWS', { owner: 'fettle predict', what: 'the data set has no rows' });
  if (errors !== undefined) await writeErrors(errors, totals, shape);
  summarize(flags, totals);
}

async function writeErrors(path: string, totals: Totals, shape: () => RowShape): Promise<void> {
  if (totals.labelled === 0) {
    throw new DataError('ERR_NO_LABELS', {
      owner: 'fettle predict',
      what: 'without labels nobody knows which answers are wrong',
      expected: "a column 'label'",
      hint: 'name it with --label-column, or leave --errors out',
    });
  }
  await writeRows(path, rowFormatOf('--errors', path), [worstRows(totals.worst)], shape);
}

function summarize(flags: DatasetFlags, totals: Totals): void {
  const { output, errors } = flags;
  // The rows themselves went to standard output; what is said of them all would not be one of them.
  if (output === undefined && errors === undefined) return;
  const { rows, labelled, wrong, absoluteErrors, worst } = totals;
  const right = labelled - wrong;
  const scores =
    labelled === 0
      ? {}
      : absoluteErrors === undefined
        ? { labelled, wrong, accuracy: right / labelled }
        : { labelled, meanAbsoluteError: absoluteErrors / labelled };
  const said =
    labelled === 0
      ? undefined
      : absoluteErrors === undefined
        ? `${right} of ${labelled} right (accuracy ${(right / labelled).toPrecision(4)})`
        : `mean absolute error ${(absoluteErrors / labelled).toPrecision(4)}`;
  const human = [
    `${rows} rows${output === undefined ? '' : ` in ${output}`}`,
    said,
    errors === undefined ? undefined : `${worst.length} in ${errors}, the worst first`,
  ]
    .filter((part) => part !== undefined)
    .join('; ');
  if (output === undefined) log.info(human);
  else makeReport(flags.json === true).result({ rows, output, errors, ...scores }, human);
}

/** One split of the data, or a part of one, as a stream. */
async function openSplit(flags: DatasetFlags, positional: string | undefined): Promise<IterableDataset> {
  const [data, config, options] = flaggedSource(flags, positional);
  if (flags.split !== undefined) return loadDataset(data, config, { ...options, split: flags.split, streaming: true });
  const splits = await loadDataset(data, config, { ...options, streaming: true });
  const names = Object.keys(splits);
  const name = ['test', 'validation', 'validation_matched'].find((usual) => names.includes(usual)) ?? names[0];
  if (names.length > 1) log.info(`predicting the split '${name}' of ${names.join(', ')}`);
  return splits[name];
}

async function* judgedParts(
  model: BertForSequenceClassification,
  stream: IterableDataset,
  flags: DatasetFlags,
  totals: Totals,
): AsyncGenerator<JudgedRow[]> {
  const trainer = new Trainer({
    model,
    args: { perDeviceEvalBatchSize: flags.batchSize, maxLength: flags.maxLength },
    columns: flaggedColumns(flags),
  });
  for await (const rows of inParts(stream)) {
    const dataset = Dataset.fromRows(rows, { features: stream.features ?? {}, info: stream.info });
    const judged = judgeRows(rows, await trainer.predict(dataset), model);
    if (totals.rows === 0) {
      sayReplaced(dataset.columnNames, model);
      const labelled = judged.some(({ row }) => 'true_label' in row || 'absolute_error' in row);
      const added = addedColumns(model).filter(
        (name) => labelled || !/^(true_(label|value)|correct$|absolute_error$)/.test(name),
      );
      totals.columns = [...new Set([...dataset.columnNames, ...added])];
    }
    totals.rows += judged.length;
    for (const each of judged) {
      if (each.correct !== undefined) totals.labelled++;
      if (each.correct === false) totals.wrong++;
      const { absolute_error: error } = each.row;
      if (typeof error === 'number') {
        totals.labelled++;
        totals.absoluteErrors = (totals.absoluteErrors ?? 0) + error;
      }
      if (flags.errors !== undefined && (each.correct === false || 'absolute_error' in each.row))
        totals.worst.push(each);
    }
    yield judged;
  }
}

async function* inParts(stream: IterableDataset): AsyncGenerator<Row[]> {
  let rows: Row[] = [];
  for await (const row of stream) {
    rows.push(row);
    if (rows.length < rowsAtOnce) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

async function* rowsOf(parts: AsyncIterable<readonly JudgedRow[]>): AsyncGenerator<Row[]> {
  for await (const part of parts) yield part.map(({ row }) => row);
}

/** For people: label, confidence, the row's texts. */
function tabbed(part: readonly JudgedRow[]): string {
  return part
    .map(({ row }) => {
      const said = row['predicted_label'] ?? row['predicted_value'];
      const texts = Object.entries(row).filter(
        ([name, cell]) => typeof cell === 'string' && !['predicted_label', 'true_label'].includes(name),
      );
      const mark = row['correct'] === false ? `not ${String(row['true_label'])}` : '';
      return `${Array.isArray(said) ? said.join(', ') || '(none)' : String(said)}\t${String(row['confidence'] ?? '')}\t${mark}\t${texts.map(([, text]) => text).join(' | ')}\n`;
    })
    .join('');
}
