import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from '../../test/testing/tiny.ts';
import { loadDataset } from '../data/index.ts';
import { runCommand } from './program.ts';

/** Runs the command in this process. */
async function run(...line: string[]): Promise<{ output: string; errors: string; code: unknown }> {
  const texts = { output: '', errors: '' };
  const keep = (name: 'output' | 'errors') => (text: string | Uint8Array) => {
    texts[name] += text;
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep('output')),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep('errors')),
  ];
  const before = process.exitCode;
  onTestFinished(() => {
    process.exitCode = before;
  });
  process.exitCode = undefined;
  await runCommand(line);
  for (const spy of spies) spy.mockRestore();
  return { ...texts, code: process.exitCode };
}

test('fettle alone says where to begin', async () => {
  const { output, code } = await run();
  expect(code).toBeUndefined();
  expect(output).toContain('npx fettle init');
  expect(output.split('\n').length).toBeLessThan(12);
});

test.each([
  ['trian', '(Did you mean train?)'],
  ['constructor', "unknown command 'constructor'"],
])('fettle %s is no command, and what was meant is said', async (word, said) => {
  const { errors, code } = await run(word);
  expect(code).toBe(2);
  expect(errors).toContain(said);
});

test('fettle train without data shows a file that it takes', async () => {
  const { errors, code } = await run('train');
  expect(code).toBe(2);
  expect(errors).toMatch(/^error: \[fettle train\] there is no data to learn from/);
  expect(errors).toContain('npx fettle train reviews.csv --model sentence-transformers/all-MiniLM-L6-v2');
  expect(errors).toContain('npx fettle init');
  const [, file] = /\n\n((?: {4}.*\n)+)/.exec(errors) ?? [];
  const path = join(await temporaryFolder(), 'shown.csv');
  await writeFile(path, file.replace(/^ {4}/gm, ''));
  const { train } = await loadDataset(path);
  expect(train.length).toBe(2);
  expect(train.features).toEqual({ text: 'string', label: 'string' });
});

test('fettle train without a model names some', async () => {
  const { errors, code } = await run('train', 'my rows.csv');
  expect(code).toBe(2);
  expect(errors).toContain('[fettle train] there is no model to begin with');
  for (const name of ['sentence-transformers/all-MiniLM-L6-v2', 'bert-base-uncased']) expect(errors).toContain(name);
  expect(errors).toContain("npx fettle train 'my rows.csv' --model");
  const { output } = await run('train', '--dataset', 'rows.csv', '--json');
  expect(JSON.parse(output).error.code).toBe('ERR_NO_MODEL');
});

test('fettle serve and init say what is missing or wrong before anything is loaded', async () => {
  expect((await run('serve')).errors).toContain('[fettle serve] there is no model; name its directory');
  expect((await run('serve', 'nowhere', '--port', '70000')).errors).toContain('--port has a wrong value');
  expect((await run('serve', 'nowhere', '--max-body', 'much')).errors).toContain('--max-body has a wrong value');
  const missing = await run('serve', join(await temporaryFolder(), 'nowhere'));
  expect(missing.code).toBe(3);
  expect((await run('init')).errors).toMatch(/no terminal.*--yes/s);
});
