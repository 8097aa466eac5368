import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { resumableTrainer } from '../../test/testing/resuming.ts';
import { gatherLog, tinyModel, toyDataset } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { RandomStream } from '../core/random.ts';
import { overfittingAdvice } from './overfitting.ts';
import type { LogEntry } from './trainerState.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** A log with an evaluation every ten steps. */
function history(training: readonly number[], validation: readonly number[]): LogEntry[] {
  return training.flatMap((loss, i) => [
    { step: 10 * (i + 1), epoch: i + 1, loss, learning_rate: 1e-5 },
    { step: 10 * (i + 1), epoch: i + 1, eval_loss: validation[i], eval_accuracy: 0.5 },
  ]);
}

const falling = (count: number) => Array.from({ length: count }, (_, i) => 0.7 * 0.8 ** i);

/** Numbers that are nearly normal: the sum of twelve uniform ones (Irwin and Hall). */
function noise(seed: number, count: number): number[] {
  const random = new RandomStream(seed, 'noise');
  return Array.from({ length: count }, () =>
    Array.from({ length: 12 }, () => random.uniform()).reduce((a, b) => a + b, -6),
  );
}

describe('validation loss that has turned while training loss falls', () => {
  test('is said with steps and numbers, and what to try', () => {
    const advice = overfittingAdvice(history(falling(4), [0.6, 0.5, 0.58, 0.7]));
    expect(advice).toMatchObject({ bestStep: 20, bestLoss: 0.5, lastStep: 40, lastLoss: 0.7 });
    expect(advice?.message).toBe(
      'validation loss has turned: it was lowest at step 20 (0.500) and is 0.700 at step 40, while training loss fell from 0.560 to 0.358: the model is learning its training rows by heart. ' +
        'Step 20 was the best, but no checkpoint of it was kept. Try fewer epochs (the best was after 2.0), loadBestModelAtEnd, earlyStoppingPatience, more weightDecay, more dropout, or more training data.',
    );
  });

  test('what the run did about it is known', () => {
    const { message } = overfittingAdvice(history(falling(4), [0.6, 0.5, 0.58, 0.7]), {
      bestModelCheckpoint: 'out/checkpoint-20',
      bestGlobalStep: 20,
      loadBestModelAtEnd: true,
      earlyStoppingPatience: 2,
    })!;
    expect(message).toContain(
      'The best checkpoint is that of step 20, out/checkpoint-20, whose weights the model has at the end.',
    );
    expect(message).not.toMatch(/loadBestModelAtEnd|earlyStoppingPatience/);
  });

  test('from what the evaluations tell of the training loss, and of several sets the first', () => {
    const entries = [0.6, 0.4, 0.5, 0.6].map((loss, i) => ({
      step: 5 * (i + 1),
      epoch: i,
      train_loss: 0.5 / (i + 1),
      eval_first_loss: loss,
      eval_second_loss: 0.3 - i / 100,
    }));
    expect(overfittingAdvice(entries)).toMatchObject({ bestStep: 10, trainingLossThen: 0.25, trainingLossNow: 0.125 });
  });

  test('through noise', () => {
    let found = 0;
    for (let seed = 0; seed < 50; seed++) {
      const jitter = noise(seed, 20);
      const curve = jitter.map((z, i) => 0.4 + 0.012 * Math.abs(i - 6) + 0.01 * z);
      const advice = overfittingAdvice(history(falling(20), curve));
      if (advice !== undefined) found++;
      if (advice !== undefined) expect(Math.abs(advice.bestStep / 10 - 7)).toBeLessThanOrEqual(3);
    }
    expect(found).toBe(50);
  });
});

describe('no false alarm', () => {
  test.each<[string, LogEntry[]]>([
    ['both fall', history(falling(8), falling(8))],
    ['both rise', history([0.4, 0.5, 0.6, 0.7], [0.4, 0.5, 0.6, 0.7])],
    ['one bad evaluation at the end', history(falling(5), [0.6, 0.5, 0.4, 0.39, 0.5])],
    ['one bad evaluation in the middle', history(falling(8), [0.6, 0.5, 0.7, 0.4, 0.39, 0.38, 0.37, 0.37])],
    ['two evaluations', history(falling(2), [0.4, 0.6])],
    ['a tiny loss', history(falling(4), [0.002, 0.001, 0.002, 0.003])],
    ['before the first step it was best', [{ step: 0, eval_loss: 0.1 }, ...history(falling(3), [0.6, 0.5, 0.4])]],
    ['no training loss', history(falling(4), [0.6, 0.5, 0.58, 0.7]).filter((entry) => !('loss' in entry))],
    ['nothing', []],
  ])('%s', (_, log) => {
    expect(overfittingAdvice(log)).toBeUndefined();
  });

  test.each([
    [0.01, 0.04],
    [0.02, 0.1],
  ])('a level validation loss with noise of %d, looked at after every evaluation', (deviation, allowed) => {
    let alarms = 0;
    for (let seed = 0; seed < 200; seed++) {
      const jitter = noise(seed, 20);
      const log = history(
        falling(20),
        jitter.map((z) => 0.4 + deviation * z),
      );
      if (Array.from({ length: 20 }, (_, i) => log.slice(0, 2 * (i + 1))).some((part) => overfittingAdvice(part)))
        alarms++;
    }
    expect(alarms / 200).toBeLessThanOrEqual(allowed);
  });

  test('any log that only falls, whatever its numbers', () => {
    const losses = fc.array(fc.double({ min: 0.01, max: 5, noNaN: true }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(losses, losses, (a, b) => {
        const down = [...b].sort((x, y) => y - x);
        const training = down.map((_, i) => a[i % a.length]);
        expect(overfittingAdvice(history(training, down))).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });
});

test('a run warns once, and says at the end what to try', async () => {
  const log = gatherLog();
  // What is learnt of the training rows is wrong of the others: the better, the worse.
  const evalDataset = toyDataset(20, { seed: 5, label: (id) => 1 - id });
  const args = { learningRate: 5e-3, numTrainEpochs: 12, perDeviceTrainBatchSize: 4 } as const;
  const trainer = resumableTrainer(
    await tinyModel({ hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 }),
    { ...args, evalStrategy: 'epoch', loggingStrategy: 'epoch' },
    { evalDataset },
  );
  await trainer.train();
  const said = log.filter((line) => line.includes('validation loss has turned'));
  expect(said.map((line) => line.slice(0, 5))).toEqual(['warn:', 'info:']);
  expect(said[1]).toMatch(/learning its training rows by heart.*no checkpoint of it was kept.*Try fewer epochs/);
  const told = log.find((line) => /step 6, epoch 1\.00: train_loss 0\.\d+, eval_loss 0\.\d+/.test(line));
  expect(told).toBeDefined();
  const [evaluation] = trainer.state.logHistory.filter((entry) => 'eval_loss' in entry);
  expect(evaluation['train_loss']).toBeCloseTo(trainer.state.logHistory[0]['loss'], 12);
});
