import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { gatherLog, temporaryFolder } from '../../test/testing/tiny.ts';
import { applyConfig } from './configFile.ts';
import { addTrainingFlags, normalizeFlags, trainingValues } from './flags.ts';

/** What a command's action is given after a line, with this text as its configuration. */
async function run(text: string, line: readonly string[] = [], name = 'run.yaml'): Promise<Record<string, unknown>> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  let given: Record<string, unknown> | undefined;
  const program = new Command('fettle').exitOverride().configureOutput({ writeErr: () => undefined });
  const command = program
    .command('train')
    .argument('[data]')
    .option('--config <file>')
    .requiredOption('--model <path>')
    .option('--threads <integer>', '', Number)
    .option('--freeze <path>', '', (pattern: string, earlier: readonly string[] = []) => [...earlier, pattern])
    .option('--overwrite');
  addTrainingFlags(command);
  command.action((_: string | undefined, options: Record<string, unknown>) => {
    given = options;
  });
  const words = normalizeFlags(['train', '--config', path, ...line]);
  await applyConfig(command, words.slice(1));
  await program.parseAsync(words, { from: 'user' });
  return given!;
}

describe('--config', () => {
  test("sets the command's own flags and training options, required ones too", async () => {
    const given = await run(
      'model: tiny\nthreads: 2\nfreeze: [bert, classifier]\noverwrite: true\nlearning_rate: 2.0e-5\nwarmupRatio: 0.5\nbf16: true\n',
    );
    expect(given).toMatchObject({ model: 'tiny', threads: 2, freeze: ['bert', 'classifier'], overwrite: true });
    expect(trainingValues(given)).toMatchObject({ learningRate: 2e-5, warmupSteps: 0.5, bf16: true });
  });

  test('flags on the line go before it, under whatever names, and that is said once', async () => {
    const lines = gatherLog();
    const given = await run('model: a\nfreeze: bert\nlearning_rate: 1\nwarmup_steps: 3\nseed: 5\n', [
      '--freeze=pooler',
      '--learning_rate',
      '2',
      '--warmup-ratio',
      '0.25',
      '--model',
      'b',
    ]);
    expect(given).toMatchObject({ model: 'b', freeze: ['pooler'] });
    expect(trainingValues(given)).toMatchObject({ learningRate: 2, warmupRatio: 0.25, seed: 5 });
    expect(trainingValues(given)).not.toHaveProperty('warmupSteps');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^info: flags go before .*run\.yaml: model, freeze, learningRate, warmupSteps$/);
  });

  test.each<[string, string, RegExp]>([
    [
      'an unknown name',
      'model: a\nfreez: bert\n',
      /\[fettle train\] there is no option 'freez' \(.*run\.yaml, row 2\); did you mean 'freeze'\?/,
    ],
    [
      'a training option of the wrong type',
      'model: a\n\nseed: many\n',
      /'seed' has a wrong value \(.*row 3\), got 'many'/,
    ],
    [
      'a flag of the wrong type',
      'model: a\noverwrite: 3\n',
      /\[fettle train\] 'overwrite' has a wrong value \(.*row 2\), got 3, expected a boolean/,
    ],
    ['a list for one value', 'model: { a: 1 }\n', /'model' has a wrong value .*expected a text or a number/],
    ['what has no meaning', 'fsdp: full\n', /'fsdp' has no meaning here \(.*row 1\); one process/],
    ['itself', 'config: other.yaml\n', /there is no option 'config'/],
  ])('refused with the line: %s', async (_, text, message) => {
    await expect(run(text)).rejects.toThrow(message);
  });

  test('without a model there or on the line commander says so', async () => {
    await expect(run('seed: 1\n')).rejects.toThrow(/required option '--model <path>' not specified/);
  });
});

describe('other names of training options as flags', () => {
  test.each<[readonly string[], Record<string, unknown>]>([
    [['--evaluation_strategy', 'epoch'], { evaluationStrategy: 'epoch' }],
    [['--group_by_length'], { groupByLength: true }],
    [['--fp16'], { fp16: true }],
    [['--fp16', 'False', '--dataloader_num_workers=4'], { fp16: false, dataloaderNumWorkers: 4 }],
  ])('%j', (line, expected) => {
    const command = new Command('x').exitOverride();
    addTrainingFlags(command);
    command.parse(normalizeFlags(line), { from: 'user' });
    const { truncation, cacheFrozenFeatures, ...given } = trainingValues(command.opts());
    expect(given).toEqual(expected);
    // The flags that say no.
    expect([truncation, cacheFrozenFeatures]).toEqual([true, true]);
  });

  test('they are not in the help', () => {
    const command = new Command('x');
    addTrainingFlags(command);
    const help = command.helpInformation();
    expect(help).toContain('--learning-rate');
    for (const flag of ['--fp16', '--group-by-length', '--evaluation-strategy']) expect(help).not.toContain(flag);
  });
});
