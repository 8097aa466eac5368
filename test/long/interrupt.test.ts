import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from '../testing/programs.ts';
import { temporaryFolder, toyTexts, writeTinyModel } from '../testing/tiny.ts';

test('Ctrl-C saves once and exits with 130, and --resume goes on; a folder with a run is not written over', async () => {
  const folder = await temporaryFolder();
  await writeTinyModel(join(folder, 'model'));
  const rows = toyTexts(400).map(({ text, label }) => `${text},${label}`);
  await writeFile(join(folder, 'rows.csv'), `text,label\n${rows.join('\n')}\n`);
  const train = (output: string, more: readonly string[], interruptAt?: string) => {
    const flags = ['--model', join(folder, 'model'), '--dataset', join(folder, 'rows.csv'), '--output-dir', output];
    const steps = '--num-train-epochs 8 --logging-steps 10 --threads 1 --json'.split(' ');
    const line = ['--import', 'tsx', 'src/cli/bin.ts', 'train', ...flags, ...steps, ...more];
    const child = spawn(process.execPath, line, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output_, errors, sent] = ['', '', false];
    return new Promise<{ code: number | null; output: string; errors: string }>((resolve) => {
      child.stdout.on('data', (text) => {
        output_ += text;
      });
      child.stderr.on('data', (text) => {
        errors += text;
        if (sent || interruptAt === undefined || !errors.includes(interruptAt)) return;
        sent = true;
        child.kill('SIGINT');
      });
      child.on('close', (code) => resolve({ code, output: output_, errors }));
    });
  };
  const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
  expect((await train(whole, [])).code).toBe(0);
  const stopped = await train(parts, [], 'step 30,');
  expect(stopped.code, stopped.errors).toBe(130);
  const { globalStep, checkpoint, interrupted } = JSON.parse(stopped.output) as Record<string, unknown>;
  expect(interrupted).toBe(true);
  expect(globalStep).toBeGreaterThanOrEqual(30);
  expect(await readdir(parts)).toEqual([`checkpoint-${globalStep}`]);
  expect(checkpoint).toBe(join(parts, `checkpoint-${globalStep}`));

  const refused = await train(parts, []);
  expect(refused.code).toBe(2);
  expect(JSON.parse(refused.output)).toMatchObject({
    error: { code: 'ERR_OUTPUT_EXISTS', hint: expect.stringContaining('--resume') },
  });
  const resumed = await train(parts, ['--resume']);
  expect(resumed.code, resumed.errors).toBe(0);
  expect(resumed.errors).toContain(`going on after step ${globalStep}`);
  expect(await readFile(join(parts, 'model.safetensors'))).toEqual(await readFile(join(whole, 'model.safetensors')));
}, 300_000);
