import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deleteFromCache, planDeletion, scanCache } from './scan.ts';

const first = '1'.repeat(40);
const second = `1111111${'2'.repeat(33)}`;
let cacheDir: string;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'fettle-scan-'));
});
afterEach(() => rm(cacheDir, { recursive: true }));

/** Two commits that share one of their two contents, a tag on the first, `main` on the second, and a part of a third content. */
async function filled(): Promise<string> {
  const folder = join(cacheDir, 'models--org--tiny');
  for (const part of ['blobs', 'refs', 'trees', `snapshots/${first}/sub`, `snapshots/${second}/sub`]) {
    await mkdir(join(folder, part), { recursive: true });
  }
  for (const [name, size] of [
    ['shared', 100],
    ['old', 20],
    ['new', 3],
    ['next.incomplete', 7],
  ] as const) {
    await writeFile(join(folder, 'blobs', name), Buffer.alloc(size));
  }
  for (const [commit, own] of [
    [first, 'old'],
    [second, 'new'],
  ] as const) {
    await symlink('../../../blobs/shared', join(folder, 'snapshots', commit, 'sub', 'model.safetensors'));
    await symlink(`../../blobs/${own}`, join(folder, 'snapshots', commit, 'config.json'));
    await writeFile(join(folder, 'trees', `${commit}.json`), '{}');
  }
  await mkdir(join(folder, 'refs', 'tags'));
  await writeFile(join(folder, 'refs', 'tags', 'v1'), first);
  await writeFile(join(folder, 'refs', 'main'), second);
  return folder;
}

test('repositories, their commits and sizes: shared contents count once', async () => {
  const path = await filled();
  await mkdir(join(cacheDir, 'datasets--glue', 'snapshots', first), { recursive: true });
  await writeFile(join(cacheDir, 'datasets--glue', 'snapshots', first, 'a.csv'), 'a copy, not a link');
  await mkdir(join(cacheDir, '.locks'));
  await writeFile(join(cacheDir, 'version.txt'), '1');
  const [model, dataset, ...rest] = await scanCache(cacheDir);
  expect(rest).toEqual([]);
  expect(model).toMatchObject({ kind: 'model', name: 'org/tiny', path, size: 130, unfinished: 7 });
  expect(model.revisions).toEqual([
    { commit: first, refs: ['tags/v1'], files: 2, size: 120 },
    { commit: second, refs: ['main'], files: 2, size: 103 },
  ]);
  expect(dataset).toMatchObject({ kind: 'dataset', name: 'glue', size: 18 });
  expect(await scanCache(join(cacheDir, 'none'))).toEqual([]);
});

describe('deleting', () => {
  const plan = async (...targets: string[]) => planDeletion(await scanCache(cacheDir), targets, 'test');

  test('a commit takes its own contents with it and leaves the shared ones', async () => {
    const folder = await filled();
    const [deletion] = await plan('org/tiny@tags/v1');
    expect(deletion).toMatchObject({ commits: [first], whole: false, frees: 20 });
    await deleteFromCache(deletion, 'test');
    expect((await readdir(join(folder, 'blobs'))).sort()).toEqual(['new', 'next.incomplete', 'shared']);
    expect(await readdir(join(folder, 'snapshots'))).toEqual([second]);
    expect(await readdir(join(folder, 'trees'))).toEqual([`${second}.json`]);
    expect(existsSync(join(folder, 'refs', 'tags', 'v1'))).toBe(false);
    expect(await readFile(join(folder, 'snapshots', second, 'sub', 'model.safetensors'))).toHaveLength(100);
  });

  test('a name, or all of its commits, takes everything', async () => {
    const folder = await filled();
    const [deletion] = await plan('org/tiny');
    expect(deletion).toMatchObject({ whole: true, frees: 130 });
    expect(await plan(first.slice(0, 8), second.slice(0, 8))).toMatchObject([
      { whole: true, commits: [first, second] },
    ]);
    await deleteFromCache(deletion, 'test');
    expect(existsSync(folder)).toBe(false);
  });

  test('what is not there or could be several is refused, and what lies elsewhere is not touched', async () => {
    const folder = await filled();
    for (const target of ['org/none', 'org/tiny@v9', '3333333', 'main', '..', '']) {
      await expect(plan(target), target).rejects.toMatchObject({ code: 'ERR_NOT_IN_CACHE' });
    }
    await expect(plan('1111111')).rejects.toMatchObject({ code: 'ERR_AMBIGUOUS' });
    const outside = join(cacheDir, 'precious');
    await writeFile(outside, 'x');
    await symlink(outside, join(folder, 'snapshots', first, 'link.txt'));
    const [deletion] = await plan(`org/tiny@${first}`);
    await deleteFromCache(deletion, 'test');
    expect(existsSync(outside)).toBe(true);
  });
});
