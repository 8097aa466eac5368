import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allocate } from '../../src/core/dtypes.ts';
import { openSafetensors, readSafetensorsFile, type SafetensorsFile } from '../../src/formats/safetensors.ts';
import { openCheckpoint } from '../../src/formats/safetensors-checkpoint.ts';
import { type SafetensorsDtype, storage } from '../../src/formats/safetensors-header.ts';
import { serializeSafetensors, type WritableTensor, writeSafetensors } from '../../src/formats/safetensors-write.ts';
import { hasShared, shared, skipNote } from './shared.ts';

const python = fileURLToPath(new URL('../../benchmarks/.python/bin/python', import.meta.url));
const hasPython = existsSync(python);
const run = (code: string, ...args: string[]) =>
  execFileSync(python, ['-c', code, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });

const files = hasShared
  ? readdirSync(shared, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.safetensors'))
      .sort()
  : [];

const digest = (data: ArrayBufferView) =>
  createHash('sha256')
    .update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');

const tensorsOf = (file: SafetensorsFile): WritableTensor[] =>
  [...file.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape, data: file.view(name) }));

/** All that a file holds, by tensor: type, shape, a digest of the bytes and of the values as float32. */
function content(file: SafetensorsFile): Record<string, unknown> {
  return Object.fromEntries(
    [...file.tensors].map(([name, { dtype, shape }]) => [
      name,
      [dtype, shape, digest(file.view(name)), dtype.startsWith('F8') ? '' : digest(file.toFloat32(name))],
    ]),
  );
}

/** The same from Python's safetensors and PyTorch. */
const pythonContent = `
import hashlib, json, sys, torch
from safetensors import safe_open
names = {torch.float32: 'F32', torch.float64: 'F64', torch.float16: 'F16', torch.bfloat16: 'BF16', torch.int64: 'I64',
  torch.int32: 'I32', torch.int16: 'I16', torch.int8: 'I8', torch.uint64: 'U64', torch.uint32: 'U32', torch.uint16: 'U16',
  torch.uint8: 'U8', torch.bool: 'BOOL', torch.float8_e4m3fn: 'F8_E4M3', torch.float8_e5m2: 'F8_E5M2'}
digest = lambda t: hashlib.sha256(t.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
result = {}
for path in sys.argv[1:]:
  with safe_open(path, 'pt') as f:
    result[path] = {}
    for name in f.keys():
      t = f.get_tensor(name)
      kind = names[t.dtype]
      result[path][name] = [kind, list(t.shape), digest(t), '' if kind.startswith('F8') else digest(t.float())]
print(json.dumps(result))
`;

describe.skipIf(!hasShared)(`files that Python wrote${skipNote}`, () => {
  test('there are some', () => expect(files.length).toBeGreaterThan(40));

  test.each(files)('%s: read, and written again to the same bytes', async (name) => {
    const path = join(shared, name);
    const file = await readSafetensorsFile(path);
    expect(Buffer.concat(serializeSafetensors(tensorsOf(file), file.metadata)).equals(await readFile(path))).toBe(true);
  });

  test('MiniLM streams into shared WebAssembly memory, without a second copy', async () => {
    const checkpoint = await openCheckpoint(join(shared, 'models', 'all-MiniLM-L6-v2'));
    const whole = await readSafetensorsFile(checkpoint.file);
    const memory = new WebAssembly.Memory({ initial: 1600, maximum: 1600, shared: true });
    let at = 1024;
    for (const [name, { shape }] of checkpoint.tensors) {
      const target = new Float32Array(
        memory.buffer,
        at,
        shape.reduce((product, dim) => product * dim, 1),
      );
      await checkpoint.readInto(name, target);
      expect(digest(target), name).toBe(digest(whole.toFloat32(name)));
      at += target.byteLength;
    }
    await checkpoint.close();
    expect(at).toBeGreaterThan(80_000_000);
  });

  test.skipIf(!hasPython)(
    `hold what Python finds in them${hasPython ? '' : ' (SKIPPED: no Python environment)'}`,
    async () => {
      const paths = files.map((name) => join(shared, name));
      const expected = JSON.parse(run(pythonContent, ...paths)) as Record<string, unknown>;
      for (const path of paths) expect(content(await readSafetensorsFile(path)), path).toEqual(expected[path]);
    },
  );
});

describe.skipIf(!hasPython)(`both ways with Python${hasPython ? '' : ' (SKIPPED: no Python environment)'}`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fettle-python-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test('every type and every 16-bit pattern, written here, is read there, and written there to the same bytes', async () => {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    // A signalling NaN becomes quiet on PyTorch's way to float32 or stays, by the processor: only quiet ones compare.
    const withoutSignalling = (first: number, quiet: number) =>
      patterns.map((pattern) => ((pattern & 0x7fff) > first ? pattern | quiet : pattern));
    const tensors: WritableTensor[] = [
      { name: 'every.half', dtype: 'F16', shape: [256, 256], data: withoutSignalling(0x7c00, 0x200) },
      { name: 'every.brain', dtype: 'BF16', shape: [65_536], data: withoutSignalling(0x7f80, 0x40) },
      { name: 'scalar', dtype: 'F32', shape: [], data: Float32Array.of(-1.5) },
      { name: 'empty', dtype: 'F32', shape: [0, 3], data: new Float32Array(0) },
      { name: 'имя "10"\n', dtype: 'U8', shape: [1], data: Uint8Array.of(9) },
      { name: '10', dtype: 'U8', shape: [1], data: Uint8Array.of(9) },
      { name: '\u{1f600}', dtype: 'U8', shape: [1], data: Uint8Array.of(8) },
      { name: '\uffee', dtype: 'U8', shape: [1], data: Uint8Array.of(7) },
      ...(Object.keys(storage) as SafetensorsDtype[]).map((dtype) => {
        const data = allocate(storage[dtype], 5);
        if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
          data.set([0n, 1n, 127n, 2n ** 53n + 1n, 2n ** 62n + 12_345n]);
        } else data.set(dtype === 'BOOL' ? [0, 1, 1, 0, 1] : [0, 1, 2.5, 100, 127]);
        return { name: `t.${dtype}`, dtype, shape: [5, 1], data };
      }),
    ];
    const path = join(directory, 'ours.safetensors');
    await writeSafetensors(path, tensors);
    const seen = JSON.parse(run(pythonContent, path)) as Record<string, unknown>;
    expect(seen[path]).toEqual(content(await readSafetensorsFile(path)));

    const theirs = join(directory, 'theirs.safetensors');
    run(
      `import sys
from safetensors.torch import load_file, save_file
save_file(load_file(sys.argv[1]), sys.argv[2], {'format': 'pt'})`,
      path,
      theirs,
    );
    expect((await readFile(theirs)).equals(await readFile(path))).toBe(true);
    expect(content(await readSafetensorsFile(theirs))).toEqual(seen[path]);
  });

  test('what Python refuses is refused here, and what it takes is taken', async () => {
    const good = Buffer.concat(
      serializeSafetensors([
        { name: 'a', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
        { name: 'b', dtype: 'BF16', shape: [3], data: Uint16Array.of(1, 2, 3) },
      ]),
    );
    const cases: Buffer[] = [good, good.subarray(0, -1), good.subarray(0, 40), Buffer.concat([good, Buffer.of(0)])];
    // Every byte of the header changed to each of a few, in turn.
    for (let at = 0; at < good.length; at++) {
      for (const value of [0x20, 0x30, 0x39, 0x22, 0x7d]) {
        const damaged = Buffer.from(good);
        damaged[at] = value;
        cases.push(damaged);
      }
    }
    const path = join(directory, 'cases.bin');
    const lengths = cases.map((bytes) => bytes.length);
    await writeFile(path, Buffer.concat(cases));
    const verdicts = JSON.parse(
      run(
        `import json, sys
from safetensors import deserialize
data, at, result = open(sys.argv[1], 'rb').read(), 0, []
for length in json.loads(sys.argv[2]):
  try:
    deserialize(data[at:at + length])
    result.append(True)
  except Exception:
    result.append(False)
  at += length
print(json.dumps(result))`,
        path,
        JSON.stringify(lengths),
      ),
    ) as boolean[];
    const differing: string[] = [];
    const one = join(directory, 'one.safetensors');
    for (const [i, bytes] of cases.entries()) {
      await writeFile(one, bytes);
      const taken = await openSafetensors(one).then(
        async (reader) => {
          await reader.close();
          return true;
        },
        () => false,
      );
      if (taken !== verdicts[i])
        differing.push(`${taken ? 'taken' : 'refused'} here: ${bytes.toString('latin1', 0, 220)}`);
    }
    expect(differing).toEqual([]);
    expect(verdicts.filter(Boolean).length).toBeGreaterThan(10);
    expect((await stat(one)).size).toBeGreaterThan(0);
  });
});
