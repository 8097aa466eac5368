import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BertTokenizer } from '../tokenizers/index.ts';
import { AnswerCandidates } from './answerCandidates.ts';
import { chooseAnswer } from './questionAnswers.ts';

const limits = { nBestSize: 20, maxAnswerLength: 30 };
const choice = { nBestSize: 20, versionTwoWithNegative: false, nullScoreDiffThreshold: 0 };
const tokenizer = new BertTokenizer({
  vocab: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'abcdefgh', '##a', '##b', '한'],
});

/** Logits of a window of three tokens around `scores`, a start and an end score for each token of the context. */
function windowOf(scores: readonly (readonly [number, number])[], none: readonly [number, number] = [0, 0]) {
  return { logits: [none, [9, 9], ...scores, [9, 9]].flat(), context: [2, 2 + scores.length], firstToken: 0 } as const;
}

test('property: an answer is read from its context, in order, and no longer than it may be', () => {
  const piece = fc.constantFrom('a', 'ab', 'cab ', ' ', '😀', '한국', 'é', 'e\u0301', '\u200b', '𝒳y', '.', '\n');
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 30 }).map((pieces) => pieces.join('')),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.infiniteStream(fc.float({ min: -9, max: 9, noNaN: true })),
      (context, maxAnswerLength, versionTwoWithNegative, stream) => {
        const [encoding] = tokenizer(context, { addSpecialTokens: false }).encodings;
        const candidates = new AnswerCandidates({ nBestSize: 4, maxAnswerLength });
        // Two windows that overlap, with a question of one token.
        const half = Math.ceil(encoding.length / 2);
        for (const [from, to] of [
          [0, half],
          [Math.max(0, half - 1), encoding.length],
        ]) {
          const logits = Float32Array.from({ length: 2 * (to - from + 4) }, () => stream.next().value);
          candidates.addWindow({ logits, context: [3, 3 + to - from], firstToken: from });
        }
        const { predictionText, start, end, nBest } = chooseAnswer('1', context, encoding.offsetPairs, candidates, {
          ...choice,
          nBestSize: 4,
          versionTwoWithNegative,
        });
        expect(context.slice(start, end)).toBe(predictionText);
        expect(context).toContain(predictionText);
        for (const { first, last } of candidates.best) {
          expect(last).toBeGreaterThanOrEqual(first);
          expect(last - first).toBeLessThan(maxAnswerLength);
          expect(last).toBeLessThan(encoding.length);
        }
        for (const option of nBest) expect(context.slice(option.start, option.end)).toBe(option.text);
        if (nBest.length > 0) expect(nBest.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1);
      },
    ),
    { numRuns: 60 },
  );
});

describe('among the candidates', () => {
  const scored = (...windows: Parameters<AnswerCandidates['addWindow']>[0][]) => {
    const candidates = new AnswerCandidates(limits);
    for (const window of windows) candidates.addWindow(window);
    return candidates;
  };
  const offsets = [0, 1, 2, 3, 4, 5];

  test('question and special tokens are none, nor what ends before it starts', () => {
    const { best } = scored(
      windowOf([
        [0, 5],
        [4, 1],
        [1, 2],
      ]),
    );
    expect(best.map(({ first, last, score }) => [first, last, score])).toEqual([
      [1, 2, 6],
      [1, 1, 5],
      [0, 0, 5],
      [2, 2, 3],
      [0, 2, 2],
      [0, 1, 1],
    ]);
  });

  test('the best over all windows are kept, the earlier first where scores are equal', () => {
    const one = windowOf([[1, 1]]);
    const { best } = scored({ ...one, firstToken: 0 }, { ...one, firstToken: 1 }, windowOf([[5, 5]]));
    expect(best.map(({ first, score }) => [first, score])).toEqual([
      [0, 10],
      [0, 2],
      [1, 2],
    ]);
  });

  test('"no answer" scores what the window least sure of it says, and wins by the threshold', () => {
    const candidates = scored(windowOf([[1, 1]], [5, 5]), windowOf([[2, 1]], [2, 2]));
    expect(candidates.none?.score).toBe(4);
    const chosen = (nullScoreDiffThreshold: number) =>
      chooseAnswer('1', 'a b c', offsets, candidates, {
        ...choice,
        versionTwoWithNegative: true,
        nullScoreDiffThreshold,
      });
    expect(chosen(0)).toMatchObject({ predictionText: '', start: 0, end: 0, nullScoreDiff: 1 });
    expect(chosen(1)).toMatchObject({ predictionText: 'a', start: 0, end: 1 });
    expect(chosen(0).nBest.map(({ text }) => text)).toEqual(['', 'a', 'a']);
    // One that is worse than all options is listed all the same.
    const few = { ...choice, nBestSize: 1, versionTwoWithNegative: true };
    const { nBest } = chooseAnswer('1', 'a b c', offsets, scored(windowOf([[9, 9]])), few);
    expect(nBest.map(({ text }) => text)).toEqual(['a', '']);
  });

  test('where no span is one, nothing is answered', () => {
    // The only start stands behind the only end.
    const candidates = new AnswerCandidates({ nBestSize: 1, maxAnswerLength: 30 });
    candidates.addWindow({ logits: [0, 0, 0, 5, 5, 0], context: [1, 3], firstToken: 0 });
    expect(chooseAnswer('1', 'a b c', offsets, candidates, choice)).toEqual({
      id: '1',
      predictionText: '',
      start: 0,
      end: 0,
      nBest: [],
    });
  });
});
