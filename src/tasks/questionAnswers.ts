import type { AnswerCandidates } from './answerCandidates.ts';

/** One of the answers that a model considered. */
export interface AnswerOption {
  /** Empty for "there is no answer". */
  readonly text: string;
  /** Where it stands: `context.slice(start, end)`, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** Among the options; they sum to 1. */
  readonly probability: number;
  readonly startLogit: number;
  readonly endLogit: number;
}

/** What a model answers to a question. */
export interface QuestionAnswer {
  /** The row's id, or its number, from 1, where the data has none. */
  readonly id: string;
  /** The answer as it stands in the context; empty for "there is no answer". */
  readonly predictionText: string;
  /** Where it stands: `context.slice(start, end)`, in UTF-16 units; 0 and 0 for "there is no answer". */
  readonly start: number;
  readonly end: number;
  /** How much higher "no answer" scores than the best answer; only where questions may have none. */
  readonly nullScoreDiff?: number;
  /** The options, the best first: `nBestSize` of them at most, and one more for "no answer". */
  readonly nBest: readonly AnswerOption[];
}

/** How an answer is chosen. */
export interface ChoiceOptions {
  readonly nBestSize: number;
  /** Whether a question may have no answer. */
  readonly versionTwoWithNegative: boolean;
  /** "No answer" is said where its score is more than this above the best answer's. */
  readonly nullScoreDiffThreshold: number;
}

/**
 * Chooses among the candidates (Hugging Face's `postprocess_qa_predictions`, but that where no span is a candidate the answer is
 * empty: there it is the word "empty").
 * @param offsets start and end of each token of the context, side by side, in UTF-16 units.
 */
export function chooseAnswer(
  id: string,
  context: string,
  offsets: ArrayLike<number>,
  candidates: AnswerCandidates,
  { nBestSize, versionTwoWithNegative, nullScoreDiffThreshold }: ChoiceOptions,
): QuestionAnswer {
  const spans = candidates.best.map((candidate) => {
    const [start, end] = [offsets[2 * candidate.first], offsets[2 * candidate.last + 1]];
    return { ...candidate, start, end, text: context.slice(start, end) };
  });
  const none = candidates.none;
  const listed = [...spans];
  if (versionTwoWithNegative && none !== undefined) {
    const place = spans.findIndex(({ score }) => score < none.score);
    const empty = { ...none, first: 0, last: 0, start: 0, end: 0, text: '' };
    // It is listed in any case, as one more where all others are better.
    if (place < 0) listed.push(empty);
    else {
      listed.splice(place, 0, empty);
      listed.length = Math.min(listed.length, nBestSize);
    }
  }
  const [best] = listed.filter(({ text }) => text !== '');
  const total = listed.reduce((sum, { score }) => sum + Math.exp(score - listed[0].score), 0);
  const nBest = listed.map(({ text, start, end, startLogit, endLogit, score }) => ({
    text,
    start,
    end,
    probability: Math.exp(score - listed[0].score) / total,
    startLogit,
    endLogit,
  }));
  const { startLogit = 0, endLogit = 0 } = best ?? {};
  const nullScoreDiff = Math.fround(Math.fround((none?.score ?? 0) - startLogit) - endLogit);
  const answered = best !== undefined && !(versionTwoWithNegative && nullScoreDiff > nullScoreDiffThreshold);
  return {
    id,
    predictionText: answered ? best.text : '',
    start: answered ? best.start : 0,
    end: answered ? best.end : 0,
    ...(versionTwoWithNegative ? { nullScoreDiff } : {}),
    nBest,
  };
}
