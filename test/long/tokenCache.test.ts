import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundled, repository } from '../testing/programs.ts';
import { temporaryFolder } from '../testing/tiny.ts';

/** Writes and reads entries of four keys, whose content the key tells, in a directory that holds about three. */
const program = (directory: string, rounds: number) => `
  import { TokenCache } from './src/tasks/tokenCache.ts';
  const cache = new TokenCache(${JSON.stringify(directory)}, 3_200_000);
  let found = 0;
  for (let round = 0; round < ${rounds}; round++) {
    const key = round % 4;
    const buffer = new Uint8Array(1_000_000).fill(key);
    if (Math.random() < 0.5) await cache.write('key' + key, { header: { rows: 1, columns: [] }, buffers: [buffer], messages: [] });
    const entry = await cache.read('key' + key);
    if (entry === undefined) continue;
    found++;
    if (Buffer.compare(entry.buffers[0], buffer) !== 0) throw new Error('a wrong entry');
  }
  console.log(found);
`;

async function run(directory: string, rounds: number) {
  const file = await bundled(program(directory, rounds));
  const child = spawn(process.execPath, [file], { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += String(text);
    });
  }
  const ended = new Promise<{ code: number | null; output: string }>((settle) =>
    child.on('close', (code) => settle({ code, output })),
  );
  return { child, ended };
}

test('processes that write, read and make room at once, some of them killed, never see a wrong entry', async () => {
  const directory = join(await temporaryFolder(), 'tokens');
  const doomed = await Promise.all(Array.from({ length: 3 }, () => run(directory, 100_000)));
  for (const [i, { child }] of doomed.entries()) setTimeout(() => child.kill('SIGKILL'), 1500 + 700 * i);
  const lasting = await Promise.all([1, 2].map(async () => (await run(directory, 60)).ended));
  await Promise.all(doomed.map(({ ended }) => ended));
  for (const { code, output } of lasting) {
    expect(code, output).toBe(0);
    expect(output).not.toContain('damaged');
    expect(Number(output.trim().split('\n').at(-1))).toBeGreaterThan(0);
  }
  // Processes that make room at the same moment may each leave one too many, never more.
  const entries = readdirSync(directory).filter((name) => name.endsWith('.tokens'));
  const size = entries.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  expect(size).toBeLessThan(4_200_000);
  const { code, output } = await (await run(directory, 8)).ended;
  expect(code, output).toBe(0);
}, 60_000);
