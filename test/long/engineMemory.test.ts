import { describe, expect, test } from 'vitest';
import { openVinoNote, openVinoPath } from '../testing/openVino.ts';
import { runProgram } from '../testing/programs.ts';

const engines = [
  {
    name: 'ONNX Runtime',
    create: "(await import('./src/engine/onnxruntime/onnxRuntimeEngine.ts')).createOnnxRuntimeEngine",
    isThere: true,
    note: '',
    // Shapes that change from run to run.
    size: '100 + ((i * 37) % 150)',
    mostOfSessions: 30,
  },
  {
    name: 'OpenVINO',
    create: "(await import('./src/engine/openvino/openVinoEngine.ts')).createOpenVinoEngine",
    isThere: openVinoPath !== undefined,
    note: openVinoNote,
    // Shapes that come again, which it keeps.
    size: '100 + ((i * 37) % 30) * 5',
    mostOfSessions: 40,
  },
];

for (const { name, create, isThere, note, size, mostOfSessions } of engines) {
  /** The number that a program with an engine at hand prints; anything wrong with the program fails the test. */
  const measure = async (body: string): Promise<number> => {
    const program = `
      const { testModel } = await import('./src/engine/onnxruntime/testModels.ts');
      const engine = await (${create})({ threads: 2 });
      const [a, b] = [{ name: 'a', dims: ['n', 'k'] }, { name: 'b', dims: ['k', 'm'] }];
      const product = (inputs, output) => ({ op: 'MatMul', inputs, outputs: [output] });
      const matrix = (rows, columns) => ({ type: 'float32', dims: [rows, columns], data: new Float32Array(rows * columns) });
      const used = () => (gc(), process.memoryUsage().rss / 2 ** 20);
      let before = 0;
      ${body}
      console.log(used() - before);`;
    const environment = openVinoPath === undefined ? {} : { FETTLE_OPENVINO: openVinoPath };
    const ended = await runProgram(program, { flags: ['--expose-gc'], environment });
    expect(ended).toMatchObject({ code: 0, signal: null, errors: '' });
    expect(ended.output).toMatch(/^-?\d+(\.\d+)?\n$/);
    return Number(ended.output);
  };

  /** 40 sessions, each with an intermediate result of 4 MiB; the growth is that over the last 30. */
  const sessions = (end: string): string => `
      const y = { name: 'y', dims: ['n', 'm'] };
      const chain = testModel([product(['a', 'b'], 'h'), product(['h', 'h'], 'y')], [a, b], [y]);
      const [tall, wide, result] = [matrix(1024, 8), matrix(8, 1024), matrix(1024, 1024)];
      async function once() {
        const session = await engine.createSession(chain);
        await session.run({ a: tall, b: wide }, { y: result });
        ${end}
      }
      for (let i = 0; i < 40; i++) {
        await once();
        gc();
        // What is collected is freed in a task of its own.
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (i === 10) before = used();
      }`;

  describe.skipIf(!isThere)(`the memory of ${name}${note}`, () => {
    test('stays flat over 1,000 runs, in place and allocated', async () => {
      const growth = await measure(`
      const session = await engine.createSession(testModel([product(['a', 'b'], 'y')], [a, b], [{ name: 'y', dims: ['n', 'm'] }]));
      for (let i = 0; i < 1200; i++) {
        if (i === 200) before = used();
        const n = ${size};
        await session.run({ a: matrix(n, n), b: matrix(n, n) }, { y: i % 2 ? 'allocate' : matrix(n, n) });
      }`);
      // 1,000 runs make 3,000 arrays of 120 KB on average: 360 MB if they were kept.
      expect(growth).toBeLessThan(60);
    });

    test('stays flat over sessions made, used and disposed', async () => {
      expect(await measure(sessions('await session.dispose();'))).toBeLessThan(mostOfSessions);
    });

    test('stays flat over sessions that were forgotten', async () => {
      expect(await measure(sessions(''))).toBeLessThan(mostOfSessions);
    });
  });
}
