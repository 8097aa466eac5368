import { REPLACEMENT, unicodeTables, WHITESPACE, WORD } from './unicode.ts';

/** A token that is found in the text as it stands, before words are split (Hugging Face's AddedToken). */
export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Found only where no word character stands beside it. */
  readonly singleWord: boolean;
  /** Takes the white space on its left with it. */
  readonly lstrip: boolean;
  /** Takes the white space on its right with it. */
  readonly rstrip: boolean;
  /** Sought in the normalized text, in its normalized form; otherwise in the text as given. */
  readonly normalized: boolean;
  /** Left out by `decode` with `skipSpecialTokens`. */
  readonly special: boolean;
}

/** An added token as a user gives it: what is left out is false, `normalized` is what `special` is not, the id is the next free one. */
export interface AddedTokenOptions {
  readonly content: string;
  readonly id?: number | undefined;
  readonly singleWord?: boolean | undefined;
  readonly lstrip?: boolean | undefined;
  readonly rstrip?: boolean | undefined;
  readonly normalized?: boolean | undefined;
  readonly special?: boolean | undefined;
}

/** A part of a text: an added token, or text between (no token). */
export interface TextPart {
  readonly token: AddedToken | undefined;
  readonly start: number;
  readonly end: number;
}

/** Finds added tokens in a text: of the matches that begin leftmost the longest, as Hugging Face's Aho–Corasick does. */
export class AddedTokenFinder {
  /** Patterns by their first UTF-16 unit, longest first. */
  readonly #patterns = new Map<number, { pattern: string; token: AddedToken }[]>();
  readonly #firstCharacters: string[];

  /** @param patterns what to look for, and the token that it stands for; empty patterns are left out. */
  constructor(patterns: Iterable<{ pattern: string; token: AddedToken }>) {
    for (const entry of patterns) {
      if (entry.pattern === '') continue;
      const unit = entry.pattern.charCodeAt(0);
      const bucket = this.#patterns.get(unit);
      if (bucket === undefined) this.#patterns.set(unit, [entry]);
      else bucket.push(entry);
    }
    for (const bucket of this.#patterns.values()) bucket.sort((a, b) => b.pattern.length - a.pattern.length);
    this.#firstCharacters = [...this.#patterns.keys()].map((unit) => String.fromCharCode(unit));
  }

  get isEmpty(): boolean {
    return this.#patterns.size === 0;
  }

  /** Whether a match is possible at all; false for nearly every text, and fast. */
  mayMatch(text: string): boolean {
    for (const character of this.#firstCharacters) if (text.indexOf(character) !== -1) return true;
    return false;
  }

  /** The text in parts that cover it; special tokens stay text where `splitSpecialTokens` says so. */
  split(text: string, splitSpecialTokens: boolean): TextPart[] {
    const parts: TextPart[] = [];
    let done = 0;
    // Where the first characters of patterns stand next; engines search many times faster than they are asked unit by unit.
    const next = this.#firstCharacters.map((character) => text.indexOf(character));
    for (let at = 0; ; ) {
      let i = -1;
      for (let k = 0; k < next.length; k++) {
        if (next[k] !== -1 && next[k] < at) next[k] = text.indexOf(this.#firstCharacters[k], at);
        if (next[k] !== -1 && (i === -1 || next[k] < i)) i = next[k];
      }
      if (i === -1) break;
      const entry = this.#patterns.get(text.charCodeAt(i))!.find(({ pattern }) => text.startsWith(pattern, i));
      at = i + (entry?.pattern.length ?? 1);
      if (entry === undefined) continue;
      const { token } = entry;
      let start = i;
      let end = at;
      // A match that is refused still hides those that begin inside it.
      if (splitSpecialTokens && token.special) continue;
      if (token.singleWord && (isKind(WORD, characterBefore(text, start)) || isKind(WORD, text.codePointAt(end)))) {
        continue;
      }
      if (token.lstrip) {
        while (start > 0 && isKind(WHITESPACE, text.charCodeAt(start - 1))) start--;
        start = Math.max(start, done);
      }
      if (token.rstrip) while (isKind(WHITESPACE, text.codePointAt(end))) end++;
      if (done < start) parts.push({ token: undefined, start: done, end: start });
      parts.push({ token, start, end });
      done = end;
    }
    if (done < text.length) parts.push({ token: undefined, start: done, end: text.length });
    return parts;
  }
}

function characterBefore(text: string, index: number): number | undefined {
  if (index === 0) return undefined;
  const low = text.charCodeAt(index - 1);
  const pair = (low & 0xfc00) === 0xdc00 && index > 1 && (text.charCodeAt(index - 2) & 0xfc00) === 0xd800;
  return text.codePointAt(pair ? index - 2 : index - 1);
}

function isKind(bit: number, code: number | undefined): boolean {
  if (code === undefined) return false;
  return (unicodeTables().flags[(code & 0xfffff800) === 0xd800 ? REPLACEMENT : code] & bit) !== 0;
}
