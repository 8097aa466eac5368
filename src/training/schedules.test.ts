import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { planTraining } from './plan.ts';
import { makeSchedule, plateauName, type ScheduleName, type ScheduleParameters, scheduleNames } from './schedules.ts';
import { TrainingArguments } from './trainingArguments.ts';

/** What transformers 5.23 gives: scripts/goldens/schedules.py. */
interface Goldens {
  readonly learningRate: number;
  readonly total: number;
  readonly cases: readonly {
    readonly name: ScheduleName;
    readonly kwargs: Readonly<Record<string, number | string>>;
    readonly warmup: number;
    readonly rates: readonly number[];
  }[];
}

const goldens = JSON.parse(readFileSync(new URL('goldens/schedules.json', import.meta.url), 'utf8')) as Goldens;

describe("Hugging Face's schedules", () => {
  const { learningRate, total: totalSteps } = goldens;

  test('every schedule has goldens', () => {
    expect(new Set(goldens.cases.map(({ name }) => name))).toEqual(
      // By metrics, not by the step: plateau.test.ts.
      new Set(scheduleNames.filter((name) => name !== plateauName)),
    );
  });

  test.each(goldens.cases)('$name $kwargs, $warmup steps of warm-up', ({ name, kwargs, warmup, rates }) => {
    const args = new TrainingArguments({ lrSchedulerType: name, lrSchedulerKwargs: kwargs, learningRate });
    const schedule = makeSchedule(name, args.lrSchedulerKwargs);
    expect(rates).toHaveLength(totalSteps + 1);
    const found = rates.map(
      (_, step) => learningRate * schedule(step, { learningRate, totalSteps, warmupSteps: warmup }),
    );
    found.forEach((rate, step) => {
      expect(Math.abs(rate - rates[step]), `step ${step}: ${rate}`).toBeLessThanOrEqual(
        1e-12 * Math.abs(rates[step]) + 1e-18,
      );
    });
  });

  /** What a schedule needs of its own. */
  const needed: Partial<Record<ScheduleName, ScheduleParameters>> = {
    cosine_with_min_lr: { minLr: 0 },
    cosine_warmup_with_min_lr: { minLrRate: 0.1 },
    warmup_stable_decay: { numDecaySteps: 5 },
  };

  test.each([...scheduleNames])('%s gives a number where all steps are warm-up, or none, or the rate is 0', (name) => {
    for (const warmupSteps of [0, 20, 30]) {
      for (let step = 0; step <= 20; step++) {
        const factor = makeSchedule(name, needed[name])(step, { learningRate, totalSteps, warmupSteps });
        expect(factor, `${warmupSteps} of warm-up, step ${step}`).toBeGreaterThanOrEqual(0);
        expect(factor).toBeLessThanOrEqual(1);
        const still = makeSchedule(name, needed[name])(step, { learningRate: 0, totalSteps, warmupSteps });
        expect(still, `${warmupSteps} of warm-up, step ${step}, no learning rate`).toBeGreaterThanOrEqual(0);
        expect(0 * still).toBe(0);
      }
    }
  });

  test.each<[string, ScheduleName, ScheduleParameters | undefined, string]>([
    [
      'no such number',
      'cosine',
      { numCycle: 2 },
      "the schedule 'cosine' has no 'numCycle', expected numCycles; did you mean 'numCycles'?",
    ],
    ['no numbers at all', 'linear', { power: 2 }, "the schedule 'linear' has no 'power', expected nothing"],
    [
      'out of range',
      'cosine_with_restarts',
      { numCycles: 1.5 },
      "'numCycles' has a wrong value, got 1.5, expected a whole number of at least 1",
    ],
    [
      'a name that is none',
      'warmup_stable_decay',
      { numDecaySteps: 5, decayType: 'square' },
      "got 'square', expected one of linear, cosine, 1-sqrt",
    ],
    [
      'one that is missing',
      'warmup_stable_decay',
      undefined,
      "the schedule 'warmup_stable_decay' needs numDecaySteps; set it in lrSchedulerKwargs",
    ],
    ['neither of two', 'cosine_with_min_lr', undefined, 'needs one of minLr and minLrRate'],
    ['both of two', 'cosine_with_min_lr', { minLr: 0, minLrRate: 0 }, 'needs one of minLr and minLrRate'],
    ['an end above the start', 'polynomial', { lrEnd: 1e-3 }, 'must end below the learning rate'],
  ])('refused when the arguments are made: %s', (_, lrSchedulerType, lrSchedulerKwargs, message) => {
    expect(() => new TrainingArguments({ lrSchedulerType, lrSchedulerKwargs })).toThrow(message);
  });
});

describe('planTraining', () => {
  const plan = (options: ConstructorParameters<typeof TrainingArguments>[0], examples = 100) =>
    planTraining(new TrainingArguments(options), examples);

  test('the last batch of an epoch may be smaller', () => {
    expect(plan({})).toMatchObject({ batchesPerEpoch: 13, stepsPerEpoch: 13, totalSteps: 39, epochs: 3 });
    expect(plan({ dataloaderDropLast: true })).toMatchObject({ batchesPerEpoch: 12, totalSteps: 36 });
    expect(plan({ perDeviceTrainBatchSize: 1000 })).toMatchObject({ batchesPerEpoch: 1, totalSteps: 3 });
  });

  test('fractions of epochs round up to a step', () => {
    expect(plan({ numTrainEpochs: 0.5 })).toMatchObject({ totalSteps: 7, epochs: 1 });
    expect(plan({ numTrainEpochs: 1.5 })).toMatchObject({ totalSteps: 20, epochs: 2 });
    expect(plan({ numTrainEpochs: 0.001 })).toMatchObject({ totalSteps: 1, epochs: 1 });
  });

  test('maxSteps goes before epochs, in either direction', () => {
    expect(plan({ maxSteps: 5 })).toMatchObject({ totalSteps: 5, epochs: 1 });
    expect(plan({ maxSteps: 100 })).toMatchObject({ totalSteps: 100, epochs: 8 });
    expect(plan({ maxSteps: -1 })).toMatchObject({ totalSteps: 39 });
  });

  test('accumulation: what remains of an epoch is a step of its own, as in Hugging Face', () => {
    expect(plan({ gradientAccumulationSteps: 4 })).toMatchObject({
      batchesPerEpoch: 13,
      stepsPerEpoch: 4,
      totalSteps: 12,
    });
    expect(plan({ gradientAccumulationSteps: 50 })).toMatchObject({ stepsPerEpoch: 1, totalSteps: 3 });
  });

  test('warm-up: a share below 1, rounded up; whole steps from 1 on, rounded down', () => {
    expect(plan({ warmupSteps: 0.1 }).warmupSteps).toBe(4); // of 39
    expect(plan({ warmupRatio: 0.1 } as object).warmupSteps).toBe(4);
    expect(plan({ warmupSteps: 1 }).warmupSteps).toBe(1);
    expect(plan({ warmupSteps: 2.7 }).warmupSteps).toBe(2); // int(2.7)
    expect(plan({ warmupSteps: 500 }).warmupSteps).toBe(500);
    expect(plan({}).warmupSteps).toBe(0);
  });

  test('log lines, evaluations and checkpoints: shares of all steps, rounded up', () => {
    const shares = { loggingSteps: 0.1, evalSteps: 0.5, saveSteps: 0.001 };
    expect(plan(shares)).toMatchObject({ loggingSteps: 4, evalSteps: 20, saveSteps: 1 }); // of 39
    expect(plan({ loggingSteps: 7 })).toMatchObject({ loggingSteps: 7, evalSteps: 7, saveSteps: 500 });
  });

  test('a learning rate of 0 stays 0', () => {
    const still = plan({ learningRate: 0, lrSchedulerType: 'polynomial' });
    expect([1, 20, 39].map((step) => still.learningRate(step))).toEqual([0, 0, 0]);
  });

  test('the learning rate of a step is the one that Hugging Face logs at it', () => {
    // MRPC: 3,668 rows in batches of 8, three epochs.
    const mrpc = plan({ warmupSteps: 500 }, 3668);
    expect(mrpc.totalSteps).toBe(1377);
    expect(mrpc.learningRate(1)).toBe(0);
    expect(mrpc.learningRate(50)).toBeCloseTo(4.9e-6, 12);
    expect(mrpc.learningRate(500)).toBeCloseTo(4.99e-5, 12);
    expect(mrpc.learningRate(550)).toBeCloseTo(4.720638540478906e-5, 12);
    expect(mrpc.learningRate(1377)).toBeCloseTo(5e-5 / 877, 12);
  });

  test('data that fills no batch is refused', () => {
    expect(() => plan({}, 0)).toThrow(
      "[Trainer] the training data has no rows, got '0 rows', expected at least 1; give it rows",
    );
    expect(() => plan({ dataloaderDropLast: true, perDeviceTrainBatchSize: 200 })).toThrow(
      /fills no batch, got '100 rows', expected at least 200; lower perDeviceTrainBatchSize/,
    );
  });
});
