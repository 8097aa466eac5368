import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../test/testing/programs.ts';
import { loadTiny, toyDataset } from '../../test/testing/tiny.ts';
import { prepared, program } from '../../test/testing/trainingPrograms.ts';
import { configureLog } from '../core/log.ts';
import { Trainer } from './trainer.ts';

beforeEach(() => configureLog({ level: 'silent' }));

const args = { maxSteps: 12, seed: 7, learningRate: 1e-3 };
const training = `new Trainer({ model, trainDataset: train, args: ${JSON.stringify(args)} })`;

describe('a process of its own', () => {
  test('writes the same bits for the same seed, another process and another number of threads included', async () => {
    const folder = await prepared();
    const hash = async (directory: string) =>
      createHash('sha256')
        .update(await readFile(join(folder, directory, 'model.safetensors')))
        .digest('hex');
    const body = (seed: number, to: string) =>
      program(
        folder,
        `const trainer = new Trainer({ model, trainDataset: train, args: { ...${JSON.stringify(args)}, seed: ${seed} } });
         await trainer.train();
         await trainer.saveModel(folder + '/${to}');`,
      );
    expect(await runProgram(body(7, 'first'))).toEqual({ code: 0, signal: null, output: '', errors: '' });
    expect((await runProgram(body(8, 'second'))).code).toBe(0);
    const model = await loadTiny(folder); // one thread
    const trainer = new Trainer({ model, trainDataset: toyDataset(40), args });
    await trainer.train();
    await trainer.saveModel(join(folder, 'here'));
    expect(await hash('here')).toBe(await hash('first'));
    expect(await hash('second')).not.toBe(await hash('first'));
  });

  test('that trained ends by itself, with nothing disposed and nothing printed', async () => {
    const folder = await prepared();
    const ended = await runProgram(program(folder, `await ${training}.train();`));
    expect(ended).toEqual({ code: 0, signal: null, output: '', errors: '' });
  });

  test('that stops waiting for a run is kept alive until the run ends', async () => {
    const folder = await prepared();
    const ended = await runProgram(
      program(folder, `${training}.train().then(({ globalStep }) => console.log(globalStep));`),
    );
    expect(ended).toEqual({ code: 0, signal: null, output: '12\n', errors: '' });
  });

  const endless = `new Trainer({ model, trainDataset: train, args: { maxSteps: 1e6, gradientAccumulationSteps: 2 },
    onEvent: (event) => { if (event.type === 'step' && event.step % 10 === 0) console.log('step', event.step); WHEN } })`;

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s in the midst of a run ends it by that signal, and by no other',
    async (signal) => {
      const folder = await prepared();
      for (const after of ['step 10\n', 'step 70\n']) {
        let sent = false;
        const ended = await runProgram(program(folder, `await ${endless.replace('WHEN', '')}.train();`), {
          onOutput: (output, kill) => {
            if (sent || !output.includes(after)) return;
            sent = true;
            kill(signal);
          },
        });
        expect(ended).toMatchObject({ code: null, signal, errors: '' });
      }
    },
  );

  test('process.exit in the midst of a run ends with its code', async () => {
    const folder = await prepared();
    const between = await runProgram(
      program(
        folder,
        `await ${endless.replace('WHEN', "if (event.type === 'step' && event.step === 15) process.exit(3);")}.train();`,
      ),
    );
    expect(between).toEqual({ code: 3, signal: null, output: 'step 10\n', errors: '' });
    // While the engine computes and the kernels run.
    for (const delay of [150, 163, 177]) {
      const within = await runProgram(
        program(folder, `setTimeout(() => process.exit(4), ${delay}); await ${endless.replace('WHEN', '')}.train();`),
      );
      expect(within).toMatchObject({ code: 4, signal: null, errors: '' });
    }
  });

  test('an exception that nobody catches ends with code 1, not with a crash', async () => {
    const folder = await prepared();
    const ended = await runProgram(
      program(
        folder,
        `setTimeout(() => { throw new Error('elsewhere'); }, 150); await ${endless.replace('WHEN', '')}.train();`,
      ),
    );
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.errors).toContain('elsewhere');
  });
});
