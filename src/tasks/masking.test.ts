import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tinyTokenizer } from '../../test/testing/tiny.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { DataCollatorForLanguageModeling, DataCollatorForWholeWordMask } from './masking.ts';

const tokenizer = tinyTokenizer();
const collator = new DataCollatorForLanguageModeling({ tokenizer });
const words = [...tokenizer.vocab.values()].filter((id) => id > tokenizer.maskTokenId);
const special = [tokenizer.padTokenId, tokenizer.unkTokenId, tokenizer.clsTokenId, tokenizer.sepTokenId];

/** [CLS], `count` words, [SEP]. */
const rowOf = (count: number) =>
  Int32Array.from([
    tokenizer.clsTokenId,
    ...Array.from({ length: count }, (_, i) => words[i % words.length]),
    tokenizer.sepTokenId,
  ]);

/** What happened to the tokens of many rows. */
function shares(masking: DataCollatorForLanguageModeling, rows: number, length: number) {
  const ids = rowOf(length);
  const counts = { all: 0, chosen: 0, masked: 0, random: 0, same: 0 };
  for (let row = 0; row < rows; row++) {
    const masked = masking.maskTokens(ids, { seed: 7, epoch: 0, row });
    for (let at = 1; at <= length; at++) {
      counts.all++;
      if (masked.labels[at] === -100) continue;
      counts.chosen++;
      if (masked.ids[at] === tokenizer.maskTokenId) counts.masked++;
      else if (masked.ids[at] === ids[at]) counts.same++;
      else counts.random++;
    }
  }
  return counts;
}

/** Whether a count of successes is what chance gives: within four standard deviations of a binomial. */
function expectShare(successes: number, trials: number, probability: number): void {
  const deviation = Math.sqrt(trials * probability * (1 - probability));
  expect(Math.abs(successes - trials * probability)).toBeLessThan(4 * deviation);
}

describe('of the tokens', () => {
  test('15 % are chosen; of those 80 % become [MASK], 10 % another word, 10 % stay', () => {
    const { all, chosen, masked, random, same } = shares(collator, 300, 120);
    expectShare(chosen, all, 0.15);
    expectShare(masked, chosen, 0.8);
    // A random word is now and then the word that stood there.
    const again = 0.1 / tokenizer.size;
    expectShare(random, chosen, 0.1 * (1 - 1 / tokenizer.size) - 0.1 * (1 / tokenizer.size));
    expectShare(same, chosen, 0.1 + again);
  });

  test('other shares are as they are asked for', () => {
    const { all, chosen, masked, same } = shares(
      new DataCollatorForLanguageModeling({
        tokenizer,
        mlmProbability: 0.4,
        maskReplaceProb: 0.5,
        randomReplaceProb: 0,
      }),
      200,
      100,
    );
    expectShare(chosen, all, 0.4);
    expectShare(masked, chosen, 0.5);
    expect(masked + same).toBe(chosen);
  });

  test('every position is as likely as every other', () => {
    const ids = rowOf(20);
    const hits = new Array<number>(ids.length).fill(0);
    const rows = 4000;
    for (let row = 0; row < rows; row++) {
      collator.maskTokens(ids, { seed: 3, epoch: 1, row }).labels.forEach((label, at) => {
        if (label !== -100) hits[at]++;
      });
    }
    // Where chance chooses none of 20, one is: (0.85 ^ 20) / 20 more.
    for (const count of hits.slice(1, -1)) expectShare(count, rows, 0.15 + 0.85 ** 20 / 20);
  });

  test('special tokens are never chosen, and a row that has others has a label', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...special, ...words.slice(0, 6)), { minLength: 1, maxLength: 12 }),
        fc.nat(),
        fc.nat(50),
        fc.nat(),
        fc.boolean(),
        (ids, seed, epoch, row, wholeWordMask) => {
          const masking = new DataCollatorForLanguageModeling({ tokenizer, wholeWordMask });
          const masked = masking.maskTokens(ids, { seed, epoch, row });
          let labels = 0;
          ids.forEach((id, at) => {
            if (masked.labels[at] === -100) expect(masked.ids[at]).toBe(id);
            else {
              labels++;
              expect(masked.labels[at]).toBe(id);
              expect(special).not.toContain(id);
              expect(masked.ids[at]).toBeLessThan(tokenizer.size);
            }
          });
          expect(labels > 0).toBe(ids.some((id) => !special.includes(id)));
        },
      ),
      { numRuns: 200 },
    );
  });
});

test('a masking is a function of seed, epoch and row, and each of them changes it', () => {
  const ids = rowOf(100);
  const place = { seed: 42, epoch: 3, row: 11 };
  const masked = collator.maskTokens(ids, place);
  expect(new DataCollatorForLanguageModeling({ tokenizer }).maskTokens(ids, place)).toEqual(masked);
  for (const other of [
    { ...place, seed: 43 },
    { ...place, seed: 42 + 2 ** 32 },
    { ...place, epoch: 4 },
    { ...place, row: 12 },
    { seed: 42, row: 11 },
  ]) {
    expect(collator.maskTokens(ids, other).labels).not.toEqual(masked.labels);
  }
  // Positions chosen in two epochs have no more in common than chance gives.
  let both = 0;
  for (let row = 0; row < 200; row++) {
    const first = collator.maskTokens(ids, { seed: 1, epoch: 0, row }).labels;
    const second = collator.maskTokens(ids, { seed: 1, epoch: 1, row }).labels;
    for (let at = 1; at <= 100; at++) if (first[at] !== -100 && second[at] !== -100) both++;
  }
  expectShare(both, 200 * 100, 0.15 ** 2);
});

describe('whole words', () => {
  const pieces = new BertTokenizer({
    vocab: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'un', '##think', '##able', 'it', 'is'],
  });
  const ids = pieces('it is unthinkable').encodings[0].ids;

  test('have all their pieces chosen, or none', () => {
    const masking = new DataCollatorForWholeWordMask({ tokenizer: pieces, mlmProbability: 0.3 });
    expect(masking.wholeWordMask).toBe(true);
    let chosen = 0;
    const kinds = new Set<string>();
    const rows = 2000;
    for (let row = 0; row < rows; row++) {
      const masked = masking.maskTokens(ids, { seed: 5, epoch: 0, row });
      const word = [3, 4, 5].map((at) => masked.labels[at] !== -100);
      expect(new Set(word).size).toBe(1);
      if (!word[0]) continue;
      chosen++;
      kinds.add([3, 4, 5].map((at) => masked.ids[at] === pieces.maskTokenId).join());
    }
    // Each of three words: 0.3, and a third of the rows where chance chooses none.
    expectShare(chosen, rows, 0.3 + 0.7 ** 3 / 3);
    // What becomes of a piece is each piece's own matter.
    expect(kinds.size).toBeGreaterThan(3);
  });

  test('are told by ##, so a piece that begins a row goes by itself', () => {
    const masking = new DataCollatorForWholeWordMask({ tokenizer: pieces, mlmProbability: 1 });
    const masked = masking.maskTokens([6, 7, pieces.sepTokenId, 7], { seed: 1, epoch: 0, row: 0 });
    expect([...masked.labels]).toEqual([6, 7, -100, 7]);
  });
});

describe('refused are', () => {
  const make = (options: object) => () => new DataCollatorForLanguageModeling({ tokenizer, ...options });

  test('unknown options, with a suggestion', () => {
    expect(make({ mlmProbabilty: 0.2 })).toThrow("did you mean 'mlmProbability'?");
    expect(make({ mlm: false })).toThrow("there is no option 'mlm'");
  });

  test('numbers that are no probabilities', () => {
    expect(make({ mlmProbability: 0 })).toThrow("'mlmProbability' is no probability, got 0");
    expect(make({ mlmProbability: 15 })).toThrow('expected a number above 0 and up to 1');
    expect(make({ maskReplaceProb: -0.1 })).toThrow("'maskReplaceProb' is no probability");
    expect(make({ maskReplaceProb: 0.8, randomReplaceProb: 0.3 })).toThrow('expected a sum of at most 1');
    expect(make({ maskReplaceProb: 1 })).not.toThrow();
  });

  test('a missing tokenizer', () => {
    expect(() => new DataCollatorForLanguageModeling({} as never)).toThrow('there is no tokenizer');
  });
});
