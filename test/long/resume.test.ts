import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { RandomStream } from '../../src/core/random.ts';
import type { TrainingArgumentsOptions } from '../../src/training/trainingArguments.ts';
import { bfloat16Note, openVinoBfloat16, openVinoPath } from '../testing/openVino.ts';
import { killableTraining } from '../testing/programs.ts';
import {
  expectSameForAnyStops,
  expectSameWhenResumed,
  quickFolder,
  resumableTrainer,
  type Situation,
  timeless,
} from '../testing/resuming.ts';
import { temporaryFolder, tinyModel, toyTexts, writeTinyModel } from '../testing/tiny.ts';

configureLog({ level: 'silent' });

describe('a run that is stopped and resumed is the run that was not', () => {
  const situations: readonly [string, TrainingArgumentsOptions, Situation?][] = [
    ['plain', {}],
    ['everything by epoch', { evalStrategy: 'epoch', saveStrategy: 'epoch', loggingStrategy: 'epoch' }],
    ['frozen embeddings', {}, { freeze: 'bert.embeddings' }],
    ['a frozen body, whose features are kept', {}, { freeze: 'bert' }],
    ['SGD with momentum', { optim: 'sgd', momentum: 0.9, learningRate: 0.05 }],
    ['other seeds, cosine, a checkpoint each step', { seed: 3, dataSeed: 4, lrSchedulerType: 'cosine', saveSteps: 1 }],
    ['the last batches dropped', { dataloaderDropLast: true, gradientAccumulationSteps: 2, numTrainEpochs: 3 }],
    ['only the best saved', { saveStrategy: 'best', evalStrategy: 'steps', evalSteps: 3, learningRate: 1e-4 }],
  ];
  test.each(situations)('%s', async (_, args, situation) => {
    await expectSameWhenResumed(args, situation);
  });

  test('early stopping', async () => {
    const { state } = await expectSameWhenResumed(
      { numTrainEpochs: 8, evalStrategy: 'steps', evalSteps: 1, saveSteps: 5, learningRate: 0.1 },
      { patience: 3 },
    );
    expect(state.globalStep).toBeLessThan(state.maxSteps);
  });

  test('a run that stopped early goes on with more patience', async () => {
    const outputDir = await quickFolder();
    const rising = { learningRate: 0.3, numTrainEpochs: 10, evalStrategy: 'steps', evalSteps: 1, outputDir } as const;
    await resumableTrainer(await tinyModel(), { ...rising, earlyStoppingPatience: 1 }).train();
    const same = resumableTrainer(await tinyModel(), { ...rising, earlyStoppingPatience: 1 });
    const { globalStep: stopped } = await same.train({ resumeFromCheckpoint: true });
    const more = resumableTrainer(await tinyModel(), { ...rising, earlyStoppingPatience: 4 });
    expect((await more.train({ resumeFromCheckpoint: true })).globalStep).toBeGreaterThan(stopped);
    const state = JSON.parse(await readFile(join(outputDir, `checkpoint-${stopped}`, 'trainer_state.json'), 'utf8'));
    expect(state.stateful_callbacks.EarlyStoppingCallback.attributes).toEqual({
      early_stopping_patience_counter: 1,
      stopped: true,
    });
  });

  test.skipIf(!openVinoBfloat16)(`in bfloat16 on OpenVINO${bfloat16Note}`, async () => {
    vi.stubEnv('FETTLE_OPENVINO', openVinoPath);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await expectSameWhenResumed({ bf16: true, gradientAccumulationSteps: 2 });
  });

  test('any sequence of stops', async () => {
    await expectSameForAnyStops(40);
  });
});

test('killed thirty times at any moment, saves among them, the command ends with the bits of a run that was not', async () => {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'model'), join(folder, 'data')];
  // Large enough for kills to fall into writing.
  await writeTinyModel(model, { hiddenSize: 128, intermediateSize: 512, numHiddenLayers: 4, numAttentionHeads: 4 });
  await mkdir(data);
  for (const [name, count, seed] of [
    ['train.csv', 300, 1],
    ['validation.csv', 24, 2],
  ] as const) {
    const lines = toyTexts(count, { seed }).map(({ text, label }) => `${text},${['bad', 'good'][label]}`);
    await writeFile(join(data, name), `text,label\n${lines.join('\n')}\n`);
  }
  const flags = (output: string) => [
    ...['--model', model, '--dataset', data, '--output-dir', output, '--threads', '1'],
    ...'--num-train-epochs 6 --per-device-train-batch-size 3 --gradient-accumulation-steps 2'.split(' '),
    ...'--learning-rate 1e-3 --warmup-steps 20 --logging-steps 7 --save-steps 5 --save-total-limit 2'.split(' '),
    ...'--eval-strategy steps --eval-steps 15 --early-stopping-patience 100 --load-best-model-at-end'.split(' '),
  ];
  const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')];
  const started = performance.now();
  expect(await killableTraining(flags(whole))).toMatchObject({ code: 0 });
  const seconds = (performance.now() - started) / 1000;

  const random = new RandomStream(11, 'kills');
  let kills = 0;
  let inSaves = 0;
  // Kills so near one another that thirty of them fall into one run: some come before anything is saved. Where the machine was
  // slower while it was timed, and a run ended before, they come nearer in the next.
  for (let spacing = 60 * seconds; kills < 30; spacing /= 2) {
    await rm(killed, { recursive: true, force: true });
    for (kills = 0; kills < 30; kills++) {
      const line = [...flags(killed), '--resume'];
      const { code, errors } = await killableTraining(line, 20 + random.uniform() * spacing);
      if (code === 0) break;
      expect(code, errors).toBeNull();
      const names = await readdir(killed).catch(() => []);
      if (names.some((name) => name.startsWith('.checkpoint-'))) inSaves++;
      // Whatever bears a checkpoint's name is whole.
      for (const name of names.filter((each) => each.startsWith('checkpoint-'))) {
        expect(await readdir(join(killed, name))).toContain('trainer_state.json');
        expect(JSON.parse(await readFile(join(killed, name, 'trainer_state.json'), 'utf8'))).toHaveProperty(
          'global_step',
        );
      }
    }
  }
  console.log(`killed ${kills} times, ${inSaves} of them while a checkpoint was written`);
  const last = await killableTraining([...flags(killed), '--resume']);
  expect(last.code, last.errors).toBe(0);
  expect(await readFile(join(killed, 'model.safetensors'))).toEqual(await readFile(join(whole, 'model.safetensors')));
  const state = async (output: string) => timeless(await readFile(join(output, 'trainer_state.json'), 'utf8'));
  expect(await state(killed)).toEqual(await state(whole));
  expect((await readdir(killed)).sort()).toEqual((await readdir(whole)).sort());
}, 1_800_000);

/** A file system of some bytes, or undefined where none can be mounted. */
function mountSmall(folder: string, bytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
    onTestFinished(() => {
      execFileSync('umount', [folder]);
    });
    return true;
  } catch {
    return false;
  }
}

test('a disk that fills up loses no earlier checkpoint (skipped where no small disk can be mounted)', async (context) => {
  const folder = await quickFolder();
  if (!mountSmall(folder, 12 * 2 ** 20)) context.skip('mount refuses');
  const outputDir = join(folder, 'out');
  const run = async (args: object) =>
    resumableTrainer(await tinyModel(), { outputDir, saveSteps: 2, ...args })
      .train()
      .then(
        () => 'ended',
        (error: unknown) => `${(error as { code?: string }).code}: ${(error as Error).message}`,
      );
  expect(await run({ maxSteps: 4 })).toBe('ended');
  const before = await readFile(join(outputDir, 'checkpoint-4', 'model.safetensors'));
  // Too little by the system's own count: refused before anything is written.
  await writeFile(join(folder, 'filler'), new Uint8Array(6 * 2 ** 20));
  expect(await run({ resumeFromCheckpoint: true })).toMatch(/^ERR_DISK_SPACE: .*earlier ones are as they were.*free/);
  // And where the disk fills while a checkpoint is written.
  const files = await import('#platform/files');
  const spy = vi.spyOn(files, 'freeBytes').mockResolvedValue(undefined);
  try {
    const room = execFileSync('df', ['--output=avail', '-B1', folder]).toString().split('\n')[1];
    await writeFile(join(folder, 'more'), new Uint8Array(Math.max(0, Number(room) - 40_000)));
    expect(await run({ resumeFromCheckpoint: true })).toMatch(/^ERR_WRITE: .*the disk is full/);
  } finally {
    spy.mockRestore();
  }
  expect((await readdir(outputDir)).sort()).toEqual(['checkpoint-2', 'checkpoint-4']);
  expect(await readFile(join(outputDir, 'checkpoint-4', 'model.safetensors'))).toEqual(before);
  // With room again it goes on.
  await rm(join(folder, 'filler'));
  await rm(join(folder, 'more'));
  expect(await run({ resumeFromCheckpoint: true })).toBe('ended');
});
