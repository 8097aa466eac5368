import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { quickFolder, resumableTrainer } from '../../test/testing/resuming.ts';
import { gatherLog, largestDifference, tinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { GradualUnfreezing } from './gradualUnfreezing.ts';

beforeEach(() => configureLog({ level: 'silent' }));

/** A checkpoint as Python's Trainer leaves it: the same weights, its state file, pickles for the rest. */
async function pythonCheckpoint(): Promise<string> {
  const outputDir = await quickFolder();
  await resumableTrainer(await tinyModel(), { outputDir, maxSteps: 7 }).train();
  const folder = join(await quickFolder(), 'checkpoint-7');
  await cp(join(outputDir, 'checkpoint-7'), folder, { recursive: true });
  for (const name of ['optimizer.safetensors', 'scheduler.json', 'rng_state.json', 'training_args.json'])
    await rm(join(folder, name));
  for (const name of ['optimizer.pt', 'scheduler.pt', 'rng_state.pth', 'training_args.bin'])
    await writeFile(join(folder, name), 'no pickle is read');
  // Python writes NaN as such.
  await writeFile(
    join(folder, 'trainer_state.json'),
    `{"best_global_step": 6, "best_metric": 0.25, "best_model_checkpoint": "out/checkpoint-6", "epoch": 1.1666666666666667,
      "eval_steps": 500, "global_step": 7, "is_hyper_param_search": false, "log_history": [{"epoch": 1.0, "grad_norm": NaN, "loss": 0.7, "step": 6}],
      "max_steps": 12, "num_input_tokens_seen": 0, "stateful_callbacks": {"TrainerControl": {"args": {}, "attributes": {}}},
      "total_flos": 123.0, "train_batch_size": 4, "trial_name": null, "trial_params": null}`,
  );
  return folder;
}

test("a checkpoint of Python's Trainer: step, log and best are taken up, and what is not is said", async () => {
  const folder = await pythonCheckpoint();
  const log = gatherLog();
  const model = await tinyModel({}, 9);
  const steps: number[] = [];
  const trainer = resumableTrainer(model, {}, { onEvent: (event) => event.type === 'step' && steps.push(event.step) });
  await trainer.train({ resumeFromCheckpoint: folder });
  expect(steps).toEqual([8, 9, 10, 11, 12]);
  expect(trainer.state).toMatchObject({ bestMetric: 0.25, bestGlobalStep: 6, globalStep: 12, epoch: 2 });
  expect(trainer.state.logHistory[0]).toEqual({ epoch: 1, grad_norm: null, loss: 0.7, step: 6 });
  const warnings = log.filter((line) => line.startsWith('warn'));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(
    /checkpoint of Python's Trainer: weights, step 7, .*optimizer\.pt, scheduler\.pt, rng_state\.pth, training_args\.bin are pickles, which can run any program and are never executed\. The optimizer's moments begin empty/,
  );
});

test('a part that thaws after it counts its own steps', async () => {
  const folder = await pythonCheckpoint();
  const model = await tinyModel({}, 9);
  const name = 'bert.encoder.layer.0.output.dense.weight';
  const args = { lrSchedulerType: 'constant', maxGradNorm: 0 } as const;
  const moves: number[] = [];
  let last = model.weight(name).data;
  const trainer = resumableTrainer(model, args, {
    // Step 7 is within the second epoch of six steps; the lowest layer comes after step 9.
    callbacks: [new GradualUnfreezing({ epochs: [0, 1.5] })],
    onEvent: (event) => {
      if (event.type !== 'begin' && event.type !== 'step') return;
      if (event.type === 'step') moves.push(largestDifference(model.weight(name).data, last));
      last = model.weight(name).data;
    },
  });
  await trainer.train({ resumeFromCheckpoint: folder });
  // AdamW's first step moves each weight by the learning rate.
  expect(moves.slice(0, 2)).toEqual([0, 0]);
  expect(moves[2]).toBeCloseTo(5e-3, 5);
});

test('a state file that is none says so', async () => {
  const folder = await pythonCheckpoint();
  const file = join(folder, 'trainer_state.json');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('"global_step": 7', '"global_step": "7"'));
  await expect(resumableTrainer(await tinyModel(), {}).train({ resumeFromCheckpoint: folder })).rejects.toThrow(
    /'global_step' is wrong .*got '7', expected a number/,
  );
  await writeFile(file, '[1, 2');
  await expect(resumableTrainer(await tinyModel(), {}).train({ resumeFromCheckpoint: folder })).rejects.toThrow(
    /trainer_state.json holds no JSON object/,
  );
});
