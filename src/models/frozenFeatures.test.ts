import { describe, expect, onTestFinished, test } from 'vitest';
import {
  gatherLog,
  largestDifference,
  tinyConfig,
  tinyModel,
  tinyTokenizer,
  toyDataset,
} from '../../test/testing/tiny.ts';
import { Trainer } from '../training/trainer.ts';
import { BertForMaskedLM } from './bert/bertForMaskedLM.ts';
import type { BertForSequenceClassification } from './bert/bertForSequenceClassification.ts';

const dataset = toyDataset(24);

/** Trains a tiny model, frozen as told, for some epochs of a few steps. */
async function train(
  pattern: string | string[],
  cacheFrozenFeatures: boolean,
  numTrainEpochs = 2,
): Promise<BertForSequenceClassification> {
  const model = await tinyModel();
  model.freeze(pattern);
  const trainer = new Trainer({
    model,
    tokenizer: tinyTokenizer(),
    trainDataset: dataset,
    args: { numTrainEpochs, learningRate: 1e-2, weightDecay: 0.01, cacheFrozenFeatures },
  });
  await trainer.train();
  return model;
}

const layers = ['bert.embeddings', 'bert.encoder.layer.0'];
const frozen = [
  { what: 'all of BERT', pattern: 'bert' },
  { what: 'the embeddings and a layer', pattern: layers },
];

describe.each(frozen)('with $what frozen', ({ pattern }) => {
  test('training on kept features gives the weights that training without them gives', async () => {
    const lines = gatherLog();
    const kept = await train(pattern, true);
    expect(lines.filter((line) => line.includes('the frozen part was computed once for 24 rows'))).toHaveLength(1);
    const computed = await train(pattern, false);
    for (const name of kept.parameters.keys()) {
      const difference = largestDifference(kept.weight(name).data, computed.weight(name).data);
      expect(difference, name).toBeLessThan(1e-5);
    }
  });

  test('what is frozen stays, what is not moves', async () => {
    const before = await tinyModel();
    const after = await train(pattern, true);
    const trained = new Set(after.trainableParameters);
    for (const name of after.parameters.keys()) {
      // A key's bias shifts all scores of a query alike, which a softmax does not see: its gradient is rounding alone.
      if (name.endsWith('key.bias')) continue;
      const moved = largestDifference(after.weight(name).data, before.weight(name).data) > 0;
      expect(moved, name).toBe(trained.has(name));
    }
  });
});

test('of rows that training comes to once nothing is kept', async () => {
  const lines = gatherLog();
  const once = await train('bert', true, 1);
  expect(lines.some((line) => line.includes('the frozen part was computed'))).toBe(false);
  const computed = await train('bert', false, 1);
  for (const name of once.parameters.keys())
    expect(largestDifference(once.weight(name).data, computed.weight(name).data), name).toBeLessThan(1e-5);
});

test('without a frozen part nothing is kept', async () => {
  const lines = gatherLog();
  await train('bert.pooler.dense.bias', true);
  expect(lines.some((line) => line.includes('the frozen part'))).toBe(false);
});

test('the last trainable parameter cannot be frozen', async () => {
  const model = await tinyModel();
  model.freeze('bert');
  expect(() => model.freeze('classifier')).toThrow('that would leave no parameter to train');
  model.unfreeze('bert.pooler');
  expect(model.trainableParameters).toEqual([
    'bert.pooler.dense.weight',
    'bert.pooler.dense.bias',
    'classifier.weight',
    'classifier.bias',
  ]);
});

test('under a head that reads some tokens only the layer that reads them is computed at every step', async () => {
  const run = async (cacheFrozenFeatures: boolean) => {
    const lines = gatherLog();
    const model = await BertForMaskedLM.fromConfig(tinyConfig(), { seed: 1, threads: 1 });
    onTestFinished(() => model.dispose());
    // The decoder is the word embedding, which is frozen with it.
    model.freeze('bert');
    const program = await model.prepareTraining({ cacheFrozenFeatures });
    const sequences = [{ ids: [2, 7, 9, 14, 3] }, { ids: [2, 5, 3] }, { ids: [2, 11, 6, 19, 8, 4, 3] }];
    await program.computeFrozenFeatures(sequences);
    const gradients: Float32Array[] = [];
    // Other tokens are read each time.
    for (const step of [1, 2]) {
      const labels = sequences.map(({ ids }) => ids.map((id, place) => (place % 3 === step ? id : -100)));
      const batch = model.batch(sequences, labels);
      await program.accumulate(batch, { seed: 1, step, lossScale: 1 / batch.count });
      gradients.push(program.gradient('cls.predictions.transform.dense.weight').slice());
      await program.discard();
    }
    return { gradients, kept: lines.some((line) => line.includes('was computed once for 3 rows')) };
  };
  const [kept, computed] = [await run(true), await run(false)];
  expect([kept.kept, computed.kept]).toEqual([true, false]);
  for (const [i, gradient] of kept.gradients.entries()) {
    expect(largestDifference(gradient, computed.gradients[i])).toBeLessThan(1e-6);
    expect(largestDifference(gradient, new Float32Array(gradient.length))).toBeGreaterThan(1e-4);
  }
});
