import { DataError } from '../core/errors.ts';
import { defineDigestMetric, type Metric } from './metric.ts';
import { answerTexts, checkAnswer, pairAnswers, type SquadPrediction, type SquadReference } from './squadRows.ts';
import { type AnswerScores, answerScores } from './squadText.ts';

/** SQuAD 1.1's scores, in percent. */
export interface SquadScores {
  /** Answers that equal one of the true ones, after lower-casing and without punctuation and articles. */
  readonly exact_match: number;
  /** The mean F1 of the words of the answer and of the true answer nearest to it. */
  readonly f1: number;
}

/**
 * Exact match and F1 of SQuAD 1.1, where every question has an answer (the official script evaluate-v1.1.py), in percent.
 * Memory does not grow with the rows.
 *
 * @example squad.compute([{ predictionText: 'the Broncos' }], [{ answers: { text: ['Broncos'] } }]); // { exact_match: 100, f1: 100 }
 */
export const squad: Metric<object, SquadScores, SquadPrediction, SquadReference> = defineDigestMetric(
  'squad',
  (predictions, references, rowsBefore) =>
    pairAnswers('squad', predictions, references, rowsBefore).map((reference, i): AnswerScores => {
      checkAnswer('squad', predictions[i], rowsBefore + i + 1);
      const answers = answerTexts(reference);
      if (answers.length === 0) throw unanswerable(rowsBefore + i + 1);
      return answerScores(predictions[i].predictionText, answers, 0);
    }),
  () => {
    let exact = 0;
    let f1 = 0;
    let rows = 0;
    return {
      add(questions) {
        for (const question of questions) {
          exact += question.exact;
          f1 += question.f1;
        }
        rows += questions.length;
      },
      compute: () => ({ exact_match: (100 * exact) / rows, f1: (100 * f1) / rows }),
    };
  },
  { takes: 'answers' },
);

function unanswerable(row: number): DataError {
  return new DataError('ERR_METRIC_ANSWER', {
    owner: 'squad',
    what: 'a question has no true answer',
    expected: 'at least one',
    row,
    hint: "use the metric 'squad_v2', which knows questions without an answer",
  });
}
