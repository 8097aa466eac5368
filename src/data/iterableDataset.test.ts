import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goodFiles } from '../../test/testing/dataFiles.ts';
import { configureLog } from '../core/log.ts';
import type { Row } from './features.ts';
import { IterableDataset } from './iterableDataset.ts';
import { loadDataset } from './loadDataset.ts';

let folder: string;
let restore: () => void;
const rows = 3000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-stream-'));
  restore = configureLog({ level: 'silent' });
  const lines = Array.from({ length: rows }, (_, i) => `${i},"text ${i}, ""é""\r\nmore ${'x'.repeat(i % 700)}"`);
  const csv = `id,text\n${lines.join('\r\n')}\n`;
  await writeFile(join(folder, 'large.csv'), csv);
  await writeFile(join(folder, 'large.csv.gz'), gzipSync(csv));
  for (let k = 0; k < 4; k++) {
    const part = Array.from({ length: 50 }, (_, i) => JSON.stringify({ id: k * 50 + i }));
    await writeFile(join(folder, `train-${k}.jsonl`), part.join('\n'));
  }
  for (const [name, bytes] of goodFiles()) await writeFile(join(folder, name), bytes);
});
afterAll(async () => {
  restore();
  await rm(folder, { recursive: true });
});

async function all(dataset: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of dataset) found.push(row);
  return found;
}

const stream = (name: string) => loadDataset(join(folder, name), { split: 'train', streaming: true });

test.each([...goodFiles().keys(), 'large.csv', 'large.csv.gz'])('%s streams the rows that it loads', async (name) => {
  const whole = await loadDataset(join(folder, name), { split: 'train' });
  const streamed = await stream(name);
  expect(streamed.features).toEqual(whole.features);
  expect(await all(streamed)).toEqual(whole.toJSON());
});

describe('resume', () => {
  const many = async () => loadDataset(join(folder, 'train-*.jsonl'), { split: 'train', streaming: true });
  const pipelines: [string, () => Promise<IterableDataset>][] = [
    ['a file', () => stream('large.csv')],
    ['a zipped file', () => stream('large.csv.gz')],
    ['Parquet', () => stream('x.parquet')],
    ['several files', many],
    [
      'map and filter',
      async () => (await many()).map(async (_row, i) => ({ i })).filter(({ id }) => Number(id) % 3 !== 0),
    ],
    ['skip and take', async () => (await many()).skip(7).take(120)],
    ['shuffle', async () => (await many()).shuffle({ seed: 3, bufferSize: 30 })],
    [
      'a batched map that changes the number of rows, shuffled after',
      async () =>
        (await many())
          .map(({ id }) => ({ id: id.filter((x) => Number(x) % 2 === 0) }), { batched: true, batchSize: 7 })
          .shuffle({ bufferSize: 11 }),
    ],
    [
      'what a function makes',
      async () => IterableDataset.fromGenerator(() => Array.from({ length: 20 }, (_, i) => ({ i }))),
    ],
    ['two streams in a row', async () => IterableDataset.concatenate([(await many()).take(30), await many()])],
  ];

  test.each(pipelines)('%s goes on where it was left, in another data set', async (_, make) => {
    const whole = await all(await make());
    expect(whole.length).toBeGreaterThan(10);
    for (const left of [0, 1, 9, 10, Math.floor(whole.length / 2), whole.length - 1, whole.length]) {
      const first = await make();
      const before: Row[] = [];
      if (left > 0) {
        for await (const row of first) {
          before.push(row);
          if (before.length === left) break;
        }
      }
      const second = await make();
      second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
      expect([...before, ...(await all(second))], `left after ${left}`).toEqual(whole);
      // And the pass after that begins at the start.
      if (left === 9) expect(await all(second)).toEqual(whole);
    }
  });
});

describe('shuffle', () => {
  test('gives every row once, in another order for each seed and epoch, files mixed', async () => {
    const dataset = await loadDataset(join(folder, 'train-*.jsonl'), { split: 'train', streaming: true });
    const order = async (shuffled: IterableDataset) => (await all(shuffled)).map(({ id }) => Number(id));
    const shuffled = dataset.shuffle({ seed: 1, bufferSize: 40 });
    const first = await order(shuffled);
    expect(await order(shuffled)).toEqual(first);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    shuffled.setEpoch(1);
    expect(await order(shuffled)).not.toEqual(first);
    expect(await order(dataset.shuffle({ seed: 2, bufferSize: 40 }))).not.toEqual(first);
  });
});

test('whether a stream ends, and whether it is mixed, is known where it can be', async () => {
  const file = await stream('large.csv');
  const made = IterableDataset.fromGenerator(() => [{ i: 1 }]);
  const map = (dataset: IterableDataset) => dataset.map((row) => row).map((batch) => batch, { batched: true });
  for (const dataset of [
    file,
    map(file),
    file
      .filter(() => true)
      .skip(1)
      .shuffle(),
    made.take(3),
    map(made.take(3)),
  ])
    expect(dataset.isFinite).toBe(true);
  for (const dataset of [made, map(made), made.skip(3), IterableDataset.concatenate([made.take(2), made])])
    expect(dataset.isFinite).toBe(false);
  expect([file, file.shuffle(), map(file.shuffle()).take(3)].map((each) => each.isShuffled)).toEqual([
    false,
    true,
    true,
  ]);
});

test('columns and batches', async () => {
  const dataset = (await stream('large.csv')).take(4);
  expect(await all(dataset.renameColumn('id', 'number').removeColumns('text'))).toEqual(
    [0, 1, 2, 3].map((number) => ({ number })),
  );
  expect((await all(dataset.selectColumns('id').batch(3))).map(({ id }) => id)).toEqual([[0, 1, 2], [3]]);
  expect((await all(dataset.castColumn('id', 'string')))[1]['id']).toBe('1');
  expect(() => dataset.removeColumns('txt')).toThrow(/did you mean 'text'/);
});

test('parts of a split, where a stream can count them', async () => {
  const part = (split: string) => loadDataset(join(folder, 'large.csv'), { split, streaming: true });
  expect((await all(await part('train[2:4]+train[:1]'))).map(({ id }) => id)).toEqual([2, 3, 0]);
  await expect(part('train[:10%]')).rejects.toMatchObject({ code: 'ERR_SPLIT' });
});

test('a later cell of another type is an error with file, line and column', async () => {
  const path = join(folder, 'late.csv');
  await writeFile(path, `n\n${'1\n'.repeat(1200)}x\n`);
  const late = await loadDataset(path, { split: 'train', streaming: true });
  // The first piece holds all rows here: its types are those of all its rows.
  expect(late.features).toEqual({ n: 'string' });
  const larger = join(folder, 'later.csv');
  await writeFile(larger, `n\n${'1\n'.repeat(600_000)}x\n`);
  const stopped = all(await loadDataset(larger, { split: 'train', streaming: true }));
  await expect(stopped).rejects.toMatchObject({ code: 'ERR_CAST', file: larger, row: 600_002, column: 'n' });
});
