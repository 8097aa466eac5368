import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { HubServer, sha256 } from '../servers/hub.ts';

const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
const weights = Buffer.from(Uint8Array.from({ length: 8_000_000 }, (_, i) => (i * 37 + (i >> 12)) % 256));
const sum = sha256(weights);
const files = { 'config.json': '{"model_type":"bert"}', 'model.safetensors': weights, 'vocab.txt': '[PAD]\n' };

let server: HubServer;
let home: string;

beforeAll(async () => {
  if (!existsSync(bin)) throw new Error('build first: npm run test:long does');
  server = await HubServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fettle-hub-long-'));
});
afterEach(async () => {
  server.reset();
  await rm(home, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; out: string; err: string }>;
}

/** `fettle …` in a process of its own. */
function fettle(...words: string[]): Run {
  const child = spawn(process.execPath, ['--max-old-space-size=256', bin, ...words], {
    env: { ...process.env, HF_HOME: home, HF_HUB_OFFLINE: '', HF_ENDPOINT: server.endpoint, HF_TOKEN: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  return { child, ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err }))) };
}

const blob = () => join(home, 'hub', 'models--org--big', 'blobs', sum);
const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it never came to that');
}

test('a process that is killed in mid-download leaves no file and no lock that holds; the next goes on from there', async () => {
  server.add('model', 'org/big', files);
  server.misbehave('/lfs/', { do: 'drip', bytes: 200_000, every: 100 });
  const killed = fettle('download', 'org/big');
  await until(async () => (await sizeOf(`${blob()}.incomplete`)) > 1_000_000);
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(existsSync(blob())).toBe(false);
  const before = await sizeOf(`${blob()}.incomplete`);
  server.requests.length = 0;
  const { code, out, err } = await fettle('download', 'org/big').ended;
  expect(code, err).toBe(0);
  expect(server.requests.find(({ url }) => url.startsWith('/lfs/'))?.range).toBe(`bytes=${before}-`);
  expect(weights.equals(await readFile(join(out.trim(), 'model.safetensors')))).toBe(true);
  expect(err).toMatch(/going on after \d+ of 8000000 bytes/);
  const locks = await readdir(join(home, 'hub', '.locks'), { recursive: true });
  expect(locks.filter((name) => name.endsWith('.lock'))).toEqual([]);
});

test('Ctrl-C keeps what has come, says so, and ends with 130', async () => {
  server.add('model', 'org/big', files);
  server.misbehave('/lfs/', { do: 'drip', bytes: 200_000, every: 100 });
  const stopped = fettle('download', 'org/big');
  await until(async () => (await sizeOf(`${blob()}.incomplete`)) > 1_000_000);
  stopped.child.kill('SIGINT');
  const { code, out, err } = await stopped.ended;
  expect([code, out]).toEqual([130, '']);
  expect(err).toContain('the same command goes on from there');
  expect(await sizeOf(`${blob()}.incomplete`)).toBeGreaterThan(1_000_000);
});

test('two processes at once: each content is fetched once, both succeed', async () => {
  server.add('model', 'org/big', files);
  server.misbehave('/lfs/', { do: 'drip', bytes: 1_000_000, every: 500 });
  const ends = await Promise.all([fettle('download', 'org/big').ended, fettle('download', 'org/big').ended]);
  expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  expect(new Set(ends.map(({ out }) => out)).size).toBe(1);
  expect(server.requests.filter(({ url }) => url.startsWith('/lfs/'))).toHaveLength(1);
  expect(ends.map(({ err }) => err).join('')).toMatch(/waiting for another process \(\d+ on /);
  expect(sha256(await readFile(blob()))).toBe(sum);
});

test('one of two is killed while the other waits: the other takes over', async () => {
  server.add('model', 'org/big', files);
  server.misbehave('/lfs/', { do: 'drip', bytes: 200_000, every: 100 });
  const first = fettle('download', 'org/big');
  await until(async () => (await sizeOf(`${blob()}.incomplete`)) > 400_000);
  const second = fettle('download', 'org/big');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  first.child.kill('SIGKILL');
  expect((await second.ended).code).toBe(0);
  expect(sha256(await readFile(blob()))).toBe(sum);
});
