import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fettle } from '../../test/testing/commandLine.ts';
import { gatherLog, temporaryFolder, toyTexts, writeTinyModel } from '../../test/testing/tiny.ts';

async function prepared() {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'model'), join(folder, 'data')];
  await writeTinyModel(model);
  await mkdir(data);
  for (const [name, count] of [
    ['train.csv', 20],
    ['validation.csv', 6],
  ] as const) {
    const lines = toyTexts(count).map(({ text, label }) => `${text},${['bad', 'good'][label]}`);
    await writeFile(join(data, name), `text,label\n${lines.join('\n')}\n`);
  }
  const output = join(folder, 'out');
  const train = (...more: string[]) =>
    fettle('train', data, '--model', model, '--output-dir', output, '--streaming', '--threads', '1', ...more);
  return { output, train };
}

test('fettle train --streaming reads rows as they are needed, mixes them, and evaluates on a stream', async () => {
  const { output, train } = await prepared();
  const lines = gatherLog();
  const { code, output: printed, errors } = await train('--max-steps', '4', '--shuffle-buffer', '7', '--json');
  expect(code, errors).toBe(0);
  expect(lines).toContain('info: training rows are mixed in a buffer of 7');
  expect(errors).toContain('on a stream: 4 steps of 8 rows');
  expect(JSON.parse(printed)).toMatchObject({ globalStep: 4, eval_accuracy: expect.any(Number) });
  const config = JSON.parse(await readFile(join(output, 'config.json'), 'utf8'));
  expect(config.id2label).toEqual({ 0: 'bad', 1: 'good' });
});

test('without --max-steps the rows are counted, and what needs all of them in memory is refused', async () => {
  const { train } = await prepared();
  const counted = await train('--num-train-epochs', '1');
  expect(counted.errors).toContain('on 20 rows: 3 steps of 8 rows');
  expect((await train('--overwrite', '--drop-duplicates')).errors).toContain(
    '--drop-duplicates prepares rows that are all in memory',
  );
  expect((await train('--overwrite', '--train-split', 'train[:50%]')).errors).toContain('leave streaming out');
  const { code, errors } = await fettle(
    'train',
    'x.csv',
    '--model',
    'x',
    '--output-dir',
    'none',
    '--shuffle-buffer',
    '9',
  );
  expect([code, errors]).toEqual([2, expect.stringContaining('--shuffle-buffer is for --streaming')]);
});
