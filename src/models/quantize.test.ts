import { describe, expect, onTestFinished, test } from 'vitest';
import {
  largestDifference,
  loadTiny,
  temporaryFolder,
  tinyConfig,
  tinyTokenizer,
  toyTexts,
} from '../../test/testing/tiny.ts';
import { pipeline } from '../pipelines/index.ts';
import { BertForSequenceClassification } from './bert/bertForSequenceClassification.ts';
import type { InferenceQuantization } from './programs.ts';

const config = tinyConfig({ hiddenSize: 32, intermediateSize: 64, initializerRange: 0.3 });
const inputs = tinyTokenizer()(toyTexts(8).map(({ text }) => text));

/** A saved model; those of different seeds answer differently. */
async function saved(seed = 1, intermediateSize = config.intermediateSize): Promise<string> {
  const folder = await temporaryFolder();
  const model = await BertForSequenceClassification.fromConfig({ ...config, intermediateSize }, { seed, threads: 1 });
  await model.savePretrained(folder);
  await model.dispose();
  await tinyTokenizer().savePretrained(folder);
  return folder;
}

async function load(folder: string): Promise<BertForSequenceClassification> {
  const model = await BertForSequenceClassification.fromPretrained(folder, { quantize: 'int8', threads: 1 });
  onTestFinished(() => model.dispose());
  return model;
}

const logitsOf = async (model: BertForSequenceClassification) => (await model(inputs)).logits.data;

describe("quantize: 'int8'", () => {
  test.each([
    ['whole', 64],
    ['in pieces', 1000],
  ])('answers nearly as float32 does, inputs of products quantized %s', async (_, intermediateSize) => {
    const folder = await saved(1, intermediateSize);
    const exact = await logitsOf(await loadTiny(folder));
    const largest = Math.max(...Array.from(exact, Math.abs));
    const difference = largestDifference(await logitsOf(await load(folder)), exact) / largest;
    expect(difference).toBeLessThan(0.08);
    expect(difference).toBeGreaterThan(1e-5);
  });

  test('follows new weights', async () => {
    const [first, second] = [await saved(1), await saved(2)];
    const model = await load(first);
    await model(inputs);
    await model.loadWeights(second);
    expect(await logitsOf(model)).toEqual(await logitsOf(await load(second)));
  });

  test('is a pipeline’s option too', async () => {
    const folder = await saved();
    const classify = await pipeline('text-classification', folder, { quantize: 'int8', threads: 1 });
    onTestFinished(() => classify.model.dispose());
    const [{ score }] = await classify('good film');
    const [{ score: exact }] = await (await pipeline('text-classification', await loadTiny(folder)))('good film');
    expect(score).not.toBe(exact);
    expect(score).toBeCloseTo(exact, 1);
  });

  test('cannot be trained', async () => {
    await expect((await load(await saved())).prepareTraining()).rejects.toMatchObject({ code: 'ERR_QUANTIZED' });
  });

  test('another form is refused', async () => {
    const quantize = 'int4' as InferenceQuantization;
    await expect(
      BertForSequenceClassification.fromPretrained(await saved(), { quantize, threads: 1 }),
    ).rejects.toMatchObject({ code: 'ERR_QUANTIZE' });
  });
});
