import { describe, expect, test } from 'vitest';
import { openVinoNote, openVinoPath } from '../../../test/testing/openVino.ts';
import { type Ended, runProgram as run } from '../../../test/testing/programs.ts';
import { versionInName } from './versions.ts';

/** Whether this release knows a limit on the instructions that it uses, as if the processor had no others: 2026.4 on. */
const hasLimit = (versionInName(openVinoPath ?? '') ?? '') >= '2026.4';

/** Runs a program of its own that starts with a way to an engine, and a product of two matrices at hand. */
function runProgram(
  body: string,
  onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
  variables: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const program = `
    const { createOpenVinoEngine } = await import('./src/engine/openvino/openVinoEngine.ts');
    const { testModel } = await import('./src/engine/onnxruntime/testModels.ts');
    const model = testModel(
      [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'], name: 'product' }],
      [{ name: 'a', dims: ['n', 'k'] }, { name: 'b', dims: ['k', 'm'] }],
      [{ name: 'y', dims: ['n', 'm'] }],
    );
    const matrix = (rows, columns) => ({ type: 'float32', dims: [rows, columns], data: new Float32Array(rows * columns) });
    ${body}`;
  const environment = { ...(openVinoPath && { FETTLE_OPENVINO: openVinoPath }), ...variables };
  return run(program, { environment, ...(onOutput && { onOutput }) });
}

const longRun = `
  const engine = await createOpenVinoEngine({ threads: 2 });
  const session = await engine.createSession(model);
  const large = matrix(3000, 3000);
  const running = session.run({ a: large, b: large }, { y: matrix(3000, 3000) });
  running.then(() => console.log('ran to its end'));
  await new Promise((resolve) => setTimeout(resolve, 20));
`;

describe.skipIf(openVinoPath === undefined)(`a process that uses OpenVINO${openVinoNote}`, () => {
  test('ends by itself, with nothing disposed and nothing printed by OpenVINO, failures included', async () => {
    const ended = await runProgram(`
      const session = await (await createOpenVinoEngine()).createSession(model);
      await session.run({ a: matrix(2, 3), b: matrix(3, 2) }, { y: 'allocate' });
      const codes = [];
      await session.run({ a: matrix(2, 3), b: matrix(4, 2) }, { y: 'allocate' }).catch(({ code }) => codes.push(code));
      await (await createOpenVinoEngine()).createSession(model.subarray(9)).catch(({ code }) => codes.push(code));
      console.log(codes.join());
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: 'ERR_OPENVINO_RUN,ERR_OPENVINO_MODEL\n', errors: '' });
  });

  test('loads nothing on import', async () => {
    const ended = await runProgram(`
      const loaded = () => process.report.getReport().sharedObjects.filter((path) => /koffi|openvino/.test(path)).length;
      const atFirst = loaded();
      await createOpenVinoEngine();
      console.log(atFirst, loaded() >= 2);
    `);
    expect(ended).toMatchObject({ code: 0, output: '0 true\n' });
  });

  test('may call process.exit during a run', async () => {
    const ended = await runProgram(`${longRun} process.exit(7);`);
    expect(ended).toEqual({ code: 7, signal: null, output: '', errors: '' });
  });

  test('may be interrupted during a run', async () => {
    const ended = await runProgram(`${longRun} console.log('running');`, (_, kill) => kill('SIGINT'));
    expect(ended).toEqual({ code: null, signal: 'SIGINT', output: 'running\n', errors: '' });
  });

  test('may answer an interruption by leaving during a run', async () => {
    const ended = await runProgram(
      `${longRun} process.on('SIGINT', () => process.exit(130)); console.log('running');`,
      (_, kill) => kill('SIGINT'),
    );
    expect(ended).toEqual({ code: 130, signal: null, output: 'running\n', errors: '' });
  });

  test('may leave while a session is being made or disposed', async () => {
    const ended = await runProgram(`
      const engine = await createOpenVinoEngine({ threads: 2 });
      const session = await engine.createSession(model);
      session.dispose();
      engine.createSession(model);
      process.exit(3);
    `);
    expect(ended).toEqual({ code: 3, signal: null, output: '', errors: '' });
  });

  test.skipIf(!hasLimit)('is refused bfloat16 where the processor has none, and has float32', async () => {
    const ended = await runProgram(
      `
        await createOpenVinoEngine({ precision: 'bf16' }).catch(({ code, exitCode }) => console.log(code, exitCode));
        console.log((await createOpenVinoEngine()).precision);
      `,
      undefined,
      { OV_CPU_MAX_ISA: 'AVX2' },
    );
    expect(ended).toEqual({ code: 0, signal: null, output: 'ERR_ENGINE_PRECISION 4\nfloat32\n', errors: '' });
  });

  test.each([
    ['OpenVINO first', 'await theirs(createOpenVinoEngine); await theirs(createOnnxRuntimeEngine);'],
    ['ONNX Runtime first', 'await theirs(createOnnxRuntimeEngine); await theirs(createOpenVinoEngine);'],
  ])('may use ONNX Runtime too, %s', async (_, order) => {
    const ended = await runProgram(`
      const { createOnnxRuntimeEngine } = await import('./src/engine/onnxruntime/onnxRuntimeEngine.ts');
      const x = { type: 'float32', dims: [1, 1], data: Float32Array.of(3) };
      async function theirs(create) {
        const session = await (await create()).createSession(model);
        console.log((await session.run({ a: x, b: x }, { y: 'allocate' })).y.data[0]);
      }
      ${order}
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: '9\n9\n', errors: '' });
  });
});
