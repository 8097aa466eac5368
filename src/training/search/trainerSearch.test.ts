import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  gatherLog,
  temporaryFolder,
  tinyConfig,
  tinyTokenizer,
  toyDataset,
  writeTinyModel,
} from '../../../test/testing/tiny.ts';
import { BertForSequenceClassification } from '../../models/bert/bertForSequenceClassification.ts';
import type { TrainerCallback } from '../callbacks.ts';
import { EarlyStoppingCallback } from '../earlyStopping.ts';
import { Trainer, type TrainerOptions } from '../trainer.ts';
import type { TrainingArgumentsOptions } from '../trainingArguments.ts';
import type { HyperparameterSearchOptions } from './searchOptions.ts';
import { choice, integer, logUniform, uniform } from './space.ts';

const made: { model: BertForSequenceClassification; seed: number | undefined }[] = [];

function tinyTrainer(args: TrainingArgumentsOptions = {}, options: Partial<TrainerOptions> = {}): Trainer {
  return new Trainer({
    modelInit: async (trial) => {
      const model = await BertForSequenceClassification.fromConfig(tinyConfig({ numHiddenLayers: 1 }), {
        seed: trial?.args.seed,
        threads: 1,
      });
      made.push({ model, seed: trial?.args.seed });
      return model;
    },
    tokenizer: tinyTokenizer(),
    trainDataset: toyDataset(32),
    evalDataset: toyDataset(16, { seed: 2 }),
    args: { maxSteps: 4, perDeviceTrainBatchSize: 8, saveStrategy: 'no', ...args },
    ...options,
  });
}

const space = { learningRate: logUniform(1e-5, 1e-2), perDeviceTrainBatchSize: choice([4, 8]) };
const outcomes = (trials: readonly { number: number; params: unknown; value?: number | undefined; state: string }[]) =>
  trials.map(({ number, params, value, state }) => ({ number, params, value, state }));

test('trials have their own arguments and models, the best comes out, and the table tells of all', async () => {
  gatherLog();
  made.length = 0;
  const trainer = tinyTrainer();
  const ended: number[] = [];
  const best = await trainer.hyperparameterSearch({
    hpSpace: { ...space, seed: integer(1, 9) },
    nTrials: 6,
    onTrial: ({ number }) => ended.push(number),
  });
  const { trials } = best.runSummary;
  expect(trials.map(({ state }) => state)).toEqual(Array(6).fill('complete'));
  expect(ended).toEqual([0, 1, 2, 3, 4, 5]);
  expect(made.map(({ seed }) => seed)).toEqual(trials.map(({ params }) => params['seed']));
  expect(best.objective).toBe(Math.min(...trials.map(({ value }) => value!)));
  expect(trials[Number(best.runId)].params).toEqual(best.hyperparameters);
  expect(best.args).toMatchObject({ ...best.hyperparameters, maxSteps: 4 });
  expect(trials.every(({ value, metrics }) => value === metrics?.['eval_loss'])).toBe(true);
  const text = String(best.runSummary);
  expect(text.split('\n')[0]).toMatch(
    /^trial +state +eval_loss +learningRate +perDeviceTrainBatchSize +seed +seconds$/,
  );
  expect(text.split('\n')[2]).toMatch(new RegExp(`^${best.runId} \\* +complete`));
  expect(text).toContain('ε² over 6 complete trials');
  await expect(made[3].model.predict(tinyTokenizer()('good'))).rejects.toThrow();
});

test('without modelInit each trial loads the model anew from where it came, with its labels', async () => {
  gatherLog();
  const folder = await temporaryFolder();
  await writeTinyModel(folder);
  const model = await BertForSequenceClassification.fromPretrained(folder, { threads: 1 });
  try {
    const before = await model.predict(tinyTokenizer()('good film'));
    const trainer = tinyTrainer({}, { modelInit: undefined, tokenizer: undefined, model });
    const best = await trainer.hyperparameterSearch({
      hpSpace: { learningRate: choice([1e-3, 1e-5]) },
      backend: 'grid',
    });
    expect(best.runSummary.trials).toHaveLength(2);
    expect((await model.predict(tinyTokenizer()('good film'))).logits.tolist()).toEqual(before.logits.tolist());
    model.freeze({ layers: 1 });
    await expect(trainer.hyperparameterSearch({ nTrials: 1 })).rejects.toThrow(/frozen.*modelInit/);
  } finally {
    await model.dispose();
  }
});

test('a study that is stopped, torn and gone on with ends as one that never stopped', async () => {
  const lines = gatherLog();
  const folder = await temporaryFolder();
  const search = (study: string, nTrials: number, more: HyperparameterSearchOptions = {}) =>
    tinyTrainer().hyperparameterSearch({ hpSpace: space, nTrials, study, sampler: 'tpe', ...more });
  const whole = await search(join(folder, 'whole.jsonl'), 4);
  const parts = join(folder, 'parts.jsonl');
  await search(parts, 2);
  const stop = new AbortController();
  const stopping: TrainerCallback = { onStepEnd: () => stop.abort(new Error('enough')) };
  const trainer = tinyTrainer({}, { callbacks: [stopping] });
  await expect(
    trainer.hyperparameterSearch({ hpSpace: space, nTrials: 4, study: parts, signal: stop.signal }),
  ).rejects.toThrow('enough');
  expect((await readFile(parts, 'utf8')).trim().split('\n').at(-1)).toContain('"state":"interrupted"');
  // A process died while it wrote.
  await appendFile(parts, '{"type":"report","num');
  const resumed = await search(parts, 4);
  expect(outcomes(resumed.runSummary.trials)).toEqual(outcomes(whole.runSummary.trials));
  expect(resumed.runSummary.trials[2].attempt).toBe(2);
  expect(lines.filter((line) => line.includes('was not written to its end'))).toHaveLength(1);
  expect(await readdir(folder)).toEqual(['parts.jsonl', 'whole.jsonl']);

  await expect(search(parts, 6, { hpSpace: { learningRate: uniform(0, 1) } })).rejects.toThrow(/another space/);
  await writeFile(join(folder, 'other.jsonl'), '{"loss": 1}\n');
  await expect(search(join(folder, 'other.jsonl'), 1)).rejects.toMatchObject({ code: 'ERR_STUDY', row: 1 });
});

test('a function asks for parameters, also for what is no training option and for what depends on others', async () => {
  gatherLog();
  const seen: unknown[] = [];
  const trainer = tinyTrainer(
    {},
    {
      modelInit: (trial) => {
        seen.push(trial?.params['dropout']);
        return BertForSequenceClassification.fromConfig(
          tinyConfig({ hiddenDropoutProb: Number(trial?.params['dropout'] ?? 0) }),
          { threads: 1 },
        );
      },
    },
  );
  const best = await trainer.hyperparameterSearch({
    hpSpace: (trial) => {
      trial.suggestFloat('dropout', 0, 0.5);
      const optim = trial.suggestCategorical('optim', ['adamw_torch', 'sgd']);
      return {
        optim,
        learningRate: trial.suggestFloat('learning_rate', 1e-4, 1e-2, { log: true }),
        ...(optim === 'sgd' ? { momentum: trial.suggestFloat('momentum', 0, 0.9) } : {}),
      };
    },
    nTrials: 4,
    sampler: 'random',
    seed: 3,
  });
  const { trials } = best.runSummary;
  expect(seen).toEqual(trials.map(({ params }) => params['dropout']));
  expect(new Set(trials.map(({ params }) => params['optim'])).size).toBe(2);
  for (const { params } of trials) expect('momentum' in params).toBe(params['optim'] === 'sgd');
  expect(best.args.learningRate).toBe(best.hyperparameters['learning_rate']);
});

test('evaluations feed the pruner, which ends a trial; what diverges has failed and the search goes on', async () => {
  const lines = gatherLog();
  let steps = 0;
  const counting: TrainerCallback = { onStepEnd: () => void steps++ };
  const trainer = tinyTrainer(
    { evalStrategy: 'steps', evalSteps: 1, maxSteps: 4, metricForBestModel: 'accuracy' },
    { callbacks: [counting, new EarlyStoppingCallback({ earlyStoppingPatience: 4 })] },
  );
  const best = await trainer.hyperparameterSearch({
    hpSpace: { learningRate: choice([1e-3, 1e-4, 1e20]) },
    sampler: 'grid',
    // One that takes exception to every trial after the first, at its second evaluation.
    pruner: {
      name: 'second',
      shouldPrune: ({ reports }, others) => others.some(({ state }) => state === 'complete') && reports.length === 2,
    },
  });
  const { trials, direction, objective } = best.runSummary;
  expect([direction, objective]).toEqual(['maximize', 'eval_accuracy']);
  const states = trials.map(({ state }) => state);
  expect([...states].sort()).toEqual(['complete', 'failed', 'pruned']);
  const pruned = trials.find(({ state }) => state === 'pruned')!;
  expect(pruned.reports.map(({ evaluation, step }) => [evaluation, step])).toEqual([
    [1, 1],
    [2, 2],
  ]);
  expect(trials.find(({ state }) => state === 'complete')!.reports).toHaveLength(4);
  expect(trials.find(({ state }) => state === 'failed')!.error?.code).toBe('ERR_NOT_FINITE');
  expect(lines.filter((line) => /trial \d: .*pruned/.test(line))).toHaveLength(1);
  expect(steps).toBeLessThan(12);
  // The first trial says all, those after it only what is new.
  expect(lines.filter((line) => line.startsWith('info: what is trained'))).toHaveLength(1);
  const warnings = lines.filter((line) => line.startsWith('warn'));
  expect(new Set(warnings).size).toBe(warnings.length);
});

test.each<[string, TrainingArgumentsOptions, HyperparameterSearchOptions, RegExp]>([
  ['a metric that there is none of', { metricForBestModel: 'acuracy' }, {}, /did you mean 'accuracy'/],
  [
    'an objective that is no number',
    {},
    { computeObjective: (metrics) => metrics['eval_acuracy'] },
    /no number.*eval_accuracy/s,
  ],
])('the objective is tried before the first step: %s', async (_, args, options, message) => {
  gatherLog();
  let steps = 0;
  const trainer = tinyTrainer(args, { callbacks: [{ onStepEnd: () => void steps++ }] });
  await expect(trainer.hyperparameterSearch({ hpSpace: space, ...options })).rejects.toThrow(message);
  expect(steps).toBe(0);
});

test('with loadBestModelAtEnd a trial counts as its best step does, and leaves no checkpoint; a phrase can be searched', async () => {
  gatherLog();
  const outputDir = await temporaryFolder();
  await writeFile(join(outputDir, 'mine.txt'), '');
  const trainer = tinyTrainer({
    outputDir,
    loadBestModelAtEnd: true,
    evalStrategy: 'steps',
    evalSteps: 1,
    saveStrategy: 'steps',
    saveSteps: 1,
    maxSteps: 3,
  });
  const best = await trainer.hyperparameterSearch({
    hpSpace: { warmup_ratio: choice([0, 0.5]), learningRate: choice([1]) },
    sampler: 'grid',
  });
  const { trials } = best.runSummary;
  for (const { value, reports } of trials)
    expect(value).toBeCloseTo(Math.min(...reports.map((report) => report.value)), 10);
  expect(trials.map(({ params }) => params['warmup_ratio']).sort()).toEqual([0, 0.5]);
  expect(best.args.warmupSteps).toBe(best.hyperparameters['warmup_ratio']);
  expect(await readdir(outputDir)).toEqual(['mine.txt']);
});

test.each<[string, HyperparameterSearchOptions, TrainingArgumentsOptions, RegExp]>([
  [
    'a name that is nearly right',
    { hpSpace: { learningrate: uniform(0, 1) } as never },
    {},
    /no option 'learningrate'.*did you mean 'learningRate'/s,
  ],
  [
    'one option under two names',
    { hpSpace: { batch_size: choice([1]), per_device_train_batch_size: choice([2]) } },
    {},
    /are the same option/,
  ],
  [
    'a bound out of range',
    { hpSpace: { numTrainEpochs: uniform(-1, 1) } },
    {},
    /'numTrainEpochs' has a wrong value.*-1/s,
  ],
  [
    'a range for whole numbers',
    { hpSpace: { perDeviceTrainBatchSize: uniform(1, 8) } as never },
    {},
    /takes whole numbers.*integer\(1, 8\)/s,
  ],
  ['a wrong choice', { hpSpace: { lrSchedulerType: choice(['linear', 'cosin']) } as never }, {}, /cosine/],
  ['no distribution', { hpSpace: { learningRate: 1e-5 } as never }, {}, /'learningRate' has no distribution/],
  ['what cannot be searched', { hpSpace: { outputDir: choice(['a', 'b']) } }, {}, /'outputDir' cannot be searched/],
  ['a wrong option', { ntrials: 3 } as never, {}, /did you mean 'nTrials'/],
  ['a service', { backend: 'ray' as never }, {}, /built in/],
  ['the wrong way', { direction: 'maximize' }, {}, /eval_loss.*smaller/s],
  ['a pruner without evaluations', { pruner: 'median' }, {}, /evalStrategy/],
  ['a grid over a function', { sampler: 'grid', hpSpace: () => ({}) }, {}, /an object/],
  ['a function with a wrong name', { hpSpace: () => ({ learnRate: 1 }) as never }, {}, /did you mean 'learningRate'/],
])('refused before the first trial: %s', async (_, options, args, message) => {
  gatherLog();
  made.length = 0;
  const study = join(await temporaryFolder(), 'study.jsonl');
  await expect(tinyTrainer(args).hyperparameterSearch({ ...options, study })).rejects.toThrow(message);
  expect(made).toHaveLength(0);
});
