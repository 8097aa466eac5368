import { beforeEach, describe, expect, test, vi } from 'vitest';
import { resumableTrainer } from '../../test/testing/resuming.ts';
import { gatherLog, largestDifference, tinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { outOfMemoryError } from '../engine/outOfMemory.ts';
import { createSharedMemory } from '../kernels/kernels.ts';
import { TrainingProgram } from '../models/programs.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** Lets the engine refuse batches of more rows than these, in the words of its own error (engine/outOfMemory.test.ts). */
function refuseBeyond(rows: number) {
  const accumulate = TrainingProgram.prototype.accumulate;
  return vi.spyOn(TrainingProgram.prototype, 'accumulate').mockImplementation(async function (
    this: TrainingProgram,
    batch,
    pass,
  ) {
    const outputs = await accumulate.call(this, batch, pass);
    // Only after its gradients are there, so that they must be thrown away.
    if (batch.packed.rows.length > rows)
      throw outOfMemoryError('OnnxRuntimeSession.run', 'Failed to allocate memory for requested buffer of size 1')!;
    return outputs;
  });
}

describe('where memory runs out', () => {
  test('autoFindBatchSize halves the batch, says so, and the steps stay the same', async () => {
    const train = async (most: number | undefined) => {
      const spy = most === undefined ? undefined : refuseBeyond(most);
      try {
        const model = await tinyModel();
        const args = { perDeviceTrainBatchSize: 8, autoFindBatchSize: true, numTrainEpochs: 2 };
        const trainer = resumableTrainer(model, args);
        const { trainingLoss } = await trainer.train();
        const weight = model.weight('bert.embeddings.word_embeddings.weight').data;
        return { trainingLoss, weight, size: trainer.state.trainBatchSize };
      } finally {
        spy?.mockRestore();
      }
    };
    const whole = await train(undefined);
    const log = gatherLog();
    const cut = await train(3);
    expect([whole.size, cut.size]).toEqual([8, 2]);
    expect(largestDifference(cut.weight, whole.weight)).toBeLessThan(1e-5);
    expect(Math.abs(cut.trainingLoss - whole.trainingLoss)).toBeLessThan(1e-5);
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([
      'warn: memory ran out at step 1 with 8 rows at once; going on with 4: a step still has 8 rows, in more batches whose gradients add up',
      'warn: memory ran out at step 1 with 4 rows at once; going on with 2: a step still has 8 rows, in more batches whose gradients add up',
    ]);
  });

  test('memory of our own, for dropout masks, is memory too', async () => {
    const accumulate = TrainingProgram.prototype.accumulate;
    const spy = vi.spyOn(TrainingProgram.prototype, 'accumulate').mockImplementation(async function (
      this: TrainingProgram,
      batch,
      pass,
    ) {
      if (batch.packed.rows.length > 2) createSharedMemory(2 ** 40);
      return await accumulate.call(this, batch, pass);
    });
    try {
      const trainer = resumableTrainer(await tinyModel(), { autoFindBatchSize: true, maxSteps: 2 });
      await trainer.train();
      expect(trainer.state.trainBatchSize).toBe(2);
    } finally {
      spy.mockRestore();
    }
  });

  test('without it the error says what to set, with numbers', async () => {
    const spy = refuseBeyond(3);
    try {
      const trainer = resumableTrainer(await tinyModel(), { perDeviceTrainBatchSize: 8, gradientAccumulationSteps: 2 });
      await expect(trainer.train()).rejects.toMatchObject({
        name: 'EnvironmentError',
        code: 'ERR_OUT_OF_MEMORY',
        message: expect.stringMatching(
          /^\[Trainer\] memory ran out in a batch of 8 rows with up to \d+ tokens; set perDeviceTrainBatchSize 4 with gradientAccumulationSteps 4, which trains on the same steps, or autoFindBatchSize; or maxLength below 1\d, the longest row's tokens; or freeze layers$/,
        ),
      });
    } finally {
      spy.mockRestore();
    }
  });
});
