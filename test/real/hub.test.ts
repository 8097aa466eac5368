import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openCheckpoint } from '../../src/formats/safetensors-checkpoint.ts';
import { faultOfName } from '../../src/hub/names.ts';
import { resolveDataset, resolvePretrained } from '../../src/hub/resolve.ts';
import { cacheRoot } from '../../src/hub/settings.ts';
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
