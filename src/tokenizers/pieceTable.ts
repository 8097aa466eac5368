/** A piece's text and its id, which is not negative. */
export type Piece = readonly [text: string, id: number];

/** The hash of a text's units so far, 0 before the first, with one more; its highest bits are the best mixed. */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x9e3779b1);
}

// A piece's record, side by side in one array of 16-bit numbers: its length, its id in two halves, its units.
const LENGTH = 0;
const ID_LOW = 1;
const ID_HIGH = 2;
const UNITS = 3;

/**
 * The pieces of a vocabulary by their UTF-16 units: a hash table with open addressing, at most half full, that is asked
 * with the units and their hash as they stand in a buffer, so that nothing is made to be looked up.
 */
export class PieceTable {
  /** Units of the longest piece. */
  readonly longest: number;
  /**
   * In the low bits of a place where its piece's record stands, and above it the low bits of the piece's hash, whose high
   * bits chose the place: a text that is no piece is nearly always told by one look. 0 in an empty place.
   */
  readonly #places: Int32Array;
  /** What a hash is shifted by to give its place. */
  readonly #shift: number;
  readonly #recordBits: number;
  readonly #records: Uint16Array;

  /** @param pieces with different texts; empty ones and those of more than 65,535 units are left out. */
  constructor(pieces: readonly Piece[]) {
    let size = 1;
    for (const [text] of pieces) size += UNITS + text.length;
    const placeBits = 33 - Math.clz32(pieces.length);
    this.#places = new Int32Array(1 << placeBits);
    this.#shift = 32 - placeBits;
    this.#recordBits = 32 - Math.clz32(size);
    this.#records = new Uint16Array(size);
    const places = this.#places;
    const records = this.#records;
    let longest = 0;
    // Not from 0 on, which stands for none.
    let record = 1;
    for (const [text, id] of pieces) {
      if (text === '' || text.length > 0xffff) continue;
      let hash = 0;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        records[record + UNITS + i] = unit;
        hash = hashUnit(hash, unit);
      }
      records[record + LENGTH] = text.length;
      records[record + ID_LOW] = id;
      records[record + ID_HIGH] = id >>> 16;
      longest = Math.max(longest, text.length);
      let place = hash >>> this.#shift;
      while (places[place] !== 0) place = (place + 1) & (places.length - 1);
      places[place] = (hash << this.#recordBits) | record;
      record += UNITS + text.length;
    }
    this.longest = longest;
  }

  /** The id of the piece whose units stand at `start` to `end` of `units`, with this {@link hashUnit | hash}; −1 for none. */
  find(units: Uint16Array, start: number, end: number, hash: number): number {
    const places = this.#places;
    const records = this.#records;
    const recordBits = this.#recordBits;
    const hashed = hash << recordBits;
    for (let place = (hash >>> this.#shift) | 0; ; place = (place + 1) & (places.length - 1)) {
      const entry = places[place];
      if (entry === 0) return -1;
      const record = entry & ~(-1 << recordBits);
      // Written out here, as engines do not put calls within calls in their place for ever.
      if ((entry ^ record) !== hashed || records[record + LENGTH] !== end - start) continue;
      let i = 0;
      while (start + i < end && records[record + UNITS + i] === units[start + i]) i++;
      if (start + i === end) return records[record + ID_LOW] | (records[record + ID_HIGH] << 16);
    }
  }
}
