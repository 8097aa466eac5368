import type { Command } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import type { TrainableModel } from '../tasks/taskFor.ts';
import type { TrainerCallback } from '../training/callbacks.ts';
import { GradualUnfreezing } from '../training/gradualUnfreezing.ts';
import { flagOf, parseValue } from './flags.ts';

/** What of a model is trained, as the command is told. */
export interface TuningFlags {
  readonly freeze?: readonly string[];
  readonly freezeLayers?: number;
  readonly trainOnly?: readonly string[];
  readonly bitfit?: boolean;
  readonly gradualUnfreezing?: number | true;
  readonly lora?: boolean;
  readonly loraR?: number;
  readonly loraAlpha?: number;
  readonly loraDropout?: number;
  readonly loraTargets?: readonly string[];
  readonly loraMerge?: boolean;
}

const loraFlags = ['loraR', 'loraAlpha', 'loraDropout', 'loraTargets', 'loraMerge'] as const;

/** Gives a command the flags that say what of a model is trained. */
export function addTuningFlags(command: Command): void {
  const several = (pattern: string, earlier: readonly string[] = []) => [...earlier, pattern];
  const number = (flag: string, type: 'integer' | 'number') => (text: string) => Number(parseValue(flag, type, text));
  command
    .optionsGroup('What is trained:')
    .option(
      '--freeze <path or glob>',
      "parameters to leave as they are: 'encoder', 'embeddings', 'bert.encoder.layer.{0,1}.**'; may be given several times",
      several,
    )
    .option(
      '--freeze-layers <integer>',
      'leaves the embeddings and so many of the lowest layers as they are',
      number('--freeze-layers', 'integer'),
    )
    .option(
      '--train-only <path or glob>',
      "trains these parameters and the task's head, nothing else; may be given several times",
      several,
    )
    .option('--bitfit', "trains the biases and the task's head (the same as --train-only bias)")
    .option(
      '--gradual-unfreezing [epochs]',
      'trains the head first, and one layer more from the top down after so many epochs each (default: 1)',
      number('--gradual-unfreezing', 'number'),
    )
    .option(
      '--lora',
      'trains low-rank pairs beside the weights and the head, and saves them as an adapter (PEFT’s files)',
    )
    .option('--lora-r <integer>', 'the rank of the pairs (default: 8)', number('--lora-r', 'integer'))
    .option('--lora-alpha <number>', 'the pairs count α / r (default: 8)', number('--lora-alpha', 'number'))
    .option('--lora-dropout <number>', 'dropout before the pairs (default: 0)', number('--lora-dropout', 'number'))
    .option(
      '--lora-targets <names>',
      "the linear layers with a pair: 'query,value' (the default), 'query,key,value,dense', 'all-linear'",
      (text: string) => text.split(',').map((name) => name.trim()),
    )
    .option('--lora-merge', 'saves a whole model with the pairs merged in, in place of the adapter');
}

/**
 * Refuses what can be refused before data and model are read.
 * @throws ArgumentError `ERR_LORA_FLAG` where a flag of LoRA's stands without --lora.
 */
export function checkTuning(flags: TuningFlags): void {
  const stray = loraFlags.find((name) => flags[name] !== undefined);
  if (flags.lora === true || stray === undefined) return;
  throw new ArgumentError('ERR_LORA_FLAG', {
    owner: 'fettle',
    what: `${flagOf(stray)} says how LoRA is, but it is not asked for`,
    hint: 'pass --lora too',
  });
}

/**
 * Does to a model what the flags say.
 * @returns the callbacks that belong to it.
 * @throws ArgumentError for patterns that mean nothing, and what {@link checkTuning} throws.
 */
export async function applyTuning(
  model: TrainableModel,
  flags: TuningFlags,
  seed: number,
): Promise<readonly TrainerCallback[]> {
  checkTuning(flags);
  if (flags.lora === true) {
    const [target] = flags.loraTargets ?? [];
    await model.addAdapter(
      {
        r: flags.loraR,
        loraAlpha: flags.loraAlpha,
        loraDropout: flags.loraDropout,
        targetModules: target === 'all-linear' ? target : flags.loraTargets,
      },
      { seed },
    );
  }
  const only = [...(flags.trainOnly ?? []), ...(flags.bitfit === true ? ['bias'] : [])];
  if (only.length > 0) model.trainOnly(only);
  if (flags.freeze !== undefined) model.freeze(flags.freeze);
  if (flags.freezeLayers !== undefined) model.freeze({ layers: flags.freezeLayers });
  const { gradualUnfreezing: epochs } = flags;
  return epochs === undefined ? [] : [new GradualUnfreezing(epochs === true ? {} : { epochsPerStage: epochs })];
}
