import { beforeEach, describe, expect, test } from 'vitest';
import { quickFolder, resumableTrainer } from '../../test/testing/resuming.ts';
import { gatherLog, tinyModel, toyDataset } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { loadMetric, type Metric, metricNames } from '../metrics/index.ts';
import { findBestMetric, greaterIsBetter, isBetter } from './bestMetric.ts';
import { TrainerCallback } from './callbacks.ts';
import { EarlyStoppingCallback } from './earlyStopping.ts';
import { TrainingArguments } from './trainingArguments.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** A callback that notes the moments that it is told of. */
function recorder() {
  const seen: string[] = [];
  const note =
    (name: string): NonNullable<TrainerCallback['onStepEnd']> =>
    (_, state) => {
      seen.push(`${name} ${state.globalStep}`);
    };
  const callback: TrainerCallback = {
    onTrainBegin: note('trainBegin'),
    onEpochBegin: note('epochBegin'),
    onStepBegin: note('stepBegin'),
    onSubstepEnd: note('substepEnd'),
    onPreOptimizerStep: note('preOptimizerStep'),
    onOptimizerStep: note('optimizerStep'),
    onStepEnd: note('stepEnd'),
    onEpochEnd: note('epochEnd'),
    onLog: note('log'),
    onEvaluate: note('evaluate'),
    onSave: note('save'),
    onTrainEnd: note('trainEnd'),
    onPredictionStep: note('predictionStep'),
    onPredict: note('predict'),
  };
  return { seen, callback };
}

describe('callbacks', () => {
  test('are told of every moment, in order', async () => {
    const { seen, callback } = recorder();
    const trainer = resumableTrainer(
      await tinyModel(),
      {
        outputDir: await quickFolder(),
        gradientAccumulationSteps: 2,
        maxSteps: 2,
        evalStrategy: 'steps',
        saveSteps: 2,
      },
      { callbacks: [callback] },
    );
    await trainer.train();
    await trainer.predict(toyDataset(3));
    const step = (n: number) =>
      `stepBegin ${n - 1}, substepEnd ${n - 1}, preOptimizerStep ${n - 1}, optimizerStep ${n - 1}, stepEnd ${n}`;
    expect(seen.join(', ')).toBe(
      `trainBegin 0, epochBegin 0, ${step(1)}, ${step(2)}, epochEnd 2, log 2, predictionStep 2, log 2, evaluate 2, save 2, log 2, trainEnd 2, predictionStep 2, predict 2`,
    );
  });

  test('may ask for a line, an evaluation, a checkpoint, the end of the epoch and of training', async () => {
    const outputDir = await quickFolder();
    const asked: TrainerCallback = {
      async onStepEnd(_, state, control) {
        if (state.globalStep === 1) control.shouldLog = true;
        if (state.globalStep === 2) control.shouldEvaluate = true;
        if (state.globalStep === 3) control.shouldSave = true;
        if (state.globalStep === 4) control.shouldEpochStop = true;
        if (state.globalStep === 5) control.shouldTrainingStop = true;
      },
    };
    const events: string[] = [];
    const trainer = resumableTrainer(
      await tinyModel(),
      { outputDir, loggingSteps: 100, evalSteps: 100, saveSteps: 100, evalStrategy: 'steps' },
      {
        callbacks: [asked],
        onEvent: (event) => events.push('epoch' in event ? `${event.type} ${event.step}` : event.type),
      },
    );
    const { globalStep } = await trainer.train();
    expect(globalStep).toBe(5);
    expect(events.filter((event) => !event.startsWith('step'))).toEqual([
      'begin',
      'log 1',
      'evaluation 2',
      'save 3',
      'save 5', // the last weights are kept
      'end',
    ]);
    expect(trainer.state.epoch).toBeCloseTo(1 + 1 / 6, 12);
  });

  test.each([
    [class extends TrainerCallback {}, /a callback is a class.*pass an instance/],
    [{ onstepEnd: () => undefined, on_step_end: () => undefined }, /got 'on_step_end', expected onTrainBegin/],
    [{ onStepEnded: () => undefined }, /got 'onStepEnded'/],
    ['onLog', /a callback is no object/],
  ])('what is none is refused', async (callback, message) => {
    const model = await tinyModel();
    expect(() => resumableTrainer(model, {}, { callbacks: [callback as TrainerCallback] })).toThrow(message);
  });

  test('an error in one ends the run', async () => {
    const callback: TrainerCallback = {
      onStepEnd: () => Promise.reject(new Error('the dashboard is down')),
    };
    await expect(resumableTrainer(await tinyModel(), {}, { callbacks: [callback] }).train()).rejects.toThrow(
      'the dashboard is down',
    );
  });
});

describe('evaluation sets', () => {
  const evalDataset = { easy: toyDataset(5, { seed: 5 }), hard: toyDataset(6, { seed: 6 }) };

  test('several by name, before the first step too', async () => {
    const trainer = resumableTrainer(
      await tinyModel(),
      { maxSteps: 2, evalStrategy: 'steps', evalOnStart: true, metricForBestModel: 'hard_loss' },
      { evalDataset },
    );
    await trainer.train();
    const evaluations = trainer.state.logHistory.filter((entry) => 'eval_easy_loss' in entry);
    expect(evaluations.map(({ step }) => step)).toEqual([0, 2]);
    for (const name of ['easy', 'hard'])
      expect(Object.keys(evaluations[0])).toEqual(
        expect.arrayContaining([`eval_${name}_loss`, `eval_${name}_accuracy`, `eval_${name}_runtime`]),
      );
    expect(trainer.state.bestMetric).toBe(evaluations[1]['eval_hard_loss']);
    const again = await trainer.evaluate();
    expect(again['eval_easy_loss']).toBe(evaluations[1]['eval_easy_loss']);
    expect(await trainer.evaluate({ other: evalDataset.easy })).toMatchObject({
      eval_other_loss: evaluations[1]['eval_easy_loss'],
    });
  });

  test('one that is none is named', async () => {
    const model = await tinyModel();
    expect(() => resumableTrainer(model, {}, { evalDataset: { easy: evalDataset.easy, hard: [1] as never } })).toThrow(
      "evalDataset['hard'] is no data set, got 'an array of 1'",
    );
  });
});

describe('the best model', () => {
  test.each([
    ['loss', 'eval_loss', false],
    ['eval_accuracy', 'eval_accuracy', true],
    ['mean_squared_error', 'eval_mean_squared_error', false],
    [undefined, 'eval_loss', false],
  ])('by %s', (metricForBestModel, name, greaterIsBetter) => {
    const known = ['eval_loss', 'eval_accuracy', 'eval_mean_squared_error', 'eval_runtime'];
    expect(findBestMetric(new TrainingArguments({ metricForBestModel }), known)).toEqual({ name, greaterIsBetter });
    const told = new TrainingArguments({ metricForBestModel, greaterIsBetter: true });
    expect(findBestMetric(told, known).greaterIsBetter).toBe(true);
  });

  test('which way a metric is better is what the metric says', () => {
    for (const name of metricNames) {
      expect(greaterIsBetter(`eval_${name}`), name).toBe(loadMetric(name).greaterIsBetter);
      const { takes } = loadMetric(name);
      // And so under the names of its scores.
      if ((takes !== 'numbers' && takes !== 'classes') || name.endsWith('_samples')) continue;
      for (const score of Object.keys((loadMetric(name) as Metric).compute([0, 1, 1, 0], [0, 1, 0, 0])))
        expect(greaterIsBetter(`eval_german_${score}`), score).toBe(loadMetric(name).greaterIsBetter);
    }
    expect(['log_loss', 'eval_ece', 'perplexity', 'glossary', 'my_error'].map(greaterIsBetter)).toEqual([
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  test('NaN is never better; a threshold must be passed', () => {
    const greater = { name: 'eval_f1', greaterIsBetter: true };
    expect(isBetter(Number.NaN, null, greater)).toBe(false);
    expect(isBetter(0.5, null, greater)).toBe(true);
    expect(isBetter(0.5, 0.5, greater)).toBe(false);
    expect(isBetter(0.6, 0.5, greater, 0.2)).toBe(false);
    expect(isBetter(0.4, 0.5, { ...greater, greaterIsBetter: false }, 0.05)).toBe(true);
  });

  test('an unknown metric is refused before the first step, with those that there are', async () => {
    const events: string[] = [];
    const trainer = resumableTrainer(
      await tinyModel(),
      { evalStrategy: 'epoch', metricForBestModel: 'acuracy' },
      { onEvent: ({ type }) => events.push(type) },
    );
    await expect(trainer.train()).rejects.toThrow(
      /^\[Trainer\] metricForBestModel is none of the metrics of an evaluation, got 'acuracy', expected one of loss, accuracy, .*; did you mean 'accuracy'\?$/,
    );
    expect(events).toEqual([]);
  });

  test('its weights are those at the end', async () => {
    const outputDir = await quickFolder();
    const model = await tinyModel();
    const log = gatherLog();
    const args = { outputDir, learningRate: 0.05, evalStrategy: 'steps', evalSteps: 1 } as const;
    const trainer = resumableTrainer(model, { ...args, loadBestModelAtEnd: true, numTrainEpochs: 3 });
    await trainer.train();
    const { state } = trainer;
    const losses = state.logHistory.flatMap((entry) => entry['eval_loss'] ?? []);
    expect(state.bestMetric).toBe(Math.min(...losses));
    expect(state.bestGlobalStep).toBeLessThan(state.globalStep);
    expect((await trainer.evaluate())['eval_loss']).toBe(state.bestMetric);
    expect(log).toContainEqual(expect.stringMatching(/the weights of its best step, \d+: 0\.\d+ \(.*checkpoint-/));
    expect(log).toContain('info: best is what has the smallest eval_loss');
  });

  test.each([
    [{ loadBestModelAtEnd: true }, /loadBestModelAtEnd needs evaluations.*set evalStrategy/],
    [{ saveStrategy: 'best' }, /saveStrategy 'best' needs evaluations/],
    [{ earlyStoppingPatience: 2 }, /earlyStoppingPatience needs evaluations/],
    [{ loadBestModelAtEnd: true, evalStrategy: 'epoch' }, /nothing to load: no checkpoints are saved; set outputDir/],
  ] as const)('%j is refused', async (args, message) => {
    await expect(resumableTrainer(await tinyModel(), args).train()).rejects.toThrow(message);
  });
});

describe('early stopping', () => {
  const rising = { learningRate: 0.3, numTrainEpochs: 10, evalStrategy: 'steps', evalSteps: 1 } as const;

  test('stops after so many evaluations without a better metric, as an argument and as a callback', async () => {
    const log = gatherLog();
    const byArgument = resumableTrainer(await tinyModel(), { ...rising, earlyStoppingPatience: 3 });
    await byArgument.train();
    const { globalStep, bestGlobalStep } = byArgument.state;
    expect(globalStep).toBe(bestGlobalStep! + 3);
    expect(log).toContainEqual(
      expect.stringMatching(
        new RegExp(
          `stopping early at step ${globalStep}: eval_loss was not better for 3 evaluations; its best is .*, of step ${bestGlobalStep}$`,
        ),
      ),
    );
    const callbacks = [new EarlyStoppingCallback({ earlyStoppingPatience: 3 })];
    const byCallback = resumableTrainer(await tinyModel(), rising, { callbacks });
    await byCallback.train();
    expect(byCallback.state.globalStep).toBe(globalStep);
  });

  test('a wrong patience is refused', () => {
    expect(() => new EarlyStoppingCallback({ earlyStoppingPatience: 0 })).toThrow(/patience or threshold is wrong/);
  });
});
