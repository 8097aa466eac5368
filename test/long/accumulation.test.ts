/** Accumulated batches are one large batch, whatever optimizer, loss, groups or order of rows a run asks for. */
import { beforeEach, describe, expect, test } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { Dataset } from '../../src/data/index.ts';
import type { LossFunction } from '../../src/models/loss.ts';
import { crossEntropy, exp, logSoftmax, mul, neg, pickColumns, sub, sum } from '../../src/nn/index.ts';
import { Trainer, type TrainerOptions } from '../../src/training/trainer.ts';
import type { TrainingArgumentsOptions } from '../../src/training/trainingArguments.ts';
import { largestDifference, tinyModel, tinyTokenizer, toyTexts } from '../testing/tiny.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** Three times as many rows of the first class as of the second. */
const uneven = Dataset.fromRows(
  toyTexts(32).map(({ text }, row) => ({ text, label: row % 4 === 3 ? 1 : 0 })),
) as unknown as Dataset;

// Adam divides by √v: an ε of the size of rounding would blow up what is nothing but rounding.
const plain = { learningRate: 5e-3, maxSteps: 3, adamEpsilon: 1e-3, saveStrategy: 'no' } as const;

/** Trains with dropout on. */
async function trained(args: TrainingArgumentsOptions, options: Partial<TrainerOptions>) {
  const model = await tinyModel();
  const weights = () => new Map([...model.parameters.keys()].map((name) => [name, model.weight(name).data]));
  const before = weights();
  const trainer = new Trainer({ model, tokenizer: tinyTokenizer(), trainDataset: uneven, args, ...options });
  const steps: { readonly loss: number; readonly gradientNorm: number }[] = [];
  for await (const event of trainer.train()) if (event.type === 'step') steps.push(event);
  return { before, after: weights(), steps };
}

function difference(a: Map<string, Float32Array>, b: Map<string, Float32Array>): number {
  return Math.max(...[...a].map(([name, weight]) => largestDifference(weight, b.get(name)!)));
}

/** (1 − p)² of the label's probability p times its cross-entropy (Lin et al. 2017), row by row. */
const focal: LossFunction = ({ logits }, labels) => {
  const logOfLabel = pickColumns(logSoftmax(logits), labels);
  const missing = sub(1, exp(logOfLabel));
  return neg(mul(mul(missing, missing), logOfLabel));
};

describe('4 batches of 2 equal 1 batch of 8 to 1e-6', () => {
  const sgdMomentum = { optim: 'sgd', momentum: 0.9, nesterov: true, learningRate: 0.05, weightDecay: 0.01 } as const;
  const cases: readonly [string, TrainingArgumentsOptions, Partial<TrainerOptions>][] = [
    ['SGD with momentum', sgdMomentum, {}],
    ['label smoothing', { labelSmoothingFactor: 0.2 }, {}],
    ['balanced classes', { classWeights: 'balanced' }, {}],
    ['class weights with label smoothing', { classWeights: [1, 2.5], labelSmoothingFactor: 0.1 }, {}],
    ['a loss of one’s own, row by row', {}, { computeLossFunc: focal }],
    [
      'a loss of one’s own, a scalar',
      {},
      {
        computeLossFunc: ({ logits }, labels, { labelWeights, lossScale }) =>
          mul(sum(mul(crossEntropy(logits, labels), labelWeights)), lossScale),
      },
    ],
    [
      'parameter groups and layers',
      {
        parameterGroups: [{ params: 'classifier', learningRate: 0.02, weightDecay: 0.1 }],
        layerwiseLearningRateDecay: 0.5,
      },
      {},
    ],
    ['rows of like length together', { trainSamplingStrategy: 'group_by_length' }, {}],
    ['rows as they stand', { trainSamplingStrategy: 'sequential' }, {}],
  ];

  test.each(cases)('%s', async (_, args, options) => {
    const run = (perDeviceTrainBatchSize: number, gradientAccumulationSteps: number) =>
      trained({ ...plain, perDeviceTrainBatchSize, gradientAccumulationSteps, ...args }, options);
    const [large, small] = [await run(8, 1), await run(2, 4)];
    expect(difference(large.before, large.after)).toBeGreaterThan(1e-4);
    expect(difference(large.after, small.after)).toBeLessThan(1e-6);
    large.steps.forEach(({ loss, gradientNorm }, i) => {
      expect(Math.abs(loss - small.steps[i].loss)).toBeLessThan(1e-6);
      expect(Math.abs(gradientNorm - small.steps[i].gradientNorm)).toBeLessThan(1e-6 * (1 + gradientNorm));
    });
  });
});
