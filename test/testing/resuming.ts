import { access, constants, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished } from 'vitest';
import type { BertForSequenceClassification } from '../../src/models/bert/bertForSequenceClassification.ts';
import { EarlyStoppingCallback } from '../../src/training/earlyStopping.ts';
import type { TrainingEvent } from '../../src/training/events.ts';
import { Trainer, type TrainerDataset, type TrainerOptions } from '../../src/training/trainer.ts';
import type { TrainingArgumentsOptions } from '../../src/training/trainingArguments.ts';
import { tinyModel, tinyTokenizer, toyDataset } from './tiny.ts';

/** A new folder in memory where the system has such: checkpoints are flushed, and disks are slow beside other tests. */
export async function quickFolder(): Promise<string> {
  const parent = await access('/dev/shm', constants.W_OK).then(
    () => '/dev/shm',
    () => tmpdir(),
  );
  const folder = await mkdtemp(join(parent, 'fettle-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A Trainer of 12 steps on 22 rows, with 7 to evaluate on. */
export function resumableTrainer(
  model: BertForSequenceClassification,
  args: TrainingArgumentsOptions,
  options: Partial<TrainerOptions> = {},
): Trainer {
  return new Trainer({
    model,
    tokenizer: tinyTokenizer(),
    trainDataset: toyDataset(22),
    evalDataset: toyDataset(7, { seed: 5 }),
    args: {
      learningRate: 5e-3,
      numTrainEpochs: 2,
      perDeviceTrainBatchSize: 4,
      loggingSteps: 2,
      saveSteps: 3,
      ...args,
    },
    ...options,
  });
}

/** A state file's content without what holds times or places. */
export function timeless(json: string): unknown {
  const dropped = /runtime|per_second|^saved_at$|^seconds$|best_model_checkpoint/;
  return JSON.parse(json, (key, value: unknown) => (dropped.test(key) ? undefined : value));
}

/** What a run has come to: its weights, and moments and state of its highest checkpoint, and the state of its end. */
export async function outcome(trainer: Trainer, folder: string) {
  await trainer.saveModel();
  await trainer.saveState();
  const numbers = (await readdir(folder)).flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []);
  const last = `checkpoint-${Math.max(...numbers.map(Number))}`;
  const read = (...path: string[]) => readFile(join(folder, ...path));
  return {
    weights: (await read('model.safetensors')).toString('base64'),
    moments: (await read(last, 'optimizer.safetensors')).toString('base64'),
    atEnd: timeless((await read('trainer_state.json')).toString()),
    atLast: timeless((await read(last, 'trainer_state.json')).toString()),
  };
}

/** A signal that is given at the first event of which `when` is true. */
export function stopper(when: (event: TrainingEvent) => boolean) {
  const control = new AbortController();
  const onEvent = (event: TrainingEvent) => {
    if (when(event)) control.abort(new Error('stopped'));
  };
  return { signal: control.signal, onEvent };
}

/** How a run differs from the usual besides its arguments. */
export interface Situation {
  readonly freeze?: string;
  readonly patience?: number;
  /** Makes the training data anew for each run; default the 22 rows. */
  readonly trainDataset?: () => TrainerDataset;
}

/** Trains a fresh tiny model, stopped at an event of a step where asked for. @returns `'ended'`, or the error's message. */
export async function trainTiny(
  args: TrainingArgumentsOptions,
  { freeze, patience, trainDataset }: Situation = {},
  call: { resume?: boolean | string; stopAt?: number; stopOn?: TrainingEvent['type'] } = {},
) {
  const { resume, stopAt, stopOn = 'step' } = call;
  const model = await tinyModel();
  if (freeze !== undefined) model.freeze(freeze);
  const callbacks = patience === undefined ? [] : [new EarlyStoppingCallback({ earlyStoppingPatience: patience })];
  const { signal, onEvent } = stopper((event) => 'step' in event && event.type === stopOn && event.step === stopAt);
  const data = trainDataset === undefined ? {} : { trainDataset: trainDataset() };
  const trainer = resumableTrainer(model, args, { callbacks, onEvent, ...data });
  const result = await trainer.train({ signal, resumeFromCheckpoint: resume }).then(
    () => 'ended',
    (error: unknown) => (error as Error).message,
  );
  return { trainer, result };
}

/** Holds a run that is stopped after steps 2 and 4 and resumed to one that was not; and so from an early checkpoint again. */
export async function expectSameWhenResumed(
  args: TrainingArgumentsOptions,
  situation: Situation = {},
): Promise<Trainer> {
  const [whole, outputDir] = [await quickFolder(), await quickFolder()];
  const once = await trainTiny({ ...args, outputDir: whole }, situation);
  expect(once.result).toBe('ended');
  const expected = await outcome(once.trainer, whole);
  const train = (call: { resume?: boolean | string; stopAt?: number }) =>
    trainTiny({ ...args, outputDir }, situation, call);
  expect((await train({ stopAt: 2 })).result).toBe('stopped');
  expect((await readdir(outputDir)).at(-1)).toBe('checkpoint-2');
  expect((await train({ resume: true, stopAt: 4 })).result).toBe('stopped');
  const last = await train({ resume: true });
  expect(last.result).toBe('ended');
  expect(await outcome(last.trainer, outputDir)).toEqual(expected);
  const again = await train({ resume: join(outputDir, 'checkpoint-2') });
  expect(await outcome(again.trainer, outputDir)).toEqual(expected);
  return once.trainer;
}

/** Holds runs with up to five stops at any events to the run that had none. */
export async function expectSameForAnyStops(numRuns: number): Promise<void> {
  const args = {
    gradientAccumulationSteps: 2,
    evalStrategy: 'steps',
    evalSteps: 2,
    saveSteps: 2,
    saveTotalLimit: 1,
  } as const;
  const whole = await quickFolder();
  const expected = await outcome((await trainTiny({ ...args, outputDir: whole })).trainer, whole);
  const stops = fc.array(
    fc.record({
      stopOn: fc.constantFrom('step', 'log', 'evaluation', 'save'),
      stopAt: fc.integer({ min: 1, max: 6 }),
    }),
    { maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(stops, async (each) => {
      const outputDir = await quickFolder();
      const train = async (stop: (typeof each)[number] | undefined) =>
        trainTiny({ ...args, outputDir }, {}, { ...stop, resume: (await readdir(outputDir)).length > 0 });
      for (const stop of each) if ((await train(stop)).result === 'ended') break;
      const last = await train(undefined);
      expect(last.result).toBe('ended');
      expect(await outcome(last.trainer, outputDir)).toEqual(expected);
    }),
    { numRuns, seed: 7 },
  );
}
