/** What of a text tells that it was read or written in a wrong encoding. */
export interface EncodingTrouble {
  /** U+FFFD, which stands where bytes could not be read. */
  readonly replacement: boolean;
  /** UTF-8 that was read as Windows-1252: 'Ã©' for 'é', 'â€™' for '’'. Undefined where there is none. */
  readonly mojibake: string | undefined;
  /** U+0000. */
  readonly nul: boolean;
}

/** What Windows-1252 has at 0x80 to 0x9F; a blank where it has nothing, as Latin-1's control characters there. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const byteOf = new Map(Array.from(windows1252, (character, i) => [character, 0x80 + i]));
/** Any character that stands for a byte from 0x80 to 0xBF, which goes on a character of UTF-8. */
const continuing = `[\\u0080-\\u00bf${windows1252}]`;
/** Characters of two, three and four bytes, as they look when each byte is read alone; several in a row are one find. */
const suspicious = new RegExp(
  `(?:[\\u00c2-\\u00df]${continuing}|[\\u00e0-\\u00ef]${continuing}{2}|[\\u00f0-\\u00f4]${continuing}{3})+`,
  'gu',
);
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Looks for signs of a wrong encoding. What looks like UTF-8 read as Windows-1252 counts only if the bytes behind it are
 * UTF-8, and if what they mean is likely: a Latin letter, a quotation mark or dash, an emoji; of other scripts, two characters
 * in a row. So French 'voilà\u00a0»' and Portuguese 'NÃO' are nothing.
 */
export function encodingTrouble(text: string): EncodingTrouble {
  return { replacement: text.includes('\ufffd'), mojibake: mojibakeIn(text), nul: text.includes('\0') };
}

function mojibakeIn(text: string): string | undefined {
  for (const [found] of text.matchAll(suspicious)) {
    const meant = decoded(found);
    if (meant !== undefined && isLikely(meant, found)) return found;
  }
  return undefined;
}

function decoded(found: string): string | undefined {
  try {
    return utf8.decode(Uint8Array.from(found, (character) => byteOf.get(character) ?? character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** Letters that quotation marks may follow in sound texts: „Ä“ and the like. */
const quoted = /^[\u00c2-\u00df][‘’“”„‚»«]$/u;

function isLikely(meant: string, found: string): boolean {
  if (/^[\u00a0-\u00ff]+$/u.test(meant) || /^[\u0100-\u017f]+$/u.test(meant)) return !quoted.test(found);
  if (/[\u2010-\u2044\u20ac\u2122\u{1f300}-\u{1faff}]/u.test(meant)) return true;
  return /[\p{L}\u00a0-\u00ff]{2}/u.test(meant);
}
