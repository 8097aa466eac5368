import { log } from '../core/log.ts';
import type { Row } from '../data/index.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import type { EvalPrediction } from '../tasks/task.ts';

/** A row of data, and what a classifier says of it. */
export interface JudgedRow {
  /** The row's own columns, and then those that {@link judgeRows} adds. */
  readonly row: Row;
  /** How far the model believes what it says: the highest probability; of a regression, the absolute error. */
  readonly confidence: number;
  /** Whether it is right; undefined where the row has no label or is a number. */
  readonly correct: boolean | undefined;
}

/** The columns that {@link judgeRows} adds for a model, in order; the last two where the rows have labels. */
export function addedColumns({ problemType, config }: BertForSequenceClassification): string[] {
  return problemType === 'regression'
    ? [...spread('predicted_value', config.id2label), ...spread('true_value', config.id2label), 'absolute_error']
    : [
        'predicted_label',
        'confidence',
        ...config.id2label.map((label) => `probability_${label}`),
        'true_label',
        'correct',
      ];
}

/** One column, or one a number where there are several. */
function spread(name: string, labels: readonly string[]): string[] {
  return labels.length === 1 ? [name] : labels.map((label) => `${name}_${label}`);
}

/** Says, once a command, which columns of the data the answers will replace. */
export function sayReplaced(columns: readonly string[], model: BertForSequenceClassification): void {
  const added = new Set(addedColumns(model));
  const both = columns.filter((name) => added.has(name));
  if (both.length > 0) log.warn(`the data's own ${both.join(', ')} are replaced by this model's`);
}

/**
 * Puts a classifier's answers beside the rows that they are about: `predicted_label` by name (of several labels, all of
 * them), `confidence`, `probability_<label>`, and, where a row has a label, `true_label` and `correct`. Of a regression:
 * `predicted_value`, and `true_value` and `absolute_error`.
 * @param rows as many as the prediction has, in its order.
 */
export function judgeRows(
  rows: Iterable<Row>,
  { predictions, labelIds }: EvalPrediction,
  model: BertForSequenceClassification,
): JudgedRow[] {
  const { problemType, config, numLabels } = model;
  const names = config.id2label;
  const truths = labelIds.dims[1] ?? 1;
  return Array.from(rows, (row, i) => {
    const logits = Array.from(predictions.data.subarray(i * numLabels, (i + 1) * numLabels));
    const labels = Array.from({ length: truths }, (_, k) => Number(labelIds.data[i * truths + k]));
    // Class −1 and NaN stand for "none".
    const known = labels.every((label) => !Number.isNaN(label)) && !(truths === 1 && labels[0] === -1);
    if (problemType === 'regression') return judgeNumbers(row, logits, known ? labels : undefined, names);
    const several = problemType === 'multi_label_classification';
    const scores = several ? logits.map((logit) => 1 / (1 + Math.exp(-logit))) : softmax(logits);
    const said = several ? names.filter((_, k) => scores[k] > 0.5) : names[largest(scores)];
    const truth = several ? names.filter((_, k) => labels[k] === 1) : names[labels[0]];
    // Of several labels, that the whole choice is right: each for itself.
    const confidence = several
      ? scores.reduce((product, score) => product * Math.max(score, 1 - score), 1)
      : Math.max(...scores);
    const correct = known ? JSON.stringify(said) === JSON.stringify(truth) : undefined;
    const probabilities = Object.fromEntries(names.map((name, k) => [`probability_${name}`, rounded(scores[k])]));
    return {
      row: {
        ...row,
        predicted_label: said,
        confidence: rounded(confidence),
        ...probabilities,
        ...(correct === undefined ? {} : { true_label: truth, correct }),
      },
      confidence,
      correct,
    };
  });
}

function judgeNumbers(
  row: Row,
  said: readonly number[],
  truth: readonly number[] | undefined,
  names: readonly string[],
) {
  const columns = (name: string, values: readonly number[]) =>
    Object.fromEntries(spread(name, names).map((column, k) => [column, values[k]]));
  const error = truth?.reduce((largestError, value, k) => Math.max(largestError, Math.abs(value - said[k])), 0);
  return {
    row: {
      ...row,
      ...columns('predicted_value', said),
      ...(truth === undefined || error === undefined ? {} : { ...columns('true_value', truth), absolute_error: error }),
    },
    confidence: error === undefined ? 0 : error,
    correct: undefined,
  };
}

/** The rows that the model gets wrong, those it is surest of first; of a regression, all rows, the largest error first. */
export function worstRows(rows: readonly JudgedRow[]): Row[] {
  return rows
    .filter(({ row, correct }) => correct === false || 'absolute_error' in row)
    .sort((a, b) => b.confidence - a.confidence)
    .map(({ row }) => row);
}

/** Six digits: float32 has no more, and files stay small. */
function rounded(probability: number): number {
  return Number(probability.toFixed(6));
}

function softmax(logits: readonly number[]): number[] {
  const highest = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

function largest(values: readonly number[]): number {
  return values.reduce((best, value, k) => (value > values[best] ? k : best), 0);
}
