import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { loadDataset, type Row } from '../../src/data/index.ts';
import { shared, skipNote } from './shared.ts';

const folder = `${shared}data/parquet/`;
const various = existsSync(folder) ? readdirSync(`${folder}various`).filter((name) => name.endsWith('.parquet')) : [];

/** A cell in the form of hyparquet's expectations: they have maps as objects, JSON texts as values, dates as times. */
function same(cell: unknown, wanted: unknown, place: string): void {
  if (typeof cell === 'string' && typeof wanted !== 'string') {
    // Digits of a whole number that a JavaScript number cannot hold, or JSON.
    const read: unknown = JSON.parse(cell);
    if (typeof read === 'number' || read === null) expect(read, place).toEqual(wanted);
    else same(read, wanted, place);
    return;
  }
  if (typeof cell === 'string' && typeof wanted === 'string') {
    if (/^\d{4}-\d\d-\d\d$/.test(cell) && wanted.startsWith(`${cell}T00:00:00`)) return;
    // Times beyond milliseconds keep their digits here.
    if (/^\d{4}-.*\.\d{6,9}Z$/.test(cell)) {
      expect(`${cell.slice(0, 23)}Z`, place).toBe(wanted);
      return;
    }
    expect(cell.startsWith('"') && !wanted.startsWith('"') ? JSON.parse(cell) : cell, place).toBe(wanted);
    return;
  }
  if (Array.isArray(cell) && Array.isArray(wanted)) {
    expect(cell.length, place).toBe(wanted.length);
    for (const [i, item] of cell.entries()) same(item, wanted[i], `${place}[${i}]`);
    return;
  }
  if (typeof wanted === 'object' && wanted !== null) {
    const fields = new Map<string, unknown>(
      Array.isArray(cell)
        ? (cell as { key: string; value: unknown }[]).map(({ key, value }) => [key, value])
        : Object.entries(cell as object),
    );
    for (const [name, field] of Object.entries(wanted)) same(fields.get(name) ?? null, field, `${place}.${name}`);
    for (const [name, field] of fields) if (!(name in wanted)) expect(field ?? null, `${place}.${name}`).toBeNull();
    return;
  }
  // JSON has no NaN or infinities.
  if (typeof cell === 'number' && !Number.isFinite(cell)) expect(wanted, place).toBeNull();
  else expect(cell === 0 ? 0 : cell, place).toEqual(wanted);
}

describe.skipIf(!existsSync(folder))(`Parquet files${skipNote}`, () => {
  test.each(various)('%s holds the rows that hyparquet expects', async (name) => {
    const wanted = JSON.parse(
      readFileSync(`${folder}various/${name.replace(/parquet$/, 'json')}`, 'utf8'),
    ) as unknown[][];
    const restore = configureLog({ level: 'silent' });
    const rows = await loadDataset(`${folder}various/${name}`, { split: 'train' }).finally(restore);
    expect(rows.length).toBe(wanted.length);
    const features = rows.features;
    for (const [i, row] of [...rows].entries()) {
      for (const [k, column] of rows.columnNames.entries()) same(row[column], wanted[i][k], `${name} ${i} ${column}`);
    }
    // A stream gives the same rows of the same types.
    const streamed: Row[] = [];
    const silent = configureLog({ level: 'silent' });
    try {
      const stream = await loadDataset(`${folder}various/${name}`, { split: 'train', streaming: true });
      for await (const row of stream) streamed.push(row);
      expect(stream.features).toEqual(features);
      expect(streamed).toEqual(rows.toJSON());
    } catch (error) {
      // Only where the footer has no statistics that tell of large whole numbers.
      expect(error).toMatchObject({ code: 'ERR_MIXED_TYPES' });
      expect(name).toMatch(/^(nested_structs|delta_binary_packed|signs)/);
    } finally {
      silent();
    }
  });

  test('MRPC under every codec and encoding is one data set', async () => {
    const files = readdirSync(`${folder}derived-mrpc`).filter((name) => name.startsWith('validation'));
    expect(files.length).toBeGreaterThan(5);
    const first = (await loadDataset(`${folder}derived-mrpc/${files[0]}`, { split: 'train' })).toJSON();
    expect(first.length).toBe(408);
    for (const file of files) {
      expect((await loadDataset(`${folder}derived-mrpc/${file}`, { split: 'train' })).toJSON(), file).toEqual(first);
    }
  });

  test("class labels come from what Hugging Face's datasets writes into the footer", async () => {
    const sst2 = await loadDataset(`${folder}sst2`, { split: 'validation' });
    expect(sst2.length).toBe(872);
    expect(sst2.features['label']).toEqual({ type: 'classLabel', names: ['negative', 'positive'] });
  });
});
