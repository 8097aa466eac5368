import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lengths, randomArray } from '../../../test/testing/arrays.ts';
import { type CompiledCase, compile, compileCase } from '../../../test/testing/engineCases.ts';
import { type OpCase, opTable } from '../../../test/testing/opTable.ts';
import type { Engine } from '../../engine/engine.ts';
import { createOnnxRuntimeEngine } from '../../engine/onnxruntime/onnxRuntimeEngine.ts';
import { Graph } from '../graph.ts';
import { ndarray } from '../ndarray.ts';
import { scatterAddRows } from './rows.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await createOnnxRuntimeEngine({ threads: 2 });
});

/*
 * Each op as lowered, and the gradients made of its rule, on ONNX Runtime in float32 against the reference in float64:
 * one session, many lengths, 0 among them.
 */
describe.each(opTable)('$title', (row) => {
  let compiled: CompiledCase;
  beforeAll(async () => {
    compiled = await compileCase(engine, row);
  });
  afterAll(() => compiled?.dispose());

  const expectAgreement = (differences: Record<string, number>) => {
    for (const [name, difference] of Object.entries(differences)) {
      expect(difference, name).toBeLessThan(row.tolerance ?? 1e-5);
    }
  };

  test('equals the reference on ONNX Runtime', async () => {
    const isTried = (lengths: Lengths) =>
      Object.entries(row.least ?? {}).every(([name, least]) => lengths[name] >= least);
    for (const lengths of row.lengths.filter(isTried)) expectAgreement(await compiled.differences(lengths));
    if (row.onlyTheseLengths) return;
    await fc.assert(
      fc.asyncProperty(anyLengths(row), async (lengths) => {
        expectAgreement(await compiled.differences(lengths));
      }),
      { numRuns: 12, seed: 1 },
    );
  });

  if (row.special !== undefined && row.special.length > 0) {
    test('equals the reference at special values', async () => {
      const { special } = row;
      const n = Math.ceil(special!.length / 4) + 2;
      // Whole rows of one number, too: a softmax of equal extremes.
      const first = ndarray([n, 4], (i) =>
        i < 4 ? special![0] : i < 8 ? special!.at(-1)! : Math.fround(special![(i - 8) % special!.length]),
      );
      expectAgreement(await compiled.differences({ n }, first));
    });
  }
});

function anyLengths(row: OpCase): fc.Arbitrary<Lengths> {
  const names = new Set(row.inputs.flatMap(({ shape }) => shape.filter((dim) => typeof dim === 'string')));
  return fc.record(
    Object.fromEntries([...names].map((name) => [name, fc.integer({ min: row.least?.[name] ?? 0, max: 4 })])),
  );
}

describe('scatterAddRows', () => {
  test('adds up thousands of duplicates, on several threads', async () => {
    const graph = new Graph();
    const ids = graph.input('ids', 'int64', ['n']);
    const x = graph.input('x', 'float32', ['n', 8]);
    const compiled = await compile(engine, graph, { table: scatterAddRows(ids, x, { rows: 5 }) });
    const n = 20_000;
    const feeds = new Map([
      [ids, ndarray([n], (i) => (i * 7) % 3)],
      [x, randomArray([n, 8], 'duplicates', 0, 1)],
    ]);
    expect((await compiled.differences(feeds))['table']).toBeLessThan(1e-5);
    await compiled.dispose();
  });
});
