import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BertTokenizer } from '../tokenizers/index.ts';
import golden from './goldens/tokenFeatures.json' with { type: 'json' };
import { cutWindows, insideLabels, pieceLabels, wholeWindow } from './wordPieces.ts';

const tokenizer = new BertTokenizer({ vocab: golden.vocab });
const windowOf = (words: readonly string[]) => wholeWindow(tokenizer(words, { isSplitIntoWords: true }).encodings[0]);

test('a word is labelled at its first piece; a word without pieces nowhere', () => {
  const window = windowOf(['Angela', '\u200b', 'city']);
  expect([...window.words]).toEqual([-1, 0, 0, 2, -1]);
  expect(window.firsts).toEqual([1, 3]);
  expect([...pieceLabels(window, [7, 8, 9])]).toEqual([-100, 7, -100, 9, -100]);
});

test('every piece can be labelled, B- going on as I- where there is such a label', () => {
  const inside = insideLabels(['O', 'B-PER', 'I-PER', 'B-LOC']);
  expect([0, 1, 2, 3].map(inside)).toEqual([0, 2, 2, 3]);
  const window = windowOf(['Angelas', 'York', 'city']);
  expect([...pieceLabels(window, [1, 0, -100], inside)]).toEqual([-100, 1, 2, 2, 0, -100, -100]);
});

describe('windows', () => {
  test('overlap by a quarter, and each word is answered where it has most text around it', () => {
    const words = Array.from({ length: 14 }, (_, i) => (i % 2 === 0 ? 'new' : 'city'));
    const windows = cutWindows(windowOf(words), 10, tokenizer);
    expect(windows.map(({ words: own }) => [...own])).toEqual([
      [-1, 0, 1, 2, 3, 4, 5, 6, 7, -1],
      [-1, 6, 7, 8, 9, 10, 11, 12, 13, -1],
    ]);
    expect(windows.map(({ words: own, firsts }) => firsts.map((at) => own[at]))).toEqual([
      [0, 1, 2, 3, 4, 5, 6],
      [7, 8, 9, 10, 11, 12, 13],
    ]);
  });

  test('of any row hold each word once, in pieces that are the row’s, and are no longer than allowed', () => {
    const word = fc.constantFrom('angela', 'angelas', 'new', 'york', 'uneven', "city's", '\u200b');
    fc.assert(
      fc.property(fc.array(word, { minLength: 8, maxLength: 60 }), fc.integer({ min: 3, max: 20 }), (words, length) => {
        const whole = windowOf(words);
        if (whole.ids.length <= length) return;
        const windows = cutWindows(whole, length, tokenizer);
        const answered = windows.flatMap(({ words: own, firsts }) => firsts.map((at) => own[at]));
        expect([...answered].sort((a, b) => a - b)).toEqual(whole.firsts.map((at) => whole.words[at]));
        for (const window of windows) {
          expect(window.ids.length).toBe(length);
          expect([window.ids[0], window.ids.at(-1)]).toEqual([tokenizer.clsTokenId, tokenizer.sepTokenId]);
          expect([...whole.ids].join()).toContain([...window.ids.subarray(1, -1)].join());
          // The place that is answered is the word's first piece: what stands before it is no piece of the word.
          for (const at of window.firsts) {
            const first = whole.firsts.find((place) => whole.words[place] === window.words[at])!;
            expect(window.ids[at]).toBe(whole.ids[first]);
            if (at > 1) expect(window.words[at - 1]).not.toBe(window.words[at]);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
