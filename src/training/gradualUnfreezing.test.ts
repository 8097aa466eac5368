import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  gatherLog,
  largestDifference,
  temporaryFolder,
  tinyModel,
  tinyTokenizer,
  toyDataset,
} from '../../test/testing/tiny.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { GradualUnfreezing, type GradualUnfreezingOptions } from './gradualUnfreezing.ts';
import { Trainer } from './trainer.ts';
import type { TrainingArgumentsOptions } from './trainingArguments.ts';

const dataset = toyDataset(24);
const parts = {
  embeddings: 'bert.embeddings.word_embeddings.weight',
  'layer 0': 'bert.encoder.layer.0.output.dense.weight',
  'layer 1': 'bert.encoder.layer.1.attention.self.value.weight',
  head: 'classifier.weight',
};

function trainer(
  model: BertForSequenceClassification,
  args: TrainingArgumentsOptions,
  options: GradualUnfreezingOptions = {},
): Trainer {
  return new Trainer({
    model,
    tokenizer: tinyTokenizer(),
    trainDataset: dataset,
    callbacks: [new GradualUnfreezing(options)],
    args: { learningRate: 1e-2, weightDecay: 0.01, ...args },
  });
}

/** The parts of a model that differ from another's. */
function moved(model: BertForSequenceClassification, before: BertForSequenceClassification): string[] {
  return Object.entries(parts).flatMap(([part, name]) =>
    largestDifference(model.weight(name).data, before.weight(name).data) > 0 ? [part] : [],
  );
}

describe('from the head down', () => {
  test.each([
    [1, {}, ['head']],
    [2, {}, ['layer 1', 'head']],
    [3, {}, ['layer 0', 'layer 1', 'head']],
    [4, {}, ['embeddings', 'layer 0', 'layer 1', 'head']],
    [2, { epochsPerStage: 0.5 }, ['embeddings', 'layer 0', 'layer 1', 'head']],
    [2, { layersPerStage: 2 }, ['layer 0', 'layer 1', 'head']],
    [2, { epochs: [0, 1.5] }, ['layer 0', 'layer 1', 'head']],
    [2, { epochs: [] }, ['head']],
  ] as const)('after %i epochs with %o', async (numTrainEpochs, options, expected) => {
    gatherLog();
    const [model, before] = [await tinyModel(), await tinyModel()];
    await trainer(model, { numTrainEpochs }, options).train();
    expect(moved(model, before)).toEqual(expected);
  });

  test('what the model freezes stays frozen, and what thaws is said', async () => {
    const lines = gatherLog();
    const [model, before] = [await tinyModel(), await tinyModel()];
    model.freeze(['embeddings', 'layer.0']);
    await trainer(model, { numTrainEpochs: 4 }).train();
    expect(moved(model, before)).toEqual(['layer 1', 'head']);
    expect(lines.filter((line) => line.includes('epoch') && line.includes('thawed'))).toEqual([
      'info: epoch 0.00: training bert.pooler, classifier (4 of 20 parameters thawed)',
      'info: epoch 1.00: training also bert.encoder.layer.1 (20 of 20 parameters thawed)',
    ]);
  });
});

test('a part that thaws begins as if training began there; what was trained before goes on with its moments', async () => {
  gatherLog();
  const model = await tinyModel();
  const rates: number[] = [];
  let last = model.weight(parts.head).data;
  let layer = model.weight(parts['layer 1']).data;
  const run = trainer(model, {
    numTrainEpochs: 2,
    lrSchedulerType: 'constant',
    weightDecay: 0,
    maxGradNorm: 0,
  }).train();
  for await (const event of run) {
    if (event.type !== 'step') continue;
    rates.push(
      largestDifference(model.weight(parts.head).data, last),
      largestDifference(model.weight(parts['layer 1']).data, layer),
    );
    last = model.weight(parts.head).data;
    layer = model.weight(parts['layer 1']).data;
  }
  await run;
  // AdamW's first step moves each weight by the learning rate: the head's at the first step, the layer's at the fourth.
  expect(rates[0]).toBeCloseTo(1e-2, 4);
  expect(rates.filter((_, i) => i % 2 === 1).slice(0, 3)).toEqual([0, 0, 0]);
  expect(rates[7]).toBeCloseTo(1e-2, 4);
});

test.each([3, 4])('stopped after step %i and resumed, it ends in the same bits', async (stop) => {
  gatherLog();
  const [whole, halves] = [await tinyModel(), await tinyModel()];
  const folder = await temporaryFolder();
  const args = { numTrainEpochs: 3 };
  await trainer(whole, args).train();
  const first = trainer(halves, { ...args, outputDir: join(folder, 'halves') });
  const interrupt = new AbortController();
  const run = first.train({ signal: interrupt.signal });
  const stopped = (async () => {
    for await (const event of run) if (event.type === 'step' && event.step === stop) interrupt.abort();
  })();
  await expect(stopped).rejects.toThrow();
  const resumed = await tinyModel({}, 99);
  await trainer(resumed, { ...args, outputDir: join(folder, 'halves') }).train({ resumeFromCheckpoint: true });
  const differing = [...whole.parameters.keys()].filter(
    (name) => largestDifference(resumed.weight(name).data, whole.weight(name).data) > 0,
  );
  expect(differing).toEqual([]);
});

test('numbers that make no schedule are refused', () => {
  expect(() => new GradualUnfreezing({ epochsPerStage: 0 })).toThrow('[GradualUnfreezing] epochsPerStage does not fit');
  expect(() => new GradualUnfreezing({ layersPerStage: 1.5 })).toThrow('a whole number of at least 1');
  expect(() => new GradualUnfreezing({ epochs: [2, 1] })).toThrow('ascending numbers from 0');
});
