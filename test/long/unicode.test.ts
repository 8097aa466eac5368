import { describe, expect, test } from 'vitest';
import { reference } from '../../scripts/unicode/reference.generated.ts';
import { blockChecksums, blocksThatDiffer, checksum, recorder } from '../testing/unicodeRecords.ts';

// Planes 0, 1 and 14, which have characters of every kind, are in src/tokenizers/unicode.test.ts.
describe.each(Object.entries(reference))("words and offsets are those of Python's tokenizers: %s", (_, expected) => {
  const record = recorder(expected);

  test('planes 2 and 3', () => {
    expect(blocksThatDiffer(record, 0x200, expected.planes0to3.split(' ').slice(0x200))).toEqual([]);
  });

  test('planes 4 to 13', () => {
    expect(checksum(blockChecksums(record, 0x400, 0xe00).join(' '))).toBe(expected.planes4to13);
  });

  test('planes 15 and 16', () => {
    expect(blocksThatDiffer(record, 0xf00, expected.planes14to16.split(' ').slice(0x100))).toEqual([]);
  });
});
