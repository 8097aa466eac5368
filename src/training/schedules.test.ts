import { describe, expect, test } from 'vitest';
import { planTraining } from './plan.ts';
import { type Schedule, type ScheduleName, schedules } from './schedules.ts';
import { TrainingArguments } from './trainingArguments.ts';

/** What transformers 5.23 gives for learning rate 1e-3, 5 steps of warm-up, 20 in all: steps 0 to 20. */
const warmup = [0, 2e-4, 4e-4, 6e-4, 8e-4];
const cosine = [
  ...warmup,
  0.001,
  0.0009890738003669028,
  0.0009567727288213005,
  0.0009045084971874737,
  0.0008345653031794292,
  0.00075,
  0.0006545084971874737,
  0.0005522642316338268,
  0.00044773576836617336,
  0.00034549150281252633,
  0.0002500000000000001,
  0.00016543469682057105,
  9.549150281252633e-5,
  4.322727117869951e-5,
  1.0926199633097156e-5,
  0,
];
const expected: Readonly<Record<ScheduleName, readonly number[]>> = {
  linear: [...warmup, ...Array.from({ length: 16 }, (_, i) => (0.001 * (15 - i)) / 15)],
  cosine,
  cosine_with_restarts: cosine,
  polynomial: [
    ...warmup,
    0.001,
    0.00093334,
    0.00086668,
    0.00080002,
    0.00073336,
    0.0006667,
    0.00060004,
    0.00053338,
    0.00046672,
    0.00040006,
    0.0003334,
    0.00026674,
    0.00020008,
    0.00013342,
    6.676e-5,
    1e-7,
  ],
  constant: new Array<number>(21).fill(0.001),
  constant_with_warmup: [...warmup, ...new Array<number>(16).fill(0.001)],
  inverse_sqrt: [
    ...warmup,
    0.001,
    0.000912870929175277,
    0.0008451542547285166,
    0.0007905694150420947,
    0.00074535599249993,
    0.0007071067811865475,
    0.0006741998624632421,
    0.0006454972243679028,
    0.0006201736729460422,
    0.0005976143046671967,
    0.0005773502691896259,
    0.0005590169943749475,
    0.0005423261445466404,
    0.0005270462766947299,
    0.0005129891760425772,
    0.0005,
  ],
};

describe("Hugging Face's schedules", () => {
  const context = { learningRate: 1e-3, warmupSteps: 5, totalSteps: 20 };

  test.each(Object.keys(schedules) as ScheduleName[])('%s', (name) => {
    expect(expected[name]).toHaveLength(21);
    expected[name].forEach((rate, step) => {
      expect(Math.abs(context.learningRate * schedules[name](step, context) - rate), `step ${step}`).toBeLessThan(
        1e-12,
      );
    });
  });

  test('no schedule divides by zero where all steps are warm-up, or none', () => {
    for (const [name, schedule] of Object.entries<Schedule>(schedules)) {
      for (const warmupSteps of [0, 20, 30]) {
        for (let step = 0; step <= 20; step++) {
          const factor = schedule(step, { ...context, warmupSteps });
          expect(factor, `${name}, ${warmupSteps} of warm-up, step ${step}`).toBeGreaterThanOrEqual(0);
          expect(factor).toBeLessThanOrEqual(1);
        }
      }
    }
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
