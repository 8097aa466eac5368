import { DataError } from '../core/errors.ts';
import { defineMetric, type Metric, type RowAccumulator } from './metric.ts';
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
}

/**
 * Exact match and F1 of SQuAD 2.0 (the official script evaluate-v2.0.py and transformers' squad_evaluate), in percent:
 * `exact`, `f1`, `total`; the same under `HasAns_` and `NoAns_` where there are questions of the kind; and, where
 * predictions come with `noAnswerProbability`, `best_exact`, `best_exact_thresh`, `best_f1` and `best_f1_thresh`, the best scores
 * that any threshold on it gives. As in the official script questions of equal probability are tried one by one, in the order of the
 * rows: with ties the best scores depend on it.
 *
 * Memory: the best threshold needs all questions sorted, so five small values are kept of each; no text.
 */
export const squadV2: Metric<SquadV2Options, SquadV2Scores, SquadPrediction, SquadReference> = defineMetric(
  'squad_v2',
  (options) => new SquadV2Accumulator(options?.noAnswerThreshold ?? 1),
  { takes: 'answers' },
);

class SquadV2Accumulator implements RowAccumulator<SquadV2Scores, SquadPrediction, SquadReference> {
  readonly #threshold: number;
  readonly #questions: Question[] = [];

  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  add(predictions: ArrayLike<SquadPrediction>, references: ArrayLike<SquadReference>, rowsBefore: number): void {
    pairAnswers('squad_v2', predictions, references, rowsBefore).forEach((reference, i) => {
      const row = rowsBefore + i + 1;
      checkAnswer('squad_v2', predictions[i], row);
      const { predictionText, noAnswerProbability } = predictions[i];
      this.#checkProbability(noAnswerProbability, row);
      const texts = answerTexts(reference);
      const answers = texts.filter((text) => answerTokens(text).length > 0);
      // Where no answer is left, the empty one is right.
      const scores = answerScores(predictionText, answers.length === 0 ? [''] : answers, 1);
      this.#questions.push({
        ...scores,
        hasAnswer: texts.length > 0,
        answered: predictionText !== '',
        noAnswerProbability,
      });
    });
  }

  /** All predictions have a probability, or none: a best threshold over some of them would mean nothing. */
  #checkProbability(probability: number | undefined, row: number): void {
    const [first] = this.#questions;
    const fits = first === undefined || (first.noAnswerProbability === undefined) === (probability === undefined);
    if (fits && !Number.isNaN(probability)) return;
    throw new DataError('ERR_METRIC_ANSWER', {
      owner: 'squad_v2',
      what: fits
        ? 'noAnswerProbability is not a number'
        : 'some predictions have a noAnswerProbability and some have none',
      got: probability ?? 'none',
      expected: 'a number for all of them, or for none',
      row,
    });
  }

  compute(): SquadV2Scores {
    const all = this.#questions.map((question) => this.#withThreshold(question));
    const scores: Record<string, number> = {};
    const answerable = all.filter(({ hasAnswer }) => hasAnswer);
    const unanswerable = all.filter(({ hasAnswer }) => !hasAnswer);
    if (answerable.length > 0) Object.assign(scores, means(answerable, 'HasAns_'));
    if (unanswerable.length > 0) Object.assign(scores, means(unanswerable, 'NoAns_'));
    if (this.#questions[0].noAnswerProbability !== undefined) {
      for (const key of ['exact', 'f1'] as const) {
        const best = bestThreshold(this.#questions, key);
        scores[`best_${key}`] = best.score;
        scores[`best_${key}_thresh`] = best.threshold;
      }
    }
    return { ...(means(all, '') as { exact: number; f1: number; total: number }), ...scores };
  }

  #withThreshold(question: Question): Question {
    if ((question.noAnswerProbability ?? 0) <= this.#threshold) return question;
    const right = question.hasAnswer ? 0 : 1;
    return { ...question, exact: right, f1: right };
  }
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
