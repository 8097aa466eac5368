import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder, tinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { adamW, type Optimizer, sgd } from '../engine/optimizers.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { classFeeds } from './labels.ts';
import type { TrainingProgram } from './programs.ts';

beforeEach(() => configureLog({ level: 'silent' }));

async function start(optimizer: Optimizer) {
  const model = await tinyModel();
  const program = await model.prepareTraining({ optimizer });
  const packed = model.pack([{ ids: [2, 9, 3] }, { ids: [2, 5, 6, 3] }]);
  const batch = { packed, labels: classFeeds([0, 1], packed.lengths.sequences), count: 2 };
  const step = async (at: number, training: TrainingProgram = program) => {
    await training.accumulate(batch, { seed: 1, step: at, lossScale: 0.5 });
    await training.update({ learningRate: 0.05, maxGradNorm: 1, step: at });
  };
  const weights = () => [...model.parameters.keys()].map((name) => model.weight(name).data);
  return { model, program, step, weights };
}

test.each<[string, Optimizer]>([
  ['AdamW', adamW()],
  ['SGD with momentum', sgd({ momentum: 0.9 })],
  ['SGD without', sgd()],
])('%s: saved and taken up again, a run goes on with the same bits', async (_, optimizer) => {
  const path = join(await temporaryFolder(), 'optimizer.safetensors');
  const [whole, first, second] = [await start(optimizer), await start(optimizer), await start(optimizer)];
  for (const at of [1, 2, 3, 4]) await whole.step(at);
  for (const at of [1, 2]) await first.step(at);
  await first.program.saveOptimizer(path, { step: '2' });
  const folder = await temporaryFolder();
  await first.model.savePretrained(folder);
  await second.model.loadWeights(folder);
  expect(await second.program.loadOptimizer(path)).toMatchObject({ step: '2' });
  for (const at of [3, 4]) await second.step(at);
  expect(second.weights()).toEqual(whole.weights());
  const file = await openSafetensors(path);
  const kept = new Set([...file.tensors.keys()].map((name) => name.slice(name.lastIndexOf('.') + 1)));
  await file.close();
  expect([...kept]).toEqual([...optimizer.state]);
  expect(first.program.optimizerBytes).toBe(4 * first.model.numParameters * optimizer.state.length);
});

test.each<[string, Optimizer, Optimizer, RegExp]>([
  [
    'of AdamW',
    adamW(),
    sgd({ momentum: 0.9 }),
    /made with another optimizer .*got 'exp_avg, exp_avg_sq', expected momentum_buffer/,
  ],
  [
    'of SGD',
    sgd({ momentum: 0.9 }),
    adamW(),
    /got 'momentum_buffer', expected exp_avg, exp_avg_sq; train with that run's optim/,
  ],
  ['of SGD without momentum', sgd(), adamW(), /got 'no state', expected exp_avg, exp_avg_sq/],
])('the state %s is no other optimizer’s', async (_, saved, taken, message) => {
  const path = join(await temporaryFolder(), 'optimizer.safetensors');
  await (await start(saved)).program.saveOptimizer(path);
  await expect((await start(taken)).program.loadOptimizer(path)).rejects.toThrow(message);
});
