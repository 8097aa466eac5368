import { ArgumentError } from '../../core/errors.ts';
import type { BertTokenizer } from '../../tokenizers/index.ts';

/** How long a text may be. */
export interface LengthOptions {
  readonly tokenizer: BertTokenizer;
  /** Tokens of a row at most, [CLS] and [SEP] among them. */
  readonly maxLength: number;
}

/** A word, or a sign, of a text: where it stands, and how many tokens it is. */
interface Word {
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
}

const special = 2;

/**
 * The words of a text that has more tokens than a row holds; undefined for one that fits.
 * Cuts fall between words, so that what is kept has the very tokens that it had in the whole text.
 */
function wordsOfLong(text: string, { tokenizer, maxLength }: LengthOptions): Word[] | undefined {
  if (!Number.isInteger(maxLength) || maxLength <= special) {
    throw new ArgumentError('ERR_MAX_LENGTH', {
      owner: 'longTexts',
      what: 'maxLength leaves no room for words',
      got: maxLength,
      expected: `a whole number above ${special}`,
    });
  }
  // No token is shorter than one UTF-16 unit.
  if (text.length <= maxLength - special) return undefined;
  const [encoding] = tokenizer(text, { addSpecialTokens: false, truncation: false, maxLength }).encodings;
  if (encoding.length <= maxLength - special) return undefined;
  const { wordIds, offsetPairs } = encoding;
  const words: { start: number; end: number; tokens: number }[] = [];
  for (let token = 0; token < wordIds.length; token++) {
    const last = words.at(-1);
    if (last !== undefined && wordIds[token] === wordIds[token - 1]) {
      last.end = offsetPairs[2 * token + 1];
      last.tokens++;
    } else words.push({ start: offsetPairs[2 * token], end: offsetPairs[2 * token + 1], tokens: 1 });
  }
  return words;
}

/** How many words from `from` on (backwards where `step` is −1) fit into `room` tokens. */
function fitting(words: readonly Word[], from: number, room: number, step: 1 | -1 = 1): number {
  let tokens = 0;
  let count = 0;
  for (let i = from; i >= 0 && i < words.length && tokens + words[i].tokens <= room; i += step) {
    tokens += words[i].tokens;
    count++;
  }
  return count;
}

/** A text's beginning: as many words as a row holds. A text that fits stays as it is. */
export function truncateText(text: string, options: LengthOptions): string {
  const words = wordsOfLong(text, options);
  if (words === undefined) return text;
  // A word that alone is too long is left for the tokenizer to cut.
  const count = Math.max(1, fitting(words, 0, options.maxLength - special));
  return text.slice(0, words[count - 1].end);
}

/**
 * A text's beginning and end, its middle left out: long texts say at both what they are about (Sun, Qiu, Xu and Huang 2019,
 * "How to Fine-Tune BERT for Text Classification?", section 5.3.1, where it beat the beginning or the end alone).
 * A text that fits stays as it is.
 * @param options.headTokens how much of the row is for the beginning. Default a quarter: 128 of 512, as in the paper.
 */
export function headAndTail(
  text: string,
  options: LengthOptions & { readonly headTokens?: number | undefined },
): string {
  const room = options.maxLength - special;
  const { headTokens = Math.round(options.maxLength / 4) } = options;
  if (!Number.isInteger(headTokens) || headTokens < 0 || headTokens > room) {
    throw new ArgumentError('ERR_OPTION_VALUE', {
      owner: 'headAndTail',
      what: 'headTokens is no part of a row',
      got: headTokens,
      expected: `a whole number from 0 to ${room} (maxLength without [CLS] and [SEP])`,
    });
  }
  const words = wordsOfLong(text, options);
  if (words === undefined) return text;
  const head = fitting(words, 0, headTokens);
  const used = words.slice(0, head).reduce((sum, { tokens }) => sum + tokens, 0);
  const tail = fitting(words, words.length - 1, room - used, -1);
  if (head + tail === 0) return truncateText(text, options);
  const beginning = head === 0 ? '' : text.slice(0, words[head - 1].end);
  const end = tail === 0 ? '' : text.slice(words[words.length - tail].start);
  return beginning !== '' && end !== '' ? `${beginning} ${end}` : beginning + end;
}

/**
 * A long text as several that each fit, from its first word to its last. A text that fits is the only one.
 * @param options.stride tokens, at most, that a window shares with the one before. Default an eighth of `maxLength`.
 */
export function splitIntoWindows(
  text: string,
  options: LengthOptions & { readonly stride?: number | undefined },
): string[] {
  const room = options.maxLength - special;
  const { stride = Math.floor(options.maxLength / 8) } = options;
  if (!Number.isInteger(stride) || stride < 0 || stride >= room) {
    throw new ArgumentError('ERR_OPTION_VALUE', {
      owner: 'splitIntoWindows',
      what: 'stride leaves no step from one window to the next',
      got: stride,
      expected: `a whole number from 0 to ${room - 1}`,
    });
  }
  const words = wordsOfLong(text, options);
  if (words === undefined) return [text];
  const windows: string[] = [];
  for (let start = 0; ; ) {
    const end = start + Math.max(1, fitting(words, start, room));
    windows.push(text.slice(words[start].start, words[end - 1].end));
    if (end >= words.length) return windows;
    // At least one word is new.
    const shared = Math.min(fitting(words, end - 1, stride, -1), end - start - 1);
    start = end - shared;
  }
}
