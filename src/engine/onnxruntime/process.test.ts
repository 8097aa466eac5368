import { describe, expect, test } from 'vitest';
import { type Ended, runProgram as run } from '../../../test/testing/programs.ts';

/** Runs a program of its own that starts with an engine, a product of two large matrices and a small one at hand. */
function runProgram(
  body: string,
  onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  const program = `
    const { createOnnxRuntimeEngine } = await import('./src/engine/onnxruntime/onnxRuntimeEngine.ts');
    const { testModel } = await import('./src/engine/onnxruntime/testModels.ts');
    const model = testModel(
      [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'], name: 'product' }],
      [{ name: 'a', dims: ['n', 'k'] }, { name: 'b', dims: ['k', 'm'] }],
      [{ name: 'y', dims: ['n', 'm'] }],
    );
    const matrix = (rows, columns) => ({ type: 'float32', dims: [rows, columns], data: new Float32Array(rows * columns) });
    ${body}`;
  return run(program, onOutput && { onOutput });
}

const longRun = `
  const engine = await createOnnxRuntimeEngine({ threads: 2 });
  const session = await engine.createSession(model);
  const large = matrix(3000, 3000);
  const running = session.run({ a: large, b: large }, { y: matrix(3000, 3000) });
  running.then(() => console.log('ran to its end'));
  await new Promise((resolve) => setTimeout(resolve, 20));
`;

describe('a process that uses the engine', () => {
  test('ends by itself, with nothing disposed and nothing printed by ONNX Runtime, failures included', async () => {
    const ended = await runProgram(`
      const session = await (await createOnnxRuntimeEngine()).createSession(model);
      await session.run({ a: matrix(2, 3), b: matrix(3, 2) }, { y: 'allocate' });
      const codes = [];
      await session.run({ a: matrix(2, 3), b: matrix(4, 2) }, { y: 'allocate' }).catch(({ code }) => codes.push(code));
      await (await createOnnxRuntimeEngine()).createSession(model.subarray(9)).catch(({ code }) => codes.push(code));
      console.log(codes.join());
    `);
    expect(ended).toEqual({
      code: 0,
      signal: null,
      output: 'ERR_ONNXRUNTIME_RUN,ERR_ONNXRUNTIME_MODEL\n',
      errors: '',
    });
  });

  test('loads nothing on import', async () => {
    const ended = await runProgram(`
      const loaded = () => process.report.getReport().sharedObjects.filter((path) => /koffi|onnxruntime/.test(path)).length;
      const atFirst = loaded();
      await createOnnxRuntimeEngine();
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
      const engine = await createOnnxRuntimeEngine({ threads: 2 });
      const session = await engine.createSession(model);
      session.dispose();
      engine.createSession(model);
      process.exit(3);
    `);
    expect(ended).toEqual({ code: 3, signal: null, output: '', errors: '' });
  });
});

describe('the npm binding of ONNX Runtime in the same process', () => {
  // As a program has it that uses transformers.js too: the same library, whichever loads it first.
  test.each(['await theirs(); await ours(); await theirs();', 'await ours(); await theirs(); await ours();'])(
    'both work: %s',
    async (order) => {
      const ended = await runProgram(`
        const x = { type: 'float32', dims: [1, 1], data: Float32Array.of(3) };
        async function ours() {
          const session = await (await createOnnxRuntimeEngine()).createSession(model);
          console.log('ours', (await session.run({ a: x, b: x }, { y: 'allocate' })).y.data[0]);
        }
        async function theirs() {
          const { InferenceSession, Tensor } = (await import('onnxruntime-node')).default;
          const session = await InferenceSession.create(model);
          const a = new Tensor('float32', Float32Array.of(4), [1, 1]);
          console.log('theirs', (await session.run({ a, b: a })).y.data[0]);
        }
        ${order}
      `);
      expect(ended).toMatchObject({ code: 0, signal: null });
      const expected = order.match(/ours|theirs/g)!.map((which) => (which === 'ours' ? 'ours 9' : 'theirs 16'));
      expect(ended.output.trim().split('\n')).toEqual(expected);
    },
  );
});
