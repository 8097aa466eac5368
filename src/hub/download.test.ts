import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { gitBlobId, HubServer, sha256 } from '../../test/servers/hub.ts';
import { configureLog } from '../core/log.ts';
import { type DownloadProgress, onDownload } from './progress.ts';
import { listRepositoryFiles, obtainSnapshot, resolveDataset, resolvePretrained, resolveTokenizer } from './resolve.ts';

const weights = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251));
const files = {
  'config.json': '{"model_type":"bert"}',
  'model.safetensors': weights,
  'vocab.txt': '[PAD]\n[UNK]\n',
  'tokenizer_config.json': '{}',
  'README.md': 'a model',
  'pytorch_model.bin': 'pickle',
};
const sum = sha256(weights);
/** Failures are tried again at once. */
const retry = { firstDelay: 0.001, longestDelay: 0.01 };

let server: HubServer;
let cacheDir: string;
let said: string[];
let restoreLog: () => void;

beforeAll(async () => {
  server = await HubServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'fettle-download-'));
  for (const name of ['HF_HUB_OFFLINE', 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_HUB_DOWNLOAD_TIMEOUT'])
    vi.stubEnv(name, '');
  vi.stubEnv('HF_ENDPOINT', server.endpoint);
  vi.stubEnv('HF_HOME', cacheDir);
  said = [];
  restoreLog = configureLog({ sink: (level, message) => said.push(`${level}: ${message}`), level: 'info' });
});
afterEach(async () => {
  server.reset();
  restoreLog();
  vi.unstubAllEnvs();
  await rm(cacheDir, { recursive: true });
});

const get = (name = 'org/tiny', options = {}) => resolvePretrained(name, { cacheDir, retry, ...options });
const holdsWeights = async (directory: string) => weights.equals(await readFile(join(directory, 'model.safetensors')));
const folder = (name = 'models--org--tiny') => join(cacheDir, name);
const blobs = async () => (await readdir(join(folder(), 'blobs')).catch(() => [])).sort();
const fetched = () => server.requests.filter(({ url }) => url.includes('/resolve/') || url.startsWith('/lfs/'));
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it should have failed'),
    (error) => error,
  );

/** What must hold after every failure: no content under a name that it does not have, no link to nothing. */
async function expectSound(): Promise<void> {
  for (const name of await blobs()) {
    if (name.endsWith('.incomplete')) continue;
    const bytes = await readFile(join(folder(), 'blobs', name));
    expect([sha256(bytes), gitBlobId(bytes)]).toContain(name);
  }
  const snapshots = join(folder(), 'snapshots');
  for (const path of existsSync(snapshots) ? await readdir(snapshots, { recursive: true }) : []) {
    const at = join(snapshots, path);
    if ((await lstat(at)).isSymbolicLink()) expect(existsSync(at)).toBe(true);
  }
  const locks = join(cacheDir, '.locks');
  if (existsSync(locks))
    expect((await readdir(locks, { recursive: true })).filter((name) => name.includes('.lock'))).toEqual([]);
}

describe('a model by name', () => {
  test('is downloaded into the layout of Hugging Face, only what is needed, with its checksums', async () => {
    const commit = server.add('model', 'org/tiny', files);
    const directory = await get();
    expect(directory).toBe(join(folder(), 'snapshots', commit));
    expect((await readdir(directory)).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    expect(await holdsWeights(directory)).toBe(true);
    expect(await readlink(join(directory, 'model.safetensors'))).toBe(join('..', '..', 'blobs', sum));
    expect(await readFile(join(folder(), 'refs', 'main'), 'utf8')).toBe(commit);
    expect(await blobs()).toContain(gitBlobId(Buffer.from(files['config.json'])));
    expect(said.join('\n')).toMatch(/downloading 4 files \(300 kB\) of 'org\/tiny'/);
    await expectSound();
  });

  test('a second time asks once for the commit; a commit and localFilesOnly ask nobody', async () => {
    const commit = server.add('model', 'org/tiny', files);
    const directory = await get();
    server.requests.length = 0;
    expect(await get()).toBe(directory);
    expect(server.requests.map(({ url }) => url)).toEqual([
      expect.stringContaining('/api/models/org/tiny/revision/main'),
    ]);
    server.requests.length = 0;
    expect(await get('org/tiny', { revision: commit })).toBe(directory);
    expect(await get('org/tiny', { localFilesOnly: true })).toBe(directory);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await get()).toBe(directory);
    expect(await get(directory)).toBe(directory);
    expect(server.requests).toEqual([]);
  });

  test('a new commit brings only what has changed', async () => {
    server.add('model', 'org/tiny', files);
    const before = await get();
    server.requests.length = 0;
    server.add('model', 'org/tiny', { ...files, 'config.json': '{"changed":true}' });
    const after = await get();
    expect(after).not.toBe(before);
    expect(fetched().map(({ url }) => url.split('/').at(-1))).toEqual(['config.json']);
    expect(await holdsWeights(after)).toBe(true);
    expect(await readFile(join(before, 'config.json'), 'utf8')).toBe(files['config.json']);
  });

  test('branches, pull requests, old names', async () => {
    server.add('model', 'google-bert/bert-base-uncased', files);
    server.add('model', 'google-bert/bert-base-uncased', { ...files, 'config.json': '{}' }, { branch: 'refs/pr/3' });
    server.rename('model', 'bert-base-uncased', 'google-bert/bert-base-uncased');
    const directory = await get('bert-base-uncased', { revision: 'refs/pr/3' });
    expect(await readFile(join(directory, 'config.json'), 'utf8')).toBe('{}');
    expect(existsSync(join(cacheDir, 'models--bert-base-uncased', 'refs', 'refs', 'pr', '3'))).toBe(true);
    const main = await get('google-bert/bert-base-uncased');
    expect(main).toContain('models--bert-base-uncased');
  });

  test('weights in parts: the index, and the parts that it names', async () => {
    const map = { weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' } };
    server.add('model', 'org/tiny', {
      'config.json': '{}',
      'model.safetensors.index.json': JSON.stringify(map),
      'model-00001-of-00002.safetensors': 'one',
      'model-00002-of-00002.safetensors': 'two',
      'other.safetensors': 'three',
    });
    const directory = await get();
    expect((await readdir(directory)).sort()).toEqual([
      'config.json',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
    server.requests.length = 0;
    await get();
    expect(fetched()).toEqual([]);
  });

  test('a tokenizer alone, then the rest; offline it is said what is missing', async () => {
    const commit = server.add('model', 'org/tiny', files);
    const directory = await resolveTokenizer('org/tiny', { cacheDir, retry });
    expect((await readdir(directory)).sort()).toEqual(['tokenizer_config.json', 'vocab.txt']);
    const error = await refusal(get('org/tiny', { localFilesOnly: true }));
    expect(error).toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' });
    expect(error.message).toMatch(
      /only a part .*model\.safetensors, config\.json is not there.*fettle download org\/tiny/,
    );
    await get('org/tiny', { revision: commit });
    expect(fetched().filter(({ url }) => url.endsWith('vocab.txt'))).toHaveLength(1);
  });

  test('pickled weights alone are refused before anything is fetched', async () => {
    server.add('model', 'org/tiny', { 'config.json': '{}', 'pytorch_model.bin': 'x' });
    const error = await refusal(get());
    expect(error).toMatchObject({ code: 'ERR_MODEL_WEIGHTS', exitCode: 3 });
    expect(error.message).toMatch(/pickle \(pytorch_model\.bin\).*save_pretrained/);
    expect(fetched()).toEqual([]);
  });
});

describe('a data set by name', () => {
  test('all files, or those that patterns choose; folders stay; a long list comes in pages', async () => {
    server.pageSize = 3;
    const rows = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`mrpc/train-${i}.parquet`, `rows ${i}`]));
    const commit = server.add('dataset', 'nyu-mll/glue', { ...rows, 'cola/test.parquet': 'x', 'README.md': 'r' });
    const listing = await listRepositoryFiles('nyu-mll/glue', { repoType: 'dataset', cacheDir, retry });
    expect(listing.commit).toBe(commit);
    expect(listing.files).toHaveLength(12);
    const options = { repoType: 'dataset' as const, cacheDir, retry, commit };
    const directory = await obtainSnapshot('nyu-mll/glue', {
      ...options,
      allowPatterns: 'mrpc/*',
      ignorePatterns: ['*-[1-9].*'],
    });
    expect((await readdir(directory, { recursive: true })).sort()).toEqual(['mrpc', join('mrpc', 'train-0.parquet')]);
    expect(await readlink(join(directory, 'mrpc', 'train-0.parquet'))).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\//);
    expect(server.requests.filter(({ url }) => url.includes('/revision/'))).toHaveLength(1);
    // Twelve files and two folders, three at a time: the list came once.
    expect(server.requests.filter(({ url }) => url.includes('/tree/'))).toHaveLength(5);
    server.requests.length = 0;
    const kept = await listRepositoryFiles('nyu-mll/glue', { repoType: 'dataset', cacheDir, localFilesOnly: true });
    expect(kept).toEqual(listing);
    expect(server.requests).toEqual([]);
    const whole = await resolveDataset('nyu-mll/glue', { cacheDir, retry });
    expect(await readdir(join(whole, 'mrpc'))).toHaveLength(10);
  });
});

describe('what goes wrong on the way', () => {
  test('a cut connection is gone on from where it was cut', async () => {
    server.add('model', 'org/tiny', files);
    server.misbehave('/lfs/', { do: 'cut', after: 100_000 });
    const directory = await get();
    expect(await holdsWeights(directory)).toBe(true);
    expect(server.requests.find(({ range }) => range !== undefined)?.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(said.join('\n')).toMatch(/trying again in/);
    await expectSound();
  });

  test('cut for good: a clear error; the part is kept and the next call goes on from there', async () => {
    server.add('model', 'org/tiny', files);
    server.misbehave('/lfs/', { do: 'cut', after: 100_000 });
    server.misbehave('/lfs/', { do: 'cut', after: 0 }, 10);
    const error = await refusal(get());
    expect(error).toMatchObject({ code: 'ERR_HUB_UNREACHABLE', name: 'EnvironmentError', exitCode: 4 });
    expect(await blobs()).toContain(`${sum}.incomplete`);
    await expectSound();
    server.reset();
    server.add('model', 'org/tiny', files);
    expect(await holdsWeights(await get())).toBe(true);
    expect(server.requests.find(({ url }) => url.startsWith('/lfs/'))?.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(await blobs()).not.toContain(`${sum}.incomplete`);
  });

  test('a server that knows no ranges, and a part that is not of this file', async () => {
    server.add('model', 'org/tiny', files);
    await mkdir(join(folder(), 'blobs'), { recursive: true });
    await writeFile(join(folder(), 'blobs', `${sum}.incomplete`), 'rubbish');
    server.misbehave('/lfs/', { do: 'whole' });
    expect(await holdsWeights(await get())).toBe(true);
    await expectSound();
    await rm(folder(), { recursive: true });
    await mkdir(join(folder(), 'blobs'), { recursive: true });
    await writeFile(join(folder(), 'blobs', `${sum}.incomplete`), Buffer.alloc(200_000));
    expect(await holdsWeights(await get())).toBe(true);
    await rm(folder(), { recursive: true });
    await mkdir(join(folder(), 'blobs'), { recursive: true });
    await writeFile(join(folder(), 'blobs', `${sum}.incomplete`), Buffer.alloc(400_000));
    expect(await holdsWeights(await get())).toBe(true);
    await rm(folder(), { recursive: true });
    await mkdir(join(folder(), 'blobs'), { recursive: true });
    await writeFile(join(folder(), 'blobs', `${sum}.incomplete`), weights);
    server.requests.length = 0;
    expect(await holdsWeights(await get())).toBe(true);
    expect(server.requests.filter(({ url }) => url.startsWith('/lfs/'))).toEqual([]);
  });

  test.each([
    ['too short', { do: 'short', by: 7 }, 'ERR_HUB_SIZE'],
    ['too long', { do: 'long' }, 'ERR_HUB_SIZE'],
    ['another byte in it', { do: 'corrupt' }, 'ERR_HUB_CHECKSUM'],
  ] as const)('a content %s: once is mended, always is an error, never a file', async (_, fault, code) => {
    server.add('model', 'org/tiny', files);
    server.misbehave('/lfs/', fault);
    server.misbehave('/config.json', fault);
    expect(await holdsWeights(await get())).toBe(true);
    await rm(folder(), { recursive: true });
    server.misbehave('/lfs/', fault, 100);
    const error = await refusal(get());
    expect(error).toMatchObject({ code, exitCode: 4 });
    expect(error.message).toContain('model.safetensors');
    expect(await blobs()).not.toContain(sum);
    await expectSound();
  });

  test('429 honours Retry-After; a wait that is too long is an error that says how long', async () => {
    server.add('model', 'org/tiny', files);
    server.misbehave('/revision/', { do: 'status', status: 429, headers: { 'retry-after': '1' } });
    const started = performance.now();
    await get();
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(said.join('\n')).toMatch(/status 429.*trying again in 1\.0 s/);
    server.misbehave('/revision/', { do: 'status', status: 429, headers: { 'retry-after': '9999' } });
    const error = await refusal(get('org/tiny', { cacheDir: join(cacheDir, 'other') }));
    expect(error).toMatchObject({ code: 'ERR_HUB_STATUS' });
    expect(error.message).toContain('try again in 9999 s');
  });

  test('500 is tried again; forever is an error, or the cache, where it can serve', async () => {
    server.add('model', 'org/tiny', files);
    server.misbehave(/revision|tree|resolve|lfs/, { do: 'status', status: 503 }, 4);
    const directory = await get();
    server.misbehave('', { do: 'status', status: 500, body: '{"error":"on fire"}' }, 100);
    server.requests.length = 0;
    expect(await get()).toBe(directory);
    expect(server.requests).toHaveLength(1);
    expect(said.at(-1)).toMatch(/^warn: .*taken from the cache as it was.*status 500: on fire/);
    const error = await refusal(get('org/other'));
    expect(error).toMatchObject({ code: 'ERR_HUB_STATUS' });
    expect(server.requests).toHaveLength(6);
  });

  test('no server at all', async () => {
    const error = await refusal(get('org/tiny', { endpoint: 'http://127.0.0.1:9' }));
    expect(error).toMatchObject({ code: 'ERR_HUB_UNREACHABLE' });
    expect(error.message).toMatch(/there is no directory 'org\/tiny' here, and .*cannot reach 127\.0\.0\.1:9/);
  });

  test('silence ends after a time, a slow drip does not', async () => {
    vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', '0.1');
    server.add('model', 'org/tiny', files);
    server.misbehave('/lfs/', { do: 'silence' });
    server.misbehave('/lfs/', { do: 'drip', bytes: 40_000, every: 30 });
    expect(await holdsWeights(await get())).toBe(true);
    expect(said.join('\n')).toMatch(/has sent nothing for 0\.1 s/);
    server.misbehave('/revision/', { do: 'silence' }, 9);
    expect(await refusal(get('org/tiny', { cacheDir: join(cacheDir, 'other') }))).toMatchObject({
      code: 'ERR_HUB_UNREACHABLE',
    });
  });

  test('pages that are no answers of a Hub', async () => {
    server.misbehave('/revision/', { do: 'status', status: 200, body: '<html>log in</html>' });
    expect(await refusal(get())).toMatchObject({ code: 'ERR_HUB_ANSWER' });
    server.misbehave('/revision/', { do: 'status', status: 200, body: '{"sha":"../../etc"}' });
    expect(await refusal(get())).toMatchObject({ code: 'ERR_HUB_ANSWER' });
    server.misbehave('/revision/', { do: 'redirect', to: '/api/models/org/tiny/revision/main' }, 99);
    expect((await refusal(get())).message).toMatch(/redirects more than/);
    server.add('model', 'org/tiny', files);
    server.misbehave('/tree/', {
      do: 'status',
      status: 200,
      body: '[{"type":"file","path":"config.json","size":3,"oid":"../x"}]',
    });
    expect(await refusal(get())).toMatchObject({ code: 'ERR_HUB_ANSWER' });
    expect(existsSync(folder())).toBe(false);
  });

  test('an aborted download throws the reason, keeps its part, and leaves no lock', async () => {
    server.add('model', 'org/tiny', files);
    server.misbehave('/lfs/', { do: 'drip', bytes: 50_000, every: 20 });
    const abort = new AbortController();
    const restore = onDownload(({ receivedBytes }) => receivedBytes > 60_000 && abort.abort(new Error('enough')));
    expect(await refusal(get('org/tiny', { signal: abort.signal }))).toMatchObject({ message: 'enough' });
    restore();
    expect(await blobs()).toContain(`${sum}.incomplete`);
    await expectSound();
    expect(await refusal(get('org/tiny', { signal: abort.signal }))).toMatchObject({ message: 'enough' });
  });

  test('a path that leads out of the snapshot is refused', async () => {
    for (const path of ['../../evil.parquet', '/etc/evil', 'a//b', 'a\\b', 'C:evil', 'a/../../b']) {
      server.reset();
      server.add('dataset', 'org/rows', { 'fine.csv': 'a\n', [path]: 'x' });
      const error = await refusal(resolveDataset('org/rows', { cacheDir, retry }));
      expect(error, path).toMatchObject({ code: 'ERR_HUB_PATH', name: 'DataError' });
      expect(fetched()).toEqual([]);
    }
  });
});

describe('who may read', () => {
  test('the token goes to the Hub and never with a redirect to another host', async () => {
    server.add('model', 'org/tiny', files, { private: true });
    await get('org/tiny', { token: server.token });
    const cdn = server.requests.filter((request) => request.server === 'cdn');
    expect(cdn.length).toBeGreaterThan(0);
    expect(cdn.every(({ authorization }) => authorization === undefined)).toBe(true);
    expect(
      server.requests
        .filter((request) => request.server === 'hub')
        .every(({ authorization }) => authorization === `Bearer ${server.token}`),
    ).toBe(true);
    // A page of the list on another host gets none either.
    server.requests.length = 0;
    server.misbehave('/revision/', { do: 'redirect', to: `${server.cdn}/api/models/org/tiny/revision/main` });
    await refusal(get('org/tiny', { token: server.token, cacheDir: join(cacheDir, 'other') }));
    expect(
      server.requests
        .filter((request) => request.server === 'cdn')
        .every(({ authorization }) => authorization === undefined),
    ).toBe(true);
    expect(said.join('\n')).not.toContain(server.token);
  });

  test('from the variable, from the file, from neither', async () => {
    server.add('model', 'org/tiny', files, { private: true });
    const without = await refusal(get());
    expect(without).toMatchObject({ code: 'ERR_MODEL_NOT_FOUND', name: 'ModelError' });
    expect(without.message).toMatch(/has no model 'org\/tiny', or it is private.*pass a token/);
    vi.stubEnv('HF_TOKEN', server.token);
    await get();
    vi.stubEnv('HF_TOKEN', '');
    await writeFile(join(cacheDir, 'token'), `${server.token}\n`);
    await rm(folder(), { recursive: true });
    await get();
    vi.stubEnv('HF_TOKEN_PATH', join(cacheDir, 'elsewhere'));
    await rm(folder(), { recursive: true });
    expect(await refusal(get())).toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' });
    expect(await refusal(get('org/tiny', { token: 'hf_\n\u0000' }))).toMatchObject({ code: 'ERR_TOKEN' });
  });

  test('a wrong token, a gated model, what is not there', async () => {
    server.add('model', 'org/tiny', files, { gated: true });
    const wrong = await refusal(get('org/tiny', { token: 'hf_wrong' }));
    expect(wrong).toMatchObject({ code: 'ERR_HUB_TOKEN', exitCode: 4 });
    expect(wrong.message).not.toContain('hf_wrong');
    const gated = await refusal(get());
    expect(gated).toMatchObject({ code: 'ERR_HUB_GATED' });
    expect(gated.message).toContain(`accept them at ${server.endpoint}/org/tiny`);
    await get('org/tiny', { token: server.token });
    const revision = await refusal(get('org/tiny', { revision: 'v9' }));
    expect(revision).toMatchObject({ code: 'ERR_REVISION_NOT_FOUND' });
    expect(revision.message).toContain("got 'v9'");
    const missing = await refusal(resolveDataset('org/none', { cacheDir, retry, token: server.token }));
    expect(missing).toMatchObject({ code: 'ERR_DATASET_NOT_FOUND', name: 'DataError' });
    await expectSound();
  });

  test('wrong settings are named', async () => {
    vi.stubEnv('HF_ENDPOINT', 'huggingface.co');
    expect((await refusal(get())).message).toMatch(/HF_ENDPOINT.*got 'huggingface\.co'/);
    vi.stubEnv('HF_ENDPOINT', server.endpoint);
    vi.stubEnv('HF_HUB_DOWNLOAD_TIMEOUT', 'soon');
    expect(await refusal(get())).toMatchObject({ code: 'ERR_TIMEOUT_VARIABLE' });
  });
});

describe('two at a time', () => {
  test('in one process each file is fetched once', async () => {
    server.add('model', 'org/tiny', files);
    const directories = await Promise.all([get(), get(), resolveTokenizer('org/tiny', { cacheDir, retry })]);
    expect(new Set(directories).size).toBe(1);
    expect(server.requests.filter(({ url }) => url.startsWith('/lfs/'))).toHaveLength(1);
    await expectSound();
  });

  test('a lock whose holder is gone, or silent for a minute, is taken over; one that lives is waited for', async () => {
    server.add('model', 'org/tiny', files);
    const lock = join(cacheDir, '.locks', 'models--org--tiny', `${sum}.fettle.lock`);
    await mkdir(join(lock, '..'), { recursive: true });
    // The largest process number that Linux gives out is below this one.
    await writeFile(lock, JSON.stringify({ pid: 4_194_304 + 1, host: hostname(), key: 'a' }));
    await get();
    await rm(folder(), { recursive: true });
    await writeFile(lock, JSON.stringify({ pid: process.pid, host: 'another', key: 'b' }));
    const old = new Date(Date.now() - 61_000);
    await utimes(lock, old, old);
    await get();
    await rm(folder(), { recursive: true });
    await writeFile(lock, JSON.stringify({ pid: process.ppid, host: hostname(), key: 'c' }));
    const waiting = get();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await blobs()).not.toContain(sum);
    await rm(lock);
    await waiting;
    await expectSound();
  });
});

test('progress is told, and then not to the log', async () => {
  server.add('model', 'org/tiny', files);
  const told: DownloadProgress[] = [];
  const restore = onDownload((progress) => told.push(progress));
  await get();
  restore();
  expect(told[0]).toMatchObject({ type: 'begin', name: 'org/tiny', receivedBytes: 0, files: 4 });
  expect(told.at(-1)).toMatchObject({ type: 'end', filesDone: 4 });
  expect(told.at(-1)?.receivedBytes).toBe(told[0].totalBytes);
});

test('a disk that is too small is known before anything is fetched; a cache that cannot be written is named', async () => {
  server.add('model', 'org/tiny', files);
  server.misbehave('/tree/', {
    do: 'status',
    status: 200,
    body: JSON.stringify(
      ['config.json', 'model.safetensors'].map((path) => ({ type: 'file', path, size: 1e15, oid: 'a'.repeat(40) })),
    ),
  });
  expect(await refusal(get())).toMatchObject({ code: 'ERR_DISK_SPACE' });
  expect(fetched()).toEqual([]);
  await rm(folder(), { recursive: true });
  await writeFile(folder(), 'a file in the way');
  const error = await refusal(get());
  expect(error).toMatchObject({ name: 'EnvironmentError' });
  expect(error.message).toContain(folder());
});
