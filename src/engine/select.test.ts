import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { bfloat16Note, openVinoBfloat16, openVinoNote, openVinoPath } from '../../test/testing/openVino.ts';
import { describeEngines, formatEngines } from './doctor.ts';
import { selectEngine } from './select.ts';

/** Does `work` where no OpenVINO is found: what the environment names holds none. */
async function withoutOpenVino<T>(work: () => Promise<T>): Promise<T> {
  const empty = await mkdtemp(`${tmpdir()}/fettle-`);
  return withVariable(empty, work).finally(() => rm(empty, { recursive: true }));
}

async function withVariable<T>(value: string, work: () => Promise<T>): Promise<T> {
  vi.stubEnv('FETTLE_OPENVINO', value);
  try {
    return await work();
  } finally {
    vi.unstubAllEnvs();
  }
}

describe('selectEngine', () => {
  test('takes ONNX Runtime in float32 unless told otherwise', async () => {
    for (const options of [{}, { precision: 'float32' }, { engine: 'onnxruntime' }] as const) {
      expect(await selectEngine({ threads: 1, ...options })).toMatchObject({
        name: 'onnxruntime',
        precision: 'float32',
        threads: 1,
      });
    }
  });

  test('never changes the precision: bfloat16 without OpenVINO says what to install', async () => {
    await withoutOpenVino(async () => {
      for (const engine of ['auto', 'openvino'] as const) {
        const selecting = selectEngine({ engine, precision: 'bf16' });
        await expect(selecting).rejects.toMatchObject({ name: 'EnvironmentError', exitCode: 4 });
        await expect(selecting).rejects.toThrow(/pip install openvino/);
      }
    });
    await expect(selectEngine({ engine: 'onnxruntime', precision: 'bf16' })).rejects.toMatchObject({
      name: 'ArgumentError',
      code: 'ERR_ENGINE_PRECISION',
    });
  });

  test('refuses engines and precisions that there are none of', async () => {
    await expect(selectEngine({ engine: 'torch' as 'auto' })).rejects.toMatchObject({ code: 'ERR_ENGINE' });
    await expect(selectEngine({ precision: 'fp16' as 'bf16' })).rejects.toMatchObject({ code: 'ERR_ENGINE_PRECISION' });
  });

  test.skipIf(openVinoPath === undefined)(`takes OpenVINO where it is named${openVinoNote}`, async () => {
    const options = { engine: 'openvino', libraryPath: openVinoPath, threads: 1 } as const;
    expect(await selectEngine(options)).toMatchObject({ name: 'openvino', precision: 'float32', threads: 1 });
  });

  test.skipIf(!openVinoBfloat16)(`takes OpenVINO for bfloat16${bfloat16Note}`, async () => {
    await withVariable(openVinoPath!, async () => {
      expect(await selectEngine({ precision: 'bf16' })).toMatchObject({ name: 'openvino', precision: 'bf16' });
    });
  });
});

describe('describeEngines', () => {
  test('says what is missing and how to have it', async () => {
    const report = await withoutOpenVino(describeEngines);
    expect(report.engines).toMatchObject([
      { name: 'onnxruntime', usable: true, precisions: ['float32'] },
      { name: 'openvino', usable: false, precisions: [] },
    ]);
    expect(report.auto).toEqual({ float32: 'onnxruntime', bf16: null });
    const text = formatEngines(report);
    expect(text).toMatch(
      /openvino: not usable\n.*FETTLE_OPENVINO names neither.*\n {2}to have it: .*pip install openvino/,
    );
    expect(text).toMatch(/engine 'auto' in bf16: none/);
  });

  test.skipIf(openVinoPath === undefined)(`says what was found where${openVinoNote}`, async () => {
    const report = await withVariable(openVinoPath!, describeEngines);
    expect(report.engines[1]).toMatchObject({
      usable: true,
      path: openVinoPath,
      found: [{ path: openVinoPath, source: 'FETTLE_OPENVINO' }],
    });
    expect(report.engines[1].version).toMatch(/^20\d\d\.\d/);
    expect(report.processor).toBeTruthy();
    expect(formatEngines(report)).toContain(`used: ${openVinoPath} (FETTLE_OPENVINO)`);
  });
});
