import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectSameWhenResumed, quickFolder, resumableTrainer } from '../../test/testing/resuming.ts';
import { gatherLog, tinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import golden from './goldens/plateau.json' with { type: 'json' };
import { plateauOptions, ReduceLROnPlateau } from './plateau.ts';
import { scheduleParameters } from './schedules.ts';
import { TrainingArguments, type TrainingArgumentsOptions } from './trainingArguments.ts';

configureLog({ level: 'silent' });

const lrSchedulerType = 'reduce_lr_on_plateau';

/** As the arguments make it; names may be Python's. */
function made(learningRate: number, kwargs: object = {}): ReduceLROnPlateau {
  const args = new TrainingArguments({ lrSchedulerType, lrSchedulerKwargs: kwargs as Record<string, number> });
  return new ReduceLROnPlateau(
    learningRate,
    plateauOptions(scheduleParameters(lrSchedulerType, args.lrSchedulerKwargs)),
  );
}

test('learning rates are PyTorch’s to the last bit, also where each evaluation is of another process', () => {
  expect(golden.cases.some(({ rates }) => rates.at(-1) !== golden.learningRate)).toBe(true);
  for (const { kwargs, metrics, rates } of golden.cases) {
    const whole = made(golden.learningRate, kwargs);
    let state = JSON.stringify(whole.state());
    const found = metrics.map((metric) => {
      const resumed = made(golden.learningRate, kwargs);
      resumed.loadState(JSON.parse(state));
      const fell = resumed.step(metric ?? Number.NaN);
      expect(whole.step(metric ?? Number.NaN)).toBe(fell);
      expect(resumed.learningRate).toBe(whole.learningRate);
      state = JSON.stringify(resumed.state());
      return whole.learningRate;
    });
    expect(found, JSON.stringify(kwargs)).toEqual(rates);
  }
});

test('resumed with another learning rate it keeps its share of it', () => {
  const before = made(1e-3, { patience: 0, factor: 0.5 });
  for (const metric of [1, 1, 1]) before.step(metric);
  expect(before.learningRate).toBe(2.5e-4);
  const after = made(4e-3, { patience: 0, factor: 0.5 });
  after.loadState(JSON.parse(JSON.stringify(before.state())));
  expect(after.learningRate).toBeCloseTo(1e-3, 12);
});

/** Trains with an accuracy that goes as told; the learning rates of all steps. */
async function train(scores: readonly number[], args: TrainingArgumentsOptions) {
  let asked = 0;
  const rates: number[] = [];
  const trainer = resumableTrainer(
    await tinyModel(),
    { lrSchedulerType, learningRate: 1e-3, loggingSteps: 1, maxSteps: 6, evalStrategy: 'steps', evalSteps: 1, ...args },
    {
      computeMetrics: () => ({ score: scores[asked++] ?? 0 }),
      onEvent: (event) => {
        if (event.type === 'step') rates.push(event.learningRate);
      },
    },
  );
  await trainer.train();
  return rates;
}

describe('in the Trainer', () => {
  test('each evaluation counts, by metricForBestModel; the next step has the lower rate', async () => {
    const lines = gatherLog();
    const kwargs = { mode: 'max', patience: 1, factor: 0.5 };
    // The first is asked of one batch, to know the metric's name.
    const scores = [9, 0.5, 0.4, 0.5, 0.6, 0.6, 0.6];
    const rates = await train(scores, { metricForBestModel: 'score', lrSchedulerKwargs: kwargs });
    expect(rates).toEqual([1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 5e-4]);
    expect(lines).toContain(
      'info: learning rate 0.00100 → 0.000500: eval_score was not better for 2 evaluations in a row',
    );
    expect(lines.join('\n')).not.toContain('warn');
  });

  test('an evaluation before the first step does not count', async () => {
    const kwargs = { patience: 0, factor: 0.5 };
    const scores = [9, 0.1, 0.5, 0.4, 0.3, 0.2, 0.1, 0];
    const rates = await train(scores, { metricForBestModel: 'score', lrSchedulerKwargs: kwargs, evalOnStart: true });
    expect(new Set(rates)).toEqual(new Set([1e-3]));
  });

  test('the loss where no metric is named; a warm-up, and a mode that is not the metric’s, are said', async () => {
    const lines = gatherLog();
    const kwargs = { patience: 0, threshold: 10, thresholdMode: 'abs', factor: 0.1 };
    expect(await train([], { lrSchedulerKwargs: kwargs, maxSteps: 3, warmupSteps: 2 })).toEqual([1e-3, 1e-3, 1e-4]);
    expect(lines).toContain("warn: warmupSteps has no effect with lrSchedulerType 'reduce_lr_on_plateau'");
    await train([1, 1, 1], { metricForBestModel: 'score', maxSteps: 2 });
    expect(lines.filter((line) => line.includes("set mode: 'max'"))).toHaveLength(1);
  });

  test('its state is in the checkpoint, and a resumed run goes on with it', async () => {
    const outputDir = await quickFolder();
    const args = {
      lrSchedulerType,
      lrSchedulerKwargs: { patience: 0, threshold: 0.01, factor: 0.5, cooldown: 1 },
      evalStrategy: 'steps',
      evalSteps: 1,
      loggingSteps: 1,
      saveSteps: 3,
      maxSteps: 6,
    } as const;
    const { state } = await expectSameWhenResumed(args);
    expect(new Set(state.logHistory.flatMap((entry) => entry['learning_rate'] ?? [])).size).toBeGreaterThan(2);
    await resumableTrainer(await tinyModel(), { ...args, outputDir, maxSteps: 3 }).train();
    const scheduler = JSON.parse(await readFile(join(outputDir, 'checkpoint-3', 'scheduler.json'), 'utf8'));
    expect(scheduler).toMatchObject({ lr_scheduler_type: lrSchedulerType, last_epoch: 3, base_lrs: [5e-3] });
    expect(scheduler.best).toBeGreaterThan(0);
  });

  test('without evaluations it is refused', async () => {
    const trainer = resumableTrainer(await tinyModel(), { lrSchedulerType });
    await expect(trainer.train()).rejects.toMatchObject({
      code: 'ERR_NO_EVALUATION',
      message: expect.stringContaining("lrSchedulerType 'reduce_lr_on_plateau' needs evaluations"),
    });
  });

  test.each([
    [{ factor: 1 }, "'factor' has a wrong value, got 1, expected a number of at least 0 and below 1"],
    [{ mode: 'mean' }, 'one of min, max'],
    [{ patienc: 1 }, "did you mean 'patience'?"],
  ])('wrong numbers are refused when the arguments are made: %j', (lrSchedulerKwargs, message) => {
    expect(() => new TrainingArguments({ lrSchedulerType, lrSchedulerKwargs } as TrainingArgumentsOptions)).toThrow(
      message,
    );
  });
});
