import { describe, expect, test, vi } from 'vitest';
import { resumableTrainer } from '../../test/testing/resuming.ts';
import { tinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import type { ModelBatch } from '../models/programs.ts';
import type { Task } from '../tasks/task.ts';
import { StepBatches } from './stepBatches.ts';
import { TrainerState } from './trainerState.ts';
import { TrainingArguments } from './trainingArguments.ts';

configureLog({ level: 'silent' });

/** Batches of numbers, by a task that tells what it was asked for. */
function making({ size = 2 } = {}) {
  const batch = vi.fn((features: readonly number[], where: object) => {
    if (features.includes(-1)) throw new RangeError('a wrong row');
    return { features, ...where } as unknown as ModelBatch;
  });
  const state = Object.assign(new TrainerState(), { trainBatchSize: size });
  const args = new TrainingArguments({ perDeviceTrainBatchSize: size, seed: 7 });
  return { batch, state, batches: new StepBatches({ args, state, task: { batch } as unknown as Task<number> }) };
}

const soon = (milliseconds: number) => new Promise<string>((resolve) => setTimeout(resolve, milliseconds, 'ran'));

describe('batches of the step that follows', () => {
  test('are made while the engine runs, once, and are those that would be made later', async () => {
    const { batch, batches } = making();
    let ended = false;
    const run = soon(20).then((result) => {
      expect(batch).toHaveBeenCalledTimes(2);
      ended = true;
      return result;
    });
    expect(await batches.during(run, 3, [1, 2, 3])).toBe('ran');
    expect(ended).toBe(true);
    const made = batches.of(3, [1, 2, 3]);
    expect(batch).toHaveBeenCalledTimes(2);
    expect(made).toEqual(making().batches.of(3, [1, 2, 3]));
    expect(made).toEqual([
      { features: [1, 2], seed: 7, epoch: 3, firstSample: 0 },
      { features: [3], seed: 7, epoch: 3, firstSample: 2 },
    ]);
  });

  test('are not made where there is none, or the run has ended before', async () => {
    const { batch, batches } = making();
    await batches.during(soon(5), 0, []);
    await batches.during(Promise.resolve(), 0, [1]);
    await soon(5);
    expect(batch).not.toHaveBeenCalled();
  });

  test.each([
    ['other rows', 0, [1, 3], 2],
    ['another epoch', 1, [1, 2], 2],
    ['smaller batches, since memory ran out', 0, [1, 2], 1],
  ])('are thrown away where the step has %s', async (_, epoch, features, size) => {
    const { batches, state } = making();
    await batches.during(soon(5), 0, [1, 2]);
    state.trainBatchSize = size;
    const other = making({ size: 2 });
    other.state.trainBatchSize = size;
    expect(batches.of(epoch, features)).toEqual(other.batches.of(epoch, features));
  });

  test('that cannot be made fail in their own step, and the run before is not disturbed', async () => {
    const { batches } = making();
    expect(await batches.during(soon(5), 0, [-1])).toBe('ran');
    expect(() => batches.of(0, [-1])).toThrow('a wrong row');
  });
});

test('a training run has the same bits with them as without, accumulation and a part of a batch included', async () => {
  const train = async () => {
    const model = await tinyModel();
    const { trainingLoss } = await resumableTrainer(model, {
      gradientAccumulationSteps: 2,
      saveStrategy: 'no',
    }).train();
    return { trainingLoss, weight: model.weight('classifier.weight').data };
  };
  const during = vi.spyOn(StepBatches.prototype, 'during');
  const ahead = await train();
  const foreseen = during.mock.calls.filter(([, , following]) => following.length > 0).length;
  expect(foreseen).toBeGreaterThan(3);
  during.mockImplementation((run) => run);
  expect(await train()).toEqual(ahead);
  during.mockRestore();
});
