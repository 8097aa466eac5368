import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine, EngineTensor } from '../engine.ts';
import { createOnnxRuntimeEngine } from './onnxRuntimeEngine.ts';
import { addition, floats, integers, numbers, testModel } from './testModels.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await createOnnxRuntimeEngine({ threads: 2 });
});

describe('what does not fit is refused before the run', () => {
  const cases: [string, Record<string, EngineTensor>, Record<string, EngineTensor | 'allocate'>, RegExp][] = [
    [
      'a missing input',
      { a: floats([1], [1]) },
      { sum: 'allocate' },
      /an input is missing, got 'a', expected b as well/,
    ],
    [
      'an unknown input',
      { a: floats([1], [1]), b: floats([1], [1]), bb: floats([1], [1]) },
      { sum: 'allocate' },
      /no input of this name, got 'bb'.*did you mean 'b'/,
    ],
    ['an unknown output', { a: floats([1], [1]), b: floats([1], [1]) }, { sun: 'allocate' }, /got 'sun'.*'sum'/],
    ['no output', { a: floats([1], [1]), b: floats([1], [1]) }, {}, /no output is asked for/],
    [
      'the wrong element type',
      { a: floats([1], [1]), b: integers([1], [1]) },
      { sum: 'allocate' },
      /input 'b' is of the wrong element type, got 'int64', expected float32/,
    ],
    [
      'an array of another kind than its type',
      { a: floats([1], [1]), b: { type: 'float32', dims: [1], data: new Float64Array(1) } },
      { sum: 'allocate' },
      /elements of another size/,
    ],
    [
      'data shorter than its dims',
      { a: floats([4], [1, 2, 3]), b: floats([1], [1]) },
      { sum: 'allocate' },
      /dims \[4\] that its data does not fill, got 3, expected 4 elements/,
    ],
    [
      'a dimension that is no whole number',
      { a: floats([1.5], [1]), b: floats([1], [1]) },
      { sum: 'allocate' },
      /does not fill/,
    ],
    [
      'another rank',
      { a: floats([1, 1], [1]), b: floats([1], [1]) },
      { sum: 'allocate' },
      /got \[1,1\], expected \[any\]/,
    ],
    [
      'an output of the wrong type',
      { a: floats([1], [1]), b: floats([1], [1]) },
      { sum: integers([1], [1]) },
      /output 'sum' is of the wrong element type/,
    ],
  ];

  test.each(cases)('%s', async (_, inputs, outputs, message) => {
    const session = await engine.createSession(addition);
    const running = session.run(inputs, outputs);
    await expect(running).rejects.toMatchObject({ name: 'ArgumentError', exitCode: 2 });
    await expect(running).rejects.toThrow(message);
    await session.dispose();
  });

  test('a fixed dimension', async () => {
    const session = await engine.createSession(
      testModel(
        [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
        [{ name: 'x', dims: ['n', 3] }],
        [{ name: 'y', dims: ['n', 3] }],
      ),
    );
    await expect(session.run({ x: floats([1, 2], [1, 2]) }, { y: 'allocate' })).rejects.toThrow(
      /input 'x' has a shape that the model does not take, got \[1,2\], expected \[any, 3\]/,
    );
    await session.dispose();
  });

  test('an array whose memory was given away meanwhile', async () => {
    const session = await engine.createSession(addition);
    const a = floats([3], [1, 2, 3]);
    const running = session.run({ a, b: a }, { sum: 'allocate' });
    structuredClone(a.data, { transfer: [a.data.buffer as ArrayBuffer] });
    await expect(running).rejects.toThrow(/does not fill, got 0, expected 3 elements/);
    await session.dispose();
  });
});

describe("ONNX Runtime's own refusals carry its words", () => {
  test('shapes that do not go together name the node', async () => {
    const session = await engine.createSession(addition);
    const running = session.run({ a: floats([2], [1, 2]), b: floats([3], [1, 2, 3]) }, { sum: 'allocate' });
    await expect(running).rejects.toMatchObject({ name: 'RunError', exitCode: 1 });
    await expect(running).rejects.toThrow(/at node 'theSum'.*broadcast/s);
    await session.dispose();
  });

  test('an output to write into of the wrong shape', async () => {
    const session = await engine.createSession(addition);
    const output = floats([5], [0, 0, 0, 0, 0]);
    const running = session.run({ a: floats([2], [1, 2]), b: floats([2], [1, 2]) }, { sum: output });
    await expect(running).rejects.toMatchObject({ name: 'RunError', code: 'ERR_ONNXRUNTIME_RUN' });
    expect(numbers(output)).toEqual([0, 0, 0, 0, 0]);
    await session.dispose();
  });

  test('bytes that are no model', async () => {
    const garbage = engine.createSession(Uint8Array.of(1, 2, 3, 4));
    await expect(garbage).rejects.toMatchObject({ name: 'GraphError', code: 'ERR_ONNXRUNTIME_MODEL' });
    await expect(engine.createSession(new Uint8Array())).rejects.toMatchObject({ name: 'ArgumentError' });
  });

  test('an op that does not exist', async () => {
    const model = testModel(
      [{ op: 'Frobnicate', inputs: ['x'], outputs: ['y'], name: 'odd' }],
      [{ name: 'x', dims: ['n'] }],
      [{ name: 'y', dims: ['n'] }],
    );
    await expect(engine.createSession(model)).rejects.toThrow(/Frobnicate/);
  });

  test('a text as input', async () => {
    const strings = testModel(
      [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
      // There is no such DType: the number of ONNX's texts is put in its place below.
      [{ name: 'x', type: 'uint8', dims: [1] }],
      [{ name: 'y', type: 'uint8', dims: [1] }],
    ).map((byte, i, all) => (byte === 2 && all[i - 1] === 8 && all[i + 1] === 18 ? 8 : byte));
    await expect(engine.createSession(strings)).rejects.toThrow(/'x' of this model.*element type 8/);
  });
});
