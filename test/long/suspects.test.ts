import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { RandomStream } from '../../src/core/random.ts';
import { loadDataset } from '../../src/index.ts';
import { fettle } from '../testing/commandLine.ts';
import { temporaryFolder, toyTexts, writeTinyModel } from '../testing/tiny.ts';

configureLog({ level: 'silent' });

test('fettle data suspects finds labels that were flipped on purpose', async () => {
  const folder = await temporaryFolder();
  await writeTinyModel(folder);
  const random = new RandomStream(4, 'flips');
  const names = ['bad', 'good'];
  const rows = toyTexts(240).map(({ text, label }) => {
    const flipped = random.uniform() < 0.05;
    return { text, flipped, label: names[flipped ? 1 - label : label] };
  });
  const lines = rows.map(({ text, label }) => `${text},${label}`);
  await writeFile(join(folder, 'rows.csv'), ['text,label', ...lines, ''].join('\n'));
  const output = join(folder, 'suspect-labels.csv');
  const flags = ['--num-train-epochs', '10', '--learning-rate', '5e-3', '--threads', '1', '--output', output];
  const ended = await fettle('data', 'suspects', join(folder, 'rows.csv'), '--model', folder, ...flags);
  expect(ended.code).toBe(0);
  const suspects = [...(await loadDataset(output, { split: 'train' }))];
  expect(Object.keys(suspects[0])).toEqual([
    'row',
    'text',
    'label',
    'given_label',
    'given_probability',
    'suggested_label',
    'suggested_probability',
  ]);
  for (const { row, text, label, given_label, suggested_label } of suspects) {
    expect([text, label]).toEqual([rows[Number(row) - 1].text, given_label]);
    expect(suggested_label).not.toBe(given_label);
  }
  const wrong = rows.filter(({ flipped }) => flipped).length;
  const hits = suspects.filter(({ row }) => rows[Number(row) - 1].flipped).length;
  const [precision, recall] = [hits / suspects.length, hits / wrong];
  console.log(
    `${wrong} of 240 labels flipped, ${suspects.length} suspects: precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}`,
  );
  expect(precision).toBeGreaterThanOrEqual(0.8);
  expect(recall).toBeGreaterThanOrEqual(0.9);
});
