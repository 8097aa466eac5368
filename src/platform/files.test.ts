import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as browser from './files.browser.ts';
import * as files from './files.node.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fettle-files-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('writeAtomic', () => {
  test('writes text, bytes, pieces and shared memory, and leaves nothing beside', async () => {
    const path = join(directory, 'a');
    await files.writeAtomic(path, 'grün');
    expect(await readFile(path, 'utf8')).toBe('grün');
    const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 3);
    shared.set([1, 2, 3]);
    await files.writeAtomic(path, [shared, new Uint8Array([4])]);
    expect([...(await readFile(path))]).toEqual([1, 2, 3, 4]);
    expect(await readdir(directory)).toEqual(['a']);
  });

  test('a failure while pieces come keeps the old content and leaves nothing', async () => {
    const path = join(directory, 'a');
    await files.writeAtomic(path, 'old');
    function* broken() {
      yield new Uint8Array(10);
      throw new TypeError('the producer failed');
    }
    await expect(files.writeAtomic(path, broken())).rejects.toThrow(new TypeError('the producer failed'));
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['a']);
  });

  test('an absent directory and a directory in its place are named', async () => {
    await expect(files.writeAtomic(join(directory, 'no', 'a'), '')).rejects.toMatchObject({
      name: 'EnvironmentError',
      code: 'ERR_WRITE',
      file: join(directory, 'no', 'a'),
      message: expect.stringContaining('its directory does not exist (ENOENT)'),
    });
    await mkdir(join(directory, 'taken'));
    await expect(files.writeAtomic(join(directory, 'taken'), '')).rejects.toMatchObject({ code: 'ERR_WRITE' });
    expect(await readdir(directory)).toEqual(['taken']);
  });
});

describe('writeDirectoryAtomic', () => {
  const content = (text: string) => async (temporary: string) => {
    await mkdir(join(temporary, 'inner'));
    await writeFile(join(temporary, 'inner', 'file'), text);
  };
  const held = () => readFile(join(directory, 'model', 'inner', 'file'), 'utf8');

  test('appears whole, and only when all is written', async () => {
    const path = join(directory, 'model');
    await files.writeDirectoryAtomic(path, async (temporary) => {
      await content('new')(temporary);
      expect(await files.kindOf(path)).toBe('none');
      expect((await readdir(directory)).every(files.isTemporaryName)).toBe(true);
    });
    expect(await held()).toBe('new');
    expect(await readdir(directory)).toEqual(['model']);
  });

  test('refuses what stands there unless told, and takes an empty directory', async () => {
    const path = join(directory, 'model');
    await mkdir(path);
    await files.writeDirectoryAtomic(path, content('first'));
    let called = false;
    const second = files.writeDirectoryAtomic(path, async () => {
      called = true;
    });
    await expect(second).rejects.toMatchObject({ code: 'ERR_EXISTS', exitCode: 2 });
    expect(called).toBe(false);
    await files.writeDirectoryAtomic(path, content('second'), { overwrite: true });
    expect(await held()).toBe('second');
    expect(await readdir(directory)).toEqual(['model']);
  });

  test('where writing fails the old one stays and nothing is left', async () => {
    const path = join(directory, 'model');
    await files.writeDirectoryAtomic(path, content('old'));
    const failing = files.writeDirectoryAtomic(
      path,
      async (temporary) => {
        await content('half')(temporary);
        throw new Error('no more');
      },
      { overwrite: true },
    );
    await expect(failing).rejects.toThrow('no more');
    expect(await held()).toBe('old');
    expect(await readdir(directory)).toEqual(['model']);
  });

  test('a file where its parent should be is named', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(files.writeDirectoryAtomic(join(directory, 'file', 'model'), content(''))).rejects.toMatchObject({
      name: 'EnvironmentError',
      code: 'ERR_WRITE',
    });
  });

  test('what a dead process left is known and can be removed', async () => {
    const leftover = '.model.0123456789ab.partial';
    await mkdir(join(directory, leftover));
    await writeFile(join(directory, leftover, 'half'), '');
    await files.writeDirectoryAtomic(join(directory, 'model'), content('whole'));
    expect(await files.listDirectory(directory)).toEqual([leftover, 'model']);
    expect(await files.removeLeftovers(directory)).toEqual([leftover]);
    expect(await files.listDirectory(directory)).toEqual(['model']);
    expect(files.isTemporaryName('model.partial')).toBe(false);
  });

  test('what was moved aside and never replaced comes back; what was replaced goes', async () => {
    await files.writeDirectoryAtomic(join(directory, 'model'), content('good'));
    await rename(join(directory, 'model'), join(directory, '.model.0123456789ab.old'));
    await mkdir(join(directory, '.model.ba9876543210.partial'));
    await files.removeLeftovers(directory);
    expect(await held()).toBe('good');
    await mkdir(join(directory, '.model.0123456789ab.old'));
    await files.removeLeftovers(directory);
    expect(await held()).toBe('good');
    expect(await readdir(directory)).toEqual(['model']);
  });
});

test('freeBytes asks the disk of the nearest directory that is there', async () => {
  const here = await files.freeBytes(directory);
  expect(here).toBeGreaterThan(0);
  expect(await files.freeBytes(join(directory, 'not', 'yet'))).toBeGreaterThan(0);
});

describe('ensureWritableDirectory', () => {
  test('makes it and leaves nothing in it', async () => {
    const path = join(directory, 'a', 'b');
    await files.ensureWritableDirectory(path);
    expect(await readdir(path)).toEqual([]);
  });

  test('a file in its place, or above it, is an EnvironmentError that names the directory', async () => {
    await writeFile(join(directory, 'file'), '');
    for (const path of [join(directory, 'file'), join(directory, 'file', 'under')]) {
      await expect(files.ensureWritableDirectory(path)).rejects.toMatchObject({
        name: 'EnvironmentError',
        code: 'ERR_NOT_WRITABLE',
        file: path,
      });
    }
  });
});

test('openFile reads parts, into shared memory too, and says where the file ends', async () => {
  const path = join(directory, 'a');
  await writeFile(path, Uint8Array.of(0, 1, 2, 3, 4));
  const file = await files.openFile(path);
  const target = new Uint8Array(new SharedArrayBuffer(8), 4, 3);
  expect(file.size).toBe(5);
  expect(await file.readInto(target, 1)).toBe(3);
  expect([...target]).toEqual([1, 2, 3]);
  expect(await file.readInto(target, 4)).toBe(1);
  expect(target[0]).toBe(4);
  await file.close();
});

describe('pathList', () => {
  test('gives the folders that a variable lists, without empty ones', () => {
    process.env['FETTLE_TEST_PATHS'] = ['/a', '', '/b c'].join(delimiter);
    expect(files.pathList('FETTLE_TEST_PATHS')).toEqual(['/a', '/b c']);
    delete process.env['FETTLE_TEST_PATHS'];
    expect(files.pathList('FETTLE_TEST_PATHS')).toEqual([]);
    expect(browser.pathList('PATH')).toEqual([]);
  });
});

describe('the browser twin', () => {
  let server: Server;
  let base: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/data.bin') response.end(Uint8Array.of(1, 2, 3));
      // A development server that answers every unknown path with its page.
      else if (request.url === '/page') response.setHeader('content-type', 'text/html; charset=utf-8').end('<html>');
      else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  test('has every export of the other, with the same types', () => {
    const twin: typeof files = browser;
    expect(Object.keys(twin).sort()).toEqual(Object.keys(files).sort());
  });

  test('reads by fetch; a missing file and a page in its place are errors', async () => {
    expect(await browser.readBytes(`${base}/data.bin`)).toEqual(Uint8Array.of(1, 2, 3));
    expect(await browser.readText(`${base}/data.bin`)).toBe('\u0001\u0002\u0003');
    expect(await browser.kindOf(`${base}/data.bin`)).toBe('file');
    expect(await browser.kindOf(`${base}/page`)).toBe('none');
    expect(await browser.kindOf(`${base}/none`)).toBe('none');
    expect(await browser.kindOf(`${base}/models/`)).toBe('directory');
    await expect(browser.readBytes(`${base}/none`)).rejects.toThrow(/status 404/);
    await expect(browser.readBytes(`${base}/page`)).rejects.toThrow(/web page/);
    const file = await browser.openFile(`${base}/data.bin`);
    const target = new Uint8Array(5);
    expect(await file.readInto(target, 1)).toBe(2);
    expect([...target]).toEqual([2, 3, 0, 0, 0]);
  });

  test('writing is a clear EnvironmentError', async () => {
    for (const attempt of [
      browser.writeAtomic('a', ''),
      browser.writeDirectoryAtomic('a', async () => undefined),
      browser.makeDirectory('a'),
      browser.remove('a'),
      browser.removeLeftovers('a'),
      browser.ensureWritableDirectory('a'),
      browser.listDirectory('a'),
    ]) {
      await expect(attempt).rejects.toMatchObject({ name: 'EnvironmentError', code: 'ERR_NO_FILE_SYSTEM' });
    }
    expect(await browser.freeBytes('a')).toBeUndefined();
    expect([browser.environmentVariable('HOME'), browser.homeDirectory()]).toEqual([undefined, undefined]);
  });

  test('joins paths and URLs', () => {
    expect(browser.joinPath('models', 'tiny', '../small', './config.json')).toBe('models/small/config.json');
    expect(browser.joinPath('/a/', '/b')).toBe('/a/b');
    expect(browser.joinPath('../a', 'b')).toBe('../a/b');
    expect(browser.joinPath('https://host/x/', 'config.json')).toBe('https://host/x/config.json');
    expect(browser.joinPath('a/', 'b/')).toBe('a/b/');
    expect(browser.baseName('https://host/x/config.json')).toBe('config.json');
    expect(browser.baseName('a/b/')).toBe('b');
  });
});
