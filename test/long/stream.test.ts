import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const index = new URL('../../dist/data/index.js', import.meta.url);

/** A program that goes through a file in a process of its own and says what it found. `npm run test:long` builds what it needs. */
const program = (file: string) => `
import { loadDataset } from ${JSON.stringify(index.href)};
const stream = await loadDataset(${JSON.stringify(file)}, { split: 'train', streaming: true });
let rows = 0, sum = 0, state;
for await (const { id } of stream.shuffle({ seed: 1, bufferSize: 1000 })) { rows++; sum += id; }
const second = stream.skip(rows - 3);
const last = [];
for await (const { id } of second) last.push(id);
console.log(JSON.stringify({ rows, sum, last, megabytes: process.resourceUsage().maxRSS / 1024 }));`;

test('2 GB of CSV go through less than 300 MB of memory, shuffled', { timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fettle-large-'));
  try {
    const path = join(folder, 'train.csv');
    const file = openSync(path, 'w');
    writeSync(file, 'id,text\n');
    const text = '"a text, of some length, ""quoted"" and so on, '.padEnd(1000, 'as long as a paragraph is ');
    let rows = 0;
    for (let written = 0; written < 2 * 2 ** 30; ) {
      let piece = '';
      for (let i = 0; i < 4000; i++) piece += `${rows++},${text}"\n`;
      written += writeSync(file, piece);
    }
    closeSync(file);
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', program(path)], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
    });
    const found = JSON.parse(out.trim().split('\n').at(-1) as string) as {
      rows: number;
      sum: number;
      last: number[];
      megabytes: number;
    };
    console.log(`${rows} rows, ${found.megabytes.toFixed(0)} MB`);
    expect(found.rows).toBe(rows);
    expect(found.sum).toBe((rows * (rows - 1)) / 2);
    expect(found.last).toEqual([rows - 3, rows - 2, rows - 1]);
    expect(found.megabytes).toBeLessThan(300);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
