import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test, vi } from 'vitest';
import { temporaryFolder, writeTinyModel } from '../../test/testing/tiny.ts';
import { addExportCommand } from './export.ts';

async function run(...words: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    const program = new Command().exitOverride();
    addExportCommand(program);
    await program.parseAsync(['export', ...words], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed;
}

async function tiny(): Promise<string> {
  const folder = await temporaryFolder();
  await writeTinyModel(folder);
  return folder;
}

test('into the model’s own folder, as the model’s task, and with a card', async () => {
  const folder = await tiny();
  const result = JSON.parse(await run(folder, '--quantize', 'int8', '--json')) as { files: { path: string }[] };
  expect(result).toMatchObject({ task: 'text-classification', modelCard: join(folder, 'README.md') });
  expect(result.files.map(({ path }) => path)).toEqual(
    ['onnx/model.onnx', 'onnx/model_quantized.onnx'].map((file) => join(folder, file)),
  );
  expect(await readFile(join(folder, 'README.md'), 'utf8')).toContain('from transformers import pipeline');
});

test('into another folder, which then is whole for transformers.js', async () => {
  const output = join(await temporaryFolder(), 'web');
  const printed = await run('--model', await tiny(), '--output', output, '--quantize', 'fp16');
  for (const file of ['config.json', 'tokenizer.json', 'onnx/model.onnx', 'onnx/model_fp16.onnx', 'README.md'])
    expect(existsSync(join(output, file)), file).toBe(true);
  expect(printed).toContain("pipeline('text-classification', 'web')");
});

test('once more only where told', async () => {
  const folder = await tiny();
  await run(folder);
  await expect(run(folder)).rejects.toMatchObject({ code: 'ERR_OUTPUT_EXISTS' });
  await run(folder, '--overwrite');
});

describe('refused', () => {
  test.each([
    ['no model', [], 'ERR_NO_MODEL', 'fettle export ./results'],
    ['another format', ['somewhere', '--format', 'onx'], 'ERR_EXPORT_FORMAT', "did you mean 'onnx'"],
    ['another form', ['somewhere', '--quantize', 'int88'], 'ERR_QUANTIZE', "did you mean 'int8'"],
    ['a name without an output', ['bert-base-uncased'], 'ERR_NO_OUTPUT_DIR', 'pass --output'],
  ])('%s', async (_, words, code, message) => {
    await expect(run(...words)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});
