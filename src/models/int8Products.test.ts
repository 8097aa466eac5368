import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { openVinoNote, openVinoPath } from '../../test/testing/openVino.ts';
import type { Engine } from '../engine/engine.ts';
import { selectEngine } from '../engine/select.ts';
import { encodeOnnx } from '../formats/onnx.ts';
import { int8Range } from '../formats/onnxInt8.ts';
import { hasExactInt8Products } from './int8Products.ts';

/** x (uint8) times a matrix of constants (int8), and what it should be. */
async function product(engine: Engine, [rows, depth, columns]: readonly number[], x: Uint8Array, w: Int8Array) {
  const session = await engine.createSession(
    encodeOnnx({
      graphName: 'product',
      nodes: [{ type: 'MatMulInteger', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {}, name: 'y' }],
      inputs: [{ name: 'x', dtype: 'uint8', shape: ['rows', depth] }],
      outputs: [{ name: 'y', dtype: 'int32', shape: ['rows', columns] }],
      initializers: [{ name: 'w', dtype: 'int8', dims: [depth, columns], data: w }],
    }),
  );
  const { y } = await session.run({ x: { type: 'uint8', dims: [rows, depth], data: x } }, { y: 'allocate' });
  await session.dispose();
  const exact = Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += x[row * depth + k] * w[k * columns + column];
    return sum;
  });
  return { actual: Array.from(y.data, Number), exact };
}

describe.each([
  ['ONNX Runtime', true, () => selectEngine({ engine: 'onnxruntime', threads: 1 })],
  [
    `OpenVINO${openVinoNote}`,
    openVinoPath !== undefined,
    () => selectEngine({ engine: 'openvino', threads: 1, libraryPath: openVinoPath }),
  ],
] as const)('8-bit products on %s', (_, available, create) => {
  test.skipIf(!available)(
    'are exact with weights of 7 bits, and of 8 bits where the engine is said to be',
    async () => {
      const engine = await create();
      const range = (await hasExactInt8Products(engine)) ? int8Range.full : int8Range.reduced;
      const sizes = fc.tuple(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 70 }),
      );
      // The largest numbers, which are what does not fit, among any.
      const byte = fc.oneof(fc.constant(255), fc.integer({ min: 0, max: 255 }));
      const weight = fc.oneof(fc.constantFrom(-range, range), fc.integer({ min: -range, max: range }));
      await fc.assert(
        fc.asyncProperty(sizes, fc.infiniteStream(byte), fc.infiniteStream(weight), async (shape, bytes, weights) => {
          const [rows, depth, columns] = shape;
          const x = Uint8Array.from(bytes.take(rows * depth));
          const w = Int8Array.from(weights.take(depth * columns));
          const { actual, exact } = await product(engine, shape, x, w);
          expect(actual).toEqual(exact);
        }),
        { numRuns: 60 },
      );
    },
  );

  test.skipIf(!available)('are tried once', async () => {
    const engine = await create();
    const createSession = vi.spyOn(engine, 'createSession');
    const answers = await Promise.all([hasExactInt8Products(engine), hasExactInt8Products(engine)]);
    expect(answers[0]).toBe(answers[1]);
    expect(createSession).toHaveBeenCalledTimes(1);
  });
});
