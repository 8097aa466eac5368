import { type Command, Option } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import type { OptionKind, OptionRule } from '../training/optionRules.ts';
import { trainingOptions, trainingTable } from '../training/options.ts';

const groupTitles: Readonly<Record<OptionRule['group'], string>> = {
  length: 'Length and randomness:',
  batches: 'Batches:',
  optimizer: 'Optimizer:',
  loss: 'Loss:',
  'evaluation and logging': 'Evaluation and logging:',
  checkpoints: 'Checkpoints:',
  data: 'Texts:',
  machine: 'Machine:',
};

/** `--num-train-epochs <number>` for `numTrainEpochs`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Gives a command a flag for every training option, from the one table of options. */
export function addTrainingFlags(command: Command): void {
  for (const [name, rule] of Object.entries(trainingOptions) as [string, OptionRule][]) {
    const { kind, fallback, description } = rule;
    const shown = fallback === undefined || fallback === false ? description : `${description} (default: ${fallback})`;
    const flag = flagOf(name);
    const written =
      kind.type === 'boolean'
        ? fallback === true
          ? flag.replace('--', '--no-')
          : flag
        : `${flag} ${placeholder(kind)}`;
    const option = new Option(written, fallback === true && kind.type === 'boolean' ? `Not: ${description}` : shown);
    if (kind.type === 'choice' || kind.type === 'list') option.choices([...kind.choices]);
    // After `choices`, which sets a reader of its own that knows no other spellings: the table checks them.
    option.argParser((text: string) => parseValue(flag, kind.type, text));
    option.helpGroup(groupTitles[rule.group]);
    command.addOption(option);
  }
  // Taken, or refused with what to do instead, but not in the help.
  for (const name of otherNames) {
    command.addOption(new Option(`${flagOf(name)} [value]`).argParser(readWord).hideHelp());
  }
}

/** Names that are not in the table itself: other names of options, and what is refused. */
const otherNames: readonly string[] = [
  ...Object.values(trainingTable.options).flatMap(({ aliases = [] }) => aliases),
  ...Object.keys(trainingTable.phrases ?? {}),
  ...Object.keys(trainingTable.refused ?? {}),
];

/** A value whose type its flag does not tell. */
function readWord(text: string): unknown {
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Whether a name, in camelCase, is for the training options to take or to refuse. */
export function isTrainingName(name: string): boolean {
  return name in trainingOptions || otherNames.includes(name);
}

/** What a flag shows as its value. */
function placeholder(kind: OptionKind): string {
  switch (kind.type) {
    case 'choice':
      return '<name>';
    case 'list':
      return '<names>';
    case 'steps':
      return '<number>';
    case 'custom':
      return `<${kind.placeholder}>`;
    case 'string':
      return kind.orBoolean === true ? '[string]' : '<string>';
    default:
      return `<${kind.type}>`;
  }
}

/** The training options among a command's parsed options, under any of their names; those left out are left to the table. */
export function trainingValues(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => isTrainingName(name) && value !== undefined),
  );
}

/** A number from a flag's text. @throws ArgumentError that names the flag. */
export function parseValue(flag: string, type: OptionRule['kind']['type'], text: string): string | number {
  if (type !== 'integer' && type !== 'number' && type !== 'steps') return text;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && (type !== 'integer' || Number.isInteger(value))) return value;
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner: 'fettle',
    what: `${flag} has a wrong value`,
    got: text,
    expected: type === 'integer' ? 'a whole number' : 'a number',
  });
}

/** Gives a command `--threads`, under the heading of the machine. */
export function addThreadsFlag(command: Command): void {
  command
    .optionsGroup('Machine:')
    .option('--threads <integer>', 'threads to compute with (default: the CPUs this process may use)', (text: string) =>
      Number(parseValue('--threads', 'integer', text)),
    );
}

/** Reads a flag's text as a whole number of at least `least`. @throws ArgumentError, before any work, where it is none. */
export function parseCount(flag: string, text: string, least = 1): number {
  const count = Number(parseValue(flag, 'integer', text));
  if (count >= least) return count;
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner: 'fettle',
    what: `${flag} has a wrong value`,
    got: text,
    expected: `a whole number of at least ${least}`,
  });
}

/** Turns `--num_train_epochs` into `--num-train-epochs`: Python's spelling is taken too. */
export function normalizeFlags(line: readonly string[]): string[] {
  return line.map((word) => {
    const [flag] = word.split('=', 1);
    return flag.startsWith('--') ? flag.replaceAll('_', '-') + word.slice(flag.length) : word;
  });
}
