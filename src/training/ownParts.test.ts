import { beforeEach, describe, expect, test } from 'vitest';
import {
  gatherLog,
  largestDifference,
  tinyConfig,
  tinyModel,
  tinyTokenizer,
  toyTexts,
} from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { Dataset } from '../data/index.ts';
import { sgd } from '../engine/optimizers.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import type { LossFunction } from '../models/loss.ts';
import { crossEntropy, exp, logSoftmax, mul, neg, pickColumns, sub, weightedTotal } from '../nn/index.ts';
import type { TrainingEvent } from './events.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';
import type { TrainingArgumentsOptions } from './trainingArguments.ts';

const tokenizer = tinyTokenizer();
const still = { hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };

beforeEach(() => configureLog({ level: 'silent' }));

/** Three times as many rows of the first class as of the second. */
const uneven = Dataset.fromRows(
  toyTexts(32).map(({ text }, row) => ({ text, label: row % 4 === 3 ? 1 : 0 })),
) as unknown as Dataset;

async function trained(
  args: TrainingArgumentsOptions,
  options: Partial<TrainerOptions> = {},
  parts: Parameters<typeof tinyModel>[0] = still,
) {
  const model = await tinyModel(parts);
  const before = weightsOf(model);
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: uneven,
    args: { saveStrategy: 'no', ...args },
    ...options,
  });
  const events: TrainingEvent[] = [];
  for await (const event of trainer.train()) events.push(event);
  const steps = events.filter((event) => event.type === 'step');
  return { model, trainer, before, after: weightsOf(model), steps };
}

function weightsOf(model: BertForSequenceClassification): Map<string, Float32Array> {
  return new Map([...model.parameters.keys()].map((name) => [name, model.weight(name).data]));
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

/** PyTorch's `CrossEntropyLoss(weight, label_smoothing)`, its mean, in float64. */
function exactLoss(
  logits: ArrayLike<number>,
  labels: readonly number[],
  weights: readonly number[],
  smoothing: number,
) {
  let [total, counted] = [0, 0];
  labels.forEach((label, row) => {
    const own = weights.map((_, k) => logits[row * weights.length + k]);
    const highest = Math.max(...own);
    const logSum = highest + Math.log(own.reduce((all, x) => all + Math.exp(x - highest), 0));
    const losses = own.map((x, k) => weights[k] * (logSum - x));
    total += (1 - smoothing) * losses[label] + (smoothing / weights.length) * losses.reduce((all, x) => all + x, 0);
    counted += weights[label];
  });
  return total / counted;
}

describe('label smoothing and class weights', () => {
  const labels = [...uneven].map(({ label }) => label as number);

  test.each<[TrainingArgumentsOptions, readonly number[]]>([
    [{ labelSmoothingFactor: 0.1 }, [1, 1]],
    [{ classWeights: [1, 3] }, [1, 3]],
    [{ classWeights: { LABEL_1: 3, LABEL_0: 0.5 }, labelSmoothingFactor: 0.3 }, [0.5, 3]],
    // 32 rows, 24 and 8 of a class.
    [{ classWeights: 'balanced' }, [32 / (2 * 24), 32 / (2 * 8)]],
  ])("training and evaluation loss of %j are PyTorch's", async (args, weights) => {
    const options = { evalDataset: uneven };
    const all = { ...args, perDeviceTrainBatchSize: 32, maxSteps: 1, learningRate: 0, perDeviceEvalBatchSize: 5 };
    const { trainer, steps } = await trained(all, options);
    const { predictions } = await trainer.predict(uneven);
    const exact = exactLoss(predictions.data, labels, weights, args.labelSmoothingFactor ?? 0);
    expect(Math.abs(steps[0].loss - exact)).toBeLessThan(1e-6);
    expect(Math.abs((await trainer.evaluate())['eval_loss'] - exact)).toBeLessThan(1e-6);
  });

  test('a class that counts nothing is as if its rows were not there', async () => {
    const first = Dataset.fromRows([...uneven].filter(({ label }) => label === 0)) as unknown as Dataset;
    const args = { perDeviceTrainBatchSize: 32, maxSteps: 2, optim: 'sgd', learningRate: 0.1 } as const;
    const weighted = await trained({ ...args, classWeights: [1, 0] });
    const alone = await trained(args, { trainDataset: first });
    expect(difference(weighted.after, weighted.before)).toBeGreaterThan(1e-3);
    expect(difference(weighted.after, alone.after)).toBeLessThan(1e-6);
  });

  test('what balances is said', async () => {
    const lines = gatherLog();
    await trained({ classWeights: 'balanced', maxSteps: 1 });
    expect(lines).toContain('info: class weights: LABEL_0 0.6667, LABEL_1 2 (balanced)');
  });

  test.each<[string, TrainingArgumentsOptions, Partial<TrainerOptions>, RegExp]>([
    [
      'one weight too many',
      { classWeights: [1, 2, 3] },
      {},
      /not one number a class, got '3 numbers', expected a number for each of LABEL_0, LABEL_1/,
    ],
    [
      'an unknown label',
      { classWeights: { LABEL_0: 1, LABEL_2: 1 } },
      {},
      /no such label, got 'LABEL_2'.*did you mean/,
    ],
    ['a label without', { classWeights: { LABEL_0: 1 } }, {}, /got 'none for LABEL_1'/],
    ['nothing that counts', { classWeights: [0, 0] }, {}, /no class counts/],
    [
      'two losses',
      { labelSmoothingFactor: 0.1 },
      { computeLossFunc: focal },
      /labelSmoothingFactor changes the loss that computeLossFunc replaces/,
    ],
  ])('refused before the first step: %s', async (_, args, options, message) => {
    await expect(trained(args, options)).rejects.toThrow(message);
  });

  test('refused where labels are no classes', async () => {
    const numbers = Dataset.fromRows(
      toyTexts(8).map(({ text, label }) => ({ text, label: label + 0.5 })),
    ) as unknown as Dataset;
    for (const args of [{ labelSmoothingFactor: 0.1 }, { classWeights: [1] }])
      await expect(trained(args, { trainDataset: numbers }, { ...still, id2label: ['score'] })).rejects.toThrow(
        /the model's labels are not .*got 'labels float32\[sequences, 1\]'/,
      );
  });
});

describe('computeLossFunc', () => {
  const args = { maxSteps: 3, learningRate: 5e-3 };

  test('cross-entropy written by hand gives the bits of the built-in one, in training and evaluation', async () => {
    const options = { evalDataset: uneven };
    const byHand: LossFunction = ({ logits }, labels, { labelWeights, lossScale }) =>
      weightedTotal(crossEntropy(logits, labels), labelWeights, lossScale);
    const [own, builtIn] = [await trained(args, { ...options, computeLossFunc: byHand }), await trained(args, options)];
    expect(own.after).toEqual(builtIn.after);
    expect((await own.trainer.evaluate())['eval_loss']).toBe((await builtIn.trainer.evaluate())['eval_loss']);
  });

  test('focal loss is what its formula says of the logits', async () => {
    const { trainer, steps } = await trained(
      { maxSteps: 1, learningRate: 0, perDeviceTrainBatchSize: 32 },
      { computeLossFunc: focal, evalDataset: uneven },
    );
    const { predictions } = await trainer.predict(uneven);
    const exact = [...uneven].map(({ label }, row) => {
      const [own, other] = [predictions.data[2 * row + Number(label)], predictions.data[2 * row + 1 - Number(label)]];
      const p = 1 / (1 + Math.exp(other - own));
      return -((1 - p) ** 2) * Math.log(p);
    });
    const mean = exact.reduce((all, x) => all + x, 0) / exact.length;
    expect(Math.abs(steps[0].loss - mean)).toBeLessThan(1e-7);
    expect(Math.abs((await trainer.evaluate())['eval_loss'] - mean)).toBeLessThan(1e-7);
  });

  test.each<[string, LossFunction, RegExp]>([
    [
      'all classes',
      ({ logits }) => neg(logSoftmax(logits)),
      /not the shape of a loss, got 'float32\[sequences, 2\]'.*or a scalar; take the mean/,
    ],
    [
      'a number',
      (() => 1) as unknown as LossFunction,
      /no value of the graph of its arguments, got 1, expected a symbolic value/,
    ],
    ['a promise', (async () => 1) as unknown as LossFunction, /got 'a promise'/],
    ['whole numbers', (_, labels) => labels, /not the shape of a loss, got 'int64\[sequences\]'/],
    [
      'an error of its own',
      () => {
        throw new RangeError('mine');
      },
      /^mine$/,
    ],
  ])('refused before the first step: %s', async (_, computeLossFunc, message) => {
    const before = await tinyModel(still);
    await expect(trained(args, { model: before, computeLossFunc })).rejects.toThrow(message);
  });
});

describe('learning rates of their own', () => {
  const once = {
    optim: 'sgd',
    maxSteps: 1,
    perDeviceTrainBatchSize: 32,
    maxGradNorm: 0,
    learningRate: 0.1,
    lrSchedulerType: 'constant',
  } as const;
  const moved = ({ before, after }: Awaited<ReturnType<typeof trained>>) => {
    const names = [...before.keys()];
    return new Map(names.map((name) => [name, after.get(name)!.map((x, i) => x - before.get(name)![i])]));
  };

  test('each layer learns at the rate of the one above it times the decay', async () => {
    const plain = moved(await trained(once));
    const falling = moved(await trained({ ...once, layerwiseLearningRateDecay: 0.5 }));
    const shares: [string, number][] = [
      ['classifier.weight', 1],
      ['bert.pooler.dense.weight', 1],
      ['bert.encoder.layer.1.output.dense.weight', 0.5],
      ['bert.encoder.layer.0.attention.self.query.weight', 0.25],
      ['bert.embeddings.word_embeddings.weight', 0.125],
      ['bert.embeddings.LayerNorm.bias', 0.125],
    ];
    for (const [name, share] of shares) {
      expect(
        plain.get(name)!.some((x) => x !== 0),
        name,
      ).toBe(true);
      expect(
        largestDifference(
          falling.get(name)!,
          plain.get(name)!.map((x) => x * share),
        ),
        name,
      ).toBeLessThan(1e-7);
    }
  });

  test('parameter groups: the first that fits counts; a rate of 0 leaves weights as they are', async () => {
    const plain = moved(await trained(once));
    const parameterGroups = [
      { params: 'classifier.weight', learningRate: 0.3 },
      { params: ['bert.encoder.layer.0', /pooler/], learningRate: 0 },
      { params: ['classifier', 'bert.pooler'], learningRate: 0.05 },
      { params: '**.bias', weightDecay: 2 },
    ];
    const grouped = moved(await trained({ ...once, parameterGroups }));
    expect(
      largestDifference(
        grouped.get('classifier.weight')!,
        plain.get('classifier.weight')!.map((x) => 3 * x),
      ),
    ).toBeLessThan(1e-6);
    expect(largestDifference(grouped.get('bert.pooler.dense.weight')!, new Float32Array(256))).toBe(0);
    expect(largestDifference(grouped.get('bert.encoder.layer.0.output.dense.bias')!, new Float32Array(16))).toBe(0);
    expect(grouped.get('bert.encoder.layer.1.output.dense.weight')).toEqual(
      plain.get('bert.encoder.layer.1.output.dense.weight'),
    );
    // New biases are 0, so what decays is to be seen on the next test alone; here that the rate of the third group holds.
    expect(
      largestDifference(
        grouped.get('classifier.bias')!,
        plain.get('classifier.bias')!.map((x) => 0.5 * x),
      ),
    ).toBeLessThan(1e-7);
  });

  test('parameter groups: weight decay of their own, LayerNorm too', async () => {
    const name = 'bert.encoder.layer.1.output.LayerNorm.weight';
    const plain = moved(await trained({ ...once, weightDecay: 0.5 })).get(name)!;
    const decayed = moved(
      await trained({ ...once, weightDecay: 0.5, parameterGroups: [{ params: name, weightDecay: 1 }] }),
    ).get(name)!;
    // Its weights are 1: the decay pulls by learning rate × decay.
    expect(
      largestDifference(
        decayed,
        plain.map((x) => x - 0.1),
      ),
    ).toBeLessThan(1e-6);
  });

  test('a group that means no parameter, and one beside a learning rate of 0, are refused', async () => {
    await expect(trained({ ...once, parameterGroups: [{ params: 'clasifier' }] })).rejects.toThrow(
      /\[parameterGroups\] the pattern means no parameter, got 'clasifier'.*did you mean 'classifier'\?/,
    );
    await expect(
      trained({ ...once, learningRate: 0, parameterGroups: [{ params: 'classifier', learningRate: 1 }] }),
    ).rejects.toThrow(/follows the schedule of learningRate, which is 0/);
  });
});

// AdamW with betas of one's own is in test/long/ownOptimizers.test.ts.
describe('optimizers and modelInit', () => {
  test('an optimizer and a schedule of one’s own go before the arguments', async () => {
    const given = await trained(
      { maxSteps: 4, learningRate: 0.1 },
      { optimizers: [sgd({ momentum: 0.9 }), (step) => 1 / (1 + step)] },
    );
    expect(given.steps.map(({ learningRate }) => learningRate)).toEqual([0.1, 0.05, 0.1 / 3, 0.025]);
    const named = await trained({
      maxSteps: 4,
      learningRate: 0.1,
      optim: 'sgd',
      momentum: 0.9,
      lrSchedulerType: 'constant',
    });
    expect(named.steps[0].loss).toBe(given.steps[0].loss);
  });

  test('every run begins with a new model; the one before is disposed of', async () => {
    const made: BertForSequenceClassification[] = [];
    const modelInit = async () => {
      made.push(await BertForSequenceClassification.fromConfig(tinyConfig(), { seed: 1, threads: 1 }));
      return made[made.length - 1];
    };
    const trainer = new Trainer({
      modelInit,
      tokenizer,
      trainDataset: uneven,
      evalDataset: uneven,
      args: { maxSteps: 2, learningRate: 1e-2, saveStrategy: 'no' },
    });
    expect(() => trainer.model).toThrow(
      'modelInit has not made a model yet; await train(), evaluate() or predict() first',
    );
    await trainer.evaluate();
    const [untrained] = made;
    expect(trainer.model).toBe(untrained);
    await trainer.train();
    const first = weightsOf(made[1]);
    await trainer.train();
    expect(made).toHaveLength(3);
    expect(trainer.model).toBe(made[2]);
    expect(weightsOf(made[2])).toEqual(first);
    expect(() => made[1].weight('classifier.bias')).toThrow('disposed');
    await made[2].dispose();
  });

  test('model and modelInit together, or neither, are refused', async () => {
    const model = await tinyModel();
    expect(() => new Trainer({ model, modelInit: () => model })).toThrow(
      'there are two models: model and modelInit; leave one of them out',
    );
    expect(() => new Trainer({})).toThrow('there is no model');
  });
});
