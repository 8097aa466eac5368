import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine, EngineTensor } from '../engine.ts';
import { createOnnxRuntimeEngine } from './onnxRuntimeEngine.ts';
import { addition, floats, identity, integers, numbers, product, testModel, waves } from './testModels.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await createOnnxRuntimeEngine({ threads: 2 });
});

describe('values of one op at a time', () => {
  test('Identity gives back what it got', async () => {
    const session = await engine.createSession(identity);
    expect(session.inputNames).toEqual(['x']);
    expect(session.outputNames).toEqual(['y']);
    const { y } = await session.run({ x: floats([2, 3], [1, 2, 3, 4, 5, 6]) }, { y: 'allocate' });
    expect(y).toEqual(floats([2, 3], [1, 2, 3, 4, 5, 6]));
    await session.dispose();
  });

  test('Gemm with transB multiplies by weights as [out, in]', async () => {
    const session = await engine.createSession(
      testModel(
        [{ op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['y'], attributes: { transB: 1 } }],
        [
          { name: 'x', dims: ['n', 2] },
          { name: 'w', dims: [3, 2] },
          { name: 'b', dims: [3] },
        ],
        [{ name: 'y', dims: ['n', 3] }],
      ),
    );
    const { y } = await session.run(
      { x: floats([1, 2], [10, 100]), w: floats([3, 2], [1, 2, 3, 4, 5, 6]), b: floats([3], [0.5, 0.25, 0]) },
      { y: 'allocate' },
    );
    expect(numbers(y)).toEqual([210.5, 430.25, 650]);
    await session.dispose();
  });

  test('Gather takes rows by int64 numbers, and gives int64 from int64', async () => {
    const session = await engine.createSession(
      testModel(
        [{ op: 'Gather', inputs: ['table', 'ids'], outputs: ['rows'] }],
        [
          { name: 'table', type: 'int64', dims: ['n', 2] },
          { name: 'ids', type: 'int64', dims: ['m'] },
        ],
        [{ name: 'rows', type: 'int64', dims: ['m', 2] }],
      ),
    );
    const { rows } = await session.run(
      { table: integers([3, 2], [1, 2, 3, 4, 5, 2 ** 40]), ids: integers([2], [2, 0]) },
      { rows: 'allocate' },
    );
    expect(rows).toEqual(integers([2, 2], [5, 2 ** 40, 1, 2]));
    await session.dispose();
  });

  test('the com.microsoft ops: FusedMatMul scales, Gelu is the exact one', async () => {
    const session = await engine.createSession(
      testModel(
        [
          {
            op: 'FusedMatMul',
            domain: 'com.microsoft',
            inputs: ['a', 'b'],
            outputs: ['p'],
            attributes: { transB: 1, alpha: { float: 0.5 } },
          },
          { op: 'Gelu', domain: 'com.microsoft', inputs: ['p'], outputs: ['y'] },
        ],
        [
          { name: 'a', dims: ['n', 2] },
          { name: 'b', dims: ['m', 2] },
        ],
        [
          { name: 'p', dims: ['n', 'm'] },
          { name: 'y', dims: ['n', 'm'] },
        ],
      ),
    );
    const { p, y } = await session.run(
      { a: floats([1, 2], [1, 1]), b: floats([3, 2], [1, 1, -1, -1, 2, 2]) },
      { p: 'allocate', y: 'allocate' },
    );
    expect(numbers(p)).toEqual([1, -1, 2]);
    // x Φ(x): Φ(1) = 0.8413447, Φ(2) = 0.9772499.
    const expected = [0.8413447, -0.1586553, 1.9544997];
    numbers(y).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
    await session.dispose();
  });

  test('LayerNormalization gives its mean and inverse deviation too', async () => {
    const session = await engine.createSession(
      testModel(
        [
          {
            op: 'LayerNormalization',
            inputs: ['x', 'scale', 'bias'],
            outputs: ['y', 'mean', 'inverse'],
            attributes: { axis: 1, epsilon: { float: 1e-12 } },
          },
        ],
        [
          { name: 'x', dims: ['n', 4] },
          { name: 'scale', dims: [4] },
          { name: 'bias', dims: [4] },
        ],
        [
          { name: 'y', dims: ['n', 4] },
          { name: 'mean', dims: ['n', 1] },
          { name: 'inverse', dims: ['n', 1] },
        ],
      ),
    );
    const { y, mean, inverse } = await session.run(
      { x: floats([1, 4], [1, 3, 5, 7]), scale: floats([4], [1, 1, 1, 2]), bias: floats([4], [0, 0, 0, 1]) },
      { inverse: 'allocate', mean: 'allocate', y: 'allocate' },
    );
    const deviation = Math.sqrt(5);
    expect(mean.dims).toEqual([1, 1]);
    expect(numbers(mean)[0]).toBeCloseTo(4, 6);
    expect(numbers(inverse)[0]).toBeCloseTo(1 / deviation, 6);
    [-3, -1, 1, 6 + deviation].forEach((value, i) => {
      expect(numbers(y)[i]).toBeCloseTo(value / deviation, 5);
    });
    await session.dispose();
  });
});

describe('shapes', () => {
  test('free dimensions change from run to run, and may be 0', async () => {
    const session = await engine.createSession(product);
    for (const [rows, inner, columns] of [
      [2, 3, 4],
      [5, 1, 2],
      [0, 3, 2],
      [2, 3, 4],
      [2, 0, 2],
      [1, 7, 1],
    ]) {
      const a = waves(rows * inner, 1);
      const b = waves(inner * columns, 2);
      const { y } = await session.run(
        {
          a: { type: 'float32', dims: [rows, inner], data: a },
          b: { type: 'float32', dims: [inner, columns], data: b },
        },
        { y: 'allocate' },
      );
      expect(y.dims).toEqual([rows, columns]);
      expect(y.data.length).toBe(rows * columns);
      for (let i = 0; i < rows * columns; i++) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += a[row * inner + k] * b[k * columns + column];
        expect(numbers(y)[i]).toBeCloseTo(sum, 5);
      }
    }
    await session.dispose();
  });

  test('inputs are read from, and outputs written into, shared WebAssembly memory in place', async () => {
    const { buffer } = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
    const session = await engine.createSession(addition);
    const a = new Float32Array(buffer, 64, 3);
    const b = new Float32Array(buffer, 1024, 3);
    const data = new Float32Array(buffer, 65536, 3);
    a.set([1, 2, 3]);
    b.set([10, 20, 30]);
    const sum: EngineTensor = { type: 'float32', dims: [3], data };
    const inputs = { a: { type: 'float32', dims: [3], data: a }, b: { type: 'float32', dims: [3], data: b } } as const;
    const given = await session.run(inputs, { sum });
    expect(given['sum']).toBe(sum);
    expect([...data]).toEqual([11, 22, 33]);
    // The same tensors again: what stands in them now counts.
    a.set([5, 5, 5]);
    await session.run(inputs, { sum });
    expect([...data]).toEqual([15, 25, 35]);
    // Only what the view covers was written.
    expect([...new Float32Array(buffer, 65536 - 4, 1), ...new Float32Array(buffer, 65536 + 12, 1)]).toEqual([0, 0]);
    await session.dispose();
  });

  test('another array, other dims or another view under a known name are seen', async () => {
    const session = await engine.createSession(addition);
    const memory = waves(8);
    const one = floats([1], [0]);
    const run = async (data: Float32Array) =>
      numbers(
        (await session.run({ a: { type: 'float32', dims: [data.length], data }, b: one }, { sum: 'allocate' }))['sum'],
      );
    expect(await run(memory)).toEqual([...memory]);
    expect(await run(memory.subarray(0, 4))).toEqual([...memory.subarray(0, 4)]);
    expect(await run(memory.subarray(4))).toEqual([...memory.subarray(4)]);
    expect(await run(Float32Array.of(7))).toEqual([7]);
    await session.dispose();
  });

  test('small arrays that V8 would move are held still', async () => {
    const session = await engine.createSession(addition);
    for (let i = 0; i < 200; i++) {
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
    // A blocked loop would not tick at all; a busy machine may tick late.
    expect(took).toBeGreaterThan(3);
    expect(ticks).toBeGreaterThanOrEqual(2);
    await session.dispose();
  });

  test.each([
    // ONNX Runtime cuts the inner dimension in pieces of 128, larger ones where a thread has fewer than 128 columns.
    ['with one thread as with two, where each has 128 columns or more', 1, [65, 390, 256 + 30]],
    ['with one thread as with two, where rows are shared out', 1, [165, 390, 70]],
    ['of any shape, with the same threads', 2, [65, 390, 70]],
  ] as const)('the same bits run after run %s', async (_, threads, [rows, inner, columns]) => {
    const other = await createOnnxRuntimeEngine({ threads });
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
    const inputs = {
      a: { type: 'float32', dims: [rows, inner], data: waves(rows * inner, 3) },
      b: { type: 'float32', dims: [inner, columns], data: waves(inner * columns, 4) },
    } as const;
    const results: Buffer[] = [];
    for (const one of [engine, other, engine]) {
      const session = await one.createSession(model);
      for (let i = 0; i < 2; i++) {
        const { p, y } = await session.run(inputs, { p: 'allocate', y: 'allocate' });
        results.push(Buffer.from(Float32Array.of(...numbers(p), ...numbers(y)).buffer));
      }
      await session.dispose();
    }
    for (const result of results) expect(result.equals(results[0])).toBe(true);
  });

  test('two runs of one session at once go one after the other, in order', async () => {
    const session = await engine.createSession(addition);
    const shared = floats([1], [0]);
    const one = floats([1], [1]);
    // Each adds 1 to what the one before left: any overlap or other order would lose one.
    const runs = Array.from({ length: 20 }, () => session.run({ a: shared, b: one }, { sum: shared }));
    await Promise.all(runs);
    expect(numbers(shared)).toEqual([20]);
    await session.dispose();
  });

  test('a failed run does not stop the next', async () => {
    const session = await engine.createSession(addition);
    const bad = session.run({ a: floats([2], [1, 2]), b: floats([3], [1, 2, 3]) }, { sum: 'allocate' });
    const good = session.run({ a: floats([1], [1]), b: floats([1], [2]) }, { sum: 'allocate' });
    await expect(bad).rejects.toMatchObject({ code: 'ERR_ONNXRUNTIME_RUN' });
    expect(numbers((await good)['sum'])).toEqual([3]);
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
});

describe('disposing', () => {
  test('waits for the runs called before, refuses those after, and may come twice', async () => {
    const session = await engine.createSession(addition);
    const running = session.run({ a: floats([1], [1]), b: floats([1], [2]) }, { sum: 'allocate' });
    const disposed = session.dispose();
    await expect(session.run({ a: floats([1], [1]), b: floats([1], [2]) }, { sum: 'allocate' })).rejects.toMatchObject({
      name: 'RunError',
      code: 'ERR_ENGINE_DISPOSED',
    });
    expect(numbers((await running)['sum'])).toEqual([3]);
    await disposed;
    await session.dispose();
  });
});
