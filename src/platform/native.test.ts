import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import * as browser from './native.browser.ts';
import * as native from './native.node.ts';

const {
  addressOf,
  copyFrom,
  cStrings,
  nativePlatform,
  openLibrary,
  packageFile,
  packageVersion,
  readInt64s,
  readPointer,
  readString,
} = native;

/** A library that every process of each system has, with plain C functions. */
const systemLibrary: Record<string, string> = {
  linux: 'libc.so.6',
  darwin: 'libSystem.dylib',
  win32: 'msvcrt.dll',
};

const open = () => openLibrary(systemLibrary[process.platform]);

describe('calls', () => {
  test('take and give numbers, texts and addresses', async () => {
    const library = await open();
    expect(library.func('int abs(int)')(-7)).toBe(7);
    expect(library.func('size_t strlen(const char *)')('grüße')).toBe(7);
    const found = library.func('void *strchr(void *, int)');
    const { memory, addresses } = cStrings(['fettle']);
    expect(found(addresses[0], 't'.charCodeAt(0))).toBe(addresses[0] + 2n);
    expect(found(addresses[0], 'x'.charCodeAt(0))).toBeNull();
    expect(memory.length).toBeGreaterThan(6);
  });

  test('a small array that a call is given by address alone is not collected before it', async () => {
    await open();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const made = (() => {
      const shape = BigInt64Array.of(2n, 3n);
      return { address: addressOf(shape), shape: new WeakRef(shape) };
    })();
    // What a WeakRef was made of or asked for stays alive till the end of the job.
    await new Promise((resolve) => setTimeout(resolve));
    collect();
    expect(made.shape.deref()).toBeDefined();
    expect(readInt64s(made.address, 2)).toEqual([2, 3]);
  });

  test('a function is called by its address too', async () => {
    const library = await open();
    const pointers = BigUint64Array.of(0n, await addressOfAbs());
    const address = readPointer(addressOf(pointers), 1);
    expect(library.functionAt(address!, 'int any(int)')(-3)).toBe(3);
    expect(readPointer(addressOf(pointers), 0)).toBeNull();
    const numbers = BigInt64Array.of(-3n, 2n ** 40n);
    expect(readInt64s(addressOf(numbers), 2)).toEqual([-3, 2 ** 40]);
  });

  test('take further arguments after the named ones, each with its type', async () => {
    const library = await open();
    const text = new Uint8Array(64);
    const print = library.func('int snprintf(void *, size_t, const char *, ...)');
    const length = print(addressOf(text), text.length, '%d %s %.2f', 'int', -7, 'const char *', 'ü', 'double', 1.5);
    expect(readString(addressOf(text))).toBe('-7 ü 1.50');
    expect(length).toBe(10);
  });

  // Of the C libraries' functions only those of Unix take a struct by value: `in_addr`, an IPv4 address's four bytes.
  test.skipIf(process.platform === 'win32')('take structs by value', async () => {
    const library = await open();
    const structs = { Address: { bytes: 'uint32_t' } };
    const show = library.func('const char *inet_ntoa(Address)', structs);
    const [bytes] = new Uint32Array(Uint8Array.of(127, 0, 0, 1).buffer);
    expect(show({ bytes })).toBe('127.0.0.1');
    // The same name again is no clash.
    expect(library.func('const char *inet_ntoa(Address)', structs)({ bytes: 0 })).toBe('0.0.0.0');
  });

  test('run on another thread, while what they use is kept', async () => {
    const library = await open();
    const source = Float64Array.from({ length: 1000 }, (_, i) => i);
    const target = new Float64Array(1000);
    const copy = library.func('void *memcpy(void *, void *, size_t)');
    const running = copy.async([source, target], addressOf(target), addressOf(source), source.byteLength);
    expect(await running).toBe(addressOf(target));
    expect(target).toEqual(source);
  });

  test('reject where an argument is of the wrong kind', async () => {
    const library = await open();
    await expect(library.func('int abs(int)').async(undefined, 'seven')).rejects.toThrow();
  });

  test('a library or function that is not there is an EnvironmentError', async () => {
    const library = await open();
    expect(() => library.func('int noSuchFunction(int)')).toThrow(/has no function 'noSuchFunction'/);
    await expect(openLibrary('/nowhere/at/all.so')).rejects.toMatchObject({
      name: 'EnvironmentError',
      code: 'ERR_NATIVE_LIBRARY',
      file: '/nowhere/at/all.so',
    });
  });
});

describe('memory', () => {
  test('texts and typed arrays are read where they stand', async () => {
    await open();
    const { memory, addresses } = cStrings(['', 'a', 'zwölf']);
    expect(addresses.map(readString)).toEqual(['', 'a', 'zwölf']);
    const copied = new Uint8Array(3);
    copyFrom(addresses[1], copied);
    expect([...copied]).toEqual([97, 0, 'z'.charCodeAt(0)]);
    expect(memory.byteLength).toBe(11);
  });

  test('a view stands where its offset says, in shared WebAssembly memory too; an empty one nowhere', async () => {
    await open();
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const start = addressOf(new Uint8Array(buffer));
    expect(addressOf(new Float32Array(buffer, 64, 2))).toBe(start + 64n);
    expect(addressOf(new Float32Array(0))).toBe(0n);
    expect(addressOf(new Float32Array(buffer, 64, 0))).toBe(0n);
    const target = new Float32Array(buffer, 64, 2);
    copyFrom(addressOf(Float32Array.of(1.5, -2)), target);
    expect([...target]).toEqual([1.5, -2]);
  });
});

describe('packages', () => {
  test('files are found where a package is installed, and versions read', () => {
    const path = packageFile('koffi', 'package.json');
    expect(path !== undefined && existsSync(path)).toBe(true);
    expect(packageFile('koffi', 'no/such/file')).toBeUndefined();
    expect(packageFile('no-such-package-at-all', 'package.json')).toBeUndefined();
    expect(packageVersion('onnxruntime-node')).toMatch(/^\d+\.\d+\.\d+/);
    expect(packageVersion('no-such-package-at-all')).toBeUndefined();
    expect(nativePlatform()).toEqual({ os: process.platform, arch: process.arch });
  });
});

describe('in a browser', () => {
  test('has the same functions, and calls say what to use instead', async () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(native).sort());
    await expect(browser.openLibrary('x')).rejects.toMatchObject({ name: 'EnvironmentError', exitCode: 4 });
    expect(() => browser.addressOf(new Uint8Array(1))).toThrow(/WebAssembly or the WebGPU engine/);
    expect(browser.packageFile('koffi', 'package.json')).toBeUndefined();
  });
});

/** Where `abs` stands, asked of the system's loader itself. */
async function addressOfAbs(): Promise<bigint> {
  const koffi = (await import('koffi')).default;
  return koffi.load(systemLibrary[process.platform]).symbol('abs') as bigint;
}
