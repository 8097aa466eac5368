import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addressOf, type NativeLibrary, openLibrary, packageFile, packageVersion } from '#platform/native';
import { EnvironmentError } from '../../core/errors.ts';
import { leastVersion, readApi } from './api.ts';
import { loadEnvironment } from './environment.ts';
import { packagedLibrary } from './library.ts';
import { createOnnxRuntimeEngine } from './onnxRuntimeEngine.ts';
import { makeSessionOptions } from './sessionOptions.ts';
import { takeFailure } from './status.ts';

const unavailable = { name: 'EnvironmentError', code: 'ERR_ONNXRUNTIME_UNAVAILABLE', exitCode: 4 };

describe('the library that the package brings', () => {
  test('is of the version that the package says, the one that was tested', async () => {
    const engine = await createOnnxRuntimeEngine();
    expect(engine.name).toBe('onnxruntime');
    expect(engine.version).toBe(packageVersion('onnxruntime-node'));
    expect(engine.version).toBe(leastVersion);
    expect(engine.threads).toBeGreaterThanOrEqual(1);
  });

  test('threads must be a whole number of 1 or more', async () => {
    for (const threads of [0, -1, 1.5, Number.NaN]) {
      await expect(createOnnxRuntimeEngine({ threads })).rejects.toMatchObject({ name: 'ArgumentError' });
    }
  });

  test('is loaded once', async () => {
    const path = packagedLibrary({ os: process.platform, arch: process.arch }, { packageFile, packageVersion });
    expect(await loadEnvironment()).toBe(await loadEnvironment(path));
  });
});

describe('the table of functions', () => {
  test('the last one used stands where the header has it', async () => {
    const { api } = await loadEnvironment();
    // The only function that gives this text; it is the last of version 15 of the C API.
    expect(api.GetBuildInfoString()).toMatch(/^ORT Build Info: /);
  });

  test.each([
    ['sleep after a run', {}, true],
    ['stay awake', { staysAwake: true }, false],
  ])('settings that were made can be read back: threads that %s', async (_, settings, spinningStops) => {
    const environment = await loadEnvironment();
    const { api } = environment;
    const options = makeSessionOptions(environment, 1, settings);
    const read = (key: string) => {
      const size = new BigUint64Array([64n]);
      const text = new Uint8Array(64);
      const failure = takeFailure(api, api.GetSessionConfigEntry(options, key, addressOf(text), addressOf(size)));
      return failure === undefined ? new TextDecoder().decode(text.subarray(0, Number(size[0]) - 1)) : undefined;
    };
    expect(read('optimization.disable_specified_optimizers')).toBe('GemmTransposeFusion');
    expect(read('session.force_spinning_stop')).toBe(spinningStops ? '1' : undefined);
    api.ReleaseSessionOptions(options);
  });

  test('a failure has its code and words', async () => {
    const environment = await loadEnvironment();
    const { api } = environment;
    const options = makeSessionOptions(environment, 1);
    const failure = takeFailure(api, api.AddSessionConfigEntry(options, '', 'x'));
    expect(failure?.code).toBeGreaterThan(0);
    expect(failure?.message).toMatch(/config key is empty/i);
    api.ReleaseSessionOptions(options);
  });
});

describe('a library that cannot be used is one clear error', () => {
  test('no such file', async () => {
    const running = createOnnxRuntimeEngine({ libraryPath: '/nowhere/libonnxruntime.so.1' });
    await expect(running).rejects.toMatchObject({ ...unavailable, file: '/nowhere/libonnxruntime.so.1' });
    await expect(running).rejects.toThrow(/npm install onnxruntime-node@1\.30\.0 --ignore-scripts/);
  });

  test('a damaged file, which may be repaired and tried again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fettle-'));
    const libraryPath = join(folder, 'libonnxruntime.so.1');
    await writeFile(libraryPath, 'this is not a library');
    for (let i = 0; i < 2; i++) {
      await expect(createOnnxRuntimeEngine({ libraryPath })).rejects.toMatchObject({
        ...unavailable,
        file: libraryPath,
      });
    }
    await rm(folder, { recursive: true });
  });

  test('a library that is something else', async () => {
    const { platform, arch } = process;
    const libraryPath = packageFile(`@koromix/koffi-${platform}-${arch}`, `${platform}_${arch}/koffi.node`);
    const running = createOnnxRuntimeEngine({ libraryPath: libraryPath! });
    await expect(running).rejects.toMatchObject(unavailable);
    await expect(running).rejects.toThrow(/OrtGetApiBase/);
  });

  test.each([
    ['1.29.3', false],
    ['0.99', false],
    ['1.30.0', true],
    ['1.31.0-dev', true],
    ['2.0', true],
  ])('version %s is taken: %s', async (version, taken) => {
    // A library is opened first so that memory can be read; the table read below is this test's own.
    await loadEnvironment();
    const base = BigUint64Array.of(111n, 222n);
    const table = new BigUint64Array(300).fill(333n);
    const fake: NativeLibrary = {
      path: 'fake.so',
      func: () => native(() => addressOf(base)),
      functionAt: (address) => native(() => (address === 222n ? version : addressOf(table))),
    };
    if (taken) expect(readApi(fake).version).toBe(version);
    else expect(() => readApi(fake)).toThrow(new RegExp(`too old.*'${version}'.*1\\.30\\.0 or later`));
  });

  test('a platform that the package has nothing for', () => {
    const lookup = { packageFile: () => '/x', packageVersion: () => '1.30.0' };
    expect(() => packagedLibrary({ os: 'darwin', arch: 'x64' }, lookup)).toThrow(EnvironmentError);
    expect(() => packagedLibrary({ os: 'darwin', arch: 'x64' }, lookup)).toThrow(/'darwin x64'.*WebAssembly/);
  });

  test('a package that is missing or not whole', () => {
    const linux = { os: 'linux', arch: 'x64' };
    expect(() => packagedLibrary(linux, { packageFile: () => undefined, packageVersion: () => undefined })).toThrow(
      /onnxruntime-node is not installed; run `npm install/,
    );
    expect(() => packagedLibrary(linux, { packageFile: () => undefined, packageVersion: () => '1.2.3' })).toThrow(
      /onnxruntime-node 1\.2\.3 has no bin\/napi-v6\/linux\/x64/,
    );
  });
});

function native(call: () => bigint | string) {
  return Object.assign(call, { async: () => Promise.resolve(call()) });
}

test('openLibrary says what is wrong by itself too', async () => {
  await expect(openLibrary('/nowhere/lib.so')).rejects.toMatchObject({ code: 'ERR_NATIVE_LIBRARY', exitCode: 4 });
});
