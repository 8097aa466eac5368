import { beforeAll, describe, expect, test } from 'vitest';
import { openVinoNote, openVinoPath } from '../../test/testing/openVino.ts';
import type { Engine } from './engine.ts';
import { createOnnxRuntimeEngine } from './onnxruntime/onnxRuntimeEngine.ts';
import { floats, numbers, testModel, waves } from './onnxruntime/testModels.ts';
import { createOpenVinoEngine } from './openvino/openVinoEngine.ts';

/** y = x Wᵀ + table[2]: a product, whose matrix is laid out anew, and a look-up, which reads in place. */
const incomplete = testModel(
  [
    { op: 'Gemm', inputs: ['x', 'W'], outputs: ['product'], name: 'product', attributes: { transB: 1 } },
    { op: 'Gather', inputs: ['table', 'two'], outputs: ['row'], name: 'row' },
    { op: 'Add', inputs: ['product', 'row'], outputs: ['y'], name: 'sum' },
  ],
  [{ name: 'x', dims: ['rows', 48] }],
  [{ name: 'y', dims: ['rows', 32] }],
);

const W = floats([32, 48], waves(32 * 48, 1));
const table = floats([5, 32], waves(5 * 32, 2));
const two = { type: 'int64', dims: [], data: BigInt64Array.of(2n) } as const;

function expected(x: Float32Array): number[] {
  return Array.from({ length: x.length / 48 }, (_, row) =>
    Array.from({ length: 32 }, (_, column) => {
      let sum = numbers(table)[2 * 32 + column];
      for (let k = 0; k < 48; k++) sum += x[row * 48 + k] * numbers(W)[column * 48 + k];
      return sum;
    }),
  ).flat();
}

describe.each([
  ['ONNX Runtime', true, () => createOnnxRuntimeEngine({ threads: 1 })],
  [
    `OpenVINO${openVinoNote}`,
    openVinoPath !== undefined,
    () => createOpenVinoEngine({ threads: 1, libraryPath: openVinoPath }),
  ],
] as const)('constants of a session on %s', (_, available, create) => {
  let engine: Engine;
  beforeAll(async () => {
    if (available) engine = await create();
  });

  test.skipIf(!available)(
    'are part of the model: they are no inputs, and the result is what it is with them',
    async () => {
      const session = await engine.createSession(incomplete, { W, table, two });
      expect(session.inputNames).toEqual(['x']);
      for (const rows of [1, 7]) {
        const x = floats([rows, 48], waves(rows * 48, 3));
        const y = numbers((await session.run({ x }, { y: 'allocate' }))['y']);
        expect(y).toHaveLength(rows * 32);
        for (const [i, value] of expected(x.data as Float32Array).entries()) expect(y[i]).toBeCloseTo(value, 4);
      }
      await session.dispose();
    },
  );

  test.skipIf(!available)('are needed: without them, or one of them, there is no session', async () => {
    await expect(engine.createSession(incomplete)).rejects.toMatchObject({ name: 'GraphError' });
    await expect(engine.createSession(incomplete, { W, two })).rejects.toMatchObject({ name: 'GraphError' });
  });
});
