import { DataError } from '../core/errors.ts';

/** What a model answers to one question. */
export interface SquadPrediction {
  /** The question's id. Where it is given, predictions may stand in another order than the references of the same call. */
  readonly id?: string | undefined;
  /** The answer; empty for "there is no answer". */
  readonly predictionText: string;
  /** How sure the model is that there is no answer: a probability, or any number that grows with it. SQuAD 2.0 only. */
  readonly noAnswerProbability?: number | undefined;
}

/** The true answers to one question. */
export interface SquadReference {
  readonly id?: string | undefined;
  /** The answers, any of which is right: as a data set's column (`{ text: [...] }`) or as in SQuAD's files (`[{ text }]`). */
  readonly answers: { readonly text: readonly string[] } | readonly { readonly text: string }[];
}

/** The texts of the true answers. */
export function answerTexts(reference: SquadReference): readonly string[] {
  const { answers } = reference;
  return 'text' in answers ? answers.text : answers.map(({ text }) => text);
}

/**
 * Puts each reference together with its prediction: by id where both sides have one, else by position.
 * @throws DataError `ERR_METRIC_ID` where an id is missing on the other side, or comes twice.
 */
export function pairAnswers(
  owner: string,
  predictions: ArrayLike<SquadPrediction>,
  references: ArrayLike<SquadReference>,
  rowsBefore: number,
): readonly SquadReference[] {
  const all = Array.from(references);
  const ids = Array.from(predictions, ({ id }) => id);
  if (!ids.every((id) => id !== undefined) || !all.every(({ id }) => id !== undefined)) return all;
  const byId = new Map<string | undefined, SquadReference>();
  all.forEach((reference, row) => {
    if (byId.has(reference.id)) throw wrongId(owner, 'a question comes twice', reference.id, rowsBefore + row + 1);
    byId.set(reference.id, reference);
  });
  return ids.map((id, row) => {
    const reference = byId.get(id);
    if (reference === undefined) {
      throw wrongId(owner, 'a prediction is for no question, or the second for it', id, rowsBefore + row + 1);
    }
    byId.delete(id);
    return reference;
  });
}

function wrongId(owner: string, what: string, id: string | undefined, row: number): DataError {
  return new DataError('ERR_METRIC_ID', {
    owner,
    what,
    got: id,
    expected: "the references' ids, each once",
    row,
    hint: 'give each question one prediction, or leave the ids out to pair rows by position',
  });
}

/** @throws DataError `ERR_METRIC_ANSWER` where a prediction holds no text. */
export function checkAnswer(owner: string, prediction: SquadPrediction, row: number): void {
  if (typeof prediction?.predictionText === 'string') return;
  throw new DataError('ERR_METRIC_ANSWER', {
    owner,
    what: 'a prediction has no answer text',
    got: prediction,
    expected: "an object with predictionText, a text ('' for no answer)",
    row,
  });
}
