import { ModelError } from '../core/errors.ts';
import { lenientEntities } from '../metrics/index.ts';
import type { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { hasEntityTags } from './tokenClassification.ts';
import { longestRow } from './tokenLimits.ts';
import { cutWindows, type Window, wholeWindow } from './wordPieces.ts';

/** A name that was found in a text. */
export interface TextEntity {
  /** `PER` for words that are `B-PER` and `I-PER`. */
  readonly type: string;
  /** `text.slice(start, end)` of the text it was found in. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** The mean probability of its words' tags. */
  readonly score: number;
}

/** What the model says of one word. */
interface WordTag {
  readonly tag: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
}

/** Windows that the model is asked about at once. */
const windowsAtOnce = 32;

/**
 * Finds the entities of texts, with their places. A word's tag is that of its first piece, as in training; tags are read
 * leniently (BIO, IOB1 and IOBES alike: an `I-` without a beginning begins an entity). Texts that are too long are read in
 * windows that overlap. (Hugging Face's pipeline with `aggregation_strategy="first"`.)
 *
 * @returns the entities of each text, from left to right.
 * @throws ModelError where the model's labels are no tags of entities.
 * @example
 * const [entities] = await findEntities(model, tokenizer, ['Wolfgang lives in Berlin']);
 * console.log(entities.map(({ type, text }) => `${type}: ${text}`));
 */
export async function findEntities(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  texts: readonly string[],
): Promise<TextEntity[][]> {
  const { id2label } = model.config;
  if (!hasEntityTags(id2label)) {
    throw new ModelError('ERR_LABEL_NAMES', {
      owner: 'findEntities',
      what: "the model's labels are no tags of entities",
      got: id2label.join(', '),
      expected: 'O, and B-… and I-… for each type',
      hint: 'load it with id2label, or read the logits of model(tokenizer(text))',
    });
  }
  const maxLength = longestRow('findEntities', model.config, tokenizer, undefined);
  const { encodings } = tokenizer(texts, { truncation: false, maxLength });
  const windows: { readonly text: number; readonly window: Window }[] = encodings.flatMap((encoding, text) => {
    const whole = wholeWindow(encoding);
    const cut = whole.ids.length > maxLength ? cutWindows(whole, maxLength, tokenizer) : [whole];
    return cut.map((window) => ({ text, window }));
  });
  const words = texts.map(() => new Map<number, { tag: string; score: number }>());
  for (let start = 0; start < windows.length; start += windowsAtOnce) {
    const asked = windows.slice(start, start + windowsAtOnce);
    const packed = model.pack(
      asked.map(({ window }) => window),
      { reads: 'all' },
    );
    const { logits } = await model.run({ packed, labels: {}, count: packed.tokens });
    const scores = new Scores(logits.data as Float32Array, id2label.length);
    let first = 0;
    for (const { text, window } of asked) {
      for (const at of window.firsts) {
        const { label, score } = scores.best(first + at);
        words[text].set(window.words[at], { tag: id2label[label], score });
      }
      first += window.ids.length;
    }
  }
  return encodings.map((encoding, text) => {
    const tagged = new Map<number, WordTag>();
    encoding.wordIds.forEach((word, token) => {
      if (word === null) return;
      const [start, end] = encoding.offsets[token];
      const known = tagged.get(word);
      tagged.set(word, known === undefined ? { ...words[text].get(word)!, start, end } : { ...known, end });
    });
    return entitiesOf(texts[text], [...tagged.values()]);
  });
}

function entitiesOf(text: string, words: readonly WordTag[]): TextEntity[] {
  return lenientEntities(words.map(({ tag }) => tag)).map(({ type, start: from, end: to }) => {
    const [start, end] = [words[from].start, words[to - 1].end];
    const score = words.slice(from, to).reduce((sum, word) => sum + word.score, 0) / (to - from);
    return { type, text: text.slice(start, end), start, end, score };
  });
}

/** Rows of logits, `[tokens, labels]`. */
class Scores {
  readonly #logits: Float32Array;
  readonly #width: number;

  constructor(logits: Float32Array, width: number) {
    this.#logits = logits;
    this.#width = width;
  }

  /** The likeliest label of a token, and its probability. */
  best(token: number): { label: number; score: number } {
    const row = this.#logits.subarray(token * this.#width, (token + 1) * this.#width);
    let label = 0;
    for (let k = 1; k < row.length; k++) if (row[k] > row[label]) label = k;
    let total = 0;
    for (const logit of row) total += Math.exp(logit - row[label]);
    return { label, score: 1 / total };
  }
}
