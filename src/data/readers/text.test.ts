import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstBadByte, lineOf, linesOf } from './text.ts';

test('UTF-8 is refused exactly where the platform refuses it', () => {
  const strict = new TextDecoder('utf-8', { fatal: true });
  const accepts = (bytes: Uint8Array) => {
    try {
      strict.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  // Bytes near the borders of table 3-7, where random ones would seldom fall.
  const byte = fc.oneof(
    fc.integer({ min: 1, max: 255 }),
    fc.constantFrom(0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 8 }), (values) => {
      const bytes = Uint8Array.from(values);
      expect(firstBadByte(bytes) < 0).toBe(accepts(bytes));
      const bad = firstBadByte(bytes);
      if (bad > 0) expect(accepts(bytes.subarray(0, bad))).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test('lines end with \\n, \\r\\n or \\r, and are counted from 1', () => {
  const bytes = new TextEncoder().encode('a\r\n\nb\rc');
  const text = new TextDecoder();
  expect([...linesOf(bytes)].map(({ line, number }) => [text.decode(line), number])).toEqual([
    ['a', 1],
    ['', 2],
    ['b', 3],
    ['c', 4],
  ]);
  expect([0, 3, 4, 6].map((at) => lineOf(bytes, at))).toEqual([1, 2, 3, 4]);
});
