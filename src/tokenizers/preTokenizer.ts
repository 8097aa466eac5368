import type { NormalizedText } from './normalizer.ts';
import { codePointAt, PUNCTUATION, unicodeTables, WHITESPACE } from './unicode.ts';

/** Takes the words of a text, in order, each with its first unit and the one behind its last. */
export interface WordSink {
  word(units: Uint16Array, start: number, end: number): void;
}

/** Hugging Face's BertPreTokenizer: words end at white space, and each punctuation character is a word of its own. */
export class PreTokenizer {
  readonly #kinds = unicodeTables().flags;
  /** WHITESPACE, PUNCTUATION or 0 for each ASCII character. A small copy stays in the first cache; the 2 MB table would not. */
  readonly asciiKinds = Uint8Array.from(this.#kinds.subarray(0, 128), (flags) => flags & (WHITESPACE | PUNCTUATION));

  /** Hands the words that stand from `start` to `end` of `text` to `sink`. */
  split(text: NormalizedText, start: number, end: number, sink: WordSink): void {
    const { units } = text;
    const kinds = this.#kinds;
    const asciiKinds = this.asciiKinds;
    let wordStart = start;
    for (let i = start; i < end; i++) {
      const unit = units[i];
      let next = i + 1;
      let kind: number;
      if (unit < 128) kind = asciiKinds[unit];
      else {
        const code = codePointAt(units, i, end);
        if (code > 0xffff) next++;
        kind = kinds[code] & (WHITESPACE | PUNCTUATION);
      }
      if (kind !== 0) {
        if (wordStart < i) sink.word(units, wordStart, i);
        if (kind & PUNCTUATION) sink.word(units, i, next);
        wordStart = next;
      }
      i = next - 1;
    }
    if (wordStart < end) sink.word(units, wordStart, end);
  }
}
