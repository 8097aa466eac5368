import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate } from '../core/dtypes.ts';
import { readSafetensors, readSafetensorsFile } from './safetensors.ts';
import { type SafetensorsDtype, storage } from './safetensors-header.ts';
import { serializeSafetensors, type WritableTensor, writeSafetensors } from './safetensors-write.ts';

const text = (pieces: readonly Uint8Array[]) => Buffer.concat(pieces).toString('latin1');
const tensor = (name: string, dtype: SafetensorsDtype = 'U8', shape: number[] = [0]): WritableTensor => ({
  name,
  dtype,
  shape,
  data: allocate(
    storage[dtype],
    shape.reduce((product, dim) => product * dim, 1),
  ),
});

describe('serializeSafetensors', () => {
  test('writes the bytes of the format', () => {
    const pieces = serializeSafetensors([
      { name: 'b', dtype: 'I64', shape: [], data: BigInt64Array.of(-1n) },
      { name: 'a', dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) },
      { name: 'c', dtype: 'BOOL', shape: [1], data: Uint8Array.of(1) },
    ]);
    const header =
      '{"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"c":{"dtype":"BOOL","shape":[1],"data_offsets":[16,17]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    expect(text(pieces)).toBe(
      `${String.fromCharCode(padded.length)}\0\0\0\0\0\0\0${padded}\xff\xff\xff\xff\xff\xff\xff\xff\0\0\x80\x3f\0\0\0\x40\x01`,
    );
  });

  test('types stand in the order of Python, names by code points, whatever the order they come in', () => {
    const names = ['a.10', 'a.2', '2', '10', '\u{1f600}', '\uffee', 'A'];
    const tensors = [
      ...(Object.keys(storage) as SafetensorsDtype[]).map((dtype) => tensor(`t.${dtype}`, dtype, [1])),
      ...names.map((name) => tensor(name)),
    ];
    const order = [...readSafetensors(Buffer.concat(serializeSafetensors(tensors))).tensors.keys()];
    const expected = 'U64 I64 F64 F32 U32 I32 BF16 F16 U16 I16 F8_E4M3 F8_E5M2 I8'
      .split(' ')
      .map((dtype) => `t.${dtype}`);
    expect(order.filter((name) => expected.includes(name))).toEqual(expected);
    const header = text(serializeSafetensors(tensors, {}));
    const places = ['10', '2', 'A', 'a.10', 'a.2'].map((name) => header.indexOf(`"${name}":`));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(header.indexOf('\u{ff}')).toBe(-1);
    const utf8 = Buffer.concat(serializeSafetensors(tensors, {})).toString();
    expect(utf8.indexOf('\uffee')).toBeLessThan(utf8.indexOf('\u{1f600}'));
    expect(text(serializeSafetensors([...tensors].reverse(), { b: '1', a: '2' }))).toBe(
      text(serializeSafetensors(tensors, { a: '2', b: '1' })),
    );
  });

  test('any tensors come back as they went in', () => {
    const anyTensor = fc
      .record({
        name: fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => name !== '__metadata__'),
        dtype: fc.constantFrom(...(Object.keys(storage) as SafetensorsDtype[])),
        shape: fc.array(fc.nat(4), { maxLength: 4 }),
        seed: fc.nat(255),
      })
      .map(({ seed, ...rest }) => {
        const made = tensor(rest.name, rest.dtype, rest.shape);
        new Uint8Array(made.data.buffer).forEach((_, i, bytes) => {
          bytes[i] = (seed + i * 31) & 0xff;
        });
        return made;
      });
    const tensors = fc.uniqueArray(anyTensor, { maxLength: 8, selector: ({ name }) => name });
    const metadata = fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 });
    fc.assert(
      fc.property(tensors, metadata, (written, said) => {
        const file = readSafetensors(Buffer.concat(serializeSafetensors(written, said)));
        expect(Object.entries(file.metadata).sort()).toEqual(Object.entries(said).sort());
        expect(file.tensors.size).toBe(written.length);
        for (const { name, dtype, shape, data } of written) {
          expect(file.tensors.get(name)).toMatchObject({ dtype, shape });
          const bytes = file.view(name);
          expect(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toEqual(Buffer.from(data.buffer));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('refuses what is not well formed', () => {
    const attempt =
      (...tensors: WritableTensor[]) =>
      () =>
        serializeSafetensors(tensors);
    expect(attempt(tensor('a'), tensor('a'))).toThrow(/tensor 'a': this name stands twice/);
    expect(attempt(tensor('__metadata__'))).toThrow(/keeps this name/);
    expect(attempt({ ...tensor('a', 'F32', [2]), shape: [3] })).toThrow(/'8 bytes', expected 12 for F32 \[3\]/);
    expect(attempt({ ...tensor('a', 'F32', [2]), shape: [-2] })).toThrow(/shape is wrong/);
    expect(attempt({ ...tensor('a', 'F32', [2]), data: new Int32Array(2) })).toThrow(
      /got 'Int32Array', expected a Float32Array/,
    );
    expect(attempt({ ...tensor('a'), dtype: 'F31' as SafetensorsDtype })).toThrow(/dtype is unknown, got 'F31'/);
  });
});

test('writeSafetensors writes views on shared memory, and nothing stays beside', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'fettle-write-'));
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const data = new Float32Array(memory.buffer, 128, 3);
    data.set([1, 2, 3]);
    const path = join(directory, 'model.safetensors');
    await writeSafetensors(path, [{ name: 'w', dtype: 'F32', shape: [3], data }]);
    data.fill(0);
    const file = await readSafetensorsFile(path);
    expect([...file.toFloat32('w')]).toEqual([1, 2, 3]);
    expect(file.metadata).toEqual({ format: 'pt' });
    expect(await readdir(directory)).toEqual(['model.safetensors']);
  } finally {
    await rm(directory, { recursive: true });
  }
});
