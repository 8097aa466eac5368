import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openCheckpoint } from '../../src/formats/safetensors-checkpoint.ts';
import { faultOfName } from '../../src/hub/names.ts';
import { obtainSnapshot, resolveDataset, resolvePretrained } from '../../src/hub/resolve.ts';
import { scanCache } from '../../src/hub/scan.ts';
import { cacheRoot } from '../../src/hub/settings.ts';
import { uploadFolder } from '../../src/hub/upload.ts';
import { HubServer } from '../servers/hub.ts';
import { hasShared, shared, skipNote } from './shared.ts';

const python = fileURLToPath(new URL('../../benchmarks/.python/bin/python', import.meta.url));
const hasPython = existsSync(python);
const run = (code: string, args: string[], env: Record<string, string> = {}) =>
  JSON.parse(
    execFileSync(python, ['-c', code, ...args], {
      encoding: 'utf8',
      env: { HOME: process.env['HOME'] ?? '/', PATH: process.env['PATH'] ?? '', HF_HUB_OFFLINE: '1', ...env },
    }),
  ) as unknown;

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'fettle-hub-real-'));
});
afterAll(() => rm(cacheDir, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

describe.skipIf(!hasPython)(`huggingface_hub agrees${hasPython ? '' : ' (SKIPPED: no Python environment)'}`, () => {
  const commits = ['86b5e0934494bd15c9632b12f734a8a67f723594', '1234567890123456789012345678901234567890'];

  test('on the snapshot of each revision, and on what is missing', async () => {
    for (const folder of ['models--org--tiny', 'datasets--org--rows']) {
      for (const [commit, reference] of [
        [commits[0], 'main'],
        [commits[1], 'refs/pr/7'],
      ]) {
        await mkdir(join(cacheDir, folder, 'snapshots', commit), { recursive: true });
        await writeFile(join(cacheDir, folder, 'snapshots', commit, 'config.json'), '{}');
        await mkdir(join(cacheDir, folder, 'refs', reference, '..'), { recursive: true });
        await writeFile(join(cacheDir, folder, 'refs', reference), commit);
      }
    }
    const asked = ['main', 'refs/pr/7', commits[1], 'dev', '0000000000000000000000000000000000000000'];
    const theirs = run(
      `import json, sys
from huggingface_hub import snapshot_download
def find(name, kind, revision):
  try:
    return snapshot_download(name, repo_type=kind, revision=revision, cache_dir=sys.argv[1], local_files_only=True)
  except Exception:
    return None
print(json.dumps([[find('org/tiny', 'model', r), find('org/rows', 'dataset', r)] for r in sys.argv[2:]]))`,
      [cacheDir, ...asked],
    );
    const ours = await Promise.all(
      asked.map((revision) =>
        Promise.all([
          resolvePretrained('org/tiny', { cacheDir, revision }).catch(() => null),
          resolveDataset('org/rows', { cacheDir, revision }).catch(() => null),
        ]),
      ),
    );
    expect(ours).toEqual(theirs);
    expect(ours.flat().filter((path) => path === null).length).toBe(4);
  });

  test('on where the cache is', () => {
    const environments: Record<string, string>[] = [
      {},
      { XDG_CACHE_HOME: '/x' },
      { XDG_CACHE_HOME: '/x', HF_HOME: '~/hf' },
      { HF_HOME: '$XDG_CACHE_HOME/y', XDG_CACHE_HOME: '/x', HUGGINGFACE_HUB_CACHE: '/old' },
      { HF_HUB_CACHE: '/new', HUGGINGFACE_HUB_CACHE: '/old' },
      { HF_HUB_CACHE: '$XDG_CACHE_HOME/y', XDG_CACHE_HOME: '/x' },
    ];
    for (const environment of environments) {
      for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME']) {
        vi.stubEnv(name, environment[name] ?? '');
      }
      const theirs = run(
        'import json; from huggingface_hub.constants import HF_HUB_CACHE; print(json.dumps(HF_HUB_CACHE))',
        [],
        environment,
      );
      expect(cacheRoot(), JSON.stringify(environment)).toBe(theirs);
    }
  });

  test('on which names can be', () => {
    const names = [
      'foo',
      'foo/bar',
      '123',
      'Foo-BAR_foo.bar123',
      'a/b/c',
      '.repo',
      'foo--bar',
      'foo.git',
      'foo..bar',
      'foo-',
      '-foo',
      'foo.',
      'a/-b',
      '',
      'a/',
      '/a',
      'a b',
      'é',
      'x'.repeat(96),
      'x'.repeat(97),
      '_a',
      'a_',
      '..',
      'a\\b',
      'a\n',
    ];
    const theirs = run(
      `import json, sys
from huggingface_hub.utils import validate_repo_id
def allowed(name):
  try:
    validate_repo_id(name)
    return True
  except Exception:
    return False
print(json.dumps([allowed(name) for name in json.loads(sys.argv[1])]))`,
      [JSON.stringify(names)],
    );
    expect(names.map((name) => faultOfName(name) === undefined)).toEqual(theirs);
  });
});

/** Python while this process goes on: it asks the server that runs here. */
const runBeside = (code: string, args: string[], env: Record<string, string>) =>
  new Promise<unknown>((resolve, reject) => {
    const common = { HOME: process.env['HOME'] ?? '/', PATH: process.env['PATH'] ?? '', HF_HUB_DISABLE_TELEMETRY: '1' };
    execFile(python, ['-c', code, ...args], { env: { ...common, ...env } }, (error, out, err) =>
      error === null ? resolve(JSON.parse(out)) : reject(new Error(err)),
    );
  });

describe.skipIf(!hasPython)(`one cache for both${hasPython ? '' : ' (SKIPPED: no Python environment)'}`, () => {
  const weights = Buffer.alloc(300_000, 'weights');
  const files = {
    'config.json': '{"model_type":"bert"}',
    'model.safetensors': weights,
    'vocab.txt': '[PAD]\n[UNK]\n',
    'onnx/model.txt': 'nested',
  };
  let server: HubServer;
  let shared: string;
  beforeAll(async () => {
    server = await HubServer.start();
    shared = await mkdtemp(join(tmpdir(), 'fettle-hub-python-'));
  });
  afterAll(async () => {
    await server.stop();
    await rm(shared, { recursive: true });
  });
  const online = (cache: string) => {
    vi.stubEnv('HF_HUB_OFFLINE', '');
    vi.stubEnv('HF_ENDPOINT', server.endpoint);
    return { cacheDir: join(shared, cache) };
  };

  test('what Fettle downloads Python finds offline, whole and without a warning', async () => {
    const options = online('ours');
    const commit = server.add('model', 'org/tiny', files);
    const directory = await obtainSnapshot('org/tiny', options);
    server.add('dataset', 'org/rows', { 'train/a.parquet': 'rows' }, { branch: 'refs/pr/1' });
    await resolveDataset('org/rows', { ...options, revision: 'refs/pr/1' });
    const theirs = run(
      `import json, sys
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
cache = dict(cache_dir=sys.argv[1], local_files_only=True)
scan = scan_cache_dir(sys.argv[1])
print(json.dumps({
  'files': [open(hf_hub_download('org/tiny', name, **cache), 'rb').read().decode()[:20] for name in sys.argv[3:]],
  'commit': hf_hub_download('org/tiny', 'config.json', revision=sys.argv[2], **cache),
  'snapshot': snapshot_download('org/tiny', **cache),
  'dataset': snapshot_download('org/rows', repo_type='dataset', revision='refs/pr/1', **cache)[-40:],
  'warnings': [str(warning) for warning in scan.warnings],
  'repositories': sorted([repo.repo_id, repo.repo_type, repo.size_on_disk, [sorted(r.refs) for r in repo.revisions]] for repo in scan.repos),
}))`,
      [options.cacheDir, commit, ...Object.keys(files)],
    ) as Record<string, unknown>;
    expect(theirs).toMatchObject({
      files: Object.values(files).map((content) => content.toString().slice(0, 20)),
      commit: join(directory, 'config.json'),
      snapshot: directory,
      warnings: [],
    });
    const ours = (await scanCache(options.cacheDir)).map(({ kind, name, size, revisions }) => [
      name,
      kind,
      size,
      revisions.map(({ refs }) => refs),
    ]);
    expect(ours.sort()).toEqual(theirs['repositories']);
  });

  test('what Python downloads Fettle takes: nothing is fetched twice, and a commit asks nobody', async () => {
    const options = online('theirs');
    const commit = server.add('model', 'org/python', files);
    const directory = await runBeside(
      'import json, sys; from huggingface_hub import snapshot_download; print(json.dumps(snapshot_download("org/python", cache_dir=sys.argv[1])))',
      [options.cacheDir],
      { HF_ENDPOINT: server.endpoint },
    );
    server.requests.length = 0;
    expect(await resolvePretrained('org/python', { ...options, revision: commit })).toBe(directory);
    expect(await resolvePretrained('org/python', { ...options, localFilesOnly: true })).toBe(directory);
    expect(server.requests).toEqual([]);
    expect(await resolvePretrained('org/python', options)).toBe(directory);
    expect(server.requests).toHaveLength(1);
    server.add('model', 'org/part', files);
    // Python has one file of a commit; the rest comes, that one does not come again.
    await runBeside(
      'import json, sys; from huggingface_hub import hf_hub_download; print(json.dumps(hf_hub_download("org/part", "model.safetensors", cache_dir=sys.argv[1])))',
      [options.cacheDir],
      { HF_ENDPOINT: server.endpoint },
    );
    server.requests.length = 0;
    await resolvePretrained('org/part', options);
    expect(server.requests.filter(({ url }) => url.includes('safetensors') || url.startsWith('/lfs/'))).toEqual([]);
  });

  test('what Fettle uploads Python downloads, and the reverse', async () => {
    const options = online('up');
    const folder = join(shared, 'folder');
    await mkdir(join(folder, 'onnx'), { recursive: true });
    for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content);
    await uploadFolder('me/ours', folder, { token: server.token });
    const theirs = (await runBeside(
      `import json, sys
from huggingface_hub import HfApi, snapshot_download
folder = snapshot_download('me/ours', cache_dir=sys.argv[1])
api = HfApi()
api.create_repo('me/theirs')
api.upload_folder(repo_id='me/theirs', folder_path=folder)
print(json.dumps(folder))`,
      [options.cacheDir],
      { HF_ENDPOINT: server.endpoint, HF_TOKEN: server.token, HF_HUB_DISABLE_XET: '1' },
    )) as string;
    expect(weights.equals(await readFile(join(theirs, 'model.safetensors')))).toBe(true);
    const back = await obtainSnapshot('me/theirs', { ...options, token: server.token });
    for (const [path, content] of Object.entries(files)) {
      expect((await readFile(join(back, path))).equals(Buffer.from(content as Uint8Array)), path).toBe(true);
    }
  });
});

describe.skipIf(!hasShared)(`a real model in a cache of links${skipNote}`, () => {
  test('is found by name and opened through its links', async () => {
    const folder = join(cacheDir, 'models--sentence-transformers--all-MiniLM-L6-v2');
    const snapshot = join(folder, 'snapshots', 'c9745ed1d9f207416be6d2e6f8de32d1f16199bf');
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(folder, 'refs'));
    await writeFile(join(folder, 'refs', 'main'), 'c9745ed1d9f207416be6d2e6f8de32d1f16199bf');
    for (const name of ['config.json', 'model.safetensors']) {
      await symlink(join(shared, 'models', 'all-MiniLM-L6-v2', name), join(snapshot, name));
    }
    const directory = await resolvePretrained('sentence-transformers/all-MiniLM-L6-v2', { cacheDir });
    expect(directory).toBe(snapshot);
    const checkpoint = await openCheckpoint(directory);
    expect(checkpoint.tensors.get('embeddings.word_embeddings.weight')?.shape).toEqual([30522, 384]);
    await checkpoint.close();
  });
});
