import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandFile, runNode } from '../testing/programs.ts';
import { temporaryFolder, toyTexts, writeTinyModel } from '../testing/tiny.ts';

test('Ctrl-C saves once and exits with 130, and --resume goes on; a folder with a run is not written over', async () => {
  const folder = await temporaryFolder();
  await writeTinyModel(join(folder, 'model'));
  const rows = toyTexts(400).map(({ text, label }) => `${text},${label}`);
  await writeFile(join(folder, 'rows.csv'), `text,label\n${rows.join('\n')}\n`);
  const train = async (output: string, more: readonly string[], interruptAt?: string) => {
    const flags = ['--model', join(folder, 'model'), '--dataset', join(folder, 'rows.csv'), '--output-dir', output];
    const steps = '--num-train-epochs 8 --logging-steps 10 --threads 1 --json'.split(' ');
    let sent = false;
    return runNode([await commandFile(), 'train', ...flags, ...steps, ...more], {
      onErrors: (errors, kill) => {
        if (sent || interruptAt === undefined || !errors.includes(interruptAt)) return;
        sent = true;
        kill('SIGINT');
      },
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
