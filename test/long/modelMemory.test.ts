import { describe, expect, test } from 'vitest';
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
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
