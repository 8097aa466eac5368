import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writePipelineModels } from '../testing/pipelineModels.ts';
import { commandFile, repository, runNode } from '../testing/programs.ts';
import { temporaryFolder } from '../testing/tiny.ts';

test('fettle serve answers many at once, refuses other names, and lets requests finish at Ctrl-C', async () => {
  const folder = await temporaryFolder();
  await writePipelineModels(folder);
  const bin = await commandFile();
  const line = [bin, 'serve', join(folder, 'text'), '--port', '0', '--threads', '1', '--max-body', '10k', '--json'];
  const child = spawn(process.execPath, line, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const first = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(String(text)));
    void ended.then(() => reject(new Error(errors)));
  });
  const { url, port, task } = JSON.parse(first) as { url: string; port: number; task: string };
  expect(task).toBe('text-classification');
  const ask = (inputs: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ inputs }),
    });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`Ada wrote ${i} programs`)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const [[{ label, score }]] = (await answers[0].json()) as { label: string; score: number }[][];
  expect(['bad', 'middling', 'good']).toContain(label);
  expect(score).toBeGreaterThan(0.3);
  expect((await ask('a', { origin: 'https://evil.example' })).status).toBe(403);
  expect((await ask('a', { origin: url })).status).toBe(200);
  expect((await ask(Array(20).fill('a'.repeat(1000)))).status).toBe(413);

  const second = await runNode([bin, 'serve', join(folder, 'text'), '--port', String(port), '--json']);
  expect(second.code).toBe(4);
  expect(JSON.parse(second.output)).toMatchObject({ error: { code: 'ERR_PORT_IN_USE' } });

  const last = ask(Array(60).fill('Ada Lovelace wrote the first program for Babbage in London'.slice(0, 100)));
  await new Promise((resolve) => setTimeout(resolve, 100));
  child.kill('SIGINT');
  expect((await last).status).toBe(200);
  expect(await ended).toBe(0);
  expect(errors).toContain('ending: requests under way are answered');
  await expect(ask('a')).rejects.toThrow();
}, 120_000);
