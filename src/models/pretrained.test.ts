import { readdir } from 'node:fs/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  largestDifference,
  temporaryFolder,
  tinyModel,
  tinyTokenizer,
  tinyVocab,
  toyDataset,
} from '../../test/testing/tiny.ts';
import { RunError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import { Tensor } from '../core/tensor.ts';
import { Arena } from '../engine/arena.ts';
import { Trainer } from '../training/trainer.ts';
import type { BertForSequenceClassification } from './bert/bertForSequenceClassification.ts';

beforeEach(() => configureLog({ level: 'silent' }));

const tokenizer = tinyTokenizer();
const texts = ['the film is good', 'a sad night in the cold house by the river', 'good'];

describe('what a model answers', () => {
  test('is the same for each text alone, in a batch, padded, and in any order', async () => {
    const model = await tinyModel();
    const together = (await model(tokenizer(texts))).logits;
    expect(together.dims).toEqual([3, 2]);
    expect((await model(tokenizer(texts, { padding: true }))).logits.data).toEqual(together.data);
    expect(
      (await model(tokenizer(texts, { padding: 'max_length', maxLength: 32, truncation: true }))).logits.data,
    ).toEqual(together.data);
    for (const [i, text] of texts.entries()) {
      const { logits } = await model(tokenizer(text));
      expect(logits.dims).toEqual([1, 2]);
      expect(largestDifference(logits.data, together.data.subarray(2 * i, 2 * i + 2))).toBeLessThan(1e-6);
    }
    const reversed = (await model(tokenizer([...texts].reverse()))).logits.tolist() as number[][];
    expect(largestDifference(reversed.reverse().flat(), together.data)).toBeLessThan(1e-6);
    // Different texts, different answers.
    expect(new Set(together.data).size).toBe(6);
  });

  test('calling is predict, of encodings or of tensors with a mask', async () => {
    const model = await tinyModel();
    const encoding = tokenizer(texts, { padding: true });
    const { logits } = await model.predict(encoding);
    const { inputIds, attentionMask, tokenTypeIds } = encoding;
    expect((await model({ inputIds, attentionMask, tokenTypeIds })).logits.data).toEqual(logits.data);
    const single = new Tensor('int64', BigInt64Array.of(2n, 29n, 3n), [3]);
    expect((await model({ inputIds: single })).logits.dims).toEqual([1, 2]);
  });

  test('several questions at once do not mix', async () => {
    const model = await tinyModel();
    const alone: Float32Array[] = [];
    for (const text of texts) alone.push((await model(tokenizer(text))).logits.data);
    const beside = await Promise.all([...texts, ...texts].map((text) => model(tokenizer(text))));
    beside.forEach(({ logits }, i) => {
      expect(logits.data).toEqual(alone[i % 3]);
    });
  });

  test('what the model cannot take is refused', async () => {
    const model = await tinyModel();
    await expect(model(tokenizer('the '.repeat(40)))).rejects.toThrow(
      '[BertForSequenceClassification] a text has more tokens than the model has positions, got 42, expected at most 32; pass truncation: true and maxLength to the tokenizer',
    );
    const ids = (...values: bigint[]) => ({
      inputIds: new Tensor('int64', BigInt64Array.from(values), [1, values.length]),
    });
    for (const id of [BigInt(tinyVocab.length), -1n]) {
      await expect(model(ids(2n, id, 3n))).rejects.toMatchObject({ code: 'ERR_TOKEN_ID', exitCode: 2 });
    }
    await expect(model(tokenizer([]))).rejects.toMatchObject({ code: 'ERR_EMPTY_BATCH' });
  });
});

describe('dispose', () => {
  const uses: readonly [string, (model: BertForSequenceClassification) => Promise<unknown>][] = [
    ['predict', (model) => model(tokenizer('the'))],
    ['train', async (model) => await new Trainer({ model, tokenizer, trainDataset: toyDataset(8) }).train()],
    ['save', async (model) => model.savePretrained(await temporaryFolder())],
    ['weight', async (model) => model.weight('classifier.bias')],
  ];
  test.each(uses)('%s after it is a clear error', async (_, use) => {
    const model = await tinyModel();
    await model(tokenizer('the'));
    await model.dispose();
    await model.dispose();
    const error = await use(model).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RunError);
    expect(error).toMatchObject({
      code: 'ERR_DISPOSED',
      message: '[BertForSequenceClassification] the model was disposed; load it again, or dispose it later',
    });
  });

  test('nothing is written by a save that came too late', async () => {
    const folder = await temporaryFolder();
    const model = await tinyModel();
    await model.dispose();
    await expect(model.savePretrained(folder)).rejects.toThrow(/disposed/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('waits for what is under way', async () => {
    const model = await tinyModel();
    const expected = (await model(tokenizer(texts))).logits.data;
    const answers = Promise.all(Array.from({ length: 4 }, () => model(tokenizer(texts))));
    await new Promise((resolve) => setTimeout(resolve));
    const [answered] = await Promise.allSettled([answers, model.dispose()]);
    // Answered rightly, or refused; never a crash or wrong numbers.
    if (answered.status === 'fulfilled') for (const { logits } of answered.value) expect(logits.data).toEqual(expected);
    else expect(answered.reason).toBeInstanceOf(Error);
  });

  test('in the midst of training ends the run with an error', async () => {
    const model = await tinyModel();
    const run = new Trainer({
      model,
      tokenizer,
      trainDataset: toyDataset(16),
      args: { maxSteps: 1000 },
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 3) void model.dispose();
      },
    }).train();
    await expect(run).rejects.toThrow(/dispose/);
  });

  test('`await using` does it', async () => {
    const model = await tinyModel();
    await model[Symbol.asyncDispose]();
    await expect(model(tokenizer('the'))).rejects.toThrow(/disposed/);
  });
});

describe('dropout in training', () => {
  /** The masks of each step: by step, by site in the order of the graph. */
  async function drawnMasks(steps: number, seed = 1) {
    const drawn: { seed: number; step: number; masks: { site: number; probability: number; values: number[] }[] }[] =
      [];
    const original = Arena.prototype.dropoutMasks;
    const spy = vi.spyOn(Arena.prototype, 'dropoutMasks').mockImplementation(async function (this: Arena, draw, jobs) {
      const views = await original.call(this, draw, jobs);
      drawn.push({
        ...draw,
        masks: jobs.map(({ site, probability }, i) => ({ site, probability, values: Array.from(views[i]) })),
      });
      return views;
    });
    try {
      const model = await tinyModel({
        hiddenDropoutProb: 0.1,
        attentionProbsDropoutProb: 0.25,
        classifierDropout: 0.5,
      });
      const args = { maxSteps: steps, perDeviceTrainBatchSize: 64, seed };
      await new Trainer({ model, tokenizer, trainDataset: toyDataset(64), args }).train();
      await new Trainer({ model, tokenizer, evalDataset: toyDataset(8) }).evaluate();
    } finally {
      spy.mockRestore();
    }
    return drawn;
  }

  test('every site of every layer has its own mask with its own share, each step another; none to evaluate', async () => {
    const drawn = await drawnMasks(2);
    expect(drawn.map(({ step }) => step)).toEqual([1, 2]);
    for (const { masks } of drawn) {
      // Embeddings; attention, its output and the feed-forward's output of two layers; the classifier.
      expect(masks.map(({ probability }) => probability)).toEqual([0.1, 0.25, 0.1, 0.1, 0.25, 0.1, 0.1, 0.5]);
      expect(new Set(masks.map(({ site }) => site)).size).toBe(8);
      for (const { probability, values } of masks) {
        const kept = Math.fround(1 / (1 - probability));
        const dropped = values.filter((value) => value === 0).length;
        expect(values.filter((value) => Math.abs(value - kept) < 1e-6).length).toBe(values.length - dropped);
        const deviation = Math.sqrt((probability * (1 - probability)) / values.length);
        expect(values.length).toBeGreaterThan(500);
        expect(Math.abs(dropped / values.length - probability)).toBeLessThan(5 * deviation);
      }
    }
    const same = (a: readonly number[], b: readonly number[]) =>
      a.length === b.length && a.every((value, i) => value === b[i]);
    const [first, second] = drawn.map(({ masks }) => masks.map(({ values }) => values));
    first.forEach((values, i) => {
      expect(same(values, second[i]), `site ${i}, steps 1 and 2`).toBe(false);
      for (let j = 0; j < i; j++) expect(same(values, first[j]), `sites ${j} and ${i}`).toBe(false);
    });
  });

  test('a seed says all of it', async () => {
    const values = async (seed: number) => (await drawnMasks(1, seed))[0].masks.map((mask) => mask.values);
    const first = await values(1);
    expect(await values(1)).toEqual(first);
    expect(await values(2)).not.toEqual(first);
  });
});
