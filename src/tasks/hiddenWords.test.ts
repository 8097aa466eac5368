import { expect, onTestFinished, test } from 'vitest';
import { tinyConfig, tinyTokenizer } from '../../test/testing/tiny.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { sayHiddenWords } from './hiddenWords.ts';

const tokenizer = tinyTokenizer();

async function tinyMaskedLM(): Promise<BertForMaskedLM> {
  const model = await BertForMaskedLM.fromConfig(tinyConfig(), { seed: 1, threads: 1 });
  onTestFinished(() => model.dispose());
  return model;
}

test('each [MASK] gets the likeliest words, with their probabilities', async () => {
  const model = await tinyMaskedLM();
  const [[first, second], [third]] = await sayHiddenWords(model, tokenizer, ['the [MASK] was [MASK]', '[MASK]'], 3);
  const { logits } = await model(tokenizer('the [MASK] was [MASK]'));
  const probabilities = logits[0].softmax().tolist() as number[][];
  for (const [words, at] of [
    [first, 2],
    [second, 4],
  ] as const) {
    expect(words.map(({ score }) => score)).toEqual([...words.map(({ score }) => score)].sort((a, b) => b - a));
    expect(words[0].score).toBeCloseTo(Math.max(...probabilities[at]), 5);
    for (const { token, score } of words) expect(score).toBeCloseTo(probabilities[at][tokenizer.vocab.get(token)!], 5);
  }
  expect(first[0].sequence).toBe(`the ${first[0].token} was [MASK]`);
  expect(third).toHaveLength(3);
  const [[all]] = await sayHiddenWords(model, tokenizer, ['[MASK]'], 1000);
  expect(all.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);
});

test('a text without [MASK], or with too many tokens, is refused with its row', async () => {
  const model = await tinyMaskedLM();
  const asked = (text: string) => sayHiddenWords(model, tokenizer, ['[MASK]', text]);
  await expect(asked('the day')).rejects.toMatchObject({ code: 'ERR_NO_MASK', row: 2 });
  await expect(asked(`[MASK] ${'day '.repeat(40)}`)).rejects.toThrow('a text has too many tokens');
});
