import { beforeAll, describe, expect, test } from 'vitest';
import { bfloat16Note, openVinoBfloat16, openVinoNote, openVinoPath } from '../../../test/testing/openVino.ts';
import type { DType } from '../../core/dtypes.ts';
import { bfloat16ToFloat32, float32ToBfloat16 } from '../../formats/half.ts';
import type { Engine, EngineTensor, Precision } from '../engine.ts';
import { addition, floats, identity, integers, numbers, product, testModel, waves } from '../onnxruntime/testModels.ts';
import { createOpenVinoEngine } from './openVinoEngine.ts';

describe.skipIf(openVinoPath === undefined)(`OpenVINO's sessions${openVinoNote}`, () => {
  let engine: Engine;
  let bf16: Engine;
  const precisions = openVinoBfloat16 ? (['float32', 'bf16'] as const) : (['float32'] as const);
  const engineOf = (precision: Precision) => (precision === 'bf16' ? bf16 : engine);

  beforeAll(async () => {
    engine = await createOpenVinoEngine({ threads: 2, libraryPath: openVinoPath });
    if (!openVinoBfloat16) return;
    bf16 = await createOpenVinoEngine({ threads: 2, libraryPath: openVinoPath, precision: 'bf16' });
  });

  describe('values', () => {
    test('Identity gives back what it got, and names are those of the model', async () => {
      const session = await engine.createSession(identity);
      expect(session.inputNames).toEqual(['x']);
      expect(session.outputNames).toEqual(['y']);
      const x = floats([2, 3], [1, 2, 3, 4, 5, 6]);
      expect((await session.run({ x }, { y: 'allocate' }))['y']).toEqual(x);
      await session.dispose();
    });

    test('scalars and empty tensors have their shapes', async () => {
      const session = await engine.createSession(
        testModel(
          [{ op: 'Mul', inputs: ['x', 's'], outputs: ['y'] }],
          [
            { name: 'x', dims: ['n', 2] },
            { name: 's', dims: [] },
          ],
          [{ name: 'y', dims: ['n', 2] }],
        ),
      );
      for (const rows of [2, 0, 1]) {
        const x = floats([rows, 2], waves(rows * 2));
        const { y } = await session.run({ x, s: floats([], [2]) }, { y: 'allocate' });
        expect(y).toEqual(
          floats(
            [rows, 2],
            Array.from(x.data as Float32Array, (value) => 2 * value),
          ),
        );
      }
      await session.dispose();
    });

    test('outputs that are one value, and inputs that are outputs, come under each of their names', async () => {
      const session = await engine.createSession(
        testModel(
          [
            { op: 'Identity', inputs: ['s'], outputs: ['first'], name: 'a' },
            { op: 'Mul', inputs: ['x', 'x'], outputs: ['s'], name: 'b' },
            { op: 'Identity', inputs: ['x'], outputs: ['same'], name: 'c' },
          ].reverse(),
          [{ name: 'x', dims: [] }],
          [
            { name: 'first', dims: [] },
            { name: 'same', dims: [] },
            { name: 's', dims: [] },
          ],
        ),
      );
      expect(session.inputNames).toEqual(['x']);
      expect(session.outputNames).toEqual(['first', 'same', 's']);
      const s = floats([], [0]);
      const results = await session.run({ x: floats([], [3]) }, { s, first: 'allocate', same: 'allocate' });
      expect(Object.entries(results).map(([name, result]) => [name, numbers(result)[0]])).toEqual([
        ['s', 9],
        ['first', 9],
        ['same', 3],
      ]);
      expect(results['s']).toBe(s);
      await session.dispose();
    });

    test.each(['uint8', 'bool', 'int8', 'int32', 'int64', 'float16', 'bfloat16', 'float64'] as const)(
      '%s goes in, in each precision',
      async (type) => {
        for (const precision of precisions) {
          const session = await engineOf(precision).createSession(cast(type, 'float32'));
          const { y } = await session.run({ x: ones(type, [1, 0, 1, 1]) }, { y: 'allocate' });
          expect(numbers(y)).toEqual([1, 0, 1, 1]);
          await session.dispose();
        }
      },
    );

    test.each(['uint8', 'int32', 'int64', 'float16', 'bfloat16', 'float64'] as const)(
      '%s comes out, in place and allocated, in each precision',
      async (type) => {
        for (const precision of precisions) {
          const session = await engineOf(precision).createSession(cast('float32', type));
          const expected = ones(type, [1, 0, 0, 1]);
          const placed = ones(type, [0, 0, 0, 0]);
          const x = floats([4], [1, 0, 0, 1]);
          await session.run({ x }, { y: placed });
          expect(placed).toEqual(expected);
          expect((await session.run({ x }, { y: 'allocate' }))['y']).toEqual(expected);
          await session.dispose();
        }
      },
    );

    test.skipIf(!openVinoBfloat16)(
      `bfloat16 weights go in and a bfloat16 gradient comes out of a product${bfloat16Note}`,
      async () => {
        const [rows, inner, columns] = [40, 96, 56];
        const session = await bf16.createSession(
          testModel(
            [
              { op: 'Cast', inputs: ['w'], outputs: ['w32'], attributes: { to: 1 } },
              { op: 'MatMul', inputs: ['x', 'w32'], outputs: ['y32'] },
              { op: 'Cast', inputs: ['y32'], outputs: ['y'], attributes: { to: 16 } },
            ],
            [
              { name: 'x', dims: ['rows', inner] },
              { name: 'w', type: 'bfloat16', dims: [inner, columns] },
            ],
            [{ name: 'y', type: 'bfloat16', dims: ['rows', columns] }],
          ),
        );
        const x = waves(rows * inner, 5);
        const w = float32ToBfloat16(waves(inner * columns, 6));
        const y: EngineTensor = { type: 'bfloat16', dims: [rows, columns], data: new Uint16Array(rows * columns) };
        await session.run(
          { x: floats([rows, inner], x), w: { type: 'bfloat16', dims: [inner, columns], data: w } },
          { y },
        );
        // The operands are rounded, their products added up in float32, and the sums rounded: half a unit of 8 bits at most.
        const exact = exactProduct(rounded(x), bfloat16ToFloat32(w), [rows, inner, columns]);
        const difference = relative(bfloat16ToFloat32(y.data as Uint16Array), exact);
        expect(difference).toBeLessThan(2 ** -8);
        expect(difference).toBeGreaterThan(1e-5);
        await session.dispose();
      },
    );

    test.skipIf(!openVinoBfloat16)(
      `float32 is float32, and bfloat16 is a product of rounded operands${bfloat16Note}`,
      async () => {
        const size = 128;
        const [a, b] = [waves(size * size, 1), waves(size * size, 2)];
        const of = async (one: Engine) => {
          const session = await one.createSession(product);
          const { y } = await session.run(
            { a: floats([size, size], a), b: floats([size, size], b) },
            { y: 'allocate' },
          );
          await session.dispose();
          return y.data as Float32Array;
        };
        const exact = exactProduct(a, b, [size, size, size]);
        const ofRounded = exactProduct(rounded(a), rounded(b), [size, size, size]);
        expect(relative(await of(engine), exact)).toBeLessThan(1e-5);
        const result = await of(bf16);
        expect(relative(result, exact)).toBeGreaterThan(1e-3);
        expect(relative(result, ofRounded)).toBeLessThan(2 ** -8);
      },
    );
  });

  describe('memory', () => {
    test('inputs are read from, and outputs written into, shared WebAssembly memory in place', async () => {
      const { buffer } = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
      const session = await engine.createSession(addition);
      const a = new Float32Array(buffer, 64, 3);
      const b = new Float32Array(buffer, 1024, 3);
      const data = new Float32Array(buffer, 65536, 3);
      a.set([1, 2, 3]);
      b.set([10, 20, 30]);
      const sum: EngineTensor = { type: 'float32', dims: [3], data };
      const inputs = {
        a: { type: 'float32', dims: [3], data: a },
        b: { type: 'float32', dims: [3], data: b },
      } as const;
      expect((await session.run(inputs, { sum }))['sum']).toBe(sum);
      expect([...data]).toEqual([11, 22, 33]);
      // The same tensors again: what stands in them now counts.
      a.set([5, 5, 5]);
      await session.run(inputs, { sum });
      expect([...data]).toEqual([15, 25, 35]);
      // Only what the view covers was written.
      expect([...new Float32Array(buffer, 65536 - 4, 1), ...new Float32Array(buffer, 65536 + 12, 1)]).toEqual([0, 0]);
      await session.dispose();
    });

    test('memory that an output was written into is left alone by later runs that do not name it', async () => {
      const session = await engine.createSession(addition);
      const run = (value: number, output: EngineTensor | 'allocate') =>
        session.run({ a: floats([2], [value, value]), b: floats([1], [1]) }, { sum: output });
      const placed = floats([2], [0, 0]);
      await run(1, placed);
      expect(numbers((await run(5, 'allocate'))['sum'])).toEqual([6, 6]);
      expect(numbers(placed)).toEqual([2, 2]);
      const other = floats([2], [0, 0]);
      await run(7, other);
      expect([numbers(placed), numbers(other)]).toEqual([
        [2, 2],
        [8, 8],
      ]);
      await session.dispose();
    });

    test('another array, other dims or another view under a known name are seen', async () => {
      const session = await engine.createSession(addition);
      const memory = waves(8);
      const one = floats([1], [0]);
      const run = async (data: Float32Array) => {
        const a: EngineTensor = { type: 'float32', dims: [data.length], data };
        return numbers((await session.run({ a, b: one }, { sum: 'allocate' }))['sum']);
      };
      for (const data of [memory, memory.subarray(0, 4), memory.subarray(4), Float32Array.of(7)]) {
        expect(await run(data)).toEqual([...data]);
      }
      await session.dispose();
    });

    test('small arrays that V8 would move are held still', async () => {
      const session = await engine.createSession(addition);
      for (let i = 0; i < 100; i++) {
        const data = new Float32Array(2);
        const running = session.run(
          { a: floats([2], [i, 1]), b: floats([1], [1]) },
          { sum: { type: 'float32', dims: [2], data } },
        );
        // Garbage enough for several collections of V8's young generation.
        for (let k = 0; k < 200; k++) Array.from({ length: 100 }, () => ({ k }));
        await running;
        expect([...data]).toEqual([i + 1, 2]);
      }
      await session.dispose();
    });
  });

  describe('runs', () => {
    test('the event loop stays free during a long product', async () => {
      const size = 1500;
      const session = await engine.createSession(product);
      const a: EngineTensor = { type: 'float32', dims: [size, size], data: waves(size * size) };
      const output: EngineTensor = { type: 'float32', dims: [size, size], data: new Float32Array(size * size) };
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      const running = session.run({ a, b: a }, { y: output });
      const start = performance.now();
      await running;
      const took = performance.now() - start;
      clearInterval(timer);
      expect(took).toBeGreaterThan(3);
      expect(ticks).toBeGreaterThanOrEqual(2);
      await session.dispose();
    });

    test.each(precisions)(
      'the same bits run after run and session after session, in %s, other shapes between them',
      async (precision) => {
        const one = engineOf(precision);
        const model = testModel(
          [
            { op: 'MatMul', inputs: ['a', 'b'], outputs: ['p'] },
            { op: 'Softmax', inputs: ['p'], outputs: ['y'], attributes: { axis: 1 } },
          ],
          [
            { name: 'a', dims: ['rows', 'inner'] },
            { name: 'b', dims: ['inner', 'columns'] },
          ],
          [
            { name: 'p', dims: ['rows', 'columns'] },
            { name: 'y', dims: ['rows', 'columns'] },
          ],
        );
        const feed = ([rows, inner, columns]: readonly number[]) => ({
          a: floats([rows, inner], waves(rows * inner, 3)),
          b: floats([inner, columns], waves(inner * columns, 4)),
        });
        const results: Buffer[] = [];
        for (let made = 0; made < 2; made++) {
          const session = await one.createSession(model);
          for (let i = 0; i < 3; i++) {
            const { p, y } = await session.run(feed([65, 390, 70]), { p: 'allocate', y: 'allocate' });
            results.push(Buffer.from(Float32Array.of(...numbers(p), ...numbers(y)).buffer));
            await session.run(feed([9 + i, 33, 20]), { y: 'allocate' });
          }
          await session.dispose();
        }
        for (const result of results) expect(result.equals(results[0])).toBe(true);
      },
    );

    test('two runs of one session at once go one after the other, in order', async () => {
      const session = await engine.createSession(addition);
      const shared = floats([1], [0]);
      const one = floats([1], [1]);
      await Promise.all(Array.from({ length: 20 }, () => session.run({ a: shared, b: one }, { sum: shared })));
      expect(numbers(shared)).toEqual([20]);
      await session.dispose();
    });

    test('different sessions run at the same time', async () => {
      const sessions = await Promise.all([1, 2, 3].map(() => engine.createSession(addition)));
      const sums = await Promise.all(
        sessions.map((session, i) => session.run({ a: floats([1], [i]), b: floats([1], [10]) }, { sum: 'allocate' })),
      );
      expect(sums.map(({ sum }) => numbers(sum)[0])).toEqual([10, 11, 12]);
      await Promise.all(sessions.map((session) => session.dispose()));
    });

    test('a session that keeps no compiled kernels gives the same numbers', async () => {
      const frugal = await createOpenVinoEngine({ threads: 2, libraryPath: openVinoPath, cacheCapacity: 0 });
      const session = await frugal.createSession(product);
      for (const n of [3, 5, 3]) {
        const a = floats([n, n], waves(n * n));
        const { y } = await session.run({ a, b: a }, { y: 'allocate' });
        expect(relative(y.data as Float32Array, exactProduct(waves(n * n), waves(n * n), [n, n, n]))).toBeLessThan(
          1e-6,
        );
      }
      await session.dispose();
    });
  });

  describe('what does not fit is refused', () => {
    const one = floats([1], [1]);
    test.each<[string, Record<string, EngineTensor>, Record<string, EngineTensor | 'allocate'>, RegExp]>([
      ['a missing input', { a: one }, { sum: 'allocate' }, /an input is missing, got 'a', expected b as well/],
      ['an unknown output', { a: one, b: one }, { sun: 'allocate' }, /got 'sun'.*'sum'/],
      ['no output', { a: one, b: one }, {}, /no output is asked for/],
      ['the wrong type', { a: one, b: integers([1], [1]) }, { sum: 'allocate' }, /got 'int64', expected float32/],
      ['another rank', { a: floats([1, 1], [1]), b: one }, { sum: 'allocate' }, /got \[1,1\], expected \[any\]/],
      ['data shorter than its dims', { a: floats([4], [1]), b: one }, { sum: 'allocate' }, /its data does not fill/],
    ])('%s, before the run', async (_, inputs, outputs, message) => {
      const session = await engine.createSession(addition);
      const running = session.run(inputs, outputs);
      await expect(running).rejects.toMatchObject({ name: 'ArgumentError', owner: 'OpenVinoSession.run' });
      await expect(running).rejects.toThrow(message);
      await session.dispose();
    });

    test('shapes that do not go together, in OpenVINO’s words; the next run is none the worse', async () => {
      const session = await engine.createSession(addition);
      const bad = session.run({ a: floats([2], [1, 2]), b: floats([3], [1, 2, 3]) }, { sum: 'allocate' });
      const good = session.run({ a: one, b: floats([1], [2]) }, { sum: 'allocate' });
      await expect(bad).rejects.toMatchObject({ name: 'RunError', code: 'ERR_OPENVINO_RUN' });
      await expect(bad).rejects.toThrow(/'sum'.*mismatch/);
      expect(numbers((await good)['sum'])).toEqual([3]);
      await session.dispose();
    });

    test.each([
      ['smaller', 1],
      ['larger', 5],
    ])('an output to write into that is %s than the result', async (_, length) => {
      const session = await engine.createSession(addition);
      const sum = floats([length], new Float32Array(length));
      const two = floats([2], [1, 2]);
      const running = session.run({ a: two, b: two }, { sum });
      await expect(running).rejects.toMatchObject({ name: 'RunError', code: 'ERR_OPENVINO_RUN' });
      expect(numbers((await session.run({ a: two, b: two }, { sum: 'allocate' }))['sum'])).toEqual([2, 4]);
      await session.dispose();
    });

    test('a scalar that is none', async () => {
      const model = testModel(
        [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
        [{ name: 'x', dims: [] }],
        [{ name: 'y', dims: [] }],
      );
      const session = await engine.createSession(model);
      await expect(session.run({ x: floats([3], [1, 2, 3]) }, { y: 'allocate' })).rejects.toThrow(/incompatible/i);
      await session.dispose();
    });

    test('bytes that are no model, none at all, and an op that does not exist', async () => {
      const refused = { name: 'GraphError', code: 'ERR_OPENVINO_MODEL' };
      await expect(engine.createSession(Uint8Array.of(1, 2, 3, 4))).rejects.toMatchObject(refused);
      await expect(engine.createSession(new Uint8Array())).rejects.toMatchObject({ name: 'ArgumentError' });
      const odd = testModel(
        [{ op: 'Frobnicate', inputs: ['x'], outputs: ['y'], name: 'odd' }],
        [{ name: 'x', dims: ['n'] }],
        [{ name: 'y', dims: ['n'] }],
      );
      await expect(engine.createSession(odd)).rejects.toMatchObject(refused);
      await expect(engine.createSession(odd)).rejects.toThrow(/Frobnicate/);
    });
  });

  test('disposing waits for the runs called before, refuses those after, and may come twice', async () => {
    const session = await engine.createSession(addition);
    const inputs = { a: floats([1], [1]), b: floats([1], [2]) };
    const running = session.run(inputs, { sum: 'allocate' });
    const disposed = session.dispose();
    await expect(session.run(inputs, { sum: 'allocate' })).rejects.toMatchObject({ code: 'ERR_ENGINE_DISPOSED' });
    expect(numbers((await running)['sum'])).toEqual([3]);
    await disposed;
    await session.dispose();
  });
});

/** y = x as another type; ONNX's numbers of the types are those of `onnxElementType`. */
function cast(from: DType, to: DType) {
  const code = { float32: 1, uint8: 2, int32: 6, int64: 7, float16: 10, float64: 11, bfloat16: 16 }[to as 'float32'];
  return testModel(
    [{ op: 'Cast', inputs: ['x'], outputs: ['y'], attributes: { to: code } }],
    [{ name: 'x', type: from, dims: ['n'] }],
    [{ name: 'y', type: to, dims: ['n'] }],
  );
}

/** Zeros and ones of a type. */
function ones(type: DType, values: number[]): EngineTensor {
  const dims = [values.length];
  const bits = { float16: 0x3c00, bfloat16: 0x3f80 }[type as 'float16'];
  if (bits !== undefined) return { type, dims, data: Uint16Array.from(values, (value) => value * bits) };
  if (type === 'int64') return { type, dims, data: BigInt64Array.from(values, BigInt) };
  if (type === 'int32') return { type, dims, data: Int32Array.from(values) };
  if (type === 'int8') return { type, dims, data: Int8Array.from(values) };
  if (type === 'float64') return { type, dims, data: Float64Array.from(values) };
  return { type, dims, data: Uint8Array.from(values) };
}

/** The same numbers as bfloat16 holds them. */
function rounded(values: Float32Array): Float32Array {
  return bfloat16ToFloat32(float32ToBfloat16(values));
}

function exactProduct(a: Float32Array, b: Float32Array, [rows, inner, columns]: readonly number[]): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      for (let j = 0; j < columns; j++) result[i * columns + j] += a[i * inner + k] * b[k * columns + j];
    }
  }
  return result;
}

/** ‖actual − expected‖ / ‖expected‖ */
function relative(actual: ArrayLike<number>, expected: Float64Array): number {
  let [error, size] = [0, 0];
  expected.forEach((value, i) => {
    error += (actual[i] - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(error / size);
}
