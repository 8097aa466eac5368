import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { loadDataset } from './loadDataset.ts';

let root: string;
let said: string[];
let restore: () => void;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fettle-data-'));
  said = [];
  restore = configureLog({ sink: (_, message) => said.push(message) });
});
afterEach(async () => {
  restore();
  await rm(root, { recursive: true });
});

async function lay(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

const mrpc = 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\ta\tb\n';

describe('files', () => {
  test('a file alone is train', async () => {
    await lay({ 'x.csv': 'text,label\ngood,1\nbad,0\n' });
    const dataset = await loadDataset(join(root, 'x.csv'));
    expect(Object.keys(dataset)).toEqual(['train']);
    expect(dataset['train'].row(1)).toEqual({ text: 'bad', label: 0 });
  });

  test('a .tsv file has no quoting unless told', async () => {
    await lay({ 'x.tsv': 'a\tb\n"x\t"y"\n' });
    expect((await loadDataset(join(root, 'x.tsv'), { split: 'train' })).row(0)).toEqual({ a: '"x', b: '"y"' });
    await lay({ 'y.tsv': 'a\tb\n"x\ty"\tz\n' });
    expect((await loadDataset(join(root, 'y.tsv'), { split: 'train', quote: '"' })).row(0)).toEqual({
      a: 'x\ty',
      b: 'z',
    });
  });

  test('a kind that is not read is refused by name', async () => {
    await lay({ 'x.arrow': 'ARROW1' });
    await expect(loadDataset(join(root, 'x.arrow'))).rejects.toMatchObject({ code: 'ERR_FORMAT', exitCode: 3 });
  });
});

describe('folders', () => {
  test('splits by file names, in order, shards together', async () => {
    await lay({
      'val.csv': 't\nv\n',
      'train-1.csv': 't\nb\n',
      'train-0.csv': 't\na\n',
      'notes.csv': 't\nn\n',
      'README.md': '',
    });
    const dataset = await loadDataset(root);
    expect(Object.keys(dataset)).toEqual(['train', 'validation']);
    expect(dataset['train'].column('t').toArray()).toEqual(['a', 'b']);
    expect(said.join()).toContain('notes.csv left aside');
    expect(dataset['train'].info).toEqual({ name: root, split: 'train' });
  });

  test('one split or a part of it; nothing else is read', async () => {
    await lay({ 'train.jsonl': '{"i":0}\n{"i":1}\n{"i":2}\n', 'test.jsonl': 'broken' });
    expect((await loadDataset(root, undefined, { split: 'train[1:]' })).toJSON()).toEqual([{ i: 1 }, { i: 2 }]);
    await expect(loadDataset(root)).rejects.toMatchObject({ code: 'ERR_JSON', row: 1 });
    await expect(loadDataset(root, { split: 'trian' })).rejects.toThrow(
      /expected one of train, test; did you mean 'train'\?/,
    );
  });

  test('dataFiles name the splits', async () => {
    await lay({ 'a.csv': 't\nx\n', 'b.csv': 't\ny\n', 'c.csv': 't\nz\n' });
    const dataset = await loadDataset(root, { dataFiles: { train: ['a.csv', 'c.csv'], held: 'b.csv' } });
    expect(dataset['train'].length).toBe(2);
    expect(dataset['held'].row(0)).toEqual({ t: 'y' });
    await expect(loadDataset(root, { dataFiles: 'd.csv' })).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
  });

  test('a misspelt option is refused with a suggestion', async () => {
    const options = { delimeter: ';' } as object;
    await expect(loadDataset(root, options)).rejects.toThrow(/no such option.*did you mean 'delimiter'\?/);
  });

  test('a folder without data says what it holds', async () => {
    await lay({ 'train.arrow': '' });
    await expect(loadDataset(root)).rejects.toThrow(/got 'train\.arrow', expected a name that ends in \.csv/);
  });
});

describe('glue', () => {
  test('a folder is recognised, and said once', async () => {
    await lay({ 'm/train.tsv': mrpc, 'm/dev.tsv': mrpc });
    const dataset = await loadDataset(join(root, 'm'));
    expect(dataset['validation'].info).toEqual({ name: 'glue', config: 'mrpc', split: 'validation' });
    expect(said).toEqual([expect.stringContaining("GLUE's MRPC"), expect.stringContaining('no test.tsv')]);
  });

  test("by name, from Hugging Face's cache layout", async () => {
    const snapshot = 'datasets--nyu-mll--glue/snapshots/bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c';
    await lay({
      'datasets--nyu-mll--glue/refs/main': 'bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c',
      [`${snapshot}/MRPC/train.tsv`]: mrpc,
      [`${snapshot}/SST-2/train.tsv`]: 'sentence\tlabel\nfine\t1\n',
    });
    const train = await loadDataset('glue', 'mrpc', { cacheDir: root, split: 'train' });
    expect(train.row(0)).toEqual({ sentence1: 'a', sentence2: 'b', label: 1, idx: 0 });
    const sst2 = await loadDataset('nyu-mll/glue', 'sst2', { cacheDir: root });
    expect(sst2['train'].row(0)).toEqual({ sentence: 'fine', label: 1, idx: 0 });
    await expect(loadDataset('glue', 'rte', { cacheDir: root })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_CONFIG' });
  });

  test('a configuration is needed, and a wrong one suggests the right', async () => {
    await expect(loadDataset('glue')).rejects.toThrow(/'glue' needs a configuration, expected one of cola, sst2/);
    await expect(loadDataset('glue', 'mprc')).rejects.toThrow(/did you mean 'mrpc'\?/);
  });

  test('a folder of its own columns under a GLUE configuration is refused with the column', async () => {
    await lay({ 'train.tsv': 'text\tlabel\na\t1\n' });
    await expect(loadDataset(root, 'mrpc')).rejects.toMatchObject({ code: 'ERR_GLUE_HEADER', column: '#1 String' });
  });
});
