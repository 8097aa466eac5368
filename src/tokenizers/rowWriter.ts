import { ArgumentError } from '../core/errors.ts';
import type { ResolvedEncodeOptions } from './encodeOptions.ts';
import type { Text } from './encoding.ts';
import type { Pipeline } from './pipeline.ts';
import { Rows } from './rows.ts';
import { notText } from './textInput.ts';
import { type Side, truncatedLengths, windows } from './truncation.ts';
import { TokenBuffer } from './wordPiece.ts';

/** What stands around texts, and where windows of them begin. */
interface RowSettings {
  readonly clsTokenId: number;
  readonly sepTokenId: number;
  readonly truncationSide: Side;
}

type Range = readonly [start: number, end: number];

/** How many special tokens stand around a text or pair. */
export function numSpecialTokens(pair: boolean): number {
  return pair ? 3 : 2;
}

/**
 * Makes rows of texts or pairs: their tokens with special tokens around them, cut where they are too many. It is no part
 * of the tokenizer's class, as engines read the fields of instances that are functions many times slower.
 */
export class RowWriter {
  readonly #pipeline: Pipeline;
  readonly #cls: number;
  readonly #sep: number;
  readonly #truncationSide: Side;
  /** The rows of a call, one behind the other. */
  readonly #buffer = new TokenBuffer(false);

  constructor(pipeline: Pipeline, settings: RowSettings) {
    this.#pipeline = pipeline;
    this.#cls = settings.clsTokenId;
    this.#sep = settings.sepTokenId;
    this.#truncationSide = settings.truncationSide;
  }

  /** @throws ArgumentError on what is no text, and where the options leave a text no room */
  write(texts: readonly Text[], pairs: readonly Text[] | undefined, options: ResolvedEncodeOptions): Rows {
    const rows = new Rows(options.addSpecialTokens, pairs !== undefined, texts.length);
    this.#buffer.length = 0;
    for (let i = 0; i < texts.length; i++) this.#addSample(i, texts[i], pairs?.[i], options, rows);
    rows.ids = this.#buffer.ids.slice(0, this.#buffer.length);
    return rows;
  }

  /** Appends the rows of one text or pair: one, or one a window. */
  #addSample(sample: number, text: Text, pair: Text | undefined, options: ResolvedEncodeOptions, rows: Rows): void {
    const out = this.#buffer;
    const { addSpecialTokens } = options;
    // The row is written as if nothing were to be truncated.
    const start = out.length;
    if (addSpecialTokens) out.push(this.#cls, 0, 0);
    const firstAt = out.length;
    this.#tokenize(text, options, sample);
    const first = out.length - firstAt;
    if (addSpecialTokens) out.push(this.#sep, 0, 0);
    const secondAt = out.length;
    let second = 0;
    if (pair !== undefined) {
      this.#tokenize(pair, options, sample);
      second = out.length - secondAt;
      if (addSpecialTokens) out.push(this.#sep, 0, 0);
    }
    if (options.truncation === 'do_not_truncate' || out.length - start <= options.maxLength!) {
      rows.add(start, out.length, sample, 0, first, 0, second);
      return;
    }

    const around = addSpecialTokens ? numSpecialTokens(pair !== undefined) : 0;
    const room = options.maxLength! - around;
    if (room < 0) {
      throw new ArgumentError('ERR_TOKENIZER_MAX_LENGTH', {
        owner: 'BertTokenizer',
        what: 'maxLength leaves no room for the special tokens',
        got: options.maxLength,
        expected: `at least ${around} for a pair`,
      });
    }
    const [a, b] = truncatedLengths(first, pair === undefined ? undefined : second, room, options.truncation);
    const firstWindows = windows(first, a, options.stride, this.#truncationSide);
    const secondWindows = windows(second, b, options.stride, this.#truncationSide);
    const whole = out.ids.slice(start, out.length);
    out.length = start;
    const add = ([firstStart, firstEnd]: Range, [secondStart, secondEnd]: Range): void => {
      const at = out.length;
      if (addSpecialTokens) out.push(this.#cls, 0, 0);
      for (let i = firstStart; i < firstEnd; i++) out.push(whole[firstAt - start + i], 0, 0);
      if (addSpecialTokens) out.push(this.#sep, 0, 0);
      for (let i = secondStart; i < secondEnd; i++) out.push(whole[secondAt - start + i], 0, 0);
      if (addSpecialTokens && pair !== undefined) out.push(this.#sep, 0, 0);
      rows.add(at, out.length, sample, firstStart, firstEnd, secondStart, secondEnd);
    };
    add(firstWindows[0], secondWindows[0]);
    if (!options.returnOverflowingTokens) return;
    // The order in which Hugging Face's Encoding::merge_with combines the windows of a pair.
    for (const window of firstWindows.slice(1)) for (const other of secondWindows) add(window, other);
    for (const other of secondWindows.slice(1)) add(firstWindows[0], other);
  }

  #tokenize(text: Text, options: ResolvedEncodeOptions, sample: number): void {
    if (options.isSplitIntoWords === (typeof text === 'string')) throw notText(text, sample, options.isSplitIntoWords);
    if (typeof text === 'string') this.#pipeline.tokenize(text, this.#buffer, options.splitSpecialTokens);
    else {
      for (const word of text) {
        if (typeof word !== 'string') throw notText(word, sample, true);
        this.#pipeline.tokenize(word, this.#buffer, options.splitSpecialTokens);
      }
    }
  }
}
