import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { concatenateDatasets, Dataset, loadDataset } from './index.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fettle-names-'));
  await writeFile(join(root, 'a.csv'), 'constructor,toString,valueOf\nx,1,true\ny,2,false\n');
  await writeFile(join(root, 'a.jsonl'), '{"constructor":"x","hasOwnProperty":{"toString":1}}\n{"constructor":"y"}\n');
  await writeFile(join(root, 'proto.csv'), 'text,__proto__\nx,1\n');
  await writeFile(join(root, 'proto.jsonl'), '{"text":"x","__proto__":{"polluted":true}}\n');
  await writeFile(join(root, 'nested.jsonl'), '{"a":{"__proto__":{"polluted":1},"b":2}}\n');
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('columns may have the names of what every object inherits', async () => {
  const whole = await loadDataset(join(root, 'a.csv'), { split: 'train' });
  expect(whole.features).toEqual({ constructor: 'string', toString: 'int64', valueOf: 'bool' });
  expect(whole.row(1)).toEqual({ constructor: 'y', toString: 2, valueOf: false });
  const stream = await loadDataset(join(root, 'a.csv'), { split: 'train', streaming: true });
  const rows: unknown[] = [];
  for await (const row of stream) rows.push(row);
  expect(rows).toEqual(whole.toJSON());
  expect(concatenateDatasets([whole, whole]).length).toBe(4);
  const lines = await loadDataset(join(root, 'a.jsonl'), { split: 'train' });
  expect(lines.toJSON()).toEqual([
    { constructor: 'x', hasOwnProperty: { toString: 1 } },
    { constructor: 'y', hasOwnProperty: null },
  ]);
  const mapped = whole.mapBatches((batch) => ({
    constructor: Array.from(batch['toString'] as unknown as number[], () => 3),
  }));
  expect(mapped.features['constructor']).toBe('int64');
  expect(Dataset.fromColumns({ toString: [1] }, { features: {} }).features).toEqual({ toString: 'int64' });
});

test("a column called '__proto__' keeps its cells; no prototype is touched", async () => {
  for (const [name, cell] of [
    ['proto.csv', 1],
    ['proto.jsonl', { polluted: true }],
  ] as const) {
    const whole = await loadDataset(join(root, name), { split: 'train' });
    const stream = await loadDataset(join(root, name), { split: 'train', streaming: true });
    const rows = [whole.row(0), whole.map(() => ({ n: 1 })).row(0)];
    for await (const row of stream) rows.push(row);
    for (const row of rows) {
      expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
      expect(Object.getOwnPropertyDescriptor(row, '__proto__')?.value).toEqual(cell);
      expect(row['text']).toBe('x');
    }
    expect(whole.toCSV()).toContain('text,__proto__');
    expect(Dataset.fromRows(whole.toJSON()).columnNames).toEqual(whole.columnNames);
  }
  const nested = await loadDataset(join(root, 'nested.jsonl'), { split: 'train' });
  expect(Object.keys(nested.row(0)['a'] as object)).toEqual(['__proto__', 'b']);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('a file that is not there is not sought on the Hub; a near name is proposed', async () => {
  await expect(loadDataset(join(root, 'b.csv'))).rejects.toMatchObject({
    code: 'ERR_FILE_NOT_FOUND',
    file: join(root, 'b.csv'),
    hint: `did you mean '${root}/a.csv'?`,
  });
  await expect(loadDataset('nope.csv')).rejects.toThrow(/there is no such file \(nope\.csv\)/);
});

test('a glob may be written with backslashes, as on Windows', async () => {
  const glob = `${root}/a.*`.replaceAll('/', '\\');
  const { train } = await loadDataset('csv', { dataFiles: glob.replace('a.*', 'a.c*') });
  expect(train.length).toBe(2);
});
