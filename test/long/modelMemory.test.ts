import { describe, expect, test } from 'vitest';
import { median } from '../testing/arrays.ts';
import { runProgram } from '../testing/programs.ts';
import { prepared, program } from '../testing/trainingPrograms.ts';

describe('memory', () => {
  test('thirty models made, trained, asked and disposed of leave memory flat', async () => {
    const folder = await prepared();
    const ended = await runProgram(
      program(
        folder,
        `const { BertTokenizer } = await import('./src/index.ts');
         const tokenizer = await BertTokenizer.fromPretrained(folder);
         const used = [];
         for (let i = 0; i < 45; i++) {
           const made = await load();
           await new Trainer({ model: made, trainDataset: train, args: { maxSteps: 3 } }).train();
           await made(tokenizer('a good film'));
           await made.dispose();
           gc();
           used.push(process.memoryUsage().rss / 2 ** 20);
         }
         console.log(JSON.stringify(used));`,
      ),
      { flags: ['--expose-gc'] },
    );
    expect(ended).toMatchObject({ code: 0, errors: '' });
    const used = JSON.parse(ended.output) as number[];
    // The first fifteen warm allocators and compilers up.
    const grown = median(used.slice(40)) - median(used.slice(10, 15));
    console.log(
      `memory after models 1, 15, 30, 45: ${[0, 14, 29, 44].map((i) => used[i].toFixed(0)).join(', ')} MB; the last thirty added ${grown.toFixed(1)} MB`,
    );
    expect(grown).toBeLessThan(15); // one session kept a model would be 60
  }, 120_000);

  test('thirty arenas, disposed of or forgotten, leave it flat', async () => {
    const { output, errors } = await runProgram(`
      const { Arena } = await import('./src/engine/arena.ts');
      const { adamW } = await import('./src/engine/optimizers.ts');
      const used = [];
      for (let i = 0; i < 30; i++) {
        const arena = await Arena.create([{ name: 'w', shape: [1024, 4096] }], { threads: 2 });
        const trained = { name: 'w', weightDecay: 0, learningRateScale: 1, rowGradient: false };
        await arena.prepareTraining([trained], { accumulate: false });
        arena.gradient('w').fill(0.1); // 64 MB written, with what the step writes
        await arena.step({ optimizer: adamW(), learningRate: 1e-3, maxGradNorm: 1, step: 1 });
        if (i % 2) await arena.dispose();
        used.push(process.memoryUsage().rss / 2 ** 20);
      }
      console.log(Math.max(...used.slice(15)) - Math.max(...used.slice(0, 15)));
    `);
    expect(Number(output), errors).toBeLessThan(200);
    expect(output).not.toBe('');
  }, 120_000);
});
