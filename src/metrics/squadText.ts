/** The text rules of the official SQuAD scripts (v1.1 and v2.0 share them), on Python's idea of letters and white space. */

/** Python's string.punctuation. */
const punctuation = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g;

/** Python's `\b` stands between `\w` (letters, numbers, the underscore of any script) and what is not; JavaScript's knows ASCII only. */
const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/** What Python's str.split() splits at. JavaScript's `\s` has U+FEFF besides, and lacks U+001C–U+001F and U+0085. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are white space in Python
const whiteSpace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** An answer's words as SQuAD compares them: lower case, without punctuation, without the articles a, an and the. */
export function answerTokens(answer: string): string[] {
  const bare = answer.toLowerCase().replace(punctuation, '').replace(articles, ' ');
  return bare.split(whiteSpace).filter((token) => token !== '');
}

/** How many tokens two lists share, each as often as both have it. */
function sharedTokens(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const token of a) counts.set(token, (counts.get(token) ?? 0) + 1);
  let shared = 0;
  for (const token of b) {
    const left = counts.get(token) ?? 0;
    if (left === 0) continue;
    counts.set(token, left - 1);
    shared++;
  }
  return shared;
}

/**
 * The harmonic mean of precision and recall over the words of two answers, in [0, 1]; 0 where they share none.
 * (So two empty answers have 0, as in SQuAD 1.1; {@link answerScores} says what 2.0 makes of them.)
 */
export function answerF1(prediction: readonly string[], reference: readonly string[]): number {
  const shared = sharedTokens(prediction, reference);
  if (shared === 0) return 0;
  const precision = shared / prediction.length;
  const recall = shared / reference.length;
  return (2 * precision * recall) / (precision + recall);
}

/** Exact match (0 or 1) and F1 of one answer against the best of several references. */
export interface AnswerScores {
  readonly exact: number;
  readonly f1: number;
}

/**
 * Scores one answer against the references, each score by the reference that suits it best.
 * @param empty the F1 of two answers without words: 0 in SQuAD 1.1, 1 in 2.0.
 */
export function answerScores(prediction: string, references: readonly string[], empty: 0 | 1): AnswerScores {
  const said = answerTokens(prediction);
  let exact = 0;
  let f1 = 0;
  for (const reference of references) {
    const tokens = answerTokens(reference);
    if (said.join(' ') === tokens.join(' ')) exact = 1;
    f1 = Math.max(f1, said.length === 0 && tokens.length === 0 ? empty : answerF1(said, tokens));
  }
  return { exact, f1 };
}
