import { type Normalizer, REMOVED_ASCII } from './normalizer.ts';
import { hashUnit } from './pieceTable.ts';
import type { PreTokenizer } from './preTokenizer.ts';
import { PUNCTUATION } from './unicode.ts';

/** Takes the words of a text that has been read, in order. */
export interface AsciiWordSink {
  /** A word of ASCII characters, normalized: the first `length` of `units`, and their hash. */
  asciiWord(units: Uint16Array, length: number, hash: number): void;
  /** A punctuation character, normalized: a word of its own. */
  asciiPunctuation(unit: number): void;
  /** A part of the text with something else in it, still to be normalized and split; spaces or ends stand around it. */
  otherPart(text: string, start: number, end: number): void;
}

// What an ASCII character does, besides being a character of a word (its normalized form, below 128).
const WHITE = 0x100;
const DROPPED = 0x101;
const OTHER = 0x102;
const PUNCTUATED = 0x200; // with the character

/** Longer words go the other way: no vocabulary has them. */
const LONGEST = 256;

/**
 * Reads words straight from a text: most text is ASCII, of which each character is normalized, judged and hashed in one
 * look. Where another character comes, the word that it stands in is handed on, up to the next space: nothing reaches
 * across one, neither marks that are put in order nor words.
 */
export class AsciiWords {
  readonly #table = new Uint16Array(128);
  readonly #units = new Uint16Array(LONGEST);

  constructor(normalizer: Normalizer, preTokenizer: PreTokenizer) {
    for (let code = 0; code < 128; code++) {
      const becomes = normalizer.ascii[code];
      const kind = becomes === REMOVED_ASCII ? 0 : preTokenizer.asciiKinds[becomes];
      if (becomes === REMOVED_ASCII) this.#table[code] = DROPPED;
      else if (kind & PUNCTUATION) this.#table[code] = PUNCTUATED | becomes;
      else this.#table[code] = kind === 0 ? becomes : WHITE;
    }
  }

  /** Hands what stands from `start` to `end` of `text` to `sink`. */
  read(text: string, start: number, end: number, sink: AsciiWordSink): void {
    const table = this.#table;
    const units = this.#units;
    let wordStart = start;
    let length = 0;
    let hash = 0;
    for (let i = start; i < end; i++) {
      const unit = text.charCodeAt(i);
      const what = unit < 128 ? table[unit] : OTHER;
      if (what < 128 && length < LONGEST) {
        units[length++] = what;
        hash = hashUnit(hash, what);
        continue;
      }
      if (what === DROPPED) continue;
      if (what < 128 || what === OTHER) {
        const space = text.indexOf(' ', i);
        const to = space < 0 || space > end ? end : space;
        sink.otherPart(text, wordStart, to);
        i = to;
      } else {
        if (length > 0) sink.asciiWord(units, length, hash);
        if (what >= PUNCTUATED) sink.asciiPunctuation(what & 0x7f);
      }
      wordStart = i + 1;
      length = 0;
      hash = 0;
    }
    if (length > 0) sink.asciiWord(units, length, hash);
  }
}
