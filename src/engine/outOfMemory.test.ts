import { expect, test } from 'vitest';
import { Graph } from '../graph/graph.ts';
import { toOnnx } from '../graph/lowering.ts';
import { matmul } from '../graph/ops/products.ts';
import { sum } from '../graph/ops/reductions.ts';
import { outOfMemoryError } from './outOfMemory.ts';
import { selectEngine } from './select.ts';

test('a run that asks ONNX Runtime for more memory than any machine has is told apart, and the session goes on', async () => {
  const graph = new Graph();
  const [column, row] = [graph.input('column', 'float32', ['n', 1]), graph.input('row', 'float32', [1, 'n'])];
  const engine = await selectEngine({ engine: 'onnxruntime', threads: 1 });
  const session = await engine.createSession(toOnnx(graph, { total: sum(matmul(column, row)) }));
  const run = (n: number) => {
    const data = new Float32Array(n).fill(1);
    return session.run(
      { column: { type: 'float32', dims: [n, 1], data }, row: { type: 'float32', dims: [1, n], data } },
      { total: 'allocate' },
    );
  };
  // 2²³ × 2²³ numbers are 2⁴⁸ bytes: no address space has them, so that nothing is overcommitted.
  await expect(run(2 ** 23)).rejects.toMatchObject({ name: 'EnvironmentError', code: 'ERR_ENGINE_MEMORY' });
  expect((await run(3))['total'].data[0]).toBe(9);
  await session.dispose();
});

test.each([
  ['Failed to allocate memory for requested buffer of size 1125899906842624', true],
  ['std::bad_alloc', true],
  ['[cpu] could not create a memory: bad allocation', true],
  ['Got invalid dimensions for input: ids', false],
])('%s', (message, meant) => {
  expect(outOfMemoryError('session.run', message) !== undefined).toBe(meant);
});
