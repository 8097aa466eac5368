import { describe, expect, onTestFinished, test } from 'vitest';
import { tinyConfig, tinyTokenizer } from '../../test/testing/tiny.ts';
import { editWeights } from '../../test/testing/weights.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { entityPredictor } from './predictEntities.ts';
import { hiddenWordPredictor } from './predictHiddenWords.ts';

const tokenizer = tinyTokenizer();
const id2label = ['O', 'B-X', 'I-X', 'B-Y'];

/** A tagger that goes by the word alone: `bad` and `awful` are B-X, `poor` I-X, `good` B-Y. */
async function byWord(labels = id2label): Promise<BertForTokenClassification> {
  const model = await BertForTokenClassification.fromConfig(
    tinyConfig({ id2label: labels, numHiddenLayers: 0, maxPositionEmbeddings: 16 }),
    { seed: 1, threads: 1 },
  );
  onTestFinished(() => model.dispose());
  const tagOf: Record<string, number> = { bad: 1, awful: 1, poor: 2, good: 3 };
  await editWeights(model, (name, values) => {
    if (name.includes('LayerNorm')) return;
    values.fill(0);
    if (name.endsWith('word_embeddings.weight'))
      for (const [word, id] of tokenizer.vocab) values[id * 16 + (tagOf[word] ?? 0)] = 1;
    if (name === 'classifier.weight') for (let label = 0; label < labels.length; label++) values[label * 17] = 2;
  });
  return model;
}

describe('entities', () => {
  const ask = async (...text: string[]) => entityPredictor.prepare({ text }, {})(await byWord(), tokenizer);

  test('come with their places in the text, however it is written', async () => {
    const text = '😀 The  Bad poor day; AWFUL good.';
    const { predictions, lines } = await ask(text, 'the day');
    const [{ entities }] = predictions as { entities: { type: string; text: string; start: number; end: number }[] }[];
    expect(entities.map(({ type, text: name }) => [type, name])).toEqual([
      ['X', 'Bad poor'],
      ['X', 'AWFUL'],
      ['Y', 'good'],
    ]);
    for (const { start, end, text: name } of entities) expect(text.slice(start, end)).toBe(name);
    expect(lines[0]).toMatch(/^X 0\.\d{4} Bad poor, X 0\.\d{4} AWFUL, Y 0\.\d{4} good\t/);
    expect(lines[1]).toBe('(none)\tthe day');
  });

  test('are found to the end of texts that are too long for the model', async () => {
    const { predictions } = await ask(`${'the day '.repeat(30)}bad poor ${'the day '.repeat(30)}good`);
    const [{ entities }] = predictions as { entities: { text: string; start: number }[] }[];
    expect(entities.map(({ text, start }) => [text, start])).toEqual([
      ['bad poor', 240],
      ['good', 489],
    ]);
  });

  test('are not asked of a head whose labels have no names, nor of no text', async () => {
    const model = await byWord(['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3']);
    const asked = entityPredictor.prepare({ text: ['bad'] }, {})(model, tokenizer);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_LABEL_NAMES' });
    expect(() => entityPredictor.prepare({}, {})).toThrow('there is no text');
  });
});

test('hidden words come by their probability, for each [MASK]', async () => {
  const model = await BertForMaskedLM.fromConfig(tinyConfig(), { seed: 1, threads: 1 });
  onTestFinished(() => model.dispose());
  const ask = hiddenWordPredictor.prepare({ text: ['the [MASK] was [MASK]', '[MASK]'] }, {});
  const { predictions, lines } = await ask(model, tokenizer);
  const [first, second] = predictions as { masks: { token: string; score: number; sequence: string }[][] }[];
  expect([first.masks.length, second.masks.length]).toEqual([2, 1]);
  const { logits } = await model(tokenizer('the [MASK] was [MASK]'));
  const [word] = first.masks[0];
  const scores = logits[0].softmax().tolist() as number[][];
  expect(word.score).toBeCloseTo(Math.max(...scores[2]), 5);
  expect(scores[2][tokenizer.vocab.get(word.token)!]).toBeCloseTo(word.score, 5);
  expect(word.sequence).toContain(`the ${word.token} was`);
  expect(lines).toHaveLength(3);
  expect(() => hiddenWordPredictor.prepare({}, {})).toThrow('[MASK]');
});
