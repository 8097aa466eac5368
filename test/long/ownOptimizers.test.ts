import { expect, test } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { adamW } from '../../src/engine/optimizers.ts';
import type { TrainerOptions } from '../../src/training/trainer.ts';
import type { TrainingArgumentsOptions } from '../../src/training/trainingArguments.ts';
import { resumableTrainer } from '../testing/resuming.ts';
import { tinyModel } from '../testing/tiny.ts';

configureLog({ level: 'silent' });

async function weightsAfter(args: TrainingArgumentsOptions, options: Partial<TrainerOptions> = {}) {
  const model = await tinyModel();
  await resumableTrainer(model, { saveStrategy: 'no', ...args }, options).train();
  return new Map([...model.parameters.keys()].map((name) => [name, model.weight(name).data.slice()]));
}

test("a schedule of one's own beside the arguments' optimizer", async () => {
  const args = { maxSteps: 2, learningRate: 0.1, adamBeta1: 0.5 };
  const own = await weightsAfter(args, { optimizers: [undefined, () => 1] });
  expect(own).toEqual(await weightsAfter({ ...args, lrSchedulerType: 'constant' }));
  expect(own).not.toEqual(await weightsAfter(args));
});

test("AdamW with betas of one's own is that of the arguments", async () => {
  const args = { maxSteps: 3, learningRate: 0.01 };
  const own = await weightsAfter(args, { optimizers: [adamW({ beta1: 0.5, beta2: 0.9, epsilon: 1e-3 })] });
  expect(own).toEqual(await weightsAfter({ ...args, adamBeta1: 0.5, adamBeta2: 0.9, adamEpsilon: 1e-3 }));
  expect(own).not.toEqual(await weightsAfter(args));
});
