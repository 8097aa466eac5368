/** A span of a context's tokens that a model may mean. */
export interface AnswerCandidate {
  /** The first and the last token, among all tokens of the context. */
  readonly first: number;
  readonly last: number;
  readonly startLogit: number;
  readonly endLogit: number;
  /** Their sum. */
  readonly score: number;
}

/** How many candidates are looked at, and how long they may be. */
export interface CandidateLimits {
  readonly nBestSize: number;
  /** In tokens. */
  readonly maxAnswerLength: number;
}

/** What a model's logits say of one window. */
export interface WindowLogits {
  /** Start and end logit of each token of the window, side by side. */
  readonly logits: ArrayLike<number>;
  /** The window's tokens from the context: from the first up to the second. */
  readonly context: readonly [start: number, end: number];
  /** The number of the first of them among all tokens of the context. */
  readonly firstToken: number;
}

/**
 * Gathers the best spans over all windows of a context, and the lowest score of "no answer" (Hugging Face's
 * `postprocess_qa_predictions`, whose order is kept where scores are equal). Sums are float32, as there.
 */
export class AnswerCandidates {
  /** The best first. */
  best: readonly AnswerCandidate[] = [];
  /** The window's whose `[CLS]` speaks least for "no answer": all windows must agree on there being none. */
  none: { readonly startLogit: number; readonly endLogit: number; readonly score: number } | undefined;
  readonly #limits: CandidateLimits;

  constructor(limits: CandidateLimits) {
    this.#limits = limits;
  }

  addWindow({ logits, context: [from, to], firstToken }: WindowLogits): void {
    const { nBestSize, maxAnswerLength } = this.#limits;
    const none = { startLogit: logits[0], endLogit: logits[1], score: Math.fround(logits[0] + logits[1]) };
    if (this.none === undefined || none.score < this.none.score) this.none = none;
    const tokens = logits.length / 2;
    const starts = largest(tokens, nBestSize, (token) => logits[2 * token]);
    const ends = largest(tokens, nBestSize, (token) => logits[2 * token + 1]);
    const inContext = (token: number) => token >= from && token < to;
    const found: AnswerCandidate[] = [];
    for (const start of starts.filter(inContext)) {
      for (const end of ends.filter(inContext)) {
        if (end < start || end - start + 1 > maxAnswerLength) continue;
        const [startLogit, endLogit] = [logits[2 * start], logits[2 * end + 1]];
        const score = Math.fround(startLogit + endLogit);
        found.push({ first: firstToken + start - from, last: firstToken + end - from, startLogit, endLogit, score });
      }
    }
    // Sorting is stable: of equal scores that of the earlier window stays before.
    this.best = [...this.best, ...found].sort((a, b) => b.score - a.score).slice(0, nBestSize);
  }
}

/** The indices of the `count` largest values, the largest first; of equal ones the last first, as in NumPy. */
function largest(length: number, count: number, value: (index: number) => number): number[] {
  const indices = Array.from({ length }, (_, index) => index);
  return indices.sort((a, b) => value(b) - value(a) || b - a).slice(0, count);
}
