import { type SquadReference, squadV2 } from '../metrics/index.ts';
import type { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import { type RowJudge, rounded } from './judgedRows.ts';

/**
 * Answers to questions: `predicted_answer`, where it stands in its context (UTF-16 units) and how likely it is among those
 * that were considered; where the data says what is right, `exact_match` and `f1`, as SQuAD compares answers, in percent.
 */
export const answerJudge: RowJudge<BertForQuestionAnswering> = {
  columns: () => ({
    said: ['predicted_answer', 'answer_start', 'answer_end', 'confidence'],
    judged: ['exact_match', 'f1'],
  }),
  judge(rows, { answers = [], references = [], labelIds }, _, { question = 'question' } = {}) {
    let nextReference = 0;
    return Array.from(rows, (row, i) => {
      const { predictionText, start, end, nBest } = answers[i];
      const confidence = nBest.find(({ text }) => text === predictionText)?.probability ?? 0;
      // Only rows with a truth have a reference, and these stand in the rows' order.
      const reference = labelIds.data[i] === -1n ? undefined : references[nextReference++];
      const scores =
        reference === undefined ? undefined : squadV2.compute([{ predictionText }], [{ answers: reference.answers }]);
      return {
        row: {
          ...row,
          predicted_answer: predictionText,
          answer_start: start,
          answer_end: end,
          confidence: rounded(confidence),
          ...(scores === undefined ? {} : { exact_match: scores.exact, f1: rounded(scores.f1) }),
        },
        confidence,
        correct: scores === undefined ? undefined : scores.exact === 100,
        scores: scores === undefined ? undefined : { exactMatch: { value: scores.exact }, f1: { value: scores.f1 } },
        words: {
          said: predictionText || '(no answer)',
          truth: reference === undefined ? undefined : listed(reference),
          about: String(row[question]),
        },
      };
    });
  },
};

function listed({ answers }: SquadReference): string {
  const texts = 'text' in answers ? answers.text : answers.map(({ text }) => text);
  return texts.join(' / ') || '(no answer)';
}
