import { ArgumentError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { MergeQueue } from './mergeQueue.ts';
import { NormalizedText, Normalizer } from './normalizer.ts';
import { PreTokenizer } from './preTokenizer.ts';
import { CHINESE, PUNCTUATION, unicodeTables } from './unicode.ts';

/** How a vocabulary is trained; the defaults are those of Python's BertWordPieceTokenizer.train. */
export interface TrainWordPieceOptions {
  /** Tokens at most; characters and special tokens stay even where they are more. Default 30,000. */
  readonly vocabSize?: number | undefined;
  /** A pair that stands less often is not merged. Default 2. */
  readonly minFrequency?: number | undefined;
  /** Only so many different characters, the most frequent ones, get a token. Default 1,000. */
  readonly limitAlphabet?: number | undefined;
  /** First in the vocabulary, in this order. Default [PAD], [UNK], [CLS], [SEP], [MASK]. */
  readonly specialTokens?: readonly string[] | undefined;
  /** How words are normalized before they are counted; as in BertTokenizer. Default true. */
  readonly doLowerCase?: boolean | undefined;
  /** Default null: as `doLowerCase`. */
  readonly stripAccents?: boolean | null | undefined;
  /** Default true. */
  readonly tokenizeChineseChars?: boolean | undefined;
}

const optionNames: readonly (keyof TrainWordPieceOptions)[] = [
  'vocabSize',
  'minFrequency',
  'limitAlphabet',
  'specialTokens',
  'doLowerCase',
  'stripAccents',
  'tokenizeChineseChars',
];

const PREFIX = '##';
/** Pair keys are left × 2²⁶ + right, exact in a double. */
const PAIR = 2 ** 26;

/**
 * Trains a WordPiece vocabulary as Hugging Face's WordPieceTrainer does: words are cut into characters, and the most
 * frequent pair of neighbours is merged until the vocabulary is full (Sennrich et al. 2016). The same texts and options
 * give the same vocabulary. Python's differs in the ids of pieces that continue a word and in ties, since its hash maps
 * have no fixed order; and every character gets a piece that continues a word, not only those that did so in the
 * texts, so that no word of known characters is [UNK].
 *
 * @param texts any number of texts; words are counted as they come, so they need not all be in memory
 * @returns the tokens in the order of their ids, for `new BertTokenizer({ vocab })` with the same normalization
 * @throws ArgumentError on an unknown option or a size that is no positive whole number
 */
export function trainWordPiece(texts: Iterable<string>, options: TrainWordPieceOptions = {}): string[] {
  const { vocabSize, minFrequency, limitAlphabet, specialTokens } = validated(options);
  const counts = countWords(texts, options);
  const vocab: string[] = [];
  const idOf = new Map<string, number>();
  const idFor = (token: string): number => {
    let id = idOf.get(token);
    if (id === undefined) {
      id = vocab.push(token) - 1;
      idOf.set(token, id);
    }
    return id;
  };
  specialTokens.forEach(idFor);
  const alphabet = alphabetOf(counts, limitAlphabet);
  alphabet.forEach(idFor);
  for (const character of alphabet) if (!standsAlone(character)) idFor(PREFIX + character);

  // Words as lists of pieces. In the order of the words, so that the result does not hang on the order of the texts.
  const words: number[][] = [];
  const wordCounts: number[] = [];
  for (const word of [...counts.keys()].sort()) {
    const pieces: number[] = [];
    let first = true;
    for (const character of word) {
      if (alphabet.has(character)) pieces.push(idFor(first ? character : PREFIX + character));
      first = false;
    }
    words.push(pieces);
    wordCounts.push(counts.get(word)!);
  }
  if (vocab.length > vocabSize) {
    log.warn(
      `the ${vocab.length} special tokens and characters are more than vocabSize ${vocabSize}; lower limitAlphabet to have fewer`,
    );
  }

  const pairCounts = new Map<number, number>();
  const queue = new MergeQueue();
  let changed = new Map<number, Set<number>>();
  const note = (left: number, right: number, word: number, sign: 1 | -1): void => {
    const pair = left * PAIR + right;
    pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + sign * wordCounts[word]);
    if (sign < 0) return;
    const where = changed.get(pair);
    if (where === undefined) changed.set(pair, new Set([word]));
    else where.add(word);
  };
  const enqueue = (): void => {
    for (const [pair, where] of changed) {
      const count = pairCounts.get(pair)!;
      if (count > 0) queue.push({ left: Math.floor(pair / PAIR), right: pair % PAIR, count, words: where });
    }
    changed = new Map();
  };

  words.forEach((pieces, word) => {
    for (let i = 1; i < pieces.length; i++) note(pieces[i - 1], pieces[i], word, 1);
  });
  enqueue();
  while (vocab.length < vocabSize) {
    const top = queue.pop();
    if (top === undefined) break;
    const count = pairCounts.get(top.left * PAIR + top.right)!;
    // The count has fallen since the pair was queued: it waits for its turn.
    if (count !== top.count) {
      top.count = count;
      queue.push(top);
      continue;
    }
    if (count < 1 || count < minFrequency) break;
    const right = vocab[top.right];
    const merged = idFor(vocab[top.left] + (right.startsWith(PREFIX) ? right.slice(PREFIX.length) : right));
    for (const word of top.words) mergePair(words[word], top.left, top.right, merged, word, note);
    enqueue();
  }
  return vocab;
}

/** Replaces each `left`, `right` in a word by `merged`, and notes which pairs came and went. */
function mergePair(
  pieces: number[],
  left: number,
  right: number,
  merged: number,
  word: number,
  note: (left: number, right: number, word: number, sign: 1 | -1) => void,
): void {
  for (let i = 0; i + 1 < pieces.length; i++) {
    if (pieces[i] !== left || pieces[i + 1] !== right) continue;
    if (i > 0) {
      note(pieces[i - 1], left, word, -1);
      note(pieces[i - 1], merged, word, 1);
    }
    pieces.splice(i, 2, merged);
    if (i + 1 < pieces.length) {
      note(right, pieces[i + 1], word, -1);
      note(merged, pieces[i + 1], word, 1);
    }
  }
}

function countWords(texts: Iterable<string>, options: TrainWordPieceOptions): Map<string, number> {
  const doLowerCase = options.doLowerCase ?? true;
  const normalizer = new Normalizer({
    cleanText: true,
    tokenizeChineseChars: options.tokenizeChineseChars ?? true,
    stripAccents: options.stripAccents ?? doLowerCase,
    doLowerCase,
  });
  const preTokenizer = new PreTokenizer();
  const normalized = new NormalizedText();
  const counts = new Map<string, number>();
  const sink = {
    word: (_: Uint16Array, start: number, end: number): void => {
      const word = normalized.toString(start, end);
      counts.set(word, (counts.get(word) ?? 0) + 1);
    },
  };
  for (const text of texts) {
    normalized.length = 0;
    normalizer.normalize(text, 0, text.length, normalized);
    preTokenizer.split(normalized, 0, normalized.length, sink);
  }
  return counts;
}

/** The characters that get a token: the most frequent ones (of equals those with the larger code point), by code point. */
function alphabetOf(counts: ReadonlyMap<string, number>, limit: number): Set<string> {
  const frequencies = new Map<string, number>();
  for (const [word, count] of counts) {
    for (const character of word) frequencies.set(character, (frequencies.get(character) ?? 0) + count);
  }
  const codePoint = (character: string) => character.codePointAt(0)!;
  const kept = [...frequencies]
    .sort(([a, countA], [b, countB]) => countB - countA || codePoint(b) - codePoint(a))
    .slice(0, limit)
    .map(([character]) => character);
  return new Set(kept.sort((a, b) => codePoint(a) - codePoint(b)));
}

/** Whether a character is always a word of its own, and so never continues one. */
function standsAlone(character: string): boolean {
  return (unicodeTables().flags[character.codePointAt(0)!] & (PUNCTUATION | CHINESE)) !== 0;
}

function validated(options: TrainWordPieceOptions) {
  for (const name of Object.keys(options)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    const meant = didYouMean(name, optionNames);
    throw new ArgumentError('ERR_TOKENIZER_OPTION', {
      owner: 'trainWordPiece',
      what: 'no such option',
      got: name,
      expected: optionNames.join(', '),
      hint: meant === undefined ? undefined : `did you mean '${meant}'?`,
    });
  }
  const resolved = {
    vocabSize: options.vocabSize ?? 30_000,
    minFrequency: options.minFrequency ?? 2,
    limitAlphabet: options.limitAlphabet ?? 1000,
    specialTokens: options.specialTokens ?? ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  };
  for (const name of ['vocabSize', 'minFrequency', 'limitAlphabet'] as const) {
    const value = resolved[name];
    if (Number.isInteger(value) && value >= (name === 'minFrequency' ? 0 : 1)) continue;
    throw new ArgumentError('ERR_TOKENIZER_OPTION', {
      owner: 'trainWordPiece',
      what: `${name} is no number of ${name === 'limitAlphabet' ? 'characters' : name === 'vocabSize' ? 'tokens' : 'times'}`,
      got: value,
      expected: 'a whole number',
    });
  }
  return resolved;
}
