import { expect, test } from 'vitest';
import { runProgram as run } from '../../test/testing/programs.ts';

/** What a program of its own prints, with `makeArena(columns)` at hand: one trained matrix of 1024 rows. */
async function runProgram(body: string): Promise<string> {
  const program = `
    const { Arena } = await import('./src/engine/arena.ts');
    const { adamW } = await import('./src/engine/optimizers.ts');
    const step = { optimizer: adamW(), learningRate: 1e-3, maxGradNorm: 1, step: 1 };
    async function makeArena(columns) {
      const arena = await Arena.create([{ name: 'w', shape: [1024, columns] }], { threads: 2 });
      await arena.prepareTraining([{ name: 'w', weightDecay: 0, learningRateScale: 1, rowGradient: false }], { accumulate: false });
      arena.gradient('w').fill(0.1);
      return arena;
    }
    ${body}`;
  const { code, output, errors } = await run(program);
  expect(code, errors).toBe(0);
  return output.trim();
}

test('a process that waits for a step is kept alive, and one that waits for nothing ends by itself, nothing disposed', async () => {
  const output = await runProgram(`
    const arena = await makeArena(4096);
    const { gradientNorm } = await arena.step(step);
    console.log(gradientNorm.toFixed(3));
  `);
  expect(output).toBe((Math.fround(0.1) * Math.sqrt(1024 * 4096)).toFixed(3));
});

test('a worker that breaks rejects what waits for it, and every later call', async () => {
  const output = await runProgram(`
    const { Kernels, createSharedMemory } = await import('./src/kernels/kernels.ts');
    const kernels = await Kernels.create({ threads: 2 });
    const call = { kernel: 'zero', memory: createSharedMemory(1 << 20), length: 1, grain: 1, args: [65536] };
    await kernels.run([call]);
    // What no call of the library sends: the memory is no memory, so that the worker throws outside of any batch.
    const broken = kernels.run([{ ...call, memory: { buffer: 0 } }]);
    for (const promise of [broken, kernels.run([call])]) await promise.catch(({ name, code }) => console.log(name, code));
    await kernels.run([call]).catch(({ code }) => console.log(code));
  `);
  expect(output.split('\n')).toEqual(['RunError ERR_KERNEL_FAILED', 'RunError ERR_KERNEL_FAILED', 'ERR_KERNEL_FAILED']);
});

test('the event loop is free while a step runs', async () => {
  const output = await runProgram(`
    const arena = await makeArena(20_000);
    await arena.step(step);
    const before = performance.eventLoopUtilization();
    for (let i = 0; i < 5; i++) await arena.step(step);
    console.log(performance.eventLoopUtilization(before).utilization);
  `);
  expect(Number(output)).toBeLessThan(0.3);
});
