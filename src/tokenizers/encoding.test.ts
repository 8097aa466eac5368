import { expect, test } from 'vitest';
import { BertTokenizer } from './bertTokenizer.ts';

const tokenizer = new BertTokenizer({ vocab: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b', 'c', '##b'] });

test.each(['right', 'left'] as const)(
  'windows of a pair, padded on the %s, say where their tokens stand',
  (paddingSide) => {
    const { encodings } = tokenizer('a ab', 'c 😀 b ab', {
      maxLength: 9,
      stride: 1,
      truncation: 'only_second',
      returnOverflowingTokens: true,
      padding: 'max_length',
      paddingSide,
    });
    expect(encodings.map((encoding) => encoding.tokens().join(' '))).toEqual([
      '[CLS] a a ##b [SEP] c [UNK] b [SEP]',
      '[CLS] a a ##b [SEP] b a ##b [SEP]',
    ]);
    for (const encoding of encodings) {
      expect([...encoding.offsetPairs]).toEqual(encoding.offsets.flat());
      for (const sequence of [0, 1]) {
        const inside = encoding.sequenceIds.flatMap((id, token) => (id === sequence ? [token] : []));
        const [start, end] = encoding.tokenRange(sequence);
        expect(Array.from({ length: end - start }, (_, i) => start + i)).toEqual(inside);
      }
    }
    expect(encodings.map((encoding) => [encoding.firstToken(0), encoding.firstToken(1)])).toEqual([
      [0, 0],
      [0, 2],
    ]);
    const [single] = tokenizer('a', { padding: 'max_length', maxLength: 5, paddingSide }).encodings;
    expect(single.tokenRange()).toEqual(paddingSide === 'right' ? [1, 2] : [3, 4]);
    expect(single.tokenRange(1)[0]).toBe(single.tokenRange(1)[1]);
  },
);
