/**
 * Loading speed beside Python's `datasets`, cold (a process of its own each time, imports included), and what a
 * million short rows of CSV take: at most 10 s and 600 MB, or the run fails. Python comes from `npm run bench:setup`.
 * Run: tsx benchmarks/data.ts [rows, default 500000; 0 for the million rows alone].
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parquetWriteBuffer } from 'hyparquet-writer';

const rows = Number(process.argv[2] ?? 500_000);
const python = fileURLToPath(new URL('.python/bin/python', import.meta.url));
const words = 'the room was clean and the staff kind but soup came cold from a loud street'.split(' ');

interface Taken {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
  readonly rows: number;
}

/** Loads a file in a fresh process and says what that took, the process's start included. */
function measure(command: string, args: readonly string[]): Taken {
  const started = performance.now();
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const seconds = (performance.now() - started) / 1000;
  const last = stdout.trim().split('\n').at(-1) as string;
  return { seconds, ...(JSON.parse(last) as Omit<Taken, 'seconds'>) };
}

const ours = (file: string) => {
  const index = new URL('../dist/data/index.js', import.meta.url).href;
  const program = `import { loadDataset } from ${JSON.stringify(index)};
    const dataset = await loadDataset(${JSON.stringify(file)}, { split: 'train' });
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    console.log(JSON.stringify({ rows: dataset.length, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS / 1024 }));`;
  return measure(process.execPath, ['--input-type=module', '-e', program]);
};

const theirs = (file: string, kind: string, cache: string) => {
  const program = `import json, resource
from datasets import load_dataset
dataset = load_dataset(${JSON.stringify(kind)}, data_files=${JSON.stringify(file)}, split='train', cache_dir=${JSON.stringify(cache)})
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({'rows': len(dataset), 'cpuSeconds': usage.ru_utime + usage.ru_stime, 'megabytes': usage.ru_maxrss / 1024}))`;
  return measure(python, ['-c', program]);
};

const show = (name: string, { seconds, cpuSeconds, megabytes, rows: count }: Taken) =>
  console.log(
    `${name.padEnd(24)} ${count} rows  ${seconds.toFixed(2)} s  ${cpuSeconds.toFixed(2)} s of processor  ${megabytes.toFixed(0)} MB`,
  );

const text = (i: number) => `${i} ${words.slice(i % 7, 7 + (i % 9)).join(' ')}, "${words[i % 15]}"`;
const csvLine = (i: number) => `"${text(i).replaceAll('"', '""')}",${i % 4},${i / 8}`;

/** As many rows in one file and format after the other, ours beside Python's. */
function besidePython(folder: string): void {
  const texts = Array.from({ length: rows }, (_, i) => text(i));
  const csv = join(folder, 'rows.csv');
  const parquet = join(folder, 'rows.parquet');
  writeFileSync(csv, `text,label,score\n${texts.map((_, i) => csvLine(i)).join('\n')}\n`);
  writeFileSync(
    parquet,
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'text', data: texts, type: 'STRING' },
          { name: 'label', data: texts.map((_, i) => i % 4), type: 'INT32' },
          { name: 'score', data: texts.map((_, i) => i / 8), type: 'DOUBLE' },
        ],
      }),
    ),
  );
  texts.length = 0;
  for (const [kind, file] of [
    ['csv', csv],
    ['parquet', parquet],
  ]) {
    const mine = ours(file);
    show(`fettle, ${kind}`, mine);
    if (!existsSync(python)) continue;
    const other = theirs(file, kind, join(folder, 'cache'));
    show(`Python datasets, ${kind}`, other);
    console.log(
      `ratio                    ${(mine.seconds / other.seconds).toFixed(2)} of the time, ${(mine.cpuSeconds / other.cpuSeconds).toFixed(2)} of the processor's`,
    );
  }
}

/** The limit that the library gives itself for a million short rows. */
function aMillionRows(folder: string): void {
  const file = join(folder, 'million.csv');
  writeFileSync(file, 'text,label,score\n');
  for (let first = 0; first < 1_000_000; first += 100_000) {
    const lines = Array.from({ length: 100_000 }, (_, k) => csvLine(first + k));
    appendFileSync(file, `${lines.join('\n')}\n`);
  }
  const taken = ours(file);
  show('fettle, csv', taken);
  if (taken.rows !== 1_000_000 || taken.seconds > 10 || taken.megabytes > 600) {
    throw new Error('a million short rows must load in 10 s and 600 MB');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'fettle-bench-data-'));
try {
  if (rows > 0) besidePython(folder);
  aMillionRows(folder);
} finally {
  rmSync(folder, { recursive: true });
}
