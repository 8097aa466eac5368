/**
 * Logistic regression over words (TF-IDF), what one would try before any network. Written out, since it is forty lines:
 * the packages that have one want matrices of their own for it.
 */
export class BagOfWords {
  readonly #weights = new Map<string, number>();
  readonly #rarity = new Map<string, number>();
  #bias = 0;

  /**
   * AdaGrad on the log loss with an L2 penalty (Duchi et al. 2011), one row at a time in the order given.
   * @param labels 0 or 1 a text.
   */
  constructor(texts: readonly string[], labels: readonly number[], { epochs = 60, rate = 0.5, penalty = 1e-4 } = {}) {
    const frequency = new Map<string, number>();
    for (const text of texts)
      for (const word of new Set(wordsOf(text))) frequency.set(word, (frequency.get(word) ?? 0) + 1);
    // As scikit-learn smooths it: ln((1 + n) / (1 + df)) + 1.
    for (const [word, count] of frequency) this.#rarity.set(word, Math.log((1 + texts.length) / (1 + count)) + 1);
    const rows = texts.map((text) => this.#features(text));
    const squares = new Map<string, number>();
    let biasSquares = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      rows.forEach((row, i) => {
        const error = this.#probability(row) - labels[i];
        for (const [word, value] of row) {
          const weight = this.#weights.get(word) ?? 0;
          const gradient = error * value + penalty * weight;
          const square = (squares.get(word) ?? 0) + gradient ** 2;
          squares.set(word, square);
          if (square > 0) this.#weights.set(word, weight - (rate * gradient) / Math.sqrt(square));
        }
        biasSquares += error ** 2;
        if (biasSquares > 0) this.#bias -= (rate * error) / Math.sqrt(biasSquares);
      });
    }
  }

  /** 0 or 1. */
  predict(text: string): number {
    return this.#probability(this.#features(text)) > 0.5 ? 1 : 0;
  }

  /** Words of the training texts with their weight in this one; of length 1. */
  #features(text: string): [string, number][] {
    const counts = new Map<string, number>();
    for (const word of wordsOf(text)) if (this.#rarity.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
    const values = [...counts].map(
      ([word, count]) => [word, count * (this.#rarity.get(word) as number)] as [string, number],
    );
    const norm = Math.hypot(...values.map(([, value]) => value)) || 1;
    return values.map(([word, value]) => [word, value / norm]);
  }

  #probability(row: readonly (readonly [string, number])[]): number {
    const score = row.reduce((sum, [word, value]) => sum + value * (this.#weights.get(word) ?? 0), this.#bias);
    return 1 / (1 + Math.exp(-score));
  }
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) ?? [];
