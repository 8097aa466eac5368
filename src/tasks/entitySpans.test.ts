import { describe, expect, onTestFinished, test } from 'vitest';
import { tinyConfig, tinyTokenizer } from '../../test/testing/tiny.ts';
import { editWeights } from '../../test/testing/weights.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { findEntities } from './entitySpans.ts';

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

test('words with a tag are entities with their places in the text', async () => {
  const text = 'The  Bad, poor day; AWFUL bad good.';
  const [entities] = await findEntities(await byWord(), tokenizer, [text]);
  // The comma, which is a word of its own to BERT, ends the first.
  expect(entities.map(({ type, text: name }) => [type, name])).toEqual([
    ['X', 'Bad'],
    ['X', 'poor'],
    ['X', 'AWFUL'],
    ['X', 'bad'],
    ['Y', 'good'],
  ]);
  for (const { start, end, text: name, score } of entities) {
    expect(text.slice(start, end)).toBe(name);
    expect(score).toBeGreaterThan(0.5);
    expect(score).toBeLessThanOrEqual(1);
  }
});

test('several words are one entity, from the first to the last, with what stands between', async () => {
  const text = '😀 bad  poor\tpoor good';
  const [entities] = await findEntities(await byWord(), tokenizer, [text]);
  expect(entities.map(({ text: name }) => name)).toEqual(['bad  poor\tpoor', 'good']);
  const [{ score }] = entities;
  const [[{ score: alone }]] = await findEntities(await byWord(), tokenizer, ['bad']);
  expect(score).toBeCloseTo(alone, 5);
});

describe('texts', () => {
  test('that are too long for the model are read to their end', async () => {
    const text = `${'the day '.repeat(30)}bad poor ${'the day '.repeat(30)}good`;
    const [entities] = await findEntities(await byWord(), tokenizer, [text]);
    expect(entities.map(({ text: name, start }) => [name, start])).toEqual([
      ['bad poor', 240],
      ['good', 489],
    ]);
  });

  test('without words or entities have none', async () => {
    expect(await findEntities(await byWord(), tokenizer, ['', 'the day', ' '])).toEqual([[], [], []]);
    expect(await findEntities(await byWord(), tokenizer, [])).toEqual([]);
  });
});

test('a head whose labels are no tags of entities is refused', async () => {
  const model = await byWord(['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3']);
  await expect(findEntities(model, tokenizer, ['bad'])).rejects.toMatchObject({ code: 'ERR_LABEL_NAMES' });
});
