import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { RandomStream } from '../../src/core/random.ts';
import { Dataset, IterableDataset } from '../../src/data/index.ts';
import type { TrainingArgumentsOptions } from '../../src/training/trainingArguments.ts';
import { killableTraining } from '../testing/programs.ts';
import { expectSameWhenResumed, timeless } from '../testing/resuming.ts';
import { temporaryFolder, toyTexts, writeTinyModel } from '../testing/tiny.ts';

configureLog({ level: 'silent' });

const rows = toyTexts(22);
describe('a run on a stream goes on as if it had never stopped', () => {
  test.each<[string, () => IterableDataset, TrainingArgumentsOptions]>([
    [
      'shuffled, another order each epoch',
      () => Dataset.fromRows(rows).toIterableDataset().shuffle({ seed: 3, bufferSize: 9 }),
      {},
    ],
    [
      'of unknown length',
      () => IterableDataset.fromGenerator(() => rows),
      { maxSteps: 8, gradientAccumulationSteps: 2, evalStrategy: 'epoch' },
    ],
  ])('%s', async (_, trainDataset, args) => {
    const { state } = await expectSameWhenResumed(args, { trainDataset });
    expect(state.epoch).toBeGreaterThanOrEqual(2);
  });

  test('over several parts, with parts of a batch on both sides', async () => {
    const many = toyTexts(2300, { seed: 4 });
    const trainDataset = () => IterableDataset.fromGenerator(() => many).shuffle({ bufferSize: 100 });
    await expectSameWhenResumed({ maxSteps: 8, perDeviceTrainBatchSize: 450, learningRate: 1e-3 }, { trainDataset });
  });
});

test('killed ten times in mid-stream, the command ends with the bits of a run that was not', async () => {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'model'), join(folder, 'data')];
  await writeTinyModel(model, { hiddenSize: 64, intermediateSize: 256 });
  await mkdir(data);
  // Several files, which come in another order each epoch, and more rows than are read at once.
  for (const [name, count, seed] of [
    ['train-0.csv', 1100, 1],
    ['train-1.csv', 700, 2],
    ['train-2.csv', 300, 3],
    ['validation.csv', 24, 4],
  ] as const) {
    const lines = toyTexts(count, { seed }).map(({ text, label }) => `${text},${['bad', 'good'][label]}`);
    await writeFile(join(data, name), `text,label\n${lines.join('\n')}\n`);
  }
  const flags = (output: string) => [
    ...['--model', model, '--dataset', data, '--output-dir', output, '--threads', '1', '--streaming'],
    ...'--shuffle-buffer 200 --max-steps 70 --per-device-train-batch-size 30 --gradient-accumulation-steps 2'.split(
      ' ',
    ),
    ...'--learning-rate 1e-3 --logging-steps 7 --save-steps 3 --save-total-limit 2'.split(' '),
    ...'--eval-strategy steps --eval-steps 10'.split(' '),
  ];
  const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')];
  const started = performance.now();
  expect(await killableTraining(flags(whole))).toMatchObject({ code: 0 });
  const seconds = (performance.now() - started) / 1000;

  const random = new RandomStream(12, 'kills');
  let kills = 0;
  while (kills < 10) {
    const { code, errors } = await killableTraining(
      [...flags(killed), '--resume'],
      20 + random.uniform() * 150 * seconds,
    );
    if (code === 0) break;
    expect(code, errors).toBeNull();
    kills++;
  }
  console.log(`killed ${kills} times`);
  expect(kills).toBe(10);
  const last = await killableTraining([...flags(killed), '--resume']);
  expect(last.code, last.errors).toBe(0);
  expect(await readFile(join(killed, 'model.safetensors'))).toEqual(await readFile(join(whole, 'model.safetensors')));
  const state = async (output: string) => timeless(await readFile(join(output, 'trainer_state.json'), 'utf8'));
  expect(await state(killed)).toEqual(await state(whole));
  expect((await readdir(killed)).sort()).toEqual((await readdir(whole)).sort());
}, 900_000);
