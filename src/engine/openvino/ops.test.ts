import { beforeAll, describe, expect, test } from 'vitest';
import { compileCase } from '../../../test/testing/engineCases.ts';
import { openVinoNote, openVinoPath } from '../../../test/testing/openVino.ts';
import { opTable } from '../../../test/testing/opTable.ts';
import { ndarray } from '../../graph/ndarray.ts';
import type { Engine } from '../engine.ts';
import { createOpenVinoEngine } from './openVinoEngine.ts';

/*
 * Each op as lowered, and the gradients made of its rule, on OpenVINO in float32 against the reference in float64: the
 * very bytes that ONNX Runtime takes.
 */
describe.skipIf(openVinoPath === undefined)(`every op on OpenVINO${openVinoNote}`, () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createOpenVinoEngine({ threads: 2, libraryPath: openVinoPath });
  });

  test.each([...opTable])('$title', async (row) => {
    const compiled = await compileCase(engine, row);
    const expectAgreement = (differences: Record<string, number>) => {
      for (const [name, difference] of Object.entries(differences)) {
        expect(difference, name).toBeLessThan(row.tolerance ?? 1e-5);
      }
    };
    for (const lengths of row.lengths) expectAgreement(await compiled.differences(lengths));
    const { special = [] } = row;
    if (special.length > 0) {
      const n = Math.ceil(special.length / 4) + 2;
      const first = ndarray([n, 4], (i) =>
        i < 4 ? special[0] : i < 8 ? special.at(-1)! : Math.fround(special[(i - 8) % special.length]),
      );
      expectAgreement(await compiled.differences({ n }, first));
    }
    await compiled.dispose();
  });
});
