import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allocate } from '../core/dtypes.ts';
import { ModelError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import { openSafetensors, readSafetensors, readSafetensorsFile } from './safetensors.ts';
import { type SafetensorsDtype, storage } from './safetensors-header.ts';
import { serializeSafetensors, type WritableTensor } from './safetensors-write.ts';

/** A file from a header's text and its data. */
function fileOf(header: string | Uint8Array, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.byteLength + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.byteLength);
  return bytes;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

const dtypes = Object.keys(storage) as SafetensorsDtype[];

/** One tensor [3] of each type, with bits that differ everywhere. */
const oneOfEach: WritableTensor[] = dtypes.map((dtype, index) => {
  const data = allocate(storage[dtype], 3);
  const bytes = new Uint8Array(data.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = dtype === 'BOOL' ? i % 2 : (i * 37 + index * 11 + 1) & 0xff;
  return { name: `t.${dtype}`, dtype, shape: [3], data };
});

describe('readSafetensors', () => {
  test('reads every type back, bit for bit, wherever the file stands in memory', () => {
    const bytes = joined(serializeSafetensors(oneOfEach));
    for (const [memory, offset] of [
      [new ArrayBuffer(bytes.length + 8), 0],
      [new ArrayBuffer(bytes.length + 8), 3], // no type wider than a byte is aligned here
      [new SharedArrayBuffer(bytes.length + 8), 1],
    ] as const) {
      const placed = new Uint8Array(memory, offset, bytes.length);
      placed.set(bytes);
      const file = readSafetensors(placed);
      expect(file.metadata).toEqual({ format: 'pt' });
      expect(file.tensors.size).toBe(dtypes.length);
      for (const { name, dtype, shape, data } of oneOfEach) {
        expect(file.tensors.get(name)).toMatchObject({ dtype, shape });
        expect(file.view(name)).toEqual(data);
      }
    }
  });

  test('shares memory where alignment allows', () => {
    const bytes = joined(serializeSafetensors([{ name: 'w', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]));
    const file = readSafetensors(bytes);
    expect(file.view('w').buffer).toBe(bytes.buffer);
    expect(file.toFloat32('w')).toEqual(Float32Array.of(1, 2));
    expect(file.toFloat32('w').buffer).toBe(bytes.buffer);
  });

  test('converts to float32, and refuses 8-bit floats and targets of another length', () => {
    const file = readSafetensors(
      joined(
        serializeSafetensors([
          { name: 'half', dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xc100) },
          { name: 'brain', dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3f80, 0xc020) },
          { name: 'double', dtype: 'F64', shape: [2], data: Float64Array.of(0.1, -1e300) },
          { name: 'long', dtype: 'I64', shape: [2], data: BigInt64Array.of(-5n, 1n << 40n) },
          { name: 'flag', dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) },
          { name: 'tiny', dtype: 'F8_E4M3', shape: [2], data: Uint8Array.of(0, 1) },
        ]),
      ),
    );
    expect([...file.toFloat32('half')]).toEqual([1, -2.5]);
    expect([...file.toFloat32('brain')]).toEqual([1, -2.5]);
    expect([...file.toFloat32('double')]).toEqual([Math.fround(0.1), Number.NEGATIVE_INFINITY]);
    expect([...file.toFloat32('long')]).toEqual([-5, 2 ** 40]);
    expect([...file.toFloat32('flag')]).toEqual([0, 1]);
    expect(() => file.toFloat32('tiny')).toThrow(/8-bit floats are read as raw bytes only, got 'F8_E4M3'/);
    expect(() => file.toFloat32('half', new Float32Array(3))).toThrow(/another length, got 3, expected 2/);
    expect(() => file.view('halve')).toThrow(/no tensor 'halve'; did you mean 'half'/);
  });

  test('takes what Python takes: no tensors, empty tensors, spaces behind, null metadata, names that are numbers', () => {
    expect(readSafetensors(fileOf('{}')).tensors.size).toBe(0);
    expect(readSafetensors(fileOf('{"__metadata__":null}   ')).metadata).toEqual({});
    const empty = readSafetensors(
      fileOf(
        '{"10":{"dtype":"F32","shape":[0,9007199254740991,8],"data_offsets":[0,0]},"9":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
        Uint8Array.of(7),
      ),
    );
    expect(empty.view('10').length).toBe(0);
    expect([...empty.view('9')]).toEqual([7]);
    expect([
      ...readSafetensors(fileOf('{"\\u0061\\"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}')).tensors.keys(),
    ]).toEqual(['a"']);
  });

  test('what an entry says beyond the format is ignored, and that is said', () => {
    const said: string[] = [];
    const restore = configureLog({ sink: (_level, message) => said.push(message) });
    readSafetensors(fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}'), 'f.safetensors');
    restore();
    expect(said).toEqual(["[safetensors] tensor 'a' (f.safetensors): x in its entry is ignored"]);
  });
});

describe('damaged files', () => {
  const entry = (dtype: string, shape: string, offsets: string) =>
    `"a":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  const four = new Uint8Array(4);
  const eight = new Uint8Array(8);
  const long = new Uint8Array(16);
  new DataView(long.buffer).setBigUint64(0, 100_000_001n, true);
  const huge = new Uint8Array(16).fill(0xff);
  const beyond = new Uint8Array(16);
  beyond[0] = 9;

  test.each<[string, Uint8Array, RegExp]>([
    ['no bytes', new Uint8Array(0), /too short.*got '0 bytes'.*at least 8/],
    ['seven bytes', new Uint8Array(7), /too short/],
    ['a header above the limit', long, /too long.*100000001 bytes.*at most 100000000/],
    ['a header of 2⁶⁴ − 1', huge, /too long/],
    ['a header beyond the file', beyond, /header ends beyond the file.*16 bytes.*at least 17/],
    ['an empty header', fileOf(''), /does not begin with '\{'.*an empty header/],
    ['a header that begins with a space', fileOf(' {}'), /does not begin with '\{'.*byte 32/],
    ['a list', fileOf('[]'), /does not begin with '\{'/],
    ['invalid UTF-8', fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), /not UTF-8/],
    ['invalid JSON', fileOf('{"a":}'), /not JSON/],
    ['an unfinished string', fileOf('{"a'), /not JSON/],
    ['something behind the JSON', fileOf('{}x'), /not JSON/],
    ['deep nesting', fileOf(`{"a":${'['.repeat(100_000)}`), /nested too deeply/],
    [
      'a name twice',
      fileOf(`{${entry('F32', '[1]', '[0,4]')},${entry('F32', '[1]', '[0,4]')}}`, four),
      /'a' stands twice/,
    ],
    ['a name twice, once in escapes', fileOf(`{${entry('U8', '[0]', '[0,0]')},"\\u0061":1}`), /'a' stands twice/],
    ['a field twice', fileOf('{"a":{"dtype":"F32","dtype":"F32"}}'), /'dtype' stands twice/],
    ['metadata that are not strings', fileOf('{"__metadata__":{"a":1}}'), /does not map strings to strings/],
    ['an entry that is a list', fileOf('{"a":[]}'), /tensor 'a': its entry/],
    ['an entry that is null', fileOf('{"a":null}'), /tensor 'a': its entry/],
    ['no dtype', fileOf('{"a":{"shape":[],"data_offsets":[0,4]}}', four), /dtype is unknown.*got 'none'/],
    [
      'a wrong dtype',
      fileOf(`{${entry('BF61', '[2]', '[0,4]')}}`, four),
      /tensor 'a': its dtype.*BF61.*did the file mean 'BF16'/,
    ],
    ['a dtype from the prototype', fileOf(`{${entry('toString', '[2]', '[0,4]')}}`, four), /its dtype/],
    ['a dtype of a megabyte', fileOf(`{${entry('F32'.repeat(350_000), '[2]', '[0,4]')}}`, four), /its dtype/],
    [
      'a negative dim',
      fileOf(`{${entry('F32', '[-1]', '[0,4]')}}`, four),
      /tensor 'a': its shape is wrong.*got \[-1\]/,
    ],
    ['a broken dim', fileOf(`{${entry('F32', '[0.5]', '[0,4]')}}`, four), /its shape is wrong/],
    ['a dim that is a string', fileOf(`{${entry('F32', '["1"]', '[0,4]')}}`, four), /its shape is wrong/],
    ['no shape', fileOf('{"a":{"dtype":"F32","data_offsets":[0,4]}}', four), /its shape is wrong/],
    ['a dim above 2⁵³', fileOf(`{${entry('F32', '[9007199254740993]', '[0,4]')}}`, four), /its shape is wrong/],
    [
      'dims whose product is huge',
      fileOf(`{${entry('F32', '[4294967296,4294967296]', '[0,4]')}}`, four),
      /do not fit.*more than a file can hold/,
    ],
    [
      'a shape that does not fit the bytes',
      fileOf(`{${entry('F32', '[2]', '[0,4]')}}`, four),
      /tensor 'a'.*'4 bytes', expected 8 bytes for F32 \[2\]/,
    ],
    ['offsets that run backwards', fileOf(`{${entry('F32', '[1]', '[4,0]')}}`, four), /its data_offsets are wrong/],
    ['three offsets', fileOf(`{${entry('F32', '[1]', '[0,4,4]')}}`, four), /its data_offsets are wrong/],
    ['negative offsets', fileOf(`{${entry('F32', '[1]', '[-4,0]')}}`, four), /its data_offsets are wrong/],
    [
      'data cut off',
      fileOf(`{${entry('F32', '[2]', '[0,8]')}}`, four),
      /tensor 'a': its bytes end beyond the file.*get it again/,
    ],
    [
      'a hole',
      fileOf(`{${entry('F32', '[1]', '[4,8]')}}`, eight),
      /tensor 'a': there is a hole.*begin at 4.*expected 0/,
    ],
    [
      'an overlap',
      fileOf(`{${entry('F32', '[1]', '[0,4]')},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, eight),
      /tensor 'b': its bytes overlap/,
    ],
    [
      'bytes that belong to none',
      fileOf(`{${entry('F32', '[1]', '[0,4]')}}`, eight),
      /belong to no tensor.*8 bytes of data.*expected 4/,
    ],
  ])('%s', (_name, bytes, message) => {
    const error = (() => {
      try {
        readSafetensors(bytes, 'weights.safetensors');
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).code).toMatch(/^ERR_SAFETENSORS_/);
    expect((error as ModelError).message).toMatch(message);
    expect((error as ModelError).message).toContain('weights.safetensors');
  });

  test('any damage gives a ModelError, or a file whose tensors are exactly its data', () => {
    const good = joined(serializeSafetensors(oneOfEach, { format: 'pt', ключ: '"quoted"' }));
    const headerEnd = 8 + Number(new DataView(good.buffer).getBigUint64(0, true));
    const position = fc.oneof(fc.nat(7), fc.nat(headerEnd - 1), fc.nat(good.length - 1));
    const damage = fc.record({
      flips: fc.array(
        fc.tuple(position, fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('0123456789[]{}",:-.e')))),
        { maxLength: 6 },
      ),
      cut: fc.option(fc.nat(good.length), { freq: 3 }),
      swap: fc.option(fc.tuple(fc.nat(headerEnd - 1), fc.nat(headerEnd - 1)), { freq: 3 }),
    });
    const restore = configureLog({ level: 'silent' });
    let refused = 0;
    fc.assert(
      fc.property(damage, ({ flips, cut, swap }) => {
        const bytes = good.slice(0, cut ?? good.length);
        for (const [at, value] of flips) bytes[at] = value;
        if (swap !== null) [bytes[swap[0]], bytes[swap[1]]] = [bytes[swap[1]], bytes[swap[0]]];
        try {
          const file = readSafetensors(bytes);
          const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
          const held = [...file.tensors.keys()].reduce((sum, name) => sum + file.view(name).byteLength, 0);
          expect(held).toBe(bytes.length - 8 - length);
        } catch (error) {
          if (!(error instanceof ModelError)) throw error;
          refused++;
        }
      }),
      { numRuns: 3000 },
    );
    restore();
    expect(refused).toBeGreaterThan(500);
  });
});

describe('files on disk', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fettle-safetensors-'));
    path = join(directory, 'model.safetensors');
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('readSafetensorsFile and openSafetensors give what readSafetensors gives', async () => {
    const bytes = joined(serializeSafetensors(oneOfEach));
    await writeFile(path, bytes);
    const memory = readSafetensors(bytes);
    const whole = await readSafetensorsFile(path);
    const reader = await openSafetensors(path);
    expect(whole.tensors).toEqual(memory.tensors);
    expect(reader.tensors).toEqual(memory.tensors);
    for (const name of memory.tensors.keys()) {
      expect(whole.view(name)).toEqual(memory.view(name));
      expect(await reader.read(name)).toEqual(memory.view(name));
      const target = new Float32Array(new SharedArrayBuffer(12));
      if (name.includes('F8')) await expect(reader.readInto(name, target)).rejects.toThrow(/raw bytes only/);
      else {
        await reader.readInto(name, target);
        expect([...target]).toEqual([...memory.toFloat32(name)]);
      }
    }
    await expect(reader.readInto('t.F32', new Float32Array(2))).rejects.toThrow(/another length/);
    await expect(reader.read('none')).rejects.toThrow(/no tensor 'none'/);
    await reader.close();
  });

  test('readInto converts more than its buffer holds, into a part of shared WebAssembly memory', async () => {
    const length = 5_000_001; // two and a half buffers of float16
    const data = Uint16Array.from({ length }, (_, i) => 0x3c00 + (i % 1024));
    const doubles = Float64Array.from({ length: 600_001 }, (_, i) => i / 2);
    await writeFile(
      path,
      joined(
        serializeSafetensors([
          { name: 'half', dtype: 'F16', shape: [length], data },
          { name: 'double', dtype: 'F64', shape: [doubles.length], data: doubles },
          { name: 'single', dtype: 'F32', shape: [3], data: Float32Array.of(1, 2, 3) },
        ]),
      ),
    );
    const memory = new WebAssembly.Memory({ initial: 400, maximum: 400, shared: true });
    const reader = await openSafetensors(path);
    const target = new Float32Array(memory.buffer, 64, length);
    await reader.readInto('half', target);
    expect(target.findIndex((value, i) => value !== 1 + (i % 1024) / 1024)).toBe(-1);
    const next = new Float32Array(memory.buffer, 64, doubles.length);
    await reader.readInto('double', next);
    expect(next.findIndex((value, i) => value !== i / 2)).toBe(-1);
    await reader.readInto('single', next.subarray(1, 4));
    expect([...next.subarray(0, 5)]).toEqual([0, 1, 2, 3, 2]);
    await reader.close();
  });

  test('a file that is absent, a directory, cut off, or that shrinks while it is open', async () => {
    await expect(openSafetensors(path)).rejects.toThrow(/there is no such file.*model\.safetensors/);
    await expect(openSafetensors(directory)).rejects.toThrow(/this is a directory/);
    const bytes = joined(serializeSafetensors(oneOfEach));
    await writeFile(path, bytes.subarray(0, bytes.length - 1));
    await expect(readSafetensorsFile(path)).rejects.toMatchObject({ code: 'ERR_SAFETENSORS_TRUNCATED', file: path });
    await writeFile(path, bytes.subarray(0, 5));
    await expect(openSafetensors(path)).rejects.toThrow(/too short/);
    await writeFile(path, bytes);
    const reader = await openSafetensors(path);
    await truncate(path, bytes.length - 2);
    await expect(reader.readAll()).rejects.toThrow(/became shorter/);
    await reader.close();
  });
});
