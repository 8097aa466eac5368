import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { type Dataset, loadDataset } from '../../src/data/index.ts';

const root = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** Rows, label counts and hash of every text and label, by Python's csv module: scripts/goldens/data.py. */
const expected: [name: string, rows: number, labels: Record<string, number> | undefined, sha256: string][] = [
  ['MRPC train', 3668, { '0': 1194, '1': 2474 }, '00dc7220a546a91eefa0a95007b74634cc1a60a39ba5c6c76b4efd6f1b477ca3'],
  ['MRPC validation', 408, { '0': 129, '1': 279 }, '2186f142ca2380241cb669a31e0d434296c62855e118d0db58bbdb7befbda548'],
  ['MRPC test', 1725, { '-1': 1725 }, '66038ad7d9cec8d6ca077696e0219531dfe1e68163fded66746601c54b05de8b'],
  [
    'SST-2 train',
    67349,
    { '0': 29780, '1': 37569 },
    '037e6497e221ce3e06d0ee66a9f9328926c1734aa6e392c1351f44e9e3a52e8a',
  ],
  ['SST-2 validation', 872, { '0': 428, '1': 444 }, '5616618ec7704f5820dc0482a9d056ad7e5d4edb26fccef0c5466f3329d2a537'],
  ['CoLA train', 8551, { '0': 2528, '1': 6023 }, '611094c813312bd58aa106963abb4bb6d8371584f5c40d7cc80e43b5454e78a7'],
  ['CoLA validation', 1043, { '0': 322, '1': 721 }, '6b340454a08e0fd88a3fbfed9f97415406f95d7cbe343d7a036d335307e95686'],
  ['CoLA test', 1063, { '-1': 1063 }, '394bf4aad7ef4bf10191705c5f64ad72c52fa6df10dce22d403301a3623fff58'],
  ['STS-B train', 5749, undefined, 'b07a81322362cbd3b3f086bd31d6492d14101ff467f399cde6456ac5044cf045'],
  ['STS-B validation', 1500, undefined, 'a8a17c59b1b9753676e09153169bcf5e2c295c28cc7ad93fe4ae4a80597faf0b'],
  ['STS-B test', 1379, { '-1': 1379 }, '877c3f37ac2689ecc576068f705f06be66f13254ff382f8fee163212be7433f8'],
  [
    'AG News',
    7600,
    { '1': 1900, '2': 1900, '3': 1900, '4': 1900 },
    '4a0b2d948362fcba4615eb91896b3939c24b4ea70789edce50d6d216acbc32e5',
  ],
];

function hash(dataset: Dataset, texts: readonly string[]): string {
  const digest = createHash('sha256');
  for (const row of dataset) {
    for (const text of texts) digest.update(`${row[text]}\0`);
    digest.update(`${Number(row['label']).toFixed(3)}\n`);
  }
  return digest.digest('hex');
}

function labelCounts(dataset: Dataset): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const label of dataset.column('label')) counts[`${label}`] = (counts[`${label}`] ?? 0) + 1;
  return counts;
}

describe.skipIf(!existsSync(root))('real corpora (skipped without ../shared)', () => {
  test.each(expected)('%s is what Python reads', async (name, rows, labels, sha256) => {
    const restore = configureLog({ level: 'silent' });
    const [folder, split] = name.split(' ');
    const dataset =
      folder === 'AG'
        ? await loadDataset(`${root}ag_news/test.csv`, {
            columnNames: ['label', 'title', 'description'],
            split: 'train',
          })
        : await loadDataset(`${root}glue/${folder}`, { split });
    restore();
    const texts = dataset.columnNames.filter((column) => dataset.features[column] === 'string');
    expect(dataset.length).toBe(rows);
    if (labels !== undefined) expect(labelCounts(dataset)).toEqual(labels);
    expect(hash(dataset, texts)).toBe(sha256);
    expect(dataset.info.config ?? 'csv').toBe(
      { MRPC: 'mrpc', 'SST-2': 'sst2', CoLA: 'cola', 'STS-B': 'stsb', AG: 'csv' }[folder],
    );
  });
});

test('a million short rows load in seconds, in buffers', { timeout: 120_000 }, async () => {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const folder = await mkdtemp(`${tmpdir()}/fettle-rows-`);
  try {
    const lines = Array.from({ length: 1_000_000 }, (_, i) => `"row ${i}, a short text",${i % 4}`);
    await writeFile(`${folder}/rows.csv`, `text,label\n${lines.join('\n')}\n`);
    lines.length = 0;
    const started = performance.now();
    const dataset = await loadDataset(`${folder}/rows.csv`, { split: 'train' });
    const seconds = (performance.now() - started) / 1000;
    console.log(`1,000,000 rows: ${seconds.toFixed(1)} s`);
    expect(dataset.length).toBe(1_000_000);
    expect(dataset.row(999_999)).toEqual({ text: 'row 999999, a short text', label: 3 });
    expect(seconds).toBeLessThan(10);
  } finally {
    await rm(folder, { recursive: true });
  }
});
