import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { type Cell, type Dataset, type LoadDatasetOptions, loadDataset } from '../../src/data/index.ts';

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

/** Rows and a hash over every cell, by Hugging Face's `datasets`: scripts/goldens/data.py. */
const byDatasets: [
  file: string,
  rows: number,
  sha256: string,
  options: Omit<LoadDatasetOptions, 'split' | 'streaming'>,
][] = [
  [
    'ag_news/test.csv',
    7600,
    'eb1282f54d8e3050106964ec7161e8374619dedd6e263f4cd93cb93425a798b6',
    { columnNames: ['label', 'title', 'description'] },
  ],
  ['parquet/sst2/validation.parquet', 872, '44410868491b8244579cc83ea1bc0772e633611c5894310a8694241c7b4af312', {}],
  ['squad/dev-v1.1.json', 10570, '77e0933d80101e5e5deb7c8323df0cf2d098359423c7c5d0a746b7eb54f7775b', {}],
  [
    'parquet/derived-mrpc/train-snappy.parquet',
    3668,
    '4712e3c781ea8735abc699a6b0d664f13799d561bf06c8cccf06883cfe4d7a29',
    {},
  ],
  [
    'parquet/derived-mrpc/validation-snappy.parquet',
    408,
    '36649d777d006cbf27dc7d4fd25b57e6d6a8d4d11d8d1267fbacaaa5f8981743',
    {},
  ],
  [
    'parquet/derived-mrpc/test-snappy.parquet',
    1725,
    'cb0ade821f2212ac3326b76a1db83c13022563b367e0349efc45c4c926a72f95',
    {},
  ],
  ['wnut17/wnut17train.conll', 3394, 'e780475624990fdb758e88cc2321ee909f61da7d5d6047e506060441c9e8d7a2', {}],
  ['wnut17/emerging.dev.conll', 1009, 'aa631808d63eaeacedbb8dd070b6e43ae9999d7f7bab125fbe6c43d40fc82518', {}],
  [
    'wnut17/emerging.test.annotated',
    1287,
    '88127774cce313e4fd339f81a587e9ea4a41fc42eee7a3e6a1863bd8c797b5f0',
    { format: 'conll' },
  ],
];

/** JSON as Python's `json.dumps(value, sort_keys=True)` writes it. */
function pythonJson(value: Cell): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}: ${pythonJson(field as Cell)}`).join(', ')}}`;
  }
  return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

describe.skipIf(!existsSync(root))("files that Python's datasets reads (skipped without ../shared)", () => {
  test.each(byDatasets)('%s, whole and as a stream', async (file, rows, sha256, options) => {
    const restore = configureLog({ level: 'silent' });
    try {
      const whole = await loadDataset(root + file, { ...options, split: 'train' });
      const stream = await loadDataset(root + file, { ...options, split: 'train', streaming: true });
      expect(whole.length).toBe(rows);
      for (const dataset of [whole, stream]) {
        const digest = createHash('sha256');
        for await (const row of dataset) {
          for (const name of whole.columnNames) digest.update(`${pythonJson(row[name])}\0`);
          digest.update('\n');
        }
        expect(digest.digest('hex')).toBe(sha256);
      }
    } finally {
      restore();
    }
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
