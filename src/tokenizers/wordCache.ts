import type { TokenBuffer } from './wordPiece.ts';

// One word is one cache line of sixteen 32-bit integers: its units in the first eight, then its pieces.
const LINE = 16;
const MAX_UNITS = 16;
const SIZES = 8; // units | pieces << 8; 0 in an empty line
const ENDS = 9; // end of each piece in the word, a byte each
const IDS = 10;
const MAX_PIECES = 4;

/** The hash of a word's units so far, 0 before the first, with one more. */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x9e3779b1);
}

/**
 * The pieces of the words seen last, in a fixed amount of memory: each word has one place, given by its hash, and takes
 * it from the word before. Text repeats few words often; finding one here is one memory access, while walking the
 * vocabulary is one a character.
 */
export class WordCache {
  readonly #lines: Int32Array;
  readonly #units: Uint16Array;
  readonly #mask: number;

  /** @param places number of words remembered at most, a power of two; 64 bytes each. */
  constructor(places: number) {
    this.#lines = new Int32Array(places * LINE);
    this.#units = new Uint16Array(this.#lines.buffer);
    this.#mask = places - 1;
  }

  /** The place of a word of this many units and this {@link hashUnit | hash}, or −1 for one too long to be remembered. */
  placeOf(length: number, hash: number): number {
    if (length > MAX_UNITS) return -1;
    return ((hash ^ (hash >>> 15)) & this.#mask) * LINE;
  }

  /** Appends the word's pieces to `out` where they are remembered; whether they were. */
  read(place: number, units: Uint16Array, start: number, end: number, out: TokenBuffer): boolean {
    const lines = this.#lines;
    const sizes = lines[place + SIZES];
    const length = end - start;
    if ((sizes & 0xff) !== length) return false;
    const words = this.#units;
    for (let i = 0; i < length; i++) if (words[place * 2 + i] !== units[start + i]) return false;
    const pieces = sizes >> 8;
    let from = 0;
    for (let k = 0; k < pieces; k++) {
      const to = (lines[place + ENDS] >> (8 * k)) & 0xff;
      out.push(lines[place + IDS + k], start + from, start + to);
      from = to;
    }
    return true;
  }

  /** Remembers a word and its pieces, which stand in `out` from `first` on; nothing where they are too many. */
  write(place: number, units: Uint16Array, start: number, end: number, out: TokenBuffer, first: number): void {
    const pieces = out.length - first;
    if (pieces > MAX_PIECES) return;
    const lines = this.#lines;
    for (let i = start; i < end; i++) this.#units[place * 2 + i - start] = units[i];
    lines[place + SIZES] = (end - start) | (pieces << 8);
    let packed = 0;
    for (let k = 0; k < pieces; k++) {
      packed |= (out.ends[first + k] - start) << (8 * k);
      lines[place + IDS + k] = out.ids[first + k];
    }
    lines[place + ENDS] = packed;
  }
}
