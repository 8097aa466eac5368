import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { HubServer } from '../../test/servers/hub.ts';
import { configureLog } from '../core/log.ts';
import { loadDataset } from './index.ts';

let server: HubServer;
let cacheDir: string;
let restoreLog: () => void;
beforeAll(async () => {
  server = await HubServer.start();
  cacheDir = await mkdtemp(join(tmpdir(), 'fettle-hub-data-'));
  for (const name of ['HF_HUB_OFFLINE', 'HF_DATASETS_OFFLINE', 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'])
    vi.stubEnv(name, '');
  // Nobody is there: only the option leads to the Hub.
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
  vi.stubEnv('HF_HOME', cacheDir);
  restoreLog = configureLog({ level: 'silent' });
});
afterAll(async () => {
  restoreLog();
  vi.unstubAllEnvs();
  await server.stop();
  await rm(cacheDir, { recursive: true });
});

test('endpoint, token and signal go to the Hub; of one split only its files are fetched', async () => {
  server.add('dataset', 'org/rows', { 'train.csv': 'text,label\na,1\n', 'test.csv': 'text,label\nb,0\n' });
  const options = { endpoint: server.endpoint, token: 'hf_right', cacheDir, split: 'test' };
  const gone = AbortSignal.abort(new Error('enough'));
  await expect(loadDataset('org/rows', { ...options, signal: gone })).rejects.toThrow('enough');
  const rows = await loadDataset('org/rows', options);
  expect(rows.toJSON()).toEqual([{ text: 'b', label: 0 }]);
  const fetched = server.requests.filter(({ url }) => url.includes('/resolve/'));
  expect(fetched.every(({ url }) => url.endsWith('/test.csv'))).toBe(true);
  expect(fetched.length).toBeGreaterThan(0);
  expect(fetched[0].authorization).toBe('Bearer hf_right');
});
