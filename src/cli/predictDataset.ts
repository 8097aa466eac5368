import { writeOutput } from '#platform/process';
import { DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { Dataset, type IterableDataset, loadDataset, type Row } from '../data/index.ts';
import type { TaskSettings } from '../tasks/task.ts';
import type { TrainableModel } from '../tasks/taskFor.ts';
import { Trainer } from '../training/trainer.ts';
import { type DataFlags, flaggedColumns, flaggedSource } from './dataFlags.ts';
import { isWrong, type JudgedRow, judgedColumns, type RowJudge, worstRows } from './judgedRows.ts';
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

/** A model, and how its answers are put beside the rows of a data set. */
export interface Asked {
  readonly model: TrainableModel;
  readonly judge: RowJudge<TrainableModel>;
  readonly taskOptions: TaskSettings;
}

/** What the rows of a whole prediction came to. */
interface Totals {
  rows: number;
  /** Rows whose truth the data tells, and how many of them are wrong; undefined where answers are numbers. */
  labelled: number;
  wrong: number | undefined;
  readonly scores: Map<string, { sum: number; weight: number }>;
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
 * What a model says of each row of a data set, which is read, asked about and written part by part: of all that is read only the
 * wrong rows are kept, where `--errors` asks for them.
 */
export async function predictDataset(asked: Asked, flags: DatasetFlags, positional: string | undefined): Promise<void> {
  const stream = await openSplit(flags, positional);
  const totals: Totals = { rows: 0, labelled: 0, wrong: undefined, scores: new Map(), worst: [], columns: [] };
  const parts = judgedParts(asked, stream, flags, totals);
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
      expected: 'a column of labels, answers or tags',
      hint: 'name it with --label-column, or leave --errors out',
    });
  }
  await writeRows(path, rowFormatOf('--errors', path), [worstRows(totals.worst)], shape);
}

function summarize(flags: DatasetFlags, totals: Totals): void {
  const { output, errors } = flags;
  // The rows themselves went to standard output; what is said of them all would not be one of them.
  if (output === undefined && errors === undefined) return;
  const { rows, labelled, wrong, worst } = totals;
  const means = Object.fromEntries([...totals.scores].map(([name, { sum, weight }]) => [name, sum / weight]));
  const scores = labelled === 0 ? {} : { labelled, ...(wrong === undefined ? {} : { wrong }), ...means };
  const listed = Object.entries(means)
    .map(([name, value]) => `${inWords(name)} ${value.toPrecision(4)}`)
    .join(', ');
  const said =
    labelled === 0 ? undefined : wrong === undefined ? listed : `${labelled - wrong} of ${labelled} right (${listed})`;
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

/** `meanAbsoluteError` as people write it. */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
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
  { model, judge, taskOptions }: Asked,
  stream: IterableDataset,
  flags: DatasetFlags,
  totals: Totals,
): AsyncGenerator<JudgedRow[]> {
  const columns = flaggedColumns(flags);
  const trainer = new Trainer({
    model,
    args: { perDeviceEvalBatchSize: flags.batchSize, maxLength: flags.maxLength },
    columns,
    taskOptions,
  });
  for await (const rows of inParts(stream)) {
    const dataset = Dataset.fromRows(rows, { features: stream.features ?? {}, info: stream.info });
    const judged = judge.judge(rows, await trainer.predict(dataset), model, columns);
    if (totals.rows === 0) {
      const hasTruth = judged.some(({ scores }) => scores !== undefined);
      totals.columns = judgedColumns(dataset.columnNames, judge, model, hasTruth);
    }
    totals.rows += judged.length;
    for (const each of judged) add(each, totals);
    if (flags.errors !== undefined) totals.worst.push(...judged.filter(isWrong));
    yield judged;
  }
}

function add({ correct, scores }: JudgedRow, totals: Totals): void {
  if (scores === undefined) return;
  totals.labelled++;
  if (correct !== undefined) totals.wrong = (totals.wrong ?? 0) + (correct ? 0 : 1);
  for (const [name, { value, weight = 1 }] of Object.entries(scores)) {
    const mean = totals.scores.get(name) ?? { sum: 0, weight: 0 };
    totals.scores.set(name, { sum: mean.sum + value * weight, weight: mean.weight + weight });
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

/** For people: the answer, how sure the model is, the truth where that is another, and what was asked about. */
function tabbed(part: readonly JudgedRow[]): string {
  return part
    .map(({ row, correct, words: { said, truth, about } }) => {
      const mark = correct === false ? `not ${truth}` : '';
      return `${said}\t${String(row['confidence'] ?? '')}\t${mark}\t${about}\n`;
    })
    .join('');
}
