import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDataset } from '../../src/data/index.ts';
import { goodFiles } from '../testing/dataFiles.ts';
import { loadDamaged } from '../testing/loadDamaged.ts';

const seeds = 10_000;

test.each([...goodFiles()])(
  '%s, damaged in ten thousand ways, gives an error of ours or a data set',
  async (name, good) => {
    const before = process.memoryUsage().rss;
    await loadDamaged(name, good, 0, seeds);
    // The files are of a kilobyte: room that a damaged header asks for would show.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
  },
);

test('a field of 100 MB, and a quote that is never closed before as much', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-field-'));
  try {
    const path = join(folder, 'x.csv');
    const field = 'a long text,\n'.repeat(8_000_000);
    await writeFile(path, `id,text\n1,short\n2,"${field}"\n3,end\n`);
    const dataset = await loadDataset(path, { split: 'train' });
    expect(dataset.length).toBe(3);
    expect(String(dataset.row(1)['text']).length).toBe(field.length);
    await writeFile(path, `id,text\n1,short\n2,"${field}\n3,end\n`);
    for (const streaming of [false, true] as const) {
      const read = async () => {
        for await (const _ of await loadDataset(path, { split: 'train', streaming: streaming as true }));
      };
      await expect(read()).rejects.toMatchObject({ code: 'ERR_UNCLOSED_QUOTE', file: path, row: 3, column: '2' });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
