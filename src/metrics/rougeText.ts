import { porterStem } from './porterStemmer.ts';

/** Precision, recall and their harmonic mean, each in [0, 1]. */
export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly fmeasure: number;
}

/** Lower case, split at all that is not a–z or 0–9; with `stem`, words of more than three letters by {@link porterStem}. As rouge_score's tokenizer. */
export function rougeTokens(text: string, stem: boolean): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stem ? words.map((word) => (word.length > 3 ? porterStem(word) : word)) : words;
}

function scoreOf(hits: number, predicted: number, actual: number): RougeScore {
  const precision = hits / Math.max(predicted, 1);
  const recall = hits / Math.max(actual, 1);
  const sum = precision + recall;
  return { precision, recall, fmeasure: sum > 0 ? (2 * precision * recall) / sum : 0 };
}

function countNgrams(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    // No token holds a blank.
    const key = tokens.slice(i, i + n).join(' ');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** ROUGE-N (Lin 2004, section 2): n-grams that both have, each as often as both have it. */
export function ngramScore(prediction: readonly string[], reference: readonly string[], n: number): RougeScore {
  const said = countNgrams(prediction, n);
  let hits = 0;
  for (const [ngram, count] of countNgrams(reference, n)) hits += Math.min(count, said.get(ngram) ?? 0);
  return scoreOf(hits, Math.max(prediction.length - n + 1, 0), Math.max(reference.length - n + 1, 0));
}

/** Lengths of the longest common subsequences of all beginnings: `table[i][j]` of i tokens of `a` and j of `b`. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint32Array[] {
  const table = [new Uint32Array(b.length + 1)];
  for (let i = 1; i <= a.length; i++) {
    const above = table[i - 1];
    const row = new Uint32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++)
      row[j] = a[i - 1] === b[j - 1] ? above[j - 1] + 1 : Math.max(above[j], row[j - 1]);
    table.push(row);
  }
  return table;
}

/** ROUGE-L (Lin 2004, section 3.1): the longest common subsequence of the whole texts. */
export function longestCommonScore(prediction: readonly string[], reference: readonly string[]): RougeScore {
  const hits = commonLengths(reference, prediction)[reference.length][prediction.length];
  return scoreOf(hits, prediction.length, reference.length);
}

/** Which tokens of `reference` a longest common subsequence uses; of several the one that rouge_score takes. */
function commonPositions(reference: readonly string[], prediction: readonly string[]): number[] {
  const table = commonLengths(reference, prediction);
  const positions: number[] = [];
  let i = reference.length;
  let j = prediction.length;
  while (i > 0 && j > 0) {
    if (reference[i - 1] === prediction[j - 1]) {
      positions.push(--i);
      j--;
    } else if (table[i][j - 1] > table[i - 1][j]) {
      j--;
    } else {
      i--;
    }
  }
  return positions;
}

/**
 * ROUGE-Lsum (Lin 2004, section 3.2), of texts as lists of sentences: for each sentence of the reference the union of its longest
 * common subsequences with all sentences of the prediction; no token counts more often than both texts have it (as ROUGE 1.5.5).
 */
export function summaryScore(
  prediction: readonly (readonly string[])[],
  reference: readonly (readonly string[])[],
): RougeScore {
  const said = countNgrams(prediction.flat(), 1);
  const meant = countNgrams(reference.flat(), 1);
  let hits = 0;
  for (const sentence of reference) {
    const union = new Set(prediction.flatMap((other) => commonPositions(sentence, other)));
    for (const position of union) {
      const token = sentence[position];
      const left = said.get(token) ?? 0;
      const right = meant.get(token) ?? 0;
      if (left === 0 || right === 0) continue;
      hits++;
      said.set(token, left - 1);
      meant.set(token, right - 1);
    }
  }
  return scoreOf(hits, prediction.flat().length, reference.flat().length);
}
