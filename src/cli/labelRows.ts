import type { Row } from '../data/index.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { softmax, topPlaces } from '../pipelines/parts.ts';
import { type JudgedRow, type RowJudge, rounded } from './judgedRows.ts';

/**
 * A classifier's answers: `predicted_label` by name (of several labels, all of them), `confidence`, `probability_<label>`,
 * and, where a row has a label, `true_label` and `correct`. Of a regression: `predicted_value`, and `true_value` and
 * `absolute_error`.
 */
export const labelJudge: RowJudge<BertForSequenceClassification> = {
  columns: ({ problemType, config }) =>
    problemType === 'regression'
      ? {
          said: spread('predicted_value', config.id2label),
          judged: [...spread('true_value', config.id2label), 'absolute_error'],
        }
      : {
          said: ['predicted_label', 'confidence', ...config.id2label.map((label) => `probability_${label}`)],
          judged: ['true_label', 'correct'],
        },
  judge(rows, { predictions, labelIds }, { problemType, config, numLabels }) {
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
      const said = several ? names.filter((_, k) => scores[k] > 0.5) : names[topPlaces(scores, 1)[0]];
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
        scores: correct === undefined ? undefined : { accuracy: { value: Number(correct) } },
        words: { said: listed(said), truth: known ? listed(truth) : undefined, about: textsOf(row) },
      };
    });
  },
};

/** One column, or one a number where there are several. */
function spread(name: string, labels: readonly string[]): string[] {
  return labels.length === 1 ? [name] : labels.map((label) => `${name}_${label}`);
}

function judgeNumbers(
  row: Row,
  said: readonly number[],
  truth: readonly number[] | undefined,
  names: readonly string[],
): JudgedRow {
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
    scores: error === undefined ? undefined : { meanAbsoluteError: { value: error } },
    words: { said: said.join(', '), truth: truth?.join(', '), about: textsOf(row) },
  };
}

function listed(labels: string | readonly string[]): string {
  return typeof labels === 'string' ? labels : labels.join(', ') || '(none)';
}

function textsOf(row: Row): string {
  return Object.values(row)
    .filter((cell) => typeof cell === 'string')
    .join(' | ');
}
