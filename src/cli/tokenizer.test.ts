import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, onTestFinished, test, vi } from 'vitest';
import { gatherLog, temporaryFolder, toyTexts } from '../../test/testing/tiny.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { addTokenizerCommand } from './tokenizer.ts';

/** What the command writes to standard output. */
async function run(...words: string[]): Promise<string> {
  let written = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
  onTestFinished(() => spy.mockRestore());
  const program = new Command().exitOverride();
  addTokenizerCommand(program);
  await program.parseAsync(['tokenizer', 'train', ...words], { from: 'user' });
  return written;
}

/** A file of 60 short texts, one of them missing. */
async function texts(): Promise<{ folder: string; file: string }> {
  gatherLog();
  const folder = await temporaryFolder();
  const file = join(folder, 'texts.jsonl');
  const rows = [...toyTexts(60).map(({ text }) => ({ body: text })), { body: null }];
  await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
  return { folder, file };
}

test('makes a tokenizer that knows the texts’ words, and says how to go on', async () => {
  const { folder, file } = await texts();
  const output = join(folder, 'tokenizer');
  const said = await run(file, '--output', output, '--vocab-size', '120', '--model-max-length', '64');
  expect(said).toContain('from 61 texts');
  expect(said).toContain(`BertTokenizer.fromPretrained('${output}')`);
  const tokenizer = await BertTokenizer.fromPretrained(output);
  expect(tokenizer.modelMaxLength).toBe(64);
  expect(tokenizer.vocabSize).toBeLessThanOrEqual(120);
  const words = 'the house was superb';
  expect(tokenizer.decode(tokenizer(words).encodings[0].ids, { skipSpecialTokens: true })).toBe(words);
});

test('keeps capitals where it is told, and gives one object with --json', async () => {
  const { folder } = await texts();
  const file = join(folder, 'capitals.jsonl');
  await writeFile(file, JSON.stringify({ text: 'Ab Ab Ab' }));
  const output = join(folder, 'cased');
  const said = await run('--dataset', file, '--output', output, '--cased', '--json');
  expect(JSON.parse(said)).toMatchObject({ output, texts: 1 });
  expect((await readFile(join(output, 'vocab.txt'), 'utf8')).split('\n')).toContain('Ab');
});

test('writes over no tokenizer unless told', async () => {
  const { folder, file } = await texts();
  const output = join(folder, 'tokenizer');
  await mkdir(output);
  await writeFile(join(output, 'vocab.txt'), '[UNK]');
  await expect(run(file, '--output', output)).rejects.toMatchObject({ code: 'ERR_OUTPUT_EXISTS', file: output });
  await run(file, '--output', output, '--overwrite');
  expect(await readFile(join(output, 'vocab.txt'), 'utf8')).toContain('[MASK]');
});

test('refuses what is no size, and data without texts', async () => {
  const { folder, file } = await texts();
  const output = join(folder, 'tokenizer');
  await expect(run(file, '--output', output, '--vocab-size', 'many')).rejects.toMatchObject({ code: 'ERR_FLAG_VALUE' });
  await expect(run(file, '--output', output, '--text-column', 'bdy')).rejects.toThrow("did you mean 'body'?");
  await expect(run('--output', output)).rejects.toMatchObject({ code: 'ERR_NO_DATASET' });
});
