import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { BertTokenizer } from './bertTokenizer.ts';
import { MergeQueue } from './mergeQueue.ts';
import { trainWordPiece } from './trainWordPiece.ts';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

describe('trainWordPiece', () => {
  test('merges the most frequent pair first, of equals the one with the smaller ids', () => {
    // a b: 3 + 2 times, b c: 3, x y: 2.
    const vocab = trainWordPiece(['abc abc abc ab ab xy xy'], { minFrequency: 1 });
    expect(vocab).toEqual([
      ...special,
      ...['a', 'b', 'c', 'x', 'y', '##a', '##b', '##c', '##x', '##y'],
      ...['ab', 'abc', 'xy'],
    ]);
  });

  test('stops at vocabSize and at minFrequency', () => {
    expect(trainWordPiece(['abc abc abc ab ab xy xy'], { vocabSize: 16 }).at(-1)).toBe('ab');
    expect(trainWordPiece(['abc abc abc ab ab xy xy'], { minFrequency: 3 }).at(-1)).toBe('abc');
  });

  test('overlapping pairs are counted as they merge', () => {
    // aaaa is a ##a ##a ##a: the two equal neighbours merge from the left.
    expect(trainWordPiece(['aaaa aaaa'], { specialTokens: [] })).toEqual(
      ['a', '##a', '##aa', 'a##'].slice(0, 3).concat('aaa', 'aaaa'),
    );
  });

  test('the alphabet is limited to the most frequent characters', () => {
    const vocab = trainWordPiece(['aaa bb c'], { limitAlphabet: 2, specialTokens: ['[UNK]'], minFrequency: 9 });
    expect(vocab).toEqual(['[UNK]', 'a', 'b', '##a', '##b']);
  });

  test('punctuation and CJK ideographs have no piece that continues a word', () => {
    expect(trainWordPiece(['東,'], { specialTokens: ['[UNK]'] })).toEqual(['[UNK]', ',', '東']);
  });

  test('words are normalized as the tokenizer will', () => {
    expect(trainWordPiece(['Éa'], { specialTokens: [] })).toEqual(['a', 'e', '##a', '##e']);
    expect(trainWordPiece(['Éa'], { specialTokens: [], doLowerCase: false })).toEqual(['a', 'É', '##a', '##É']);
  });

  test('refuses unknown options and odd sizes', () => {
    expect(() => trainWordPiece([], { vocabsize: 5 } as object)).toThrow("did you mean 'vocabSize'");
    expect(() => trainWordPiece([], { vocabSize: 0 })).toThrow('vocabSize is no number of tokens, got 0');
  });

  test('property: text of the alphabet seen has no [UNK], whatever the order of the texts', () => {
    const restore = configureLog({ level: 'silent' });
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 80 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (seen, size, picks) => {
          const vocab = trainWordPiece(seen, { vocabSize: size, minFrequency: 1 });
          expect(trainWordPiece([...seen].reverse(), { vocabSize: size, minFrequency: 1 })).toEqual(vocab);
          const tokenizer = new BertTokenizer({ vocab });
          const characters = [...seen.flatMap((text) => tokenizer.preTokenize(text)).join('')];
          const text = picks.map((pick) => characters[pick % characters.length] ?? '').join('');
          expect(tokenizer.tokenize(text)).not.toContain('[UNK]');
        },
      ),
      { numRuns: 200 },
    );
    restore();
  });
});

test('MergeQueue gives the most frequent first', () => {
  const counts = fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5)), { maxLength: 60 });
  fc.assert(
    fc.property(counts, (entries) => {
      const queue = new MergeQueue();
      for (const [count, left, right] of entries) queue.push({ count, left, right, words: [] });
      const popped = Array.from(entries, () => queue.pop()!).map(({ count, left, right }) => [count, left, right]);
      const sorted = [...entries].sort((a, b) => b[0] - a[0] || a[1] - b[1] || a[2] - b[2]);
      expect(popped).toEqual(sorted);
      expect(queue.pop()).toBeUndefined();
    }),
  );
});
