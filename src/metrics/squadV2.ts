import { DataError } from '../core/errors.ts';
import { defineDigestMetric, type Metric } from './metric.ts';
import { answerTexts, checkAnswer, pairAnswers, type SquadPrediction, type SquadReference } from './squadRows.ts';
import { answerScores, answerTokens } from './squadText.ts';

/** Options of {@link squadV2}. */
export interface SquadV2Options {
  /** An answer whose `noAnswerProbability` is above it counts as "no answer". Default 1: answers are taken as they are. */
  readonly noAnswerThreshold?: number | undefined;
}

/** SQuAD 2.0's scores under the official script's names, in percent but for the totals and thresholds. */
export interface SquadV2Scores extends Readonly<Record<string, number>> {
  readonly exact: number;
  readonly f1: number;
  readonly total: number;
}

/** What is kept of a question. */
interface Question {
  readonly exact: number;
  readonly f1: number;
  readonly hasAnswer: boolean;
  /** Whether the model gave an answer. */
  readonly answered: boolean;
  readonly noAnswerProbability: number | undefined;
  /** Its place among all rows, from 1. */
  readonly row: number;
}

/**
 * Exact match and F1 of SQuAD 2.0 (the official script evaluate-v2.0.py and transformers' squad_evaluate), in percent:
 * `exact`, `f1`, `total`; the same under `HasAns_` and `NoAns_` where there are questions of the kind; and, where
 * predictions come with `noAnswerProbability`, `best_exact`, `best_exact_thresh`, `best_f1` and `best_f1_thresh`, the best scores
 * that any threshold on it gives. As in the official script questions of equal probability are tried one by one, in the order of the
 * rows: with ties the best scores depend on it.
 *
 * Memory: the best threshold needs all questions sorted, so six small values are kept of each; no text.
 */
export const squadV2: Metric<SquadV2Options, SquadV2Scores, SquadPrediction, SquadReference> = defineDigestMetric(
  'squad_v2',
  (predictions, references, rowsBefore) =>
    pairAnswers('squad_v2', predictions, references, rowsBefore).map((reference, i) =>
      readQuestion(predictions[i], reference, rowsBefore + i + 1),
    ),
  (options) => {
    const questions: Question[] = [];
    return {
      add(more) {
        for (const question of more) {
          checkAlike(question, questions[0]);
          questions.push(question);
        }
      },
      compute: () => scoresOf(questions, options?.noAnswerThreshold ?? 1),
    };
  },
  { takes: 'answers' },
);

function readQuestion(prediction: SquadPrediction, reference: SquadReference, row: number): Question {
  checkAnswer('squad_v2', prediction, row);
  const { predictionText, noAnswerProbability } = prediction;
  if (Number.isNaN(noAnswerProbability)) throw wrongProbability('noAnswerProbability is not a number', Number.NaN, row);
  const texts = answerTexts(reference);
  const answers = texts.filter((text) => answerTokens(text).length > 0);
  return {
    // Where no answer is left, the empty one is right.
    ...answerScores(predictionText, answers.length === 0 ? [''] : answers, 1),
    hasAnswer: texts.length > 0,
    answered: predictionText !== '',
    noAnswerProbability,
    row,
  };
}

/** All predictions have a probability, or none: a best threshold over some of them would mean nothing. */
function checkAlike(question: Question, first: Question | undefined): void {
  const has = question.noAnswerProbability !== undefined;
  if (first === undefined || (first.noAnswerProbability !== undefined) === has) return;
  const what = 'some predictions have a noAnswerProbability and some have none';
  throw wrongProbability(what, question.noAnswerProbability ?? 'none', question.row);
}

function wrongProbability(what: string, got: number | string, row: number): DataError {
  const expected = 'a number for all of them, or for none';
  return new DataError('ERR_METRIC_ANSWER', { owner: 'squad_v2', what, got, expected, row });
}

function scoresOf(questions: readonly Question[], threshold: number): SquadV2Scores {
  const all = questions.map((question) => withThreshold(question, threshold));
  const scores: Record<string, number> = {};
  const answerable = all.filter(({ hasAnswer }) => hasAnswer);
  const unanswerable = all.filter(({ hasAnswer }) => !hasAnswer);
  if (answerable.length > 0) Object.assign(scores, means(answerable, 'HasAns_'));
  if (unanswerable.length > 0) Object.assign(scores, means(unanswerable, 'NoAns_'));
  if (questions[0].noAnswerProbability !== undefined) {
    for (const key of ['exact', 'f1'] as const) {
      const best = bestThreshold(questions, key);
      scores[`best_${key}`] = best.score;
      scores[`best_${key}_thresh`] = best.threshold;
    }
  }
  return { ...(means(all, '') as { exact: number; f1: number; total: number }), ...scores };
}

/** A question whose answer the threshold takes back: right where there was none to find. */
function withThreshold(question: Question, threshold: number): Question {
  if ((question.noAnswerProbability ?? 0) <= threshold) return question;
  const right = question.hasAnswer ? 0 : 1;
  return { ...question, exact: right, f1: right };
}

function means(questions: readonly Question[], prefix: string): Record<string, number> {
  const mean = (key: 'exact' | 'f1') =>
    (100 * questions.reduce((sum, question) => sum + question[key], 0)) / questions.length;
  return { [`${prefix}exact`]: mean('exact'), [`${prefix}f1`]: mean('f1'), [`${prefix}total`]: questions.length };
}

/**
 * The best mean that a threshold on the probability gives, and that threshold. Starting from "no question is answered", which
 * scores the unanswerable ones, questions are let through in the order of their probability; each adds its score, or takes one
 * away where there was nothing to answer.
 */
function bestThreshold(questions: readonly Question[], key: 'exact' | 'f1'): { score: number; threshold: number } {
  let score = questions.filter(({ hasAnswer }) => !hasAnswer).length;
  let best = { score, threshold: 0 };
  const probability = (question: Question) => question.noAnswerProbability ?? 0;
  for (const question of [...questions].sort((a, b) => probability(a) - probability(b))) {
    if (question.hasAnswer) score += question[key];
    else if (question.answered) score -= 1;
    if (score > best.score) best = { score, threshold: probability(question) };
  }
  return { score: (100 * best.score) / questions.length, threshold: best.threshold };
}
