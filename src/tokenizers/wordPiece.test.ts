import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBuffer, WordPiece } from './wordPiece.ts';

const unk = '[UNK]';

/** Greedy longest-match-first as it is described: id, start and end of each piece. */
function described(word: string, vocab: ReadonlyMap<string, number>, prefix: string, longest: number): number[][] {
  const whole = [[vocab.get(unk)!, 0, word.length]];
  if ([...word].length > longest) return whole;
  const pieces: number[][] = [];
  for (let from = 0; from < word.length; ) {
    let to = word.length;
    const textOf = () => (from === 0 ? '' : prefix) + word.slice(from, to);
    while (to > from && !vocab.has(textOf())) to--;
    if (to === from) return whole;
    pieces.push([vocab.get(textOf())!, from, to]);
    from = to;
  }
  return pieces;
}

const letters = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(...'aabbcé家😀') });
const words = fc.array(fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'aabbcé家😀') }), {
  maxLength: 12,
});

test('property: the pieces that the description gives, one word behind the other', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(letters, { maxLength: 20 }),
      fc.uniqueArray(letters, { maxLength: 20 }),
      fc.constantFrom('##', '@'),
      fc.constantFrom(0, 1, 5, 100),
      words,
      (initial, continuing, prefix, maxInputCharsPerWord, texts) => {
        const tokens = [unk, ...continuing.map((text) => prefix + text), ...initial];
        const vocab = new Map(tokens.map((token, id) => [token, id]));
        const wordPiece = new WordPiece(vocab, { continuingSubwordPrefix: prefix, maxInputCharsPerWord });
        const out = new TokenBuffer(true);
        const ids = new TokenBuffer(false);
        const expected: number[][] = [];
        const joined = texts.join('');
        const units = Uint16Array.from({ length: joined.length }, (_, i) => joined.charCodeAt(i));
        let start = 0;
        for (const text of texts) {
          for (const buffer of [out, ids]) wordPiece.tokenize(units, start, start + text.length, buffer);
          const offset = start;
          for (const [id, from, to] of described(text, vocab, prefix, maxInputCharsPerWord)) {
            expected.push([id, from + offset, to + offset]);
          }
          start += text.length;
        }
        const found = Array.from({ length: out.length }, (_, i) => [out.ids[i], out.starts[i], out.ends[i]]);
        expect(found).toEqual(expected);
        expect([...ids.ids.subarray(0, ids.length)]).toEqual(expected.map(([id]) => id));
      },
    ),
    { numRuns: 300 },
  );
});
