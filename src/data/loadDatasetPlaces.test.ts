import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { globToRegExp } from './dataFiles.ts';
import { Dataset } from './dataset.ts';
import { datasetDict } from './datasetDict.ts';
import { classLabel } from './features.ts';
import { loadDataset } from './loadDataset.ts';

let root: string;
let said: string[];
let restore: () => void;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fettle-places-'));
  said = [];
  restore = configureLog({ sink: (_, message) => said.push(message) });
});
afterEach(async () => {
  restore();
  await rm(root, { recursive: true });
});

async function lay(files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

function pairs(label: readonly number[]): Uint8Array {
  const columnData = [
    { name: 'sentence1', data: label.map((_, i) => `a${i}`) },
    { name: 'label', data: [...label], type: 'INT32' as const },
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

const commit = 'bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c';
const snapshot = `datasets--nyu-mll--glue/snapshots/${commit}`;
const card = `---
configs:
- config_name: mrpc
  data_files:
  - split: train
    path: mrpc/train-*
  - split: test
    path: mrpc/test-*
dataset_info:
- config_name: mrpc
  features:
  - name: sentence1
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': not_equivalent
          '1': equivalent
---
# GLUE
`;
const hub = { cacheDir: '', localFilesOnly: true };

describe("the Hub's layout", () => {
  test.each([
    ['told by README.md', { 'README.md': card }],
    ['told by names alone', {}],
  ])('Parquet by configuration, %s', async (_, extra) => {
    await lay({
      'datasets--nyu-mll--glue/refs/main': commit,
      ...Object.fromEntries(Object.entries(extra).map(([name, text]) => [`${snapshot}/${name}`, text])),
      [`${snapshot}/mrpc/train-00000-of-00002.parquet`]: pairs([1, 0]),
      [`${snapshot}/mrpc/train-00001-of-00002.parquet`]: pairs([1]),
      [`${snapshot}/mrpc/test-00000-of-00001.parquet`]: pairs([0]),
      [`${snapshot}/cola/train-00000-of-00001.parquet`]: pairs([0]),
    });
    const dataset = await loadDataset('glue', 'mrpc', { ...hub, cacheDir: root });
    expect(Object.keys(dataset)).toEqual(['train', 'test']);
    expect(dataset['train'].column('label').toArray()).toEqual([1, 0, 1]);
    const told = Object.keys(extra).length > 0 ? classLabel(['not_equivalent', 'equivalent']) : 'int64';
    expect(dataset['train'].features['label']).toEqual(told);
    const stream = await loadDataset('glue', 'mrpc', { ...hub, cacheDir: root, split: 'train', streaming: true });
    expect(stream.features).toEqual(dataset['train'].features);
    await expect(loadDataset('glue', 'mprc', { ...hub, cacheDir: root })).rejects.toThrow(/did you mean 'mrpc'/);
  });

  test('any split that file names of shards tell; folders named for splits', async () => {
    await lay({ 'data/unsupervised-00000-of-00001.jsonl': '{"a":1}', 'data/train-00000-of-00001.jsonl': '{"a":2}' });
    expect(Object.keys(await loadDataset(root))).toEqual(['train', 'unsupervised']);
    await lay({ 'b/test/x.csv': 'a\n1', 'b/train/x.csv': 'a\n2', 'b/readme.txt': 'about' });
    expect(Object.keys(await loadDataset(join(root, 'b'), {}))).toEqual(['train', 'test']);
  });
});

describe('files anywhere', () => {
  test("Hugging Face's names of formats, globs, gzip, fields, text", async () => {
    await lay({
      'a.csv.gz': gzipSync('t\nx\n'),
      'b.csv': '\ufefft\r\ny\r\n',
      'c.json': '{"meta": 1, "in": {"rows": [{"t": "z", "n": {"k": [1, 2]}}]}}',
      'd.txt': 'one\ntwo\n\nthree\n',
    });
    const csv = await loadDataset('csv', { dataFiles: join(root, '*.csv*'), split: 'train' });
    expect(csv.column('t').toArray()).toEqual(['x', 'y']);
    const json = await loadDataset('json', { dataFiles: { all: join(root, 'c.json') }, field: 'in.rows' });
    expect(json['all'].row(0)).toEqual({ t: 'z', n: { k: [1, 2] } });
    const text = (sampleBy: 'line' | 'paragraph' | 'document') =>
      loadDataset('text', { dataFiles: join(root, 'd.txt'), split: 'train', sampleBy });
    expect((await text('line')).column('text').toArray()).toEqual(['one', 'two', '', 'three']);
    expect((await text('paragraph')).column('text').toArray()).toEqual(['one\ntwo', 'three']);
    expect((await text('document')).length).toBe(1);
    await expect(loadDataset('csv')).rejects.toMatchObject({ code: 'ERR_NO_DATA_FILES' });
  });

  test('globs', () => {
    const fits = (glob: string, path: string) => globToRegExp(glob).test(path);
    expect(fits('data/*.csv', 'data/a.csv')).toBe(true);
    expect(fits('data/*.csv', 'data/b/a.csv')).toBe(false);
    expect(fits('**/*.{csv,tsv}', 'a.tsv')).toBe(true);
    expect(fits('**/tr[!b]in-?.csv', 'x/y/train-1.csv')).toBe(true);
    expect(fits('a.csv', 'abcsv')).toBe(false);
  });
});

describe('bad places', () => {
  test.each(['../out.csv', '/etc/passwd', 'a/../../out.csv', '..\\out.csv', '../*.csv'])(
    '%s is refused',
    async (path) => {
      await lay({ 'in/train.csv': 't\nx\n', 'out.csv': 't\ny\n' });
      await expect(loadDataset(join(root, 'in'), { dataFiles: path })).rejects.toMatchObject({
        code: 'ERR_PATH_OUTSIDE',
      });
      await lay({
        'in/README.md': `---\nconfigs:\n- config_name: default\n  data_files: "${path.replaceAll('\\', '/')}"\n---\n`,
      });
      await expect(loadDataset(join(root, 'in'))).rejects.toMatchObject({ code: 'ERR_PATH_OUTSIDE' });
    },
  );

  test('a link back to a folder around it', async () => {
    await lay({ 'in/deep/notes.md': '' });
    await symlink(join(root, 'in'), join(root, 'in', 'deep', 'again'));
    await expect(loadDataset(join(root, 'in'))).rejects.toMatchObject({ code: 'ERR_DIRECTORY_LOOP' });
  });

  test('JSON nested ten thousand deep, gzip cut off, a Parquet footer of something else', async () => {
    const deep = `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    await lay({
      'x.jsonl': `{"a":[]}\n${deep}\n`,
      'x.json': `[${deep}]`,
      'x.csv.gz': gzipSync('a\n1\n'.repeat(99)).subarray(0, -6),
    });
    for (const [name, row] of [
      ['x.jsonl', 2],
      ['x.json', 1],
    ] as const) {
      await expect(loadDataset(join(root, name))).rejects.toMatchObject({
        code: 'ERR_NESTED_TOO_DEEP',
        row,
        column: 'a',
      });
    }
    await expect(loadDataset(join(root, 'x.csv.gz'))).rejects.toMatchObject({ code: 'ERR_GZIP' });
    await lay({ 'y.parquet': new Uint8Array([...pairs([1]).subarray(0, -4), 1, 2, 3, 4]) });
    await expect(loadDataset(join(root, 'y.parquet'))).rejects.toMatchObject({
      code: 'ERR_PARQUET',
      file: join(root, 'y.parquet'),
    });
  });
});

test('a mistake in what is made of a Parquet file is not taken for damage of the file', async () => {
  await lay({ 'z.parquet': pairs([1]) });
  const features = Object.defineProperty({}, 'label', {
    enumerable: true,
    get() {
      throw new TypeError('not the file');
    },
  });
  await expect(loadDataset(join(root, 'z.parquet'), { features, split: 'train' })).rejects.toThrow(
    new TypeError('not the file'),
  );
});

describe('DatasetDict', () => {
  const splits = () =>
    datasetDict({
      train: Dataset.fromRows([
        { t: 'a', y: 'no' },
        { t: 'b', y: 'yes' },
      ]),
      test: Dataset.fromRows([{ t: 'c', y: 'maybe' }]),
    });

  test('its keys are the splits; class labels are those of all splits', () => {
    expect(Object.keys(splits())).toEqual(['train', 'test']);
    const encoded = splits().classEncodeColumn('y');
    expect(encoded.test.features['y']).toEqual(classLabel(['maybe', 'no', 'yes']));
    expect(encoded['train'].column('y').toArray()).toEqual([1, 2]);
    expect(
      splits()
        .map(({ t }) => ({ n: t.length }))
        .filter(({ t }) => t !== 'a')
        .toJSON(),
    ).toEqual({
      train: [{ t: 'b', y: 'yes', n: 1 }],
      test: [{ t: 'c', y: 'maybe', n: 1 }],
    });
    expect(splits().unique('y')).toEqual({ train: ['no', 'yes'], test: ['maybe'] });
    expect(() => datasetDict({ map: splits().train })).toThrow(/name of a method/);
  });
});

test('map on workers, row by row and batched, in order; what it throws is told', async () => {
  await lay({
    'rows.mjs': 'export default async (row, index) => ({ twice: row.n * 2, index });',
    'batch.mjs': 'export default ({ n }, first) => ({ sum: n.map((x) => x + first) });',
    'bad.mjs': 'export default () => { throw new RangeError("no such thing"); };',
  });
  const url = (name: string) => new URL(`file://${join(root, name)}`);
  const dataset = Dataset.fromRows(Array.from({ length: 25 }, (_, n) => ({ n })));
  const rows = await dataset.map(url('rows.mjs'), { numProc: 2, batchSize: 4 });
  expect(rows.toJSON()).toEqual(Array.from({ length: 25 }, (_, n) => ({ n, twice: n * 2, index: n })));
  const batched = await dataset.map(url('batch.mjs'), { batched: true, batchSize: 10, numProc: 2, removeColumns: 'n' });
  expect(batched.row(24)).toEqual({ sum: 44 });
  await expect(dataset.map(url('bad.mjs'))).rejects.toMatchObject({ code: 'ERR_MAP_WORKER' });
  expect(() => dataset.map((async () => ({ a: 1 })) as never)).toThrow(/returned a promise/);
});
