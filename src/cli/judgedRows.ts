import { log } from '../core/log.ts';
import type { Row } from '../data/index.ts';
import type { EvalPrediction } from '../tasks/task.ts';
import type { ColumnNames } from '../tasks/textColumns.ts';

/** A row of data, and what a model says of it. */
export interface JudgedRow {
  /** The row's own columns, and then those that {@link RowJudge.columns} names. */
  readonly row: Row;
  /** How far the model believes what it says: a probability; of a regression that is judged, the error. */
  readonly confidence: number;
  /** Whether it is right; undefined where the row has no truth, or the answer is a number. */
  readonly correct: boolean | undefined;
  /** What the answer is worth, by the names of the scores; undefined where the row has no truth. */
  readonly scores: Readonly<Record<string, Score>> | undefined;
  /** For people: the answer, the truth where there is one, and what was asked about. */
  readonly words: { readonly said: string; readonly truth: string | undefined; readonly about: string };
}

/** A row's part in a mean. */
export interface Score {
  readonly value: number;
  /** What the mean counts it by: a sentence's share of right words by its words. Default 1. */
  readonly weight?: number;
}

/** Puts the answers of one task's models beside the rows that they are about. */
export interface RowJudge<Model> {
  /** The columns that are added, in order, and those that only rows with a truth have. */
  readonly columns: (model: Model) => { readonly said: readonly string[]; readonly judged: readonly string[] };
  /**
   * @param rows as many as the prediction has, in its order.
   * @param columns which the task was told to read; those left out have their usual names.
   */
  readonly judge: (rows: Iterable<Row>, prediction: EvalPrediction, model: Model, columns?: ColumnNames) => JudgedRow[];
}

/** The columns of a file of judged rows: the data's own and those that are added. A column of the data that is replaced is said. */
export function judgedColumns<Model>(
  own: readonly string[],
  judge: RowJudge<Model>,
  model: Model,
  hasTruth: boolean,
): string[] {
  const { said, judged } = judge.columns(model);
  const added = [...said, ...judged];
  const both = own.filter((name) => added.includes(name));
  if (both.length > 0) log.warn(`the data's own ${both.join(', ')} are replaced by this model's`);
  return [...new Set([...own, ...(hasTruth ? added : said)])];
}

/** Whether a row belongs among the worst: it is wrong, or its answer is a number, which is more or less wrong. */
export function isWrong({ correct, scores }: JudgedRow): boolean {
  return correct === false || (correct === undefined && scores !== undefined);
}

/** The rows that the model gets wrong, those it is surest of first; of a regression, all rows, the largest error first. */
export function worstRows(rows: readonly JudgedRow[]): Row[] {
  return rows
    .filter(isWrong)
    .sort((a, b) => b.confidence - a.confidence)
    .map(({ row }) => row);
}

/** Six digits: float32 has no more, and files stay small. */
export function rounded(probability: number): number {
  return Number(probability.toFixed(6));
}
