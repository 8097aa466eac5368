import { describe, expect, test } from 'vitest';
import { reference } from '../../scripts/unicode/reference.generated.ts';
import { NormalizedText, Normalizer } from './normalizer.ts';
import { PreTokenizer } from './preTokenizer.ts';
import { COMBINING_SHIFT, codePointAt, unicodeTables, unitsOfCharacter } from './unicode.ts';

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
const utf8 = new TextEncoder();

/** CRC-32 of the UTF-8 bytes of `text`. */
function crc32(text: string): number {
  let value = -1;
  for (const byte of utf8.encode(text)) value = table[(value ^ byte) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}
const hexadecimal = (value: number) => value.toString(16).padStart(8, '0');

/** Words with their code point offsets, as scripts/unicode/generate_reference.py records them. */
function recorder(settings: { doLowerCase: boolean; stripAccents: boolean | null }): (text: string) => string {
  const { doLowerCase, stripAccents } = settings;
  const normalizer = new Normalizer({
    cleanText: true,
    tokenizeChineseChars: true,
    stripAccents: stripAccents ?? doLowerCase,
    doLowerCase,
  });
  const preTokenizer = new PreTokenizer();
  const normalized = new NormalizedText();
  return (text) => {
    let record = '';
    normalized.length = 0;
    normalizer.normalize(text, 0, text.length, normalized);
    preTokenizer.split(normalized, 0, normalized.length, {
      word: (_, start, end) => {
        const last = normalized.sources[end - 1];
        const from = codePoints(text, normalized.sources[start]);
        const to = codePoints(text, last + unitsOfCharacter(text, last));
        record += `${record === '' ? '' : ' '}${normalized.toString(start, end)}@${from}-${to}`;
      },
    });
    return `${record}\n`;
  };
}

/** How many code points the first `units` units of a text are. */
function codePoints(text: string, units: number): number {
  let count = 0;
  for (let i = 0; i < units; i += unitsOfCharacter(text, i)) count++;
  return count;
}

/** The linear congruential generator of Numerical Recipes, as in generate_reference.py. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % bound;
  };
}

/** Characters of every kind: one in each run of equal flags, and all that combine. */
function interesting(): number[] {
  const chosen: number[] = [];
  let before = -1;
  unicodeTables().flags.forEach((flags, code) => {
    if (code >= 0xd800 && code <= 0xdfff) return;
    if (flags !== before || flags >> COMBINING_SHIFT > 0) chosen.push(code);
    before = flags;
  });
  return chosen;
}

describe.each(Object.entries(reference))("words and offsets are those of Python's tokenizers: %s", (_, expected) => {
  const record = recorder(expected);

  function blocks(first: number, end: number): string[] {
    const checksums: string[] = [];
    for (let block = first; block < end; block++) {
      let records = '';
      for (let code = block * 256; code < block * 256 + 256; code++) {
        if (code >= 0xd800 && code <= 0xdfff) continue;
        const character = String.fromCodePoint(code);
        records += record(character) + record(`a${character}b`);
      }
      checksums.push(hexadecimal(crc32(records)));
    }
    return checksums;
  }

  function compare(first: number, checksums: readonly string[]): void {
    const wrong = blocks(first, first + checksums.length).flatMap((checksum, i) =>
      checksum === checksums[i] ? [] : [`U+${((first + i) * 256).toString(16).toUpperCase()}`],
    );
    expect(wrong, 'blocks of 256 code points that differ').toEqual([]);
  }

  test('every code point of planes 0 to 3, alone and between letters', () => {
    expect(expected.planes0to3.split(' ').length).toBe(0x400);
    compare(0, expected.planes0to3.split(' '));
  });

  test('planes 4 to 13', () => {
    expect(hexadecimal(crc32(blocks(0x400, 0xe00).join(' ')))).toBe(expected.planes4to13);
  });

  test('planes 14 to 16', () => {
    expect(expected.planes14to16.split(' ').length).toBe(0x300);
    compare(0xe00, expected.planes14to16.split(' '));
  });

  test('random text of characters of every kind', () => {
    const pool = interesting();
    const below = generator(42);
    const groups = expected.random.split(' ').map(() => {
      let records = '';
      for (let i = 0; i < 64; i++) {
        // Python draws the length first: range() is evaluated once, before the characters.
        let text = '';
        for (let length = below(24); length > 0; length--) text += String.fromCodePoint(pool[below(pool.length)]);
        records += record(text);
      }
      return hexadecimal(crc32(records));
    });
    expect(groups.join(' ')).toBe(expected.random);
  });
});

test('a lone surrogate is read as U+FFFD', () => {
  const units = Uint16Array.of(0xd83d, 0x61, 0xde00, 0xd83d, 0xde00, 0xd83d);
  expect(Array.from(units, (_, i) => codePointAt(units, i, units.length).toString(16))).toEqual([
    'fffd',
    '61',
    'fffd',
    '1f600',
    'fffd',
    'fffd',
  ]);
  expect(unitsOfCharacter('\ud83da', 0)).toBe(1);
  expect(unitsOfCharacter('\u{1f600}', 0)).toBe(2);
});
