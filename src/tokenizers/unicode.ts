import { decompositionEntries, flagRuns, lowercaseEntries } from './unicodeTables.generated.ts';

// Bits of a code point's flags, as Hugging Face's tokenizers sees it (scripts/unicode/probe.py has the same list).
/** Dropped by the cleaning. */
export const REMOVED = 1;
/** Becomes a space in the cleaning; separates words. */
export const WHITESPACE = 2;
/** A CJK ideograph: a word of its own. */
export const CHINESE = 4;
/** A word of its own. */
export const PUNCTUATION = 8;
/** Dropped with the accents. */
export const NONSPACING = 16;
/** Has a canonical decomposition. */
export const DECOMPOSES = 32;
/** Changes when lower-cased. */
export const LOWERS = 64;
/** A word character for `singleWord` added tokens. */
export const WORD = 128;
/** The canonical combining class stands above the bits. */
export const COMBINING_SHIFT = 8;

/** What stands for a lone surrogate, which is no character. */
export const REPLACEMENT = 0xfffd;

const CODE_POINTS = 0x110000;

/** Everything that the tokenizer knows about characters. JavaScript engines know other versions of Unicode: never ask them. */
export interface UnicodeTables {
  /** Flags by code point. */
  readonly flags: Uint16Array;
  readonly decompositions: ReadonlyMap<number, readonly number[]>;
  readonly lowercase: ReadonlyMap<number, readonly number[]>;
}

let decoded: UnicodeTables | undefined;

/** The tables, decoded at first use (some milliseconds, 2 MB). */
export function unicodeTables(): UnicodeTables {
  decoded ??= {
    flags: decodeFlags(flagRuns),
    decompositions: decodeMapping(decompositionEntries),
    lowercase: decodeMapping(lowercaseEntries),
  };
  return decoded;
}

function decodeFlags(runs: string): Uint16Array {
  const flags = new Uint16Array(CODE_POINTS);
  let at = 0;
  for (const run of runs.split(' ')) {
    const [length, value] = run.split(':');
    const end = at + Number.parseInt(length, 36);
    flags.fill(Number.parseInt(value, 36), at, end);
    at = end;
  }
  return flags;
}

function decodeMapping(entries: string): Map<number, number[]> {
  const mapping = new Map<number, number[]>();
  let codePoint = 0;
  for (const entry of entries.split(' ')) {
    const [step, parts] = entry.split(':');
    codePoint += Number.parseInt(step, 36);
    const from = codePoint;
    mapping.set(
      codePoint,
      parts.split(',').map((part) => from + Number.parseInt(part, 36)),
    );
  }
  return mapping;
}

/** The code point at `index`; a lone surrogate reads as U+FFFD. */
export function codePointAt(units: Uint16Array, index: number, end: number): number {
  const unit = units[index];
  if ((unit & 0xf800) !== 0xd800) return unit;
  if (unit < 0xdc00 && index + 1 < end && (units[index + 1] & 0xfc00) === 0xdc00) {
    return ((unit - 0xd800) << 10) + (units[index + 1] - 0xdc00) + 0x10000;
  }
  return REPLACEMENT;
}

/** How many UTF-16 units the character that begins at `index` of `text` has. */
export function unitsOfCharacter(text: string, index: number): 1 | 2 {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00 ? 2 : 1;
}
