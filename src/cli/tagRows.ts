import type { Cell, Row } from '../data/index.ts';
import type { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { ignoredLabel } from '../models/labels.ts';
import { softmax, topPlaces } from '../pipelines/parts.ts';
import { tokenNames } from '../tasks/tokenColumns.ts';
import { type RowJudge, rounded } from './judgedRows.ts';

/**
 * Tags of words: `predicted_tags`, one a word (null for a word that was not read, because its row is too long or it is no text),
 * and `confidence`, that all of them are right; where the data has tags, `true_tags` (null for a word without one) and `correct`.
 */
export const tagJudge: RowJudge<BertForTokenClassification> = {
  columns: () => ({ said: ['predicted_tags', 'confidence'], judged: ['true_tags', 'correct'] }),
  judge(rows, { predictions, labelIds }, { config: { id2label } }, columns = {}) {
    const [, most, width] = predictions.dims;
    return Array.from(rows, (row, i) => {
      const words = wordsOf(row, columns.text);
      const said: (string | null)[] = [];
      const truth: (string | null)[] = [];
      let confidence = 1;
      let [labelled, right] = [0, 0];
      for (let word = 0; word < words.length; word++) {
        const at = i * most + word;
        const logits = predictions.data.subarray(at * width, (at + 1) * width);
        const isRead = word < most && logits[0] !== ignoredLabel;
        const probabilities = isRead ? softmax(logits) : [];
        const tag = isRead ? id2label[topPlaces(probabilities, 1)[0]] : null;
        if (isRead) confidence *= Math.max(...probabilities);
        const label = word < most ? Number(labelIds.data[at]) : ignoredLabel;
        const trueTag = label === ignoredLabel ? null : id2label[label];
        said.push(tag);
        truth.push(trueTag);
        if (trueTag === null) continue;
        labelled++;
        if (tag === trueTag) right++;
      }
      const correct = labelled === 0 ? undefined : right === labelled;
      return {
        row: {
          ...row,
          predicted_tags: said,
          confidence: rounded(confidence),
          ...(correct === undefined ? {} : { true_tags: truth, correct }),
        },
        confidence,
        correct,
        scores: labelled === 0 ? undefined : { tagAccuracy: { value: right / labelled, weight: labelled } },
        words: {
          said: listed(said),
          truth: correct === undefined ? undefined : listed(truth),
          about: words.join(' '),
        },
      };
    });
  },
};

/** The words that the task reads, found as it finds them. */
function wordsOf(row: Row, named: string | undefined): readonly string[] {
  const isWords = (cell: Cell | undefined): cell is readonly string[] =>
    Array.isArray(cell) && cell.every((word) => typeof word === 'string');
  const usual = tokenNames.map((name) => row[name]);
  return (named === undefined ? [...usual, ...Object.values(row)] : [row[named]]).find(isWords) ?? [];
}

function listed(tags: readonly (string | null)[]): string {
  return tags.map((tag) => tag ?? '–').join(' ');
}
