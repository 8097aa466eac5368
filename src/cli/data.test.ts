import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { gatherLog, temporaryFolder, writeTinyModel } from '../../test/testing/tiny.ts';
import type { DatasetInspection } from '../data/index.ts';
import { runCommand } from './program.ts';

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

/** Runs the command; what it wrote to standard output, and its exit code. */
async function inspect(...words: string[]): Promise<{ out: string; code: number }> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  process.exitCode = 0;
  await runCommand(['data', 'inspect', ...words]);
  vi.restoreAllMocks();
  return { out, code: Number(process.exitCode) };
}

async function csv(text: string): Promise<string> {
  const file = join(await temporaryFolder(), 'rows.csv');
  writeFileSync(file, text);
  return file;
}

const sound = Array.from({ length: 24 }, (_, i) => `good film ${i},${i % 2 === 0 ? 'yes' : 'no'}`).join('\n');

test('fettle data inspect: for people, as JSON, and as an exit code', async () => {
  gatherLog();
  const messy = await csv(`text,label\n${sound}\ngood film 1,yes\n,no\n"cafÃ©, no",no\n`);
  const said = await inspect(messy);
  expect(said.code).toBe(0);
  for (const part of [
    'train 27 rows',
    "labels ('label'):",
    '! a text has different labels',
    'cafÃ©',
    'row 26',
    'in words',
  ])
    expect(said.out).toContain(part);

  const { out, code } = await inspect(messy, '--json', '--strict');
  expect(code).toBe(1);
  const inspection = JSON.parse(out) as DatasetInspection;
  expect(inspection.findings.map((finding) => finding.code)).toEqual([
    'missing-values',
    'mojibake',
    'label-conflicts',
    'duplicates',
  ]);

  const fine = await inspect(await csv(`text,label\n${sound}\n`), '--strict');
  expect(fine.code).toBe(0);
  expect(fine.out).toContain('Nothing stands out.');
});

test('lengths in the tokens of a model; wrong columns and files are said with their exit code', async () => {
  gatherLog();
  const folder = await temporaryFolder();
  await writeTinyModel(folder);
  const file = await csv(`text,label\n${sound}\n`);
  const { out } = await inspect(file, '--model', folder, '--max-length', '4', '--json');
  const [{ lengths }] = (JSON.parse(out) as DatasetInspection).splits;
  // [CLS] good film [UNK] [SEP]
  expect(lengths).toMatchObject({ unit: 'tokens', max: 5, maxLength: 4, truncated: 24 });
  const wrong = await inspect(file, '--label-column', 'labl', '--json');
  expect(wrong.code).toBe(3);
  expect(JSON.parse(wrong.out)).toMatchObject({ error: { code: 'ERR_UNKNOWN_COLUMN', hint: "did you mean 'label'?" } });
  expect((await inspect(join(folder, 'nothing.csv'))).code).toBe(3);
});
