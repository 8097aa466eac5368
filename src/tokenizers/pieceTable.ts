/** A piece's text and its id, which is not negative. */
export type Piece = readonly [text: string, id: number];

/** The hash of a text's units so far, 0 before the first, with one more; its highest bits are the best mixed. */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x9e3779b1);
}

/**
 * The pieces of a vocabulary by their UTF-16 units: a hash table with open addressing, at most half full, that is asked
 * with the units and their hash as they stand in a buffer, so that nothing is made to be looked up.
 */
export class PieceTable {
  /** Units of the longest piece. */
  readonly longest: number;
  /**
   * In the low bits of a place the number of its piece, from 1 on, and above it the low bits of the piece's hash, whose high
   * bits chose the place: a text that is no piece is nearly always told by one look. 0 in an empty place.
   */
  readonly #places: Int32Array;
  readonly #numberBits: number;
  /** The pieces' units, one piece behind the other. */
  readonly #units: Uint16Array;
  /** By a piece's number, where its units begin; those of the next begin where they end. */
  readonly #starts: Int32Array;
  readonly #ids: Int32Array;

  /** @param pieces of equal texts the last counts; empty ones are left out. */
  constructor(pieces: readonly Piece[]) {
    this.#numberBits = 32 - Math.clz32(pieces.length);
    this.#places = new Int32Array(2 << this.#numberBits);
    this.#units = new Uint16Array(pieces.reduce((sum, [text]) => sum + text.length, 0));
    this.#starts = new Int32Array(pieces.length + 2);
    this.#ids = new Int32Array(pieces.length + 1);
    const units = this.#units;
    let longest = 0;
    let end = 0;
    for (let number = 1; number <= pieces.length; number++) {
      const [text, id] = pieces[number - 1];
      const start = end;
      let hash = 0;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        units[end++] = unit;
        hash = hashUnit(hash, unit);
      }
      this.#starts[number + 1] = end;
      this.#ids[number] = id;
      longest = Math.max(longest, text.length);
      if (text !== '') this.#places[this.#placeOf(units, start, end, hash)] = (hash << this.#numberBits) | number;
    }
    this.longest = longest;
  }

  /** The id of the piece whose units stand at `start` to `end` of `units`, with this {@link hashUnit | hash}; −1 for none. */
  find(units: Uint16Array, start: number, end: number, hash: number): number {
    const entry = this.#places[this.#placeOf(units, start, end, hash)];
    return entry === 0 ? -1 : this.#ids[this.#numberOf(entry)];
  }

  /** The place of these units, or the empty one where they belong. */
  #placeOf(units: Uint16Array, start: number, end: number, hash: number): number {
    const places = this.#places;
    const hashed = hash << this.#numberBits;
    for (let place = hash >>> (31 - this.#numberBits); ; place = (place + 1) & (places.length - 1)) {
      const entry = places[place];
      if (entry === 0) return place;
      const number = this.#numberOf(entry);
      if ((entry ^ number) === hashed && this.#equals(number, units, start, end)) return place;
    }
  }

  #numberOf(entry: number): number {
    return entry & ~(-1 << this.#numberBits);
  }

  #equals(number: number, units: Uint16Array, start: number, end: number): boolean {
    const from = this.#starts[number];
    if (this.#starts[number + 1] - from !== end - start) return false;
    for (let i = start; i < end; i++) if (this.#units[from + i - start] !== units[i]) return false;
    return true;
  }
}
