import { Command } from 'commander';
import { expect, test } from 'vitest';
import { gatherLog } from '../../test/testing/tiny.ts';
import { normalizeFlags } from './flags.ts';
import { addSearchCommand } from './search.ts';
import { trainLine } from './trainLine.ts';

function searchCommand(): { program: Command; command: Command } {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addSearchCommand(program);
  return { program, command: program.commands[0] };
}

test.each([
  [
    [
      'data.csv',
      '--model',
      'm',
      '--space',
      'learning_rate=uniform(0,1)',
      '--learning_rate',
      '1',
      '--batch-size=4',
      '--lora',
      '--json',
    ],
    { learningRate: 0.5, perDeviceTrainBatchSize: 8 },
    'fettle train data.csv --model m --lora --learning-rate 0.5 --per-device-train-batch-size 8 --output-dir out',
  ],
  [
    ['--study=s.jsonl', '--model', 'm', '--gradual-unfreezing', '--text-column', "the text's", '--output-dir', 'here'],
    { dataloaderDropLast: true, truncation: false, bf16: false, lrSchedulerType: 'cosine' },
    "fettle train --model m --gradual-unfreezing --text-column 'the text'\\''s' --output-dir here --dataloader-drop-last --no-truncation --lr-scheduler-type cosine",
  ],
  // Two names of one thing, of which the phrase does not say which option it is.
  [
    ['--model', 'm', '--warmup-steps', '3'],
    { warmup_ratio: 0.25 },
    'fettle train --model m --warmup-steps 0.25 --output-dir out',
  ],
])('the line that trains with the best options: %j', (line, best, expected) => {
  const { command } = searchCommand();
  const words = normalizeFlags(line);
  command.parseOptions(words);
  const own = ['space', 'study', 'json'];
  expect(trainLine(command, words, own, best as Record<string, number | boolean | string>)).toBe(expected);
});

test.each([
  [['--space', 'learning_rat=uniform(0,1)'], /no option 'learning_rat'.*did you mean 'learningRate'/s],
  [['--space', 'learning_rate=unifrom(0,1)'], /did you mean 'uniform'/],
  [['--space', 'learning_rate=1e-5'], /no part of a search space.*quote it/s],
  [['--space', 'seed=int(1,2)', '--space', 'seed=int(3,4)'], /'seed' twice/],
  [['--space', 'num_train_epochs=choice(1,0)'], /'num_train_epochs' has a wrong value.*0/s],
  [['--pruner', 'medain'], /did you mean 'median'/],
  [['--pruner', 'asha(reduction_facto=2)'], /did you mean 'reductionFactor'/],
  [['--pruner', 'median(n_startup_trials=-1)'], /'nStartupTrials'.*at least 0/s],
  [['--n-trials', 'many'], /--n-trials has a wrong value/],
  [['--sampler', 'tp'], /Allowed choices are tpe, random, grid/],
])('refused before anything is loaded: %j', async (flags, message) => {
  gatherLog();
  const { program } = searchCommand();
  await expect(program.parseAsync(['search', '--model', 'no such model', ...flags], { from: 'user' })).rejects.toThrow(
    message,
  );
});
