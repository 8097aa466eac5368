import type { Normalizer } from './normalizer.ts';
import { hashUnit } from './pieceTable.ts';
import type { PreTokenizer } from './preTokenizer.ts';
import { PUNCTUATION } from './unicode.ts';

/** Takes the words of a text that has been read, in order. */
export interface AsciiWordSink {
  /** A word of ASCII characters, normalized: what stands from `start` to `end` of `units`, and its hash. */
  asciiWord(units: Uint16Array, start: number, end: number, hash: number): void;
  /** A punctuation character, normalized: a word of its own. */
  asciiPunctuation(unit: number): void;
  /** A part of the text with something else in it, still to be normalized and split; white space or ends stand around it. */
  otherPart(text: string, start: number, end: number): void;
}

// What a byte of UTF-8 does, besides being a character of a word (its normalized form, below 128).
const WHITE = 0x100;
const OTHER = 0x101;
const PUNCTUATED = 0x200; // with the character

/** UTF-16 units that are read at a time, and then up to the next white space: their bytes stay in the processor's first cache. */
const CHUNK = 2048;
/** Shorter texts are read unit by unit, which is faster than a call for all. */
const SHORT = 48;
/** Bytes of UTF-8 that a UTF-16 unit becomes at most. */
const BYTES_OF_UNIT = 3;

const encoder = new TextEncoder();

/**
 * Reads words straight from a text: most text is ASCII, of which each character is normalized, judged and hashed in one
 * look. Where another character comes, the word that it stands in is handed on, up to the next white space: nothing reaches
 * across that, neither marks that are put in order nor words.
 *
 * Characters are read as bytes of UTF-8: an engine gives all of a text at once in less time than each by itself.
 */
export class AsciiWords {
  readonly #table = new Uint16Array(256).fill(OTHER);
  readonly #bytes = new Uint8Array(2 * CHUNK * BYTES_OF_UNIT);
  /** The normalized characters of the word that is read, at the places of their bytes. */
  readonly #units = new Uint16Array(this.#bytes.length);

  constructor(normalizer: Normalizer, preTokenizer: PreTokenizer) {
    for (let code = 0; code < 128; code++) {
      const becomes = normalizer.ascii(code);
      // What is dropped does not end a word; it is rare.
      if (becomes === 0) continue;
      const kind = preTokenizer.asciiKinds[becomes];
      if (kind & PUNCTUATION) this.#table[code] = PUNCTUATED | becomes;
      else this.#table[code] = kind === 0 ? becomes : WHITE;
    }
  }

  /** Hands what stands from `start` to `end` of `text` to `sink`. */
  read(text: string, start: number, end: number, sink: AsciiWordSink): void {
    for (let from = start; from < end; ) {
      let to = Math.min(from + CHUNK, end);
      while (to < end && this.#table[Math.min(text.charCodeAt(to), 0xff)] !== WHITE) to++;
      // What has no white space for so long is hardly words.
      if (to - from > 2 * CHUNK) sink.otherPart(text, from, to);
      else this.#readChunk(text, from, to, sink);
      from = to;
    }
  }

  #readChunk(text: string, start: number, end: number, sink: AsciiWordSink): void {
    const table = this.#table;
    const bytes = this.#bytes;
    const units = this.#units;
    const written = encode(text, start, end, bytes);
    // The byte at `i` belongs to the unit at `i + shift` of the text, where a character begins.
    let shift = start;
    for (let i = 0; i < written; i++) {
      const wordStart = i;
      let hash = 0;
      let what = table[bytes[i]];
      while (what < 128) {
        units[i] = what;
        hash = hashUnit(hash, what);
        what = ++i < written ? table[bytes[i]] : WHITE;
      }
      if (what === OTHER) {
        const partStart = wordStart + shift;
        while (i < written && table[bytes[i]] !== WHITE) shift += unitsMinusOne(bytes[i++]);
        sink.otherPart(text, partStart, i + shift);
        continue;
      }
      if (i > wordStart) sink.asciiWord(units, wordStart, i, hash);
      if (what >= PUNCTUATED) sink.asciiPunctuation(what & 0x7f);
    }
  }
}

/** Writes what stands from `start` to `end` of `text` as UTF-8 into `bytes`, which have room; returns how many. */
function encode(text: string, start: number, end: number, bytes: Uint8Array): number {
  if (end - start < SHORT) {
    let unit = 0;
    let i = start;
    for (; i < end && unit < 128; i++) {
      unit = text.charCodeAt(i);
      bytes[i - start] = unit;
    }
    if (unit < 128) return i - start;
  }
  return encoder.encodeInto(text.slice(start, end), bytes).written;
}

/** How many UTF-16 units begin with this byte of UTF-8, less the byte itself: the last bytes of a character begin none. */
function unitsMinusOne(byte: number): number {
  if ((byte & 0xc0) === 0x80) return -1;
  return byte >= 0xf0 ? 1 : 0;
}
