import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { configureLog } from '../core/log.ts';
import { smallBert } from './bundled.ts';
import { faultOfName, folderOf, isSafeRevision, namesOf } from './names.ts';
import { resolveDataset, resolvePretrained, resolveTokenizer } from './resolve.ts';
import { cacheRoot } from './settings.ts';

const commit = '86b5e0934494bd15c9632b12f734a8a67f723594';
const older = '86b5f00000000000000000000000000000000000';
const variables = ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME'];

let cacheDir: string;
let said: string[];
let restoreLog: () => void;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'fettle-hub-'));
  for (const name of variables) vi.stubEnv(name, '');
  // What is not in the cache is not sought elsewhere.
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  said = [];
  restoreLog = configureLog({ sink: (_level, message) => said.push(message), level: 'info' });
});
afterEach(async () => {
  restoreLog();
  vi.unstubAllEnvs();
  await rm(cacheDir, { recursive: true });
});

/** What huggingface_hub leaves: blobs, a snapshot of links to them, a reference. */
async function cached(folder: string, hash = commit, reference: string | undefined = 'main'): Promise<string> {
  const repository = join(cacheDir, folder);
  const snapshot = join(repository, 'snapshots', hash);
  await mkdir(join(repository, 'blobs'), { recursive: true });
  await mkdir(snapshot, { recursive: true });
  await writeFile(join(repository, 'blobs', `blob-${hash}`), '{}');
  await symlink(join('..', '..', 'blobs', `blob-${hash}`), join(snapshot, 'config.json'));
  if (reference !== undefined) {
    await mkdir(join(repository, 'refs', reference, '..'), { recursive: true });
    await writeFile(join(repository, 'refs', reference), hash);
  }
  return snapshot;
}

describe('resolvePretrained', () => {
  test('an existing directory is itself, whatever the cache holds', async () => {
    expect(await resolvePretrained(cacheDir)).toBe(cacheDir);
    expect(said).toEqual([]);
    await resolvePretrained(cacheDir, { revision: 'v1' });
    expect(said.join()).toContain("revision 'v1' is ignored");
  });

  test('a name is its snapshot, whose links can be read', async () => {
    const snapshot = await cached('models--org--tiny');
    const directory = await resolvePretrained('org/tiny', { cacheDir });
    expect(directory).toBe(snapshot);
    expect(await readFile(join(directory, 'config.json'), 'utf8')).toBe('{}');
  });

  test('branches, pull requests, whole and shortened commits', async () => {
    const main = await cached('models--tiny');
    const other = await cached('models--tiny', older, 'refs/pr/1');
    expect(await resolvePretrained('tiny', { cacheDir })).toBe(main);
    expect(await resolvePretrained('tiny', { cacheDir, revision: 'refs/pr/1' })).toBe(other);
    expect(await resolvePretrained('tiny', { cacheDir, revision: older })).toBe(other);
    expect(await resolvePretrained('tiny', { cacheDir, revision: '86b5e' })).toBe(main);
    await expect(resolvePretrained('tiny', { cacheDir, revision: '86b5' })).rejects.toThrow(/begins several commits/);
    await expect(resolvePretrained('tiny', { cacheDir, revision: '86b' })).rejects.toThrow(/no refs\/86b; its commits/);
  });

  test('an old name is found under its new one, and the reverse, and it is said', async () => {
    const snapshot = await cached('models--google-bert--bert-base-uncased');
    expect(await resolvePretrained('bert-base-uncased', { cacheDir })).toBe(snapshot);
    expect(said.join()).toContain("'google-bert/bert-base-uncased'");
    const old = await cached('models--bert-base-cased');
    expect(await resolvePretrained('google-bert/bert-base-cased', { cacheDir })).toBe(old);
  });

  test('not found: says where it looked and how to get it', async () => {
    const error = await resolvePretrained('bert-base-uncased', { cacheDir, owner: 'BertModel.fromPretrained' }).catch(
      (e) => e,
    );
    expect(error).toMatchObject({ name: 'ModelError', code: 'ERR_MODEL_NOT_FOUND', exitCode: 3 });
    expect(error.message).toContain('[BertModel.fromPretrained]');
    expect(error.message).toContain(join(cacheDir, 'models--bert-base-uncased'));
    expect(error.message).toContain(join(cacheDir, 'models--google-bert--bert-base-uncased'));
    expect(error.message).toContain('fettle download bert-base-uncased');
  });

  test('a reference without its snapshot is named', async () => {
    const snapshot = await cached('models--org--tiny');
    await rm(snapshot, { recursive: true });
    await expect(resolvePretrained('org/tiny', { cacheDir })).rejects.toThrow(
      new RegExp(`refs/main names the commit ${commit}, but`),
    );
    await writeFile(join(cacheDir, 'models--org--tiny', 'refs', 'main'), '../../..');
    await expect(resolvePretrained('org/tiny', { cacheDir })).rejects.toThrow(/does not hold a commit's hash/);
  });

  test('unsafe names and revisions are refused', async () => {
    for (const name of [
      '',
      '../secret',
      'a/../b',
      '/nowhere/at/all',
      'a\\b',
      'C:x',
      'a/b/c',
      'a\0b',
      '.hidden',
      'a--b',
    ]) {
      await expect(resolvePretrained(name, { cacheDir }), name).rejects.toMatchObject({ code: 'ERR_REPOSITORY_NAME' });
    }
    for (const revision of ['', '..', 'a/../../b', '/etc', 'a\\b', 'a//b', 'a\0']) {
      await expect(resolvePretrained('tiny', { cacheDir, revision }), revision).rejects.toMatchObject({
        code: 'ERR_REVISION',
      });
    }
  });

  test('a file in the place of a directory is named as a file', async () => {
    const file = join(cacheDir, 'model.safetensors');
    await writeFile(file, '');
    await expect(resolvePretrained(file)).rejects.toThrow(/this is a file, not a directory/);
  });
});

describe('resolveDataset', () => {
  test('glue is nyu-mll/glue', async () => {
    const snapshot = await cached('datasets--nyu-mll--glue');
    expect(await resolveDataset('glue', { cacheDir })).toBe(snapshot);
    expect(await resolveDataset('nyu-mll/glue', { cacheDir })).toBe(snapshot);
  });

  test('not found is a DataError; a model of that name does not count', async () => {
    await cached('models--imdb');
    const error = await resolveDataset('imdb', { cacheDir, revision: 'v2' }).catch((e) => e);
    expect(error).toMatchObject({ name: 'DataError', code: 'ERR_DATASET_NOT_FOUND' });
    expect(error.message).toContain('fettle download --dataset --revision v2 imdb');
  });
});

describe('cacheRoot', () => {
  test('follows huggingface_hub, the nearest first', () => {
    expect(cacheRoot()).toBe(join(homedir(), '.cache', 'huggingface', 'hub'));
    vi.stubEnv('XDG_CACHE_HOME', '/x');
    expect(cacheRoot()).toBe(join('/x', 'huggingface', 'hub'));
    vi.stubEnv('HF_HOME', '~/hf');
    expect(cacheRoot()).toBe(join(homedir(), 'hf', 'hub'));
    vi.stubEnv('HUGGINGFACE_HUB_CACHE', '/old');
    expect(cacheRoot()).toBe('/old');
    vi.stubEnv('HF_HUB_CACHE', `$XDG_CACHE_HOME/$\{HF_NOT_SET}`);
    expect(cacheRoot()).toBe(`/x/$\{HF_NOT_SET}`);
    expect(cacheRoot('/mine')).toBe('/mine');
  });
});

test('names, folders and aliases', () => {
  expect(faultOfName('sentence-transformers/all-MiniLM-L6-v2')).toBeUndefined();
  expect(faultOfName('Foo-BAR_foo.bar123')).toBeUndefined();
  for (const name of ['datasets/foo/bar', '.repo', 'foo--bar', 'foo.git', 'foo-', 'é', `${'x'.repeat(97)}`]) {
    expect(faultOfName(name), name).toBeDefined();
  }
  expect(isSafeRevision('feature/x')).toBe(true);
  expect(folderOf('model', 'org/name')).toBe('models--org--name');
  expect(folderOf('dataset', 'glue')).toBe('datasets--glue');
  expect(namesOf('dataset', 'squad')).toEqual(['squad', 'rajpurkar/squad']);
  expect(namesOf('model', 'glue')).toEqual(['glue']);
});

describe("the package's own model", () => {
  test('is found without a cache or a network', async () => {
    const directory = await resolvePretrained(smallBert, { cacheDir });
    expect(await readdir(directory)).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'vocab.txt']));
    expect(await resolveTokenizer(smallBert, { cacheDir })).toBe(directory);
  });

  test('a directory of that name comes first', async () => {
    const before = process.cwd();
    await mkdir(join(cacheDir, smallBert));
    try {
      process.chdir(cacheDir);
      expect(await resolvePretrained(smallBert, { cacheDir })).toBe(smallBert);
    } finally {
      process.chdir(before);
    }
  });
});
