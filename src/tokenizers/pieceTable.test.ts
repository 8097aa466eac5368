import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashUnit, type Piece, PieceTable } from './pieceTable.ts';

/** What a table finds for a text that stands somewhere in a buffer. */
function find(table: PieceTable, text: string, start = 3): number {
  const units = new Uint16Array(start + text.length + 2).fill(97);
  for (let i = 0; i < text.length; i++) units[start + i] = text.charCodeAt(i);
  return table.find(units, start, start + text.length, hashOf(text));
}

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = hashUnit(hash, text.charCodeAt(i));
  return hash;
}

const texts = fc.oneof(
  fc.string({ maxLength: 6, unit: fc.constantFrom(...'abcé家') }),
  fc.string({ maxLength: 4, unit: 'binary' }),
);

test('finds every piece with its id, and no other text', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(texts, fc.nat(1_000_000)), { maxLength: 60 }),
      fc.array(texts, { maxLength: 30 }),
      fc.nat(8),
      (pieces, others, start) => {
        const ids = new Map(pieces);
        const table = new PieceTable([...ids]);
        ids.delete('');
        expect(table.longest).toBe(Math.max(0, ...[...ids.keys()].map((text) => text.length)));
        for (const text of [...ids.keys(), ...others]) expect(find(table, text, start), text).toBe(ids.get(text) ?? -1);
      },
    ),
    { numRuns: 200 },
  );
});

test('texts with one hash are told apart', () => {
  // The hashes of two first units that differ in their low halves alone, which second units make equal.
  const byHigh = new Map<number, number>();
  const texts: [string, string][] = [];
  for (let unit = 1; unit < 0x10000; unit++) {
    const hash = hashUnit(0, unit);
    const other = byHigh.get(hash >>> 16);
    byHigh.set(hash >>> 16, unit);
    if (other !== undefined) {
      texts.push([String.fromCharCode(unit, 97), String.fromCharCode(other, 97 ^ hash ^ hashUnit(0, other))]);
    }
  }
  expect(texts.length).toBeGreaterThan(0);
  const both = new PieceTable(
    texts.flatMap(([a, b], i): Piece[] => [
      [a, 2 * i],
      [b, 2 * i + 1],
    ]),
  );
  const first = new PieceTable(texts.map(([a], i) => [a, i]));
  texts.forEach(([a, b], i) => {
    expect(hashOf(a)).toBe(hashOf(b));
    expect([find(both, a), find(both, b)]).toEqual([2 * i, 2 * i + 1]);
    expect([find(first, a), find(first, b)]).toEqual([i, -1]);
  });
});
