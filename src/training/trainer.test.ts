import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { resumableTrainer } from '../../test/testing/resuming.ts';
import {
  gatherLog,
  largestDifference,
  loadTiny,
  temporaryFolder,
  tinyModel,
  tinyTokenizer,
  toyDataset,
  toyTexts,
  writeTinyModel,
} from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { Dataset } from '../data/index.ts';
import { sgd } from '../engine/optimizers.ts';
import type { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { BertModel } from '../models/bert/bertModel.ts';
import type { TrainingEvent } from './events.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';
import type { TrainingArgumentsOptions } from './trainingArguments.ts';

const tokenizer = tinyTokenizer();

beforeEach(() => configureLog({ level: 'silent' }));

function makeTrainer(
  model: BertForSequenceClassification,
  args: TrainingArgumentsOptions = {},
  options: Partial<TrainerOptions> = {},
): Trainer {
  return new Trainer({ model, tokenizer, trainDataset: toyDataset(32), args, ...options });
}

/** All of a model's weights in one. */
function weightsOf(model: BertForSequenceClassification): Map<string, Float32Array> {
  return new Map([...model.parameters.keys()].map((name) => [name, model.weight(name).data]));
}

function weightDifference(a: Map<string, Float32Array>, b: Map<string, Float32Array>): number {
  expect([...a.keys()]).toEqual([...b.keys()]);
  return Math.max(...[...a].map(([name, weight]) => largestDifference(weight, b.get(name)!)));
}

async function gather(run: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

/** The kinds of a run's events with their steps: `step 1, log 1, …`. */
const outline = (events: readonly TrainingEvent[]) =>
  events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type)).join(', ');

const quick = { learningRate: 5e-3, perDeviceTrainBatchSize: 8, perDeviceEvalBatchSize: 8 };

describe('training', () => {
  test('learns what can be learned, and generalises to other texts', async () => {
    const model = await tinyModel({ hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 });
    const trainer = makeTrainer(
      model,
      { ...quick, numTrainEpochs: 12, warmupSteps: 0.1, weightDecay: 0.01, loggingSteps: 24 },
      { trainDataset: toyDataset(128), evalDataset: toyDataset(64, { seed: 9 }) },
    );
    const before = await trainer.evaluate();
    const events = await gather(trainer.train());
    const after = await trainer.evaluate();
    const losses = events.filter((event) => event.type === 'log').map(({ loss }) => loss);
    expect(losses).toHaveLength(8);
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses.at(-1)).toBeLessThan(0.1);
    expect(before['eval_accuracy']).toBeLessThan(0.7);
    expect(after['eval_accuracy']).toBeGreaterThan(0.95);
    expect(after['eval_loss']).toBeLessThan(before['eval_loss'] / 3);
  });

  test('accumulating 4 batches of 2 gives the weights of 1 batch of 8, dropout and a remainder included', async () => {
    const train = async (batch: number, accumulate: number) => {
      const model = await tinyModel();
      const trainer = makeTrainer(
        model,
        { ...quick, perDeviceTrainBatchSize: batch, gradientAccumulationSteps: accumulate, numTrainEpochs: 2 },
        { trainDataset: toyDataset(29) }, // the last step of an epoch has 5 rows: 2, 2 and 1
      );
      const { globalStep, trainingLoss } = await trainer.train();
      expect(globalStep).toBe(8);
      return { weights: weightsOf(model), trainingLoss };
    };
    const small = await train(2, 4);
    const large = await train(8, 1);
    expect(weightDifference(small.weights, large.weights)).toBeLessThan(1e-6);
    expect(Math.abs(small.trainingLoss - large.trainingLoss)).toBeLessThan(1e-6);
    // Without the remainder's own count, the last rows would weigh differently.
    const other = await train(4, 2);
    expect(weightDifference(other.weights, large.weights)).toBeLessThan(1e-6);
  });

  test('one seed gives one set of weights bit for bit, another seed others, another data seed others', async () => {
    const train = async (args: TrainingArgumentsOptions) => {
      const model = await tinyModel();
      await makeTrainer(model, { ...quick, maxSteps: 6, ...args }).train();
      return weightsOf(model);
    };
    const first = await train({ seed: 3 });
    expect(weightDifference(await train({ seed: 3 }), first)).toBe(0);
    expect(weightDifference(await train({ seed: 4 }), first)).toBeGreaterThan(1e-5);
    expect(weightDifference(await train({ seed: 3, dataSeed: 4 }), first)).toBeGreaterThan(1e-5);
    expect(weightDifference(await train({ seed: 3, dataSeed: 3 }), first)).toBe(0);
  });

  test("a head that follows the data is a function of the run's seed", async () => {
    const folder = await temporaryFolder();
    await writeTinyModel(folder);
    const base = await BertModel.fromPretrained(folder, { threads: 1 });
    await base.savePretrained(folder); // without the head
    await base.dispose();
    const headOf = async (seed: number) => {
      const model = await loadTiny(folder);
      await makeTrainer(
        model,
        { ...quick, seed, learningRate: 0, maxSteps: 1 },
        { trainDataset: toyDataset(6, { classes: 3 }) },
      ).train();
      return model.weight('classifier.weight');
    };
    const first = await headOf(1);
    expect(first.dims).toEqual([3, 16]);
    expect((await headOf(1)).data).toEqual(first.data);
    expect((await headOf(2)).data).not.toEqual(first.data);
  });

  test('predict, train, predict on one model: the new weights answer', async () => {
    const model = await tinyModel();
    const inputs = tokenizer(['the film is good', 'a sad and cold night'], { padding: true });
    const before = await model(inputs);
    const trainer = makeTrainer(model, { ...quick, maxSteps: 3 });
    const predicted = await trainer.predict(toyDataset(4));
    await trainer.train();
    const after = await model(inputs);
    expect(largestDifference(after.logits.data, before.logits.data)).toBeGreaterThan(1e-3);
    expect(
      largestDifference((await trainer.predict(toyDataset(4))).predictions.data, predicted.predictions.data),
    ).toBeGreaterThan(1e-3);
    // And asking changes nothing.
    expect((await model(inputs)).logits.data).toEqual(after.logits.data);
  });

  test('events: begin, every step, logs, evaluations, end, with the numbers of the plan', async () => {
    const model = await tinyModel();
    const heard: TrainingEvent[] = [];
    const trainer = makeTrainer(
      model,
      { ...quick, numTrainEpochs: 2, loggingSteps: 3, evalStrategy: 'epoch', warmupSteps: 4, loggingFirstStep: true },
      { evalDataset: toyDataset(8), onEvent: (event) => heard.push(event) },
    );
    const run = trainer.train();
    const result = await run;
    const events = await gather(run); // late
    expect(events).toEqual(heard);
    expect(outline(events)).toBe(
      'begin, step 1, log 1, step 2, step 3, log 3, step 4, evaluation 4, step 5, step 6, log 6, step 7, step 8, evaluation 8, end',
    );
    expect(events[0]).toEqual({
      type: 'begin',
      examples: 32,
      epochs: 2,
      totalSteps: 8,
      warmupSteps: 4,
      batchSize: 8,
      parameters: model.numParameters,
      trainedParameters: model.numParameters,
    });
    const steps = events.filter((event) => event.type === 'step');
    expect(steps.map(({ epoch }) => epoch)).toEqual([0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]);
    expect(steps.map(({ learningRate }) => learningRate)).toEqual(
      [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25].map((factor) => expect.closeTo(5e-3 * factor, 12)),
    );
    const logs = events.filter((event) => event.type === 'log');
    const mean = (from: number, to: number) =>
      steps.slice(from, to).reduce((sum, { loss }) => sum + loss, 0) / (to - from);
    expect(logs[1].loss).toBeCloseTo(mean(1, 3), 12);
    expect(logs[2].loss).toBeCloseTo(mean(3, 6), 12);
    expect(result.trainingLoss).toBeCloseTo(mean(0, 8), 12);
    expect(result.metrics).toMatchObject({ train_loss: result.trainingLoss, epoch: 2 });
    expect(result.metrics['train_samples_per_second']).toBeCloseTo(64 / result.metrics['train_runtime'], 6);
    expect(events.at(-1)).toEqual({ type: 'end', result });
  });

  test.each([
    [{ evalStrategy: 'steps', evalSteps: 3 }, [3, 6]],
    [{ evalStrategy: 'steps', loggingSteps: 2 }, [2, 4, 6, 8]],
    [{ evalStrategy: 'epoch' }, [4, 8]],
    [{ evalStrategy: 'epoch', maxSteps: 6 }, [4, 6]],
    [{ evalStrategy: 'no' }, []],
    [{ evalStrategy: 'epoch', gradientAccumulationSteps: 3 }, [2, 4]],
  ] satisfies [TrainingArgumentsOptions, number[]][])('evaluation with %j', async (args, due) => {
    const trainer = makeTrainer(
      await tinyModel(),
      { ...quick, numTrainEpochs: 2, ...args },
      { evalDataset: toyDataset(8) },
    );
    const evaluations = (await gather(trainer.train())).filter((event) => event.type === 'evaluation');
    expect(evaluations.map(({ step }) => step)).toEqual(due);
    for (const { metrics } of evaluations) expect(metrics['eval_loss']).toBeGreaterThan(0);
  });

  test.each([
    [{ loggingStrategy: 'epoch' }, [4, 8]],
    [{ loggingStrategy: 'no' }, []],
    [{ loggingStrategy: 'steps', loggingSteps: 5 }, [5]],
  ] satisfies [TrainingArgumentsOptions, number[]][])('logging with %j', async (args, due) => {
    const events = await gather(makeTrainer(await tinyModel(), { ...quick, numTrainEpochs: 2, ...args }).train());
    expect(events.filter((event) => event.type === 'log').map(({ step }) => step)).toEqual(due);
  });

  test('every row comes once an epoch, in another order each epoch', async () => {
    // The number of tokens of a step tells which rows it had: row i is i + 1 words, and [CLS] and [SEP].
    const rows = Array.from({ length: 20 }, (_, i) => ({ text: 'the '.repeat(i + 1), label: i % 2 }));
    const trainer = makeTrainer(
      await tinyModel(),
      { ...quick, perDeviceTrainBatchSize: 1, numTrainEpochs: 3 },
      { trainDataset: Dataset.fromRows(rows) },
    );
    const tokens = (await gather(trainer.train()))
      .filter((event) => event.type === 'step')
      .map((step) => step.tokens - 3);
    const epochs = [tokens.slice(0, 20), tokens.slice(20, 40), tokens.slice(40)];
    for (const epoch of epochs)
      expect([...epoch].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[1]).not.toEqual(epochs[2]);
    expect(epochs[0]).not.toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('weight decay shrinks matrices, not biases and LayerNorm; a learning rate of 0 changes nothing', async () => {
    const still = await tinyModel();
    const before = weightsOf(still);
    await makeTrainer(still, { ...quick, learningRate: 0, weightDecay: 0.5, maxSteps: 2 }).train();
    expect(weightDifference(weightsOf(still), before)).toBe(0);

    const train = async (weightDecay: number) => {
      const model = await tinyModel({ hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 });
      await makeTrainer(model, {
        ...quick,
        learningRate: 1e-3,
        maxSteps: 1,
        lrSchedulerType: 'constant',
        weightDecay,
      }).train();
      return weightsOf(model);
    };
    const [plain, decayed] = [await train(0), await train(0.5)];
    for (const [name, weight] of plain) {
      const difference = largestDifference(weight, decayed.get(name)!);
      if (name.endsWith('bias') || name.includes('LayerNorm')) expect(difference, name).toBe(0);
      else expect(difference, name).toBeGreaterThan(1e-6); // 1e-3 · 0.5 · weight
    }
  });

  test('a warm-up that never ends is said', async () => {
    const log = gatherLog();
    await makeTrainer(await tinyModel(), { ...quick, maxSteps: 2, warmupSteps: 2 }).train();
    await makeTrainer(await tinyModel(), { ...quick, maxSteps: 2, warmupSteps: 1 }).train();
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([
      'warn: the warm-up of 2 steps does not end within the 2 steps of training: the learning rate never reaches 0.005',
    ]);
  });

  test('the signal stops a run between two steps; the weights of the last step stay', async () => {
    const model = await tinyModel();
    const control = new AbortController();
    const seen: number[] = [];
    const trainer = makeTrainer(
      model,
      { ...quick, maxSteps: 1000 },
      {
        onEvent: (event) => {
          if (event.type !== 'step') return;
          seen.push(event.step);
          if (event.step === 3) control.abort(new Error('enough'));
        },
      },
    );
    await expect(trainer.train({ signal: control.signal })).rejects.toThrow('enough');
    expect(seen).toEqual([1, 2, 3]);
    const other = await tinyModel();
    await makeTrainer(other, { ...quick, maxSteps: 1000 }, { onEvent: stopAfter(3) })
      .train()
      .catch(() => undefined);
    expect(weightDifference(weightsOf(model), weightsOf(other))).toBe(0);
    await expect(trainer.train({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    expect(seen).toEqual([1, 2, 3]);
    // It can be trained on.
    expect((await makeTrainer(model, { ...quick, maxSteps: 2 }).train()).globalStep).toBe(2);
  });

  test('the signal stops evaluation and prediction too', async () => {
    const trainer = makeTrainer(await tinyModel(), quick, { evalDataset: toyDataset(16) });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(trainer.evaluate(undefined, { signal })).rejects.toThrow('enough');
    await expect(trainer.predict(toyDataset(3), { signal })).rejects.toThrow('enough');
  });

  test('a loss that is no number stops the run, with the weights of the step before and the rows to look at', async () => {
    const model = await tinyModel({ id2label: ['score'], hiddenDropoutProb: 0 });
    // A float32 squared overflows at 1.8e19.
    const trainDataset = toyDataset(16, { label: (id, row) => (row === 11 ? 1e30 : id + 0.5) });
    const before = weightsOf(model);
    const trainer = makeTrainer(model, { ...quick, perDeviceTrainBatchSize: 16, numTrainEpochs: 1 }, { trainDataset });
    await expect(trainer.train()).rejects.toMatchObject({
      name: 'RunError',
      code: 'ERR_NOT_FINITE',
      exitCode: 1,
      message: expect.stringMatching(
        /^\[Trainer\] step 1 gave a loss of Infinity.*weights are those of step 0; lower learningRate, or look at the rows of the batch: .*\b12\b/,
      ),
    });
    expect(weightDifference(weightsOf(model), before)).toBe(0);
  });
});

function stopAfter(steps: number) {
  return (event: TrainingEvent) => {
    if (event.type === 'step' && event.step === steps) throw new Error('stopped');
  };
}

describe('evaluate and predict', () => {
  test('evaluate says what follows from what predict gives', async () => {
    const model = await tinyModel();
    const evalDataset = toyDataset(21);
    const trainer = makeTrainer(model, { ...quick, maxSteps: 12 }, { evalDataset });
    await trainer.train();
    const metrics = await trainer.evaluate();
    const { predictions, labelIds, metrics: tested } = await trainer.predict(evalDataset);
    expect(predictions.dims).toEqual([21, 2]);
    expect(labelIds.tolist()).toEqual(evalDataset.column('label').toArray());
    const said = predictions.argmax(-1).tolist() as number[];
    const truth = evalDataset.column('label').toArray() as number[];
    const right = said.filter((label, i) => label === truth[i]).length;
    const shares = predictions.softmax().tolist() as number[][];
    const loss = -shares.reduce((sum, row, i) => sum + Math.log(row[truth[i]]), 0) / 21;
    expect(metrics['eval_accuracy']).toBeCloseTo(right / 21, 12);
    expect(metrics['eval_loss']).toBeCloseTo(loss, 5);
    for (const name of ['loss', 'accuracy', 'f1']) expect(tested[`test_${name}`]).toBe(metrics[`eval_${name}`]);
    expect(Object.keys(metrics).every((name) => name.startsWith('eval_'))).toBe(true);
    // Batches of another size say the same.
    const other = await makeTrainer(model, { perDeviceEvalBatchSize: 5 }, { evalDataset }).evaluate();
    expect(other['eval_accuracy']).toBe(metrics['eval_accuracy']);
    expect(other['eval_loss']).toBeCloseTo(metrics['eval_loss'], 5);
  });

  test('rows without labels are predicted, without metrics', async () => {
    const trainer = makeTrainer(await tinyModel());
    const texts = Dataset.fromRows(toyTexts(5).map(({ text }) => ({ text })));
    const bare = await trainer.predict(texts as unknown as Dataset);
    expect(bare.predictions.dims).toEqual([5, 2]);
    expect(Object.keys(bare.metrics).sort()).toEqual([
      'test_runtime',
      'test_samples_per_second',
      'test_steps_per_second',
    ]);
    const some = await trainer.predict(toyDataset<number | null>(5, { label: (id, row) => (row === 3 ? null : id) }));
    expect(some.labelIds.tolist()).toEqual([0, 1, 0, -1, 0]);
    expect(some.metrics['test_loss']).toBeUndefined();
    expect(largestDifference(some.predictions.data, bare.predictions.data)).toBeLessThan(1e-6);
  });

  test("computeMetrics replaces the task's own metrics; the prefix comes once", async () => {
    const trainer = makeTrainer(
      await tinyModel(),
      {},
      {
        evalDataset: toyDataset(6),
        computeMetrics: ({ predictions, labelIds }) => ({ rows: predictions.dims[0], eval_labels: labelIds.dims[0] }),
      },
    );
    const metrics = await trainer.evaluate();
    expect(metrics).toMatchObject({ eval_rows: 6, eval_labels: 6 });
    expect(metrics['eval_accuracy']).toBeUndefined();
    expect(metrics['eval_loss']).toBeGreaterThan(0);
  });

  test('a data set that cannot be used does not spoil the next call', async () => {
    const model = await tinyModel();
    const trainer = new Trainer({ model, tokenizer });
    await expect(trainer.evaluate()).rejects.toThrow('[Trainer] evaluate needs a data set; pass evalDataset');
    await expect(trainer.predict(Dataset.fromRows([{ label: 1 }]) as unknown as Dataset)).rejects.toThrow(
      /no column holds text/,
    );
    expect((await trainer.predict(toyDataset(3))).predictions.dims).toEqual([3, 2]);
    const empty = Dataset.fromRows([{ text: 'the', label: 1 }]).filter(() => false);
    await expect(trainer.evaluate(empty as unknown as Dataset)).rejects.toThrow(
      '[Trainer.evaluate] the data set has no rows',
    );
  });
});

describe('what is saved', () => {
  test('a saved model reloads to the same logits, with labels, tokenizer and float32', async () => {
    const folder = await temporaryFolder();
    const [start, end] = [join(folder, 'start'), join(folder, 'end')];
    await writeTinyModel(start);
    const model = await loadTiny(start, { id2label: ['bad', 'good'] });
    const log = gatherLog();
    const trainer = new Trainer({
      model,
      trainDataset: toyDataset(16),
      args: { ...quick, maxSteps: 4, outputDir: end },
    });
    await trainer.train();
    await trainer.saveModel();
    expect(log.filter((line) => line.includes('tokenizer'))).toEqual([
      `info: tokenizer: from ${start}, where the model came from`,
    ]);
    const inputs = tokenizer(['the film is good', 'a sad night in the cold house']);
    const reloaded = await loadTiny(end);
    expect((await reloaded(inputs)).logits.data).toEqual((await model(inputs)).logits.data);
    const config = JSON.parse(await readFile(join(end, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({
      architectures: ['BertForSequenceClassification'],
      model_type: 'bert',
      dtype: 'float32',
      id2label: { 0: 'bad', 1: 'good' },
      label2id: { bad: 0, good: 1 },
    });
    // The directory is whole: a Trainer finds everything there.
    const again = new Trainer({ model: reloaded, evalDataset: toyDataset(8) });
    expect((await again.evaluate())['eval_loss']).toBeGreaterThan(0);
  });

  test('without a directory, or a tokenizer, nothing is written', async () => {
    const folder = await temporaryFolder();
    const model = await tinyModel();
    await expect(makeTrainer(model).saveModel()).rejects.toThrow(
      '[Trainer.saveModel] there is no directory to save to; pass one, or set outputDir',
    );
    const directory = join(folder, 'model');
    await expect(new Trainer({ model }).saveModel(directory)).rejects.toThrow(
      /could hold its tokenizer; pass tokenizer/,
    );
    await expect(readFile(join(directory, 'config.json'))).rejects.toThrow(/ENOENT/);
  });
});

describe('one training of a model at a time', () => {
  test('a trainer that trains refuses to train beside it, and trains again afterwards', async () => {
    const trainer = resumableTrainer(await tinyModel(), { maxSteps: 2 });
    const first = trainer.train();
    await expect(trainer.train()).rejects.toMatchObject({ code: 'ERR_TRAINING_UNDER_WAY' });
    expect((await first).globalStep).toBe(2);
    expect((await trainer.train()).globalStep).toBe(2);
  });

  test('where a model is made ready for another, the one before ends and writes nothing', async () => {
    const model = await tinyModel();
    const before = await model.prepareTraining({ weightDecay: 0.5 });
    const name = 'classifier.weight';
    const weight = model.weight(name).data;
    await model.prepareTraining();
    const update = before.update({ learningRate: 1, maxGradNorm: 0, step: 1 });
    await expect(update).rejects.toMatchObject({ code: 'ERR_TRAINING_ENDED' });
    expect(model.weight(name).data).toEqual(weight);
  });
});

test('arguments that have no effect are said, each once', async () => {
  const lines = gatherLog();
  const args = { maxSteps: 1, adamBeta1: 0.8, lrSchedulerType: 'cosine', earlyStoppingThreshold: 0.1 } as const;
  const run = async (optimizers: TrainerOptions['optimizers']) => {
    lines.length = 0;
    await resumableTrainer(await tinyModel(), args, { optimizers }).train();
    return lines.filter((line) => line.includes('no effect'));
  };
  const threshold = 'warn: earlyStoppingThreshold has no effect without earlyStoppingPatience';
  const replaced = 'warn: optimizers replaces what these arguments say, which have no effect:';
  expect(await run(undefined)).toEqual([threshold]);
  expect(await run([sgd()])).toEqual([threshold, `${replaced} adamBeta1`]);
  expect(await run([undefined, () => 1])).toEqual([threshold, `${replaced} lrSchedulerType`]);
});
