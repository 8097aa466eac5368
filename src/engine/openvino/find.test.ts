import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findLibraries, type SearchedSystem, usualPlaces } from './find.ts';
import { createOpenVinoEngine } from './openVinoEngine.ts';
import { isTested, versionInName } from './versions.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fettle-openvino-'));
});
afterEach(() => rm(root, { recursive: true }));

async function put(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), 'not really a library');
  }
}

/** A system with nothing on it but what a test says. */
function system(parts: Partial<SearchedSystem> & { variables?: Record<string, string> } = {}): SearchedSystem {
  const { variables = {}, ...rest } = parts;
  return {
    os: 'linux',
    arch: 'x64',
    home: undefined,
    variable: (name) => variables[name],
    pathList: (name) => (variables[name] ?? '').split(':').filter((folder) => folder !== ''),
    packageFile: () => undefined,
    ...rest,
  };
}

/** What is found under the test's own folder, relative to it; the machine's own places may hold some as well. */
async function found(searched: SearchedSystem): Promise<string[]> {
  const libraries = await findLibraries(undefined, searched);
  return libraries
    .filter(({ path }) => path.startsWith(root))
    .map(({ path, source }) => `${source}: ${path.slice(root.length + 1)}`);
}

describe('what the user names', () => {
  test('is a file, as it is', async () => {
    await put('any.so');
    const path = join(root, 'any.so');
    expect(await findLibraries(path)).toEqual([{ path, source: 'libraryPath', chosen: true }]);
    const variables = { FETTLE_OPENVINO: path };
    expect(await findLibraries(undefined, system({ variables }))).toEqual([
      { path, source: 'FETTLE_OPENVINO', chosen: true },
    ]);
  });

  test.each([
    ['the folder itself', 'libopenvino_c.so.2641'],
    ["a wheel's folder", 'libs/libopenvino_c.so.2641'],
    ['site-packages', 'openvino/libs/libopenvino_c.so.2641'],
    ['an archive', 'runtime/lib/intel64/libopenvino_c.so'],
    ['a virtual environment', 'lib/python3.11/site-packages/openvino/libs/libopenvino_c.so.2641'],
  ])('is a folder: %s', async (_, file) => {
    await put(file, 'libopenvino.so.2641', 'libs/libopenvino_cpu.so');
    expect(await findLibraries(root, system())).toEqual([
      { path: join(root, file), source: 'libraryPath', chosen: true },
    ]);
  });

  test('goes before what the environment names, and both before all else', async () => {
    await put(
      'a/libopenvino_c.so',
      'b/libopenvino_c.so',
      'venv/lib/python3.12/site-packages/openvino/libs/libopenvino_c.so',
    );
    const variables = { FETTLE_OPENVINO: join(root, 'b'), VIRTUAL_ENV: join(root, 'venv') };
    expect(await findLibraries(join(root, 'a'), system({ variables }))).toMatchObject([
      { path: join(root, 'a/libopenvino_c.so') },
    ]);
    expect(await findLibraries(undefined, system({ variables }))).toMatchObject([
      { path: join(root, 'b/libopenvino_c.so') },
    ]);
  });

  test('and has no library is one clear error, never replaced by another library', async () => {
    await put('venv/lib/python3.12/site-packages/openvino/libs/libopenvino_c.so');
    const variables = { FETTLE_OPENVINO: join(root, 'nowhere'), VIRTUAL_ENV: join(root, 'venv') };
    const finding = findLibraries(undefined, system({ variables }));
    await expect(finding).rejects.toMatchObject({
      name: 'EnvironmentError',
      code: 'ERR_OPENVINO_UNAVAILABLE',
      exitCode: 4,
    });
    await expect(finding).rejects.toThrow(/FETTLE_OPENVINO names neither.*pip install openvino/);
  });
});

describe('what is found', () => {
  test('in Python environments: the active one, those of PATH, pyenv’s and the user’s, newest first', async () => {
    const wheel = (python: string) => `${python}/site-packages/openvino/libs/libopenvino_c.so.2641`;
    await put(
      wheel('active/lib/python3.11'),
      wheel('onPath/lib/python3.9'),
      wheel('onPath/lib/python3.13'),
      wheel('home/.pyenv/versions/3.12.1/lib/python3.12'),
      wheel('home/.local/lib/python3.10'),
      wheel('elsewhere/lib/python3.10'),
    );
    const variables = {
      VIRTUAL_ENV: join(root, 'active'),
      PATH: `${join(root, 'onPath/bin')}:${join(root, 'active/bin')}`,
    };
    expect(await found(system({ variables, home: join(root, 'home') }))).toEqual([
      `VIRTUAL_ENV: ${wheel('active/lib/python3.11')}`,
      `PATH: ${wheel('onPath/lib/python3.13')}`,
      `PATH: ${wheel('onPath/lib/python3.9')}`,
      `~/.local: ${wheel('home/.local/lib/python3.10')}`,
      `pyenv: ${wheel('home/.pyenv/versions/3.12.1/lib/python3.12')}`,
    ]);
  });

  test('in OpenVINO’s own installation, npm’s package and the loader’s folders', async () => {
    await put(
      'intel/runtime/lib/intel64/libopenvino_c.so.2641',
      'node_modules/openvino-node/bin/libopenvino_c.so.2640',
      'libraries/libopenvino_c.so',
      'libraries/libopenvino_c.so.2641',
    );
    const variables = { INTEL_OPENVINO_DIR: join(root, 'intel'), LD_LIBRARY_PATH: join(root, 'libraries') };
    const packageFile = (name: string, file: string) => join(root, 'node_modules', name, file);
    expect(await found(system({ variables, packageFile }))).toEqual([
      'INTEL_OPENVINO_DIR: intel/runtime/lib/intel64/libopenvino_c.so.2641',
      'LD_LIBRARY_PATH: libraries/libopenvino_c.so.2641',
      'openvino-node: node_modules/openvino-node/bin/libopenvino_c.so.2640',
    ]);
  });

  test('by each system’s own file name', async () => {
    await put('lib/libopenvino_c.2641.dylib', 'lib/libopenvino_c.so.2641', 'lib/openvino_c.dll');
    const on = async (os: string, name: string) => found(system({ os, variables: { [name]: join(root, 'lib') } }));
    expect(await on('darwin', 'DYLD_LIBRARY_PATH')).toEqual(['DYLD_LIBRARY_PATH: lib/libopenvino_c.2641.dylib']);
    expect(await on('linux', 'LD_LIBRARY_PATH')).toEqual(['LD_LIBRARY_PATH: lib/libopenvino_c.so.2641']);
    expect(await on('win32', 'PATH')).toEqual(['PATH: lib/openvino_c.dll']);
    expect(await on('aix', 'LD_LIBRARY_PATH')).toEqual([]);
  });

  test('where systems keep libraries', () => {
    const folders = (parts: Partial<SearchedSystem>) => usualPlaces(system(parts)).map(({ folder }) => folder);
    expect(folders({ arch: 'arm64' })).toContain('/usr/lib/aarch64-linux-gnu');
    expect(folders({})).toEqual(
      expect.arrayContaining(['/usr/lib/x86_64-linux-gnu', '/opt/intel/openvino*/runtime/lib/*']),
    );
    expect(folders({ os: 'darwin', arch: 'arm64' })).toContain('/opt/homebrew/lib');
  });
});

describe('versions', () => {
  test.each([
    ['2024.6.0', false],
    ['2026.2.0', false],
    ['2026.3.0', true],
    ['2026.4.1', true],
    ['2027.0.0', false],
    ['unknown', false],
  ])('%s is taken: %s', (version, taken) => {
    expect(isTested(version)).toBe(taken);
  });

  test('stand in file names', () => {
    expect(versionInName('/x/libopenvino_c.so.2641')).toBe('2026.4.1');
    expect(versionInName('/x/libopenvino_c.2540.dylib')).toBe('2025.4.0');
    expect(versionInName('/x/libopenvino_c.so')).toBeUndefined();
  });

  test('that were not tested are refused without being loaded, and a file that is no library as such', async () => {
    await put('old/libopenvino_c.so.2460', 'broken/libopenvino_c.so.2641');
    const old = createOpenVinoEngine({ libraryPath: join(root, 'old/libopenvino_c.so.2460') });
    await expect(old).rejects.toThrow(/not tested.*'2024\.6\.0', expected 2026\.3 to 2026.*pip install openvino/);
    const broken = createOpenVinoEngine({ libraryPath: join(root, 'broken/libopenvino_c.so.2641') });
    await expect(broken).rejects.toMatchObject({ code: 'ERR_OPENVINO_UNAVAILABLE', exitCode: 4 });
    await expect(broken).rejects.toThrow(/cannot be loaded/);
  });

  test('settings that are none are refused', async () => {
    for (const threads of [0, -1, 1.5, Number.NaN]) {
      await expect(createOpenVinoEngine({ threads })).rejects.toMatchObject({ code: 'ERR_ENGINE_THREADS' });
    }
    await expect(createOpenVinoEngine({ cacheCapacity: -1 })).rejects.toMatchObject({ code: 'ERR_ENGINE_CACHE' });
    const precision = 'float16' as 'float32';
    await expect(createOpenVinoEngine({ precision })).rejects.toMatchObject({ code: 'ERR_ENGINE_PRECISION' });
  });
});
