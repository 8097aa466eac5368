import { describe, expect, test } from 'vitest';
import { reference } from '../../scripts/unicode/reference.generated.ts';
import { blocksThatDiffer, checksum, recorder } from '../../test/testing/unicodeRecords.ts';
import { COMBINING_SHIFT, codePointAt, unicodeTables, unitsOfCharacter } from './unicode.ts';

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

  test('every code point of planes 0, 1 and 14, alone and between letters', () => {
    const [low, high] = [expected.planes0to3.split(' '), expected.planes14to16.split(' ')];
    expect([low.length, high.length]).toEqual([0x400, 0x300]);
    const wrong = [
      ...blocksThatDiffer(record, 0, low.slice(0, 0x200)),
      ...blocksThatDiffer(record, 0xe00, high.slice(0, 0x100)),
    ];
    expect(wrong, 'blocks of 256 code points that differ').toEqual([]);
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
      return checksum(records);
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
