import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { defineDigestMetric, type Metric } from './metric.ts';
import { longestCommonScore, ngramScore, type RougeScore, rougeTokens, summaryScore } from './rougeText.ts';

/** Which ROUGE: of n-grams (`rouge1` to `rouge9`), of the longest common subsequence, or of that sentence by sentence. */
export type RougeType = `rouge${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}` | 'rougeL' | 'rougeLsum';

/** Options of {@link rouge}. */
export interface RougeOptions {
  /** Default `rouge1`, `rouge2`, `rougeL` and `rougeLsum`. */
  readonly rougeTypes?: readonly RougeType[] | undefined;
  /** Compares English words by their stems (NLTK's Porter stemmer). Default false. */
  readonly useStemmer?: boolean | undefined;
}

const defaultTypes: readonly RougeType[] = ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'];

function checkTypes(types: readonly string[]): void {
  for (const type of types) {
    if (/^rouge([1-9]|L|Lsum)$/.test(type)) continue;
    const near = didYouMean(type, defaultTypes);
    throw new ArgumentError('ERR_METRIC_OPTION', {
      owner: 'rouge',
      what: 'there is no such type of ROUGE',
      got: type,
      expected: 'rouge1 to rouge9, rougeL or rougeLsum',
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  }
}

/**
 * Precision, recall and F-measure of one text against another, or against the one of several references that gives the best F-measure
 * (each type by its own best). Sentences of `rougeLsum` are lines: put a line break between them.
 *
 * @throws ArgumentError where a type is unknown, or there is no reference.
 */
export function rougeScores(
  prediction: string,
  references: string | readonly string[],
  options: RougeOptions = {},
): Record<string, RougeScore> {
  const types = options.rougeTypes ?? defaultTypes;
  checkTypes(types);
  const stem = options.useStemmer === true;
  const all = (typeof references === 'string' ? [references] : references).map((text) => new Tokens(text, stem));
  if (all.length === 0) {
    throw new ArgumentError('ERR_METRIC_REFERENCE', {
      owner: 'rouge',
      what: 'there is no reference',
      expected: 'a text, or several',
    });
  }
  const said = new Tokens(prediction, stem);
  const best = (type: RougeType) =>
    all.map((one) => score(type, said, one)).reduce((a, b) => (b.fmeasure > a.fmeasure ? b : a));
  return Object.fromEntries(types.map((type) => [type, best(type)]));
}

/** A text's tokens, and those of its lines, made when they are first asked for. */
class Tokens {
  readonly #text: string;
  readonly #stem: boolean;
  #all: readonly string[] | undefined;
  #lines: readonly (readonly string[])[] | undefined;

  constructor(text: string, stem: boolean) {
    this.#text = text;
    this.#stem = stem;
  }

  get all(): readonly string[] {
    this.#all ??= rougeTokens(this.#text, this.#stem);
    return this.#all;
  }

  get lines(): readonly (readonly string[])[] {
    this.#lines ??= this.#text.split('\n').map((line) => rougeTokens(line, this.#stem));
    return this.#lines;
  }
}

function score(type: RougeType, prediction: Tokens, reference: Tokens): RougeScore {
  if (type === 'rougeL') return longestCommonScore(prediction.all, reference.all);
  if (type === 'rougeLsum') return summaryScore(prediction.lines, reference.lines);
  return ngramScore(prediction.all, reference.all, Number(type.slice('rouge'.length)));
}

/**
 * The mean F-measure of ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum over all rows (Lin 2004, as the package rouge_score), in [0, 1]. A row is a
 * text and its reference, or several references. (Hugging Face's `evaluate` gives the median of a bootstrap instead of the mean, which
 * differs from run to run; for an interval use `bootstrap`.) Memory does not grow with the rows.
 */
export const rouge: Metric<
  RougeOptions,
  Readonly<Record<string, number>>,
  string,
  string | readonly string[]
> = defineDigestMetric(
  'rouge',
  (predictions, references, rowsBefore, options) =>
    Array.from(references, (reference, i) => {
      checkText(predictions[i], reference, rowsBefore + i + 1);
      return rougeScores(predictions[i], reference, options);
    }),
  (options) => {
    const types = options?.rougeTypes ?? defaultTypes;
    checkTypes(types);
    const sums = new Map<string, number>(types.map((type) => [type, 0]));
    let rows = 0;
    return {
      add(texts) {
        for (const scores of texts) {
          for (const type of types) sums.set(type, (sums.get(type) ?? 0) + scores[type].fmeasure);
        }
        rows += texts.length;
      },
      compute: () => Object.fromEntries([...sums].map(([type, sum]) => [type, sum / rows])),
    };
  },
  { takes: 'texts' },
);

function checkText(prediction: unknown, reference: unknown, row: number): void {
  const texts = [prediction, ...(Array.isArray(reference) ? reference : [reference])];
  const wrong = texts.find((text) => typeof text !== 'string');
  if (wrong === undefined && texts.length > 1 && typeof prediction === 'string') return;
  throw new DataError('ERR_METRIC_REFERENCE', {
    owner: 'rouge',
    what: texts.length === 1 ? 'a row has no reference' : 'a row is no text',
    got: texts.length === 1 ? undefined : String(wrong),
    expected: 'a text, and a text or several as its reference',
    row,
  });
}
