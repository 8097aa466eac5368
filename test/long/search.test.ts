import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandFile, runNode, runProgram } from '../testing/programs.ts';
import { temporaryFolder, toyTexts, writeTinyModel } from '../testing/tiny.ts';

/** A folder with a tiny model and rows to train and judge it on. */
async function workshop(): Promise<string> {
  const folder = await temporaryFolder();
  await writeTinyModel(join(folder, 'model'));
  for (const [name, count, seed] of [
    ['train', 96, 1],
    ['validation', 32, 2],
  ] as const) {
    const rows = toyTexts(count, { seed }).map(({ text, label }) => `${text},${label}`);
    await writeFile(join(folder, `${name}.csv`), `text,label\n${rows.join('\n')}\n`);
  }
  return folder;
}

interface Record_ {
  readonly type: string;
  readonly number: number;
  readonly attempt: number;
  readonly process?: number;
  readonly state?: string;
  readonly value?: number;
  readonly params?: object;
}

async function records(study: string): Promise<Record_[]> {
  return (await readFile(study, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record_);
}

/** `fettle search` over a study. */
async function search(folder: string, study: string, more: readonly string[], options?: Parameters<typeof runNode>[1]) {
  const flags = ['--model', join(folder, 'model'), '--dataset', folder, '--study', study, '--threads', '1', '--json'];
  const space = [
    '--space',
    'learning_rate=loguniform(1e-4,1e-1)',
    '--space',
    'per_device_train_batch_size=choice(4,8)',
  ];
  return runNode([await commandFile(), 'search', ...flags, ...space, ...more], options);
}

test('three processes share one study: every trial is run once, and all see the same best', async () => {
  const folder = await workshop();
  const study = join(folder, 'study.jsonl');
  const more = [
    '--n-trials',
    '12',
    '--num-train-epochs',
    '4',
    '--eval-strategy',
    'epoch',
    '--pruner',
    'asha(reduction_factor=2)',
  ];
  const ended = await Promise.all([0, 1, 2].map(() => search(folder, study, more)));
  for (const { code, errors } of ended) expect(code, errors).toBe(0);
  const all = await records(study);
  expect(all.filter(({ type }) => type === 'study')).toHaveLength(1);
  const begun = all.filter(({ type }) => type === 'begin');
  expect(begun.map(({ number }) => number).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  expect(begun.every(({ attempt }) => attempt === 1)).toBe(true);
  expect(new Set(begun.map((record) => record.process)).size).toBeGreaterThan(1);
  const ends = all.filter(({ type }) => type === 'end');
  expect(ends).toHaveLength(12);
  expect(ends.every(({ state }) => state === 'complete' || state === 'pruned')).toBe(true);
  // Who asks afterwards, with nothing left to do, is told the same.
  const asked = JSON.parse((await search(folder, study, more)).output) as {
    best: { value: number };
    trials: unknown[];
  };
  expect(asked.trials).toHaveLength(12);
  expect(asked.best.value).toBe(
    Math.min(...ends.filter(({ state }) => state === 'complete').map(({ value }) => value!)),
  );
  expect(await records(study)).toEqual(all);
});

test('a search that is killed in the midst of a trial goes on, and ends as one that never was', async () => {
  const folder = await workshop();
  const [whole, parts] = [join(folder, 'whole.jsonl'), join(folder, 'parts.jsonl')];
  const more = ['--n-trials', '13', '--num-train-epochs', '6'];
  const first = await search(folder, whole, more);
  expect(first.code, first.errors).toBe(0);
  for (const trial of [3, 11]) {
    const killed = await search(folder, parts, more, {
      onErrors: (text, kill) => {
        if (text.includes(`trial ${trial}: `)) kill('SIGKILL');
      },
    });
    expect(killed.signal).toBe('SIGKILL');
  }
  const last = await search(folder, parts, more);
  expect(last.code, last.errors).toBe(0);
  expect(last.errors).toContain('the process of trial 11 is gone');
  const summary = ({ output }: { output: string }) => {
    const { best, trials } = JSON.parse(output) as { best: object; trials: Record_[] };
    return { best, trials: trials.map(({ number, params, value, state }) => ({ number, params, value, state })) };
  };
  expect(summary(last)).toEqual(summary(first));
  expect(
    (await records(parts)).filter(({ type, attempt }) => type === 'begin' && attempt === 2).map(({ number }) => number),
  ).toEqual([3, 11]);
});

/**
 * Megabytes after each of some trials: `external` is what holds weights, gradients and moments; `rss` is all that the system
 * sees, which goes up and down by some tens of megabytes with the allocators.
 */
async function memoryOf(folder: string, trials: number, disposing: boolean) {
  const { code, output, errors } = await runProgram(
    `
    const { loadDataset } = await import('./src/data/index.ts');
    const { BertForSequenceClassification } = await import('./src/models/bert/bertForSequenceClassification.ts');
    const { Trainer } = await import('./src/training/trainer.ts');
    const { logUniform } = await import('./src/training/search/space.ts');
    const { configureLog } = await import('./src/core/log.ts');
    configureLog({ level: 'warn' });
    const { train, validation } = await loadDataset(${JSON.stringify(folder)});
    const kept = [];
    const trainer = new Trainer({
      modelInit: async () => {
        const model = await BertForSequenceClassification.fromPretrained(${JSON.stringify(join(folder, 'model'))}, { threads: 1 });
        if (!${disposing}) {
          model.dispose = async () => undefined;
          kept.push(model);
        }
        return model;
      },
      trainDataset: train,
      evalDataset: validation,
      args: { maxSteps: 4, evalStrategy: 'steps', evalSteps: 2 },
    });
    const memory = [];
    await trainer.hyperparameterSearch({
      hpSpace: { learningRate: logUniform(1e-5, 1e-2) },
      nTrials: ${trials},
      onTrial: () => {
        gc();
        const { rss, heapUsed, external } = process.memoryUsage();
        memory.push({ rss: rss / 1e6, heap: heapUsed / 1e6, external: external / 1e6 });
      },
    });
    console.log(JSON.stringify(memory));
    `,
    { flags: ['--expose-gc'] },
  );
  expect(code, errors).toBe(0);
  return JSON.parse(output) as { readonly rss: number; readonly heap: number; readonly external: number }[];
}

test('memory stays flat over 30 trials, and would not without disposing of their models', async () => {
  const folder = await workshop();
  const flat = await memoryOf(folder, 30, true);
  const growing = await memoryOf(folder, 10, false);
  const growth = (values: typeof flat, what: 'rss' | 'heap' | 'external', from: number, to: number) =>
    values[to][what] - values[from][what];
  // The control: what one trial holds that is not disposed of.
  const held = growth(growing, 'external', 4, 9) / 5;
  const describe = (what: 'rss' | 'heap' | 'external') => flat.map((each) => each[what].toFixed(1)).join(' ');
  console.log(
    `MB after each trial\n  external ${describe('external')}\n  heap ${describe('heap')}\n  rss ${describe('rss')}\n  held by a trial that is not disposed of: ${held.toFixed(1)}`,
  );
  expect(held).toBeGreaterThan(2);
  // From the tenth trial on: not one trial's weights in twenty, and hardly any objects.
  expect(growth(flat, 'external', 9, 29)).toBeLessThan(held / 2);
  expect(growth(flat, 'heap', 9, 29)).toBeLessThan(3);
  // What no counter of JavaScript's sees: less than a third of what twenty trials would hold.
  expect(growth(flat, 'rss', 9, 29)).toBeLessThan((20 * held) / 3);
});
