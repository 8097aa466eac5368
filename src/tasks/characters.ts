const surrogate = /[\ud800-\udfff]/;

/**
 * The UTF-16 unit at which a text's code point with the number `codePoints` begins (the text's length for the one behind its
 * last), or undefined where the text is shorter. Python counts code points, JavaScript units.
 */
export function unitOfCodePoint(text: string, codePoints: number): number | undefined {
  if (!Number.isInteger(codePoints) || codePoints < 0) return undefined;
  if (!surrogate.test(text)) return codePoints <= text.length ? codePoints : undefined;
  let unit = 0;
  for (let i = 0; i < codePoints; i++) {
    if (unit >= text.length) return undefined;
    unit += (text.codePointAt(unit) as number) > 0xffff ? 2 : 1;
  }
  return unit;
}
