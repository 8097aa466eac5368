import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { HubServer } from '../../test/servers/hub.ts';
import { configureLog } from '../core/log.ts';
import { barLine } from './downloadBar.ts';
import { runCommand } from './program.ts';

let server: HubServer;
let home: string;
let restoreLog: () => void;

beforeAll(async () => {
  server = await HubServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fettle-cli-'));
  for (const name of ['HF_HUB_OFFLINE', 'HF_TOKEN', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE']) vi.stubEnv(name, '');
  vi.stubEnv('HF_ENDPOINT', server.endpoint);
  vi.stubEnv('HF_HOME', home);
  restoreLog = configureLog({ level: 'silent' });
});
afterEach(async () => {
  restoreLog();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  process.exitCode = 0;
  await rm(home, { recursive: true });
});

/** Runs the command; what it wrote to standard output and to standard error. */
async function command(...words: string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  process.exitCode = 0;
  await runCommand(words);
  vi.restoreAllMocks();
  return { out, err, code: Number(process.exitCode) };
}

test('download, list, delete', async () => {
  const commit = server.add('model', 'org/tiny', {
    'config.json': '{}',
    'model.safetensors': 'w'.repeat(2000),
    'notes.txt': 'n',
  });
  server.add('dataset', 'org/rows', { 'a/train.csv': 'x\n', 'b/train.csv': 'y\n' });
  const directory = join(home, 'hub', 'models--org--tiny', 'snapshots', commit);
  expect(await command('download', 'org/tiny')).toEqual({ out: `${directory}\n`, err: '', code: 0 });
  expect(existsSync(join(directory, 'notes.txt'))).toBe(false);
  await command('download', 'org/tiny', '--all');
  expect(existsSync(join(directory, 'notes.txt'))).toBe(true);
  const rows = JSON.parse((await command('download', 'org/rows', '--dataset', '--include', 'a/*', '--json')).out);
  expect([existsSync(join(rows.directory, 'a')), existsSync(join(rows.directory, 'b'))]).toEqual([true, false]);

  const { out } = await command('cache');
  expect(out).toMatch(/2 kB {2}model {4}org\/tiny {2}\d{4}-/);
  expect(out).toContain(`${commit.slice(0, 10)}  2 kB, 3 files: main`);
  expect(JSON.parse((await command('cache', 'list', '--json')).out)).toMatchObject({
    size: 2005,
    repositories: [{ name: 'org/tiny' }, { name: 'org/rows' }],
  });

  const unasked = await command('cache', 'delete', 'org/tiny');
  expect(unasked).toMatchObject({ code: 2, out: '' });
  expect(unasked.err).toMatch(/would delete the model org\/tiny \(2 kB\).*pass --yes/);
  expect(existsSync(directory)).toBe(true);
  expect((await command('cache', 'delete', 'org/tiny', '--yes')).out).toMatch(
    /^deleted the model org\/tiny: 2 kB are free/,
  );
  expect(existsSync(directory)).toBe(false);
  expect((await command('cache', 'delete', 'org/none', '--yes')).code).toBe(2);
});

test('what is not there, as a person and as a program reads it', async () => {
  const { err, code } = await command('download', 'org/none');
  expect(err).toMatch(
    /^error: \[fettle download\] there is no directory 'org\/none' here, and the Hub .* has no model/,
  );
  expect(code).toBe(3);
  const { out } = await command('download', '../x', '--json');
  expect(JSON.parse(out)).toMatchObject({ error: { code: 'ERR_REPOSITORY_NAME' } });
});

test('the bar fits its terminal', () => {
  const progress = {
    type: 'progress',
    name: 'org/tiny',
    receivedBytes: 120e6,
    totalBytes: 440e6,
    filesDone: 2,
    files: 5,
  } as const;
  expect(barLine(progress, 12.3e6, 100)).toMatch(/^█{8}░{22} org\/tiny · 120 MB of 440 MB · 12\.3 MB\/s · 2\/5 files$/);
  for (const width of [1, 10, 40, 60, 70, 200])
    expect(barLine(progress, 0, width).length).toBeLessThan(Math.max(1, width));
});
