import { describe, expect, onTestFinished, test } from 'vitest';
import { gatherLog, tinyConfig, tinyTokenizer, toyTexts } from '../../test/testing/tiny.ts';
import { Dataset } from '../data/index.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import type { BertConfig } from '../models/bert/configuration.ts';
import { Trainer, type TrainerOptions } from '../training/trainer.ts';
import { MaskedLanguageModel } from './maskedLanguageModel.ts';
import { DataCollatorForLanguageModeling } from './masking.ts';

const tokenizer = tinyTokenizer();
const texts = (count: number, seed = 1) => Dataset.fromRows(toyTexts(count, { seed }).map(({ text }) => ({ text })));

async function tinyMaskedLM(parts: Partial<BertConfig> = {}): Promise<BertForMaskedLM> {
  const model = await BertForMaskedLM.fromConfig(tinyConfig(parts), { seed: 1, threads: 1 });
  onTestFinished(() => model.dispose());
  return model;
}

/** The parameters after a few steps. */
async function trained(
  options: Partial<TrainerOptions> & { args: object; freeze?: string[] },
): Promise<{ model: BertForMaskedLM; losses: number[] }> {
  const { freeze, args, ...rest } = options;
  const model = await tinyMaskedLM();
  if (freeze !== undefined) model.freeze(freeze);
  const losses: number[] = [];
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: texts(40) as unknown as Dataset,
    args: { maxLength: 16, perDeviceTrainBatchSize: 4, maxSteps: 4, learningRate: 1e-2, ...args },
    onEvent: (event) => {
      if (event.type === 'step') losses.push(event.loss);
    },
    ...rest,
  });
  await trainer.train();
  return { model, losses };
}

test('learns to say hidden words, and evaluates with the same masks whenever it is asked', async () => {
  const model = await tinyMaskedLM({ hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 });
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: texts(300) as unknown as Dataset,
    evalDataset: texts(80, 2) as unknown as Dataset,
    args: { maxLength: 24, perDeviceTrainBatchSize: 8, numTrainEpochs: 4, learningRate: 5e-3 },
  });
  const before = await trainer.evaluate();
  expect(await trainer.evaluate()).toMatchObject({ eval_loss: before['eval_loss'] });
  // Nothing known: as many words as there are, each as likely.
  expect(before['eval_loss']).toBeCloseTo(Math.log(tokenizer.size), 1);
  expect(before['eval_perplexity']).toBeCloseTo(Math.exp(before['eval_loss']), 9);
  await trainer.train();
  const after = await trainer.evaluate();
  expect(after['eval_loss']).toBeLessThan(before['eval_loss'] - 0.3);
});

test('the evaluation loss is the mean over masked tokens, however they are batched', async () => {
  const model = await tinyMaskedLM();
  const evaluated = async (perDeviceEvalBatchSize: number) => {
    const evalDataset = texts(30) as unknown as Dataset;
    const args = { perDeviceEvalBatchSize, maxLength: 16 };
    const trainer = new Trainer({ model, tokenizer, evalDataset, args, taskOptions: { lineByLine: true } });
    return (await trainer.evaluate())['eval_loss'];
  };
  expect(await evaluated(1)).toBeCloseTo(await evaluated(30), 5);
});

describe('masks', () => {
  const task = async () => new MaskedLanguageModel(await tinyMaskedLM(), tokenizer, { maxLength: 16 });

  test('differ from epoch to epoch, go by the row and not by the batch, and leave the features alone', async () => {
    const masking = await task();
    const features = await masking.prepare(texts(30) as unknown as Dataset);
    const written = features.map(({ ids }) => [...ids]);
    const batch = (epoch: number, rows = features) =>
      masking.batch(rows, { seed: 1, epoch, firstSample: 0 }).packed.rows.map(({ ids }) => Array.from(ids));
    expect(batch(0)).toEqual(batch(0));
    expect(batch(0)).not.toEqual(batch(1));
    expect(batch(0, [features[2]])[0]).toEqual(batch(0)[2]);
    expect(batch(0, [...features].reverse()).reverse()).toEqual(batch(0));
    expect(features.map(({ ids }) => [...ids])).toEqual(written);
    expect(masking.batch(features).packed.rows).toEqual(masking.batch(features).packed.rows);
  });

  test('make the labels: as many as the batch counts, each the word that stood there', async () => {
    const masking = await task();
    const features = await masking.prepare(texts(30) as unknown as Dataset);
    const { packed, labels, count } = masking.batch(features, { seed: 1, epoch: 0, firstSample: 0 });
    const { sample, position } = packed.places['reads'];
    expect(count).toBeGreaterThan(features.length / 2);
    for (let i = 0; i < count; i++) {
      expect(Number(labels['labels'].data[i])).toBe(features[sample[i]].ids[position[i]]);
    }
  });

  test('are the same for accumulated batches as for the large one', async () => {
    const whole = await trained({ args: { perDeviceTrainBatchSize: 4 } });
    const parts = await trained({ args: { perDeviceTrainBatchSize: 2, gradientAccumulationSteps: 2 } });
    whole.losses.forEach((loss, i) => {
      expect(parts.losses[i]).toBeCloseTo(loss, 4);
    });
  });
});

test('features of the frozen part are not kept from masks of another step', async () => {
  const freeze = ['bert.embeddings', 'bert.encoder.layer.0'];
  const kept = await trained({ freeze, args: { maxSteps: 12, cacheFrozenFeatures: true } });
  const computed = await trained({ freeze, args: { maxSteps: 12, cacheFrozenFeatures: false } });
  // Dropout below the frontier is off in both; the same masks of words, so the same losses.
  kept.losses.forEach((loss, i) => {
    expect(loss).toBeCloseTo(computed.losses[i], 4);
  });
});

describe('refused are', () => {
  test('a data collator beside the options that it stands for', async () => {
    const model = await tinyMaskedLM();
    const dataCollator = new DataCollatorForLanguageModeling({ tokenizer });
    expect(() => new MaskedLanguageModel(model, tokenizer, { dataCollator, mlmProbability: 0.2 })).toThrow(
      'a data collator says how words are masked',
    );
  });

  test('a length that the model cannot take', async () => {
    const model = await tinyMaskedLM();
    expect(() => new MaskedLanguageModel(model, tokenizer, { maxLength: 33 })).toThrow('expected at most 32');
  });

  test('texts without a word, and rows without one are left out', async () => {
    const masking = new MaskedLanguageModel(await tinyMaskedLM(), tokenizer, { lineByLine: true });
    const lines = gatherLog();
    const unknown = Dataset.fromRows([{ text: 'xyzzy' }, { text: 'good' }]) as unknown as Dataset;
    expect(await masking.prepare(unknown)).toHaveLength(1);
    expect(lines).toContain('warn: 1 rows have no token that may be masked and were left out');
    await expect(masking.prepare(unknown.slice(0, 1))).rejects.toMatchObject({ code: 'ERR_NO_ROWS' });
  });

  test('asking for all scores, with what to do', async () => {
    const trainer = new Trainer({ model: await tinyMaskedLM(), tokenizer });
    await expect(trainer.predict(texts(3) as unknown as Dataset)).rejects.toMatchObject({ code: 'ERR_NO_PREDICTIONS' });
  });
});
