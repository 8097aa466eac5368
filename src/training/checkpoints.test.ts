import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { quickFolder, resumableTrainer, stopper } from '../../test/testing/resuming.ts';
import { gatherLog, loadTiny, tinyModel, toyDataset } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import type { TrainingEvent } from './events.ts';

beforeEach(() => configureLog({ level: 'silent' }));

const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8')) as Record<string, unknown>;

async function checkpointsIn(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('checkpoint-'));
  return names.map((name) => Number(name.slice('checkpoint-'.length))).sort((a, b) => a - b);
}

describe('a checkpoint', () => {
  test('holds model, tokenizer, moments, state and arguments', async () => {
    const outputDir = await quickFolder();
    const model = await tinyModel();
    const events: TrainingEvent[] = [];
    await resumableTrainer(
      model,
      { outputDir, maxSteps: 4, saveSteps: 4, evalStrategy: 'steps' },
      { onEvent: (event) => events.push(event) },
    ).train();
    const folder = join(outputDir, 'checkpoint-4');
    expect((await readdir(folder)).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'rng_state.json',
      'scheduler.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'trainer_state.json',
      'training_args.json',
      'vocab.txt',
    ]);
    const text = await readFile(join(folder, 'trainer_state.json'), 'utf8');
    const state = JSON.parse(text) as Record<string, unknown>;
    // As Python writes it: keys in order, two spaces, a newline at the end.
    expect(Object.keys(state)).toEqual(
      'best_global_step best_metric best_model_checkpoint epoch eval_steps global_step is_hyper_param_search is_local_process_zero is_world_process_zero log_history logging_steps max_steps num_input_tokens_seen num_train_epochs save_steps stateful_callbacks total_flos train_batch_size trial_name trial_params'.split(
        ' ',
      ),
    );
    expect(text).toMatch(/^\{\n {2}"best_global_step": .*\n\}\n$/s);
    const tokens = events.reduce((sum, event) => sum + (event.type === 'step' ? event.tokens : 0), 0);
    expect(state).toMatchObject({
      global_step: 4,
      max_steps: 4,
      logging_steps: 2,
      eval_steps: 2,
      save_steps: 4,
      train_batch_size: 4,
      num_input_tokens_seen: tokens,
    });
    const history = state['log_history'] as Record<string, number>[];
    expect(history.map(({ step }) => step)).toEqual([2, 2, 4, 4]);
    expect(Object.keys(history[0]).sort()).toEqual(['epoch', 'grad_norm', 'learning_rate', 'loss', 'step']);
    expect(history[1]).toHaveProperty('eval_accuracy');
    expect(state['best_metric']).toBe(Math.min(history[1]['eval_loss'], history[3]['eval_loss']));
    const run = (state['stateful_callbacks'] as Record<string, { attributes: object }>)['FettleRun'].attributes;
    expect(run).toMatchObject({
      engine: 'onnxruntime',
      precision: 'float32',
      threads: 1,
      examples: 22,
      position: { epoch: 0, batch: 4 },
    });
    expect(run).toMatchObject({
      engine_version: expect.stringMatching(/^\d/),
      fettle_version: expect.stringMatching(/^\d/),
    });
    expect(await json(folder, 'training_args.json')).toMatchObject({
      max_steps: 4,
      learning_rate: 5e-3,
      per_device_train_batch_size: 4,
    });
    expect(await json(folder, 'scheduler.json')).toMatchObject({ lr_scheduler_type: 'linear', last_epoch: 4 });
    expect(await json(folder, 'rng_state.json')).toMatchObject({ seed: 42, step: 4 });
    const moments = await openSafetensors(join(folder, 'optimizer.safetensors'));
    expect([...moments.tensors.keys()].sort()).toEqual(
      [...model.parameters.keys()].flatMap((name) => [`${name}.exp_avg`, `${name}.exp_avg_sq`]).sort(),
    );
    await moments.close();
    const saved = await loadTiny(folder);
    expect(saved.weight('classifier.weight').data).toEqual(model.weight('classifier.weight').data);
    const event = events.find(({ type }) => type === 'save');
    expect(event).toMatchObject({ step: 4, directory: folder, checkpoints: 1, reason: 'due' });
  });

  test('does not change a number, nor is one written where none are wanted', async () => {
    const weights = async (args: object) => {
      const model = await tinyModel();
      await resumableTrainer(model, { maxSteps: 5, ...args }).train();
      return model.weight('bert.encoder.layer.0.output.dense.weight').data;
    };
    const [saving, not] = [await quickFolder(), await quickFolder()];
    const plain = await weights({});
    expect(await weights({ outputDir: saving, saveSteps: 1 })).toEqual(plain);
    expect(await weights({ outputDir: not, saveStrategy: 'no' })).toEqual(plain);
    expect(await readdir(not)).toEqual([]);
  });

  test('is due by steps, shares of all steps, epoch, best; the last weights are kept', async () => {
    const due = async (args: object) => {
      const outputDir = await quickFolder();
      await resumableTrainer(await tinyModel(), { outputDir, ...args }).train();
      return checkpointsIn(outputDir);
    };
    expect(await due({ saveSteps: 5 })).toEqual([5, 10, 12]);
    expect(await due({ saveSteps: 0.5 })).toEqual([6, 12]);
    expect(await due({ saveStrategy: 'epoch', maxSteps: 8 })).toEqual([6, 8]);
    const best = await due({ saveStrategy: 'best', evalStrategy: 'steps', evalSteps: 4, learningRate: 1e-4 });
    expect(best[0]).toBe(4);
  });

  test('too many are removed, but never the best or the newest; both are said', async () => {
    const outputDir = await quickFolder();
    const log = gatherLog();
    // The loss rises from the first step on: the best is the first.
    const trainer = resumableTrainer(await tinyModel(), {
      outputDir,
      saveSteps: 2,
      evalStrategy: 'steps',
      evalSteps: 2,
      learningRate: 0.5,
      saveTotalLimit: 1,
    });
    await trainer.train();
    const { bestGlobalStep } = trainer.state;
    expect(await checkpointsIn(outputDir)).toEqual([...new Set([bestGlobalStep, 12])]);
    expect(trainer.state.bestModelCheckpoint).toBe(join(outputDir, `checkpoint-${bestGlobalStep}`));
    expect(log.filter((line) => line.includes('removed '))).not.toEqual([]);
    expect(log.find((line) => line.includes('saved '))).toMatch(/step 2, .*saved .*checkpoint-2, \d+(\.\d+)? KB$/);
  });

  test('what a killed process left half-written is cleared', async () => {
    const outputDir = await quickFolder();
    await mkdir(join(outputDir, '.checkpoint-3.0123456789ab.partial'));
    await mkdir(join(outputDir, '.checkpoint-2.0123456789ab.old'));
    await writeFile(join(outputDir, '.checkpoint-2.0123456789ab.old', 'mine'), '');
    await resumableTrainer(await tinyModel(), { outputDir, maxSteps: 1 }).train();
    expect((await readdir(outputDir)).sort()).toEqual(['checkpoint-1', 'checkpoint-2']);
  });

  test('without room on the disk nothing begins', async () => {
    const outputDir = await quickFolder();
    const files = await import('#platform/files');
    const spy = vi.spyOn(files, 'freeBytes').mockResolvedValue(1e6);
    try {
      await expect(resumableTrainer(await tinyModel(), { outputDir, maxSteps: 1 }).train()).rejects.toThrow(
        /no room for a checkpoint; earlier ones are as they were \(.*\), got '1 MB free', expected 8\.\d+ MB; make room/,
      );
    } finally {
      spy.mockRestore();
    }
  });
});

describe('a run that breaks off', () => {
  test('keeps a checkpoint of its last step when its signal is given, where it saves any', async () => {
    const outputDir = await quickFolder();
    const events: TrainingEvent[] = [];
    const { signal, onEvent } = stopper((event) => event.type === 'step' && event.step === 4);
    const trainer = resumableTrainer(
      await tinyModel(),
      { outputDir },
      {
        onEvent: (event) => {
          events.push(event);
          onEvent(event);
        },
      },
    );
    await expect(trainer.train({ signal })).rejects.toThrow('stopped');
    expect(await checkpointsIn(outputDir)).toEqual([3, 4]);
    expect(events.at(-1)).toMatchObject({ type: 'save', step: 4, reason: 'interrupted' });
  });

  test('keeps the last good state when the loss is no number, and names layer and rows', async () => {
    const outputDir = await quickFolder();
    const model = await tinyModel({ id2label: ['score'] });
    const trainDataset = toyDataset(16, { label: (id, row) => (row === 11 ? 1e30 : id + 0.5) });
    const trainer = resumableTrainer(
      model,
      { outputDir, perDeviceTrainBatchSize: 4, numTrainEpochs: 1, seed: 3 },
      { trainDataset, evalDataset: undefined },
    );
    const error = await trainer.train().then(
      () => expect.fail('nothing was thrown'),
      (reason: unknown) => reason as Error,
    );
    expect(error).toMatchObject({ code: 'ERR_NOT_FINITE' });
    const { globalStep } = trainer.state;
    expect(error.message).toMatch(
      new RegExp(
        `^\\[Trainer\\] step ${globalStep + 1} gave a loss of Infinity, first in the loss itself; the weights are those of step ${globalStep}; .*\\b12\\b`,
      ),
    );
    expect(await checkpointsIn(outputDir)).toEqual(
      globalStep === 0 ? [] : [...new Set([...(globalStep >= 3 ? [3] : []), globalStep])],
    );
  });

  test('names the layer where infinity begins', async () => {
    const args = {
      learningRate: 1e38,
      maxGradNorm: 0,
      optim: 'sgd',
      lrSchedulerType: 'constant',
      maxSteps: 6,
    } as const;
    const trainer = resumableTrainer(await tinyModel(), args);
    await expect(trainer.train()).rejects.toThrow(
      /^\[Trainer\] step 2 gave a loss of NaN, first in the output of the layer 'bert\.encoder\.layer\.0\.attention\.self\.query'; the weights are those of step 1; lower learningRate/,
    );
  });
});
