import { log } from '../core/log.ts';
import { type SquadReference, squad, squadV2 } from '../metrics/index.ts';
import type { QuestionAnswer } from './questionAnswers.ts';
import type { Metrics } from './task.ts';

/**
 * SQuAD's scores, question by question. Where questions may have no answer they are those of SQuAD 2.0, with the best
 * `nullScoreDiffThreshold` that these answers could have had (`best_exact_thresh`, `best_f1_thresh`).
 */
export class AnswerScores {
  readonly #metric;
  /** SQuAD 2.0: the best answer of each question, whether it was given or not. */
  readonly #ignoringNone;
  /** Whether a question has nothing to judge its answer by. */
  #unjudged = false;

  constructor(versionTwoWithNegative: boolean) {
    this.#metric = versionTwoWithNegative ? squadV2.create() : squad.create();
    // What "no answer" is ahead by takes the place of a probability: the best threshold is found among its values.
    this.#ignoringNone = versionTwoWithNegative
      ? squadV2.create({ noAnswerThreshold: Number.POSITIVE_INFINITY })
      : undefined;
  }

  /** @param reference undefined where the question has no true answers to judge by; then there are no scores. */
  add(answer: QuestionAnswer, reference: SquadReference | undefined): void {
    if (reference === undefined || this.#isBeyond(reference)) {
      this.#unjudged = true;
      return;
    }
    // By position: ids of the data may come twice.
    const truth = [{ answers: reference.answers }];
    this.#metric.add([{ predictionText: answer.predictionText }], truth);
    const text = answer.nBest.find((option) => option.text !== '')?.text ?? '';
    this.#ignoringNone?.add([{ predictionText: text, noAnswerProbability: answer.nullScoreDiff }], truth);
  }

  /** Whether a question has no answer, where each should have one. */
  #isBeyond({ answers }: SquadReference): boolean {
    const beyond = this.#ignoringNone === undefined && 'text' in answers && answers.text.length === 0;
    if (beyond && !this.#unjudged)
      log.warn(
        'questions without an answer are not judged as in SQuAD 1.1: there are no scores (versionTwoWithNegative is off)',
      );
    return beyond;
  }

  /** `exact_match` and `f1` in percent, or SQuAD 2.0's names; none where a question was not judged. */
  compute(): Metrics {
    if (this.#unjudged) return {};
    const best = Object.entries(this.#ignoringNone?.compute() ?? {}).filter(([name]) => name.startsWith('best_'));
    return { ...this.#metric.compute(), ...Object.fromEntries(best) };
  }
}
