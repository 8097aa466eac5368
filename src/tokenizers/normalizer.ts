import {
  CHINESE,
  COMBINING_SHIFT,
  DECOMPOSES,
  LOWERS,
  NONSPACING,
  REMOVED,
  REPLACEMENT,
  type UnicodeTables,
  unicodeTables,
  WHITESPACE,
} from './unicode.ts';

/** How text is changed before it is split: Hugging Face's BertNormalizer. */
export interface NormalizerOptions {
  /** Drops control characters and turns every white space into a space. */
  readonly cleanText: boolean;
  /** Puts spaces around CJK ideographs. */
  readonly tokenizeChineseChars: boolean;
  /** Decomposes and drops nonspacing marks. */
  readonly stripAccents: boolean;
  readonly doLowerCase: boolean;
}

const SPACE = 0x20;
/** Units of a block have all but so many bits in common. */
const BLOCK_BITS = 8;
/** Room for what one character can become: three spaces and parts of two units each stay far below. */
const MARGIN = 32;

/** Normalized text: UTF-16 units, each with the place in the original text that it came from. Reused from text to text. */
export class NormalizedText {
  units = new Uint16Array(1024);
  /** For each unit, the index of the original character's first UTF-16 unit. */
  sources = new Int32Array(1024);
  length = 0;

  /** Makes room for `capacity` units in all. */
  reserve(capacity: number): void {
    if (capacity <= this.units.length) return;
    const size = Math.max(capacity, this.units.length * 2);
    const units = new Uint16Array(size);
    units.set(this.units.subarray(0, this.length));
    const sources = new Int32Array(size);
    sources.set(this.sources.subarray(0, this.length));
    this.units = units;
    this.sources = sources;
  }

  /** The units from `start` to `end` as a string. */
  toString(start = 0, end = this.length): string {
    let text = '';
    for (let i = start; i < end; i += 8192) {
      text += String.fromCharCode(...this.units.subarray(i, Math.min(i + 8192, end)));
    }
    return text;
  }
}

/**
 * Hugging Face's BertNormalizer, with the alignments of its NormalizedString: cleaning, spaces around CJK ideographs,
 * NFD without nonspacing marks, lower-casing, in this order.
 */
export class Normalizer {
  readonly options: NormalizerOptions;
  readonly #tables: UnicodeTables = unicodeTables();
  /**
   * What each UTF-16 unit becomes that stands for a character and becomes one unit, whatever stands around it; 0 for others, and
   * for those of blocks of 256 that no text had yet.
   */
  readonly #single = new Uint16Array(0x10000);
  readonly #knownBlocks = new Uint8Array(0x10000 >> BLOCK_BITS);
  #out = new NormalizedText();

  // Marks (characters with a combining class) wait here until a starter ends their run: NFD orders them by class.
  #pending = 0;
  #pendingCodes: number[] = [];
  #pendingClasses: number[] = [];
  /** The mark's source where it stands for an original character, or −1 where it was inserted behind one. */
  #pendingSources: number[] = [];
  #lastSource = 0;

  constructor(options: NormalizerOptions) {
    this.options = options;
    this.#learnBlock(0);
  }

  /** What an ASCII character becomes; 0 where it is dropped. */
  ascii(code: number): number {
    return this.#single[code];
  }

  /** Appends the normalized form of `text` from `start` to `end` to `out`; sources count from the text's beginning. */
  normalize(text: string, start: number, end: number, out: NormalizedText): void {
    const single = this.#single;
    out.reserve(out.length + end - start + MARGIN);
    let { units, sources, length } = out;
    for (let i = start; i < end; i++) {
      const unit = text.charCodeAt(i);
      if (single[unit] === 0 && this.#knownBlocks[unit >> BLOCK_BITS] === 0) this.#learnBlock(unit >> BLOCK_BITS);
      if (single[unit] !== 0) {
        units[length] = single[unit];
        sources[length++] = i;
      } else {
        out.length = length;
        this.#out = out;
        if (length > 0) this.#lastSource = sources[length - 1];
        i = this.#normalizeOther(text, i, end) - 1;
        ({ units, sources, length } = out);
      }
    }
    out.length = length;
  }

  /**
   * Notes which units of a block become one. A mark does not, which may change places with its neighbours; what a character
   * loses of itself, though, does not change the order of what follows it.
   */
  #learnBlock(block: number): void {
    const one = new NormalizedText();
    this.#out = one;
    this.#knownBlocks[block] = 1;
    const isMark = (code: number) => this.#tables.flags[code] >> COMBINING_SHIFT > 0;
    for (let unit = block << BLOCK_BITS; unit < (block + 1) << BLOCK_BITS; unit++) {
      one.length = 0;
      this.#normalizeOther(String.fromCharCode(unit), 0, 1);
      const [becomes] = one.units;
      const isSurrogate = (unit & 0xf800) === 0xd800;
      if (one.length === 1 && !isSurrogate && !isMark(unit) && !isMark(becomes)) this.#single[unit] = becomes;
    }
  }

  /** From the character at `from`, which does not become one unit, to the next that does; returns where that is. */
  #normalizeOther(text: string, from: number, end: number): number {
    const { cleanText, tokenizeChineseChars } = this.options;
    let i = from;
    while (i < end) {
      const at = i;
      let code = text.charCodeAt(i++);
      if (this.#single[code] !== 0) {
        i = at;
        break;
      }
      if ((code & 0xf800) === 0xd800) {
        const low = i < end ? text.charCodeAt(i) : 0;
        if (code < 0xdc00 && (low & 0xfc00) === 0xdc00) {
          code = ((code - 0xd800) << 10) + (low - 0xdc00) + 0x10000;
          i++;
        } else code = REPLACEMENT;
      }
      this.#out.reserve(this.#out.length + end - i + 2 * this.#pending + MARGIN);
      const flags = this.#tables.flags[code];
      if (cleanText && flags & REMOVED) continue;
      if (cleanText && flags & WHITESPACE) {
        this.#flushMarks();
        this.#put(SPACE, at);
      } else if (tokenizeChineseChars && flags & CHINESE) {
        this.#flushMarks();
        this.#put(SPACE, at);
        this.#putCharacter(code, flags, at);
        this.#put(SPACE, at);
      } else this.#putCharacter(code, flags, at);
    }
    this.#flushMarks();
    return i;
  }

  #putCharacter(code: number, flags: number, at: number): void {
    if (!this.options.stripAccents) this.#putLowered(code, flags, at);
    else if (!(flags & DECOMPOSES)) this.#putPart(code, flags, at, false);
    else if (code >= 0xac00 && code <= 0xd7a3) {
      // Hangul syllables decompose by arithmetic (The Unicode Standard, section 3.12); no part changes further.
      this.#flushMarks();
      const index = code - 0xac00;
      this.#put(0x1100 + Math.floor(index / 588), at);
      this.#put(0x1161 + Math.floor((index % 588) / 28), at);
      if (index % 28 > 0) this.#put(0x11a7 + (index % 28), at);
      this.#lastSource = at;
    } else {
      const parts = this.#tables.decompositions.get(code)!;
      for (let k = 0; k < parts.length; k++) this.#putPart(parts[k], this.#tables.flags[parts[k]], at, k > 0);
    }
  }

  /** A part of a decomposed character; `inserted`: not the first of its parts. */
  #putPart(code: number, flags: number, at: number, inserted: boolean): void {
    const combiningClass = flags >> COMBINING_SHIFT;
    if (combiningClass > 0) {
      this.#pendingCodes[this.#pending] = code;
      this.#pendingClasses[this.#pending] = combiningClass;
      this.#pendingSources[this.#pending++] = inserted ? -1 : at;
      return;
    }
    this.#flushMarks();
    this.#lastSource = at;
    if (!(flags & NONSPACING)) this.#putLowered(code, flags, at);
  }

  /**
   * Ends a run of marks: ordered by class (stably), then those that are nonspacing dropped. Alignments stay where they
   * were: Hugging Face's `transform` hands the k-th original character's place to the k-th part that replaces one.
   */
  #flushMarks(): void {
    const count = this.#pending;
    if (count === 0) return;
    const codes = this.#pendingCodes;
    const classes = this.#pendingClasses;
    const sources = this.#pendingSources;
    const places = sources.slice(0, count).filter((source) => source >= 0);
    for (let i = 1; i < count; i++) {
      for (let j = i; j > 0 && classes[j - 1] > classes[j]; j--) {
        for (const column of [codes, classes, sources]) [column[j - 1], column[j]] = [column[j], column[j - 1]];
      }
    }
    let next = 0;
    for (let i = 0; i < count; i++) {
      if (sources[i] >= 0) this.#lastSource = places[next++];
      const flags = this.#tables.flags[codes[i]];
      if (!(flags & NONSPACING)) this.#putLowered(codes[i], flags, this.#lastSource);
    }
    this.#pending = 0;
  }

  #putLowered(code: number, flags: number, at: number): void {
    if (this.options.doLowerCase && flags & LOWERS) {
      for (const lowered of this.#tables.lowercase.get(code)!) this.#put(lowered, at);
    } else this.#put(code, at);
  }

  #put(code: number, at: number): void {
    const out = this.#out;
    if (code > 0xffff) {
      out.sources[out.length] = at;
      out.units[out.length++] = 0xd800 + ((code - 0x10000) >> 10);
      code = 0xdc00 + ((code - 0x10000) & 0x3ff);
    }
    out.sources[out.length] = at;
    out.units[out.length++] = code;
  }
}
