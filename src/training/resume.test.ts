import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  expectSameWhenResumed,
  outcome,
  quickFolder,
  resumableTrainer,
  stopper,
  trainTiny,
} from '../../test/testing/resuming.ts';
import { gatherLog, tinyModel, toyDataset } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { TrainerCallback } from './callbacks.ts';

beforeEach(() => configureLog({ level: 'silent' }));

// More situations, any sequence of stops and every kind of kill are in test/long/resume.test.ts.
describe('a run that is stopped and resumed is the run that was not', () => {
  test('accumulation with a remainder, evaluation, the best model at the end', async () => {
    await expectSameWhenResumed({
      gradientAccumulationSteps: 2,
      weightDecay: 0.1,
      warmupSteps: 2,
      evalStrategy: 'steps',
      evalSteps: 2,
      loadBestModelAtEnd: true,
    });
  });

  test('stopped while it evaluates: the evaluation comes first when it goes on', async () => {
    const [whole, parts] = [await quickFolder(), await quickFolder()];
    const args = { evalStrategy: 'epoch', saveStrategy: 'epoch', loggingSteps: 6 } as const;
    const expected = await outcome((await trainTiny({ ...args, outputDir: whole })).trainer, whole);
    // The log line of step 6 comes just before the epoch's evaluation.
    const { result } = await trainTiny({ ...args, outputDir: parts }, {}, { stopOn: 'log', stopAt: 6 });
    expect(result).toBe('stopped');
    const events: string[] = [];
    const onEvent = ({ type }: { type: string }) => events.push(type);
    const trainer = resumableTrainer(await tinyModel(), { ...args, outputDir: parts }, { onEvent });
    await trainer.train({ resumeFromCheckpoint: true });
    expect(events.slice(0, 4)).toEqual(['begin', 'evaluation', 'save', 'step']);
    expect(await outcome(trainer, parts)).toEqual(expected);
  });

  test("a callback's state comes back, and epochs that it ends early end in the same place", async () => {
    class Counting extends TrainerCallback {
      seen: string[] = [];
      override onStepEnd(...[, state, control]: Parameters<NonNullable<TrainerCallback['onStepEnd']>>) {
        this.seen.push(`step ${state.globalStep}`);
        if (state.globalStep === 4) control.shouldEpochStop = true;
      }
      override onEpochBegin() {
        this.seen.push('epoch');
      }
      override state() {
        return { seen: this.seen };
      }
      override loadState({ seen }: { seen?: unknown }) {
        this.seen = seen as string[];
      }
    }
    const [whole, parts] = [await quickFolder(), await quickFolder()];
    const first = new Counting();
    const once = resumableTrainer(await tinyModel(), { outputDir: whole }, { callbacks: [first] });
    await once.train();
    expect(first.seen.join(' ')).toBe(
      'epoch step 1 step 2 step 3 step 4 epoch step 5 step 6 step 7 step 8 step 9 step 10',
    );
    const { signal, onEvent } = stopper((event) => event.type === 'step' && event.step === 7);
    await expect(
      resumableTrainer(await tinyModel(), { outputDir: parts }, { callbacks: [new Counting()], onEvent }).train({
        signal,
      }),
    ).rejects.toThrow('stopped');
    const second = new Counting();
    const again = resumableTrainer(await tinyModel(), { outputDir: parts }, { callbacks: [second] });
    await again.train({ resumeFromCheckpoint: true });
    expect(second.seen).toEqual(first.seen);
    expect(await outcome(again, parts)).toEqual(await outcome(once, whole));
  });
});

describe('what is said', () => {
  test('options and data that differ, each once; numTrainEpochs may grow', async () => {
    const outputDir = await quickFolder();
    await resumableTrainer(await tinyModel(), { outputDir, numTrainEpochs: 1 }).train();
    const log = gatherLog();
    const longer = resumableTrainer(
      await tinyModel(),
      { outputDir, numTrainEpochs: 2, learningRate: 1e-3 },
      { trainDataset: toyDataset(22, { seed: 3 }) },
    );
    const { globalStep } = await longer.train({ resumeFromCheckpoint: true });
    expect(globalStep).toBe(12);
    const warnings = log.filter((line) => line.startsWith('warn'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toBe(
      'warn: these options are not those of the run that is resumed, which goes on with the new: num_train_epochs 1 → 2, learning_rate 0.005 → 0.001',
    );
    expect(warnings[1]).toMatch(/may end in other bits.*: data "\w{8}" → "\w{8}"$/);
    expect(log.some((line) => line.endsWith('going on after step 6'))).toBe(true);
  });

  test('batches may be larger than before, and what autoFindBatchSize had found stays where it is still on', async () => {
    const outputDir = await quickFolder();
    await resumableTrainer(await tinyModel(), { outputDir, maxSteps: 2 }).train();
    const larger = resumableTrainer(await tinyModel(), { outputDir, maxSteps: 4, perDeviceTrainBatchSize: 8 });
    await larger.train({ resumeFromCheckpoint: true });
    expect(larger.state).toMatchObject({ trainBatchSize: 8, globalStep: 4 });

    const file = join(outputDir, 'checkpoint-2', 'trainer_state.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"train_batch_size": 4', '"train_batch_size": 2'));
    for (const [autoFindBatchSize, expected] of [
      [true, 2],
      [false, 4],
    ] as const) {
      const trainer = resumableTrainer(await tinyModel(), { maxSteps: 4, autoFindBatchSize });
      await trainer.train({ resumeFromCheckpoint: join(outputDir, 'checkpoint-2') });
      expect(trainer.state.trainBatchSize).toBe(expected);
    }
  });

  test('the best by another metric is no best', async () => {
    const outputDir = await quickFolder();
    const args = { outputDir, evalStrategy: 'steps', evalSteps: 2, saveSteps: 2, loadBestModelAtEnd: true } as const;
    await resumableTrainer(await tinyModel(), { ...args, maxSteps: 2 }).train();
    const resumed = async (metricForBestModel: string) => {
      const lines = gatherLog();
      const trainer = resumableTrainer(await tinyModel(), { ...args, maxSteps: 4, metricForBestModel });
      await trainer.train({ resumeFromCheckpoint: join(outputDir, 'checkpoint-2') });
      return { state: trainer.state, said: lines.some((line) => line.includes('was judged by another metric')) };
    };
    expect((await resumed('eval_loss')).said).toBe(false);
    const { state, said } = await resumed('accuracy');
    expect(said).toBe(true);
    expect(state.bestGlobalStep).toBe(4);
    expect(state.logHistory.map((entry) => entry['eval_accuracy'])).toContain(state.bestMetric);
  });

  test.each([
    [{ resumeFromCheckpoint: true }, {}, /without outputDir there is no newest checkpoint/],
    [{ resumeFromCheckpoint: true }, { outputDir: 'FOLDER' }, /there is no checkpoint to go on from/],
    [{ resumeFromCheckpoint: 'FOLDER' }, {}, /there is no checkpoint: no trainer_state.json/],
  ] as const)('nothing to go on from: %j', async (call, args, message) => {
    const folder = await quickFolder();
    const put = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('FOLDER', folder)) as T;
    await expect(resumableTrainer(await tinyModel(), put(args)).train(put(call))).rejects.toThrow(message);
  });

  test('other parameters in training are an error that names them', async () => {
    const outputDir = await quickFolder();
    const frozen = await tinyModel();
    frozen.freeze('bert');
    await resumableTrainer(frozen, { outputDir, maxSteps: 2 }).train();
    await expect(
      resumableTrainer(await tinyModel(), { outputDir, maxSteps: 4 }).train({ resumeFromCheckpoint: true }),
    ).rejects.toThrow(/trained now, not then: bert\.embeddings.*freeze what was frozen/);
  });

  test('a checkpoint without the optimizer’s state is refused', async () => {
    const outputDir = await quickFolder();
    await resumableTrainer(await tinyModel(), { outputDir, maxSteps: 2, saveOnlyModel: true }).train();
    expect(await readdir(join(outputDir, 'checkpoint-2'))).not.toContain('optimizer.safetensors');
    await expect(
      resumableTrainer(await tinyModel(), { outputDir, maxSteps: 4 }).train({ resumeFromCheckpoint: true }),
    ).rejects.toThrow(/saveOnlyModel/);
  });
});
