import type { Command, Option } from 'commander';
import { ArgumentError, didYouMean, type ErrorPlace } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { readOptionsFile } from '../training/argumentFiles.ts';
import { camelCase } from '../training/optionRules.ts';
import { readTrainingOptions } from '../training/trainingArguments.ts';
import { isTrainingName } from './flags.ts';

/**
 * Takes what `--config FILE` says as if it stood on the line, before all that does: flags win, which is said once. The file
 * holds training options and the command's own flags, in camelCase or snake_case; what a run leaves as its arguments is one.
 * @param words the line after the command's name.
 * @throws ArgumentError that names file and line.
 */
export async function applyConfig(command: Command, words: readonly string[]): Promise<void> {
  const path = configPath(words);
  if (path === undefined) return;
  const owner = `fettle ${command.name()}`;
  const { values, placeOf } = await readOptionsFile(owner, path);
  const flags = new Map(command.options.map((option) => [option.attributeName(), option]));
  const training: Record<string, unknown> = {};
  const own = new Map<string, unknown>();
  for (const [written, value] of Object.entries(values)) {
    const name = camelCase(written);
    const flag = flags.get(name);
    if (isTrainingName(name)) training[written] = value;
    else if (flag === undefined || name === 'config') throw unknownName(owner, command, written, placeOf(written));
    else if (value !== null) own.set(name, flagValue(owner, written, flag, value, placeOf));
  }
  for (const [name, { value }] of readTrainingOptions(training, placeOf)) own.set(name, value);
  const won = new Set<string>();
  for (const [name, value] of own) {
    // A flag that repeats would add to what the file says.
    if (isOnLine(flags.get(name), words)) won.add(name);
    else command.setOptionValueWithSource(name, value, 'config');
  }
  command.hook('preAction', () => {
    // Another name on the line for what the file says: --warmup-ratio for warmup_steps.
    const onLine = Object.entries(command.opts()).filter(
      ([name]) => isTrainingName(name) && command.getOptionValueSource(name) === 'cli',
    );
    for (const name of readTrainingOptions(Object.fromEntries(onLine), () => ({})).keys()) {
      if (command.getOptionValueSource(name) !== 'config') continue;
      command.setOptionValueWithSource(name, undefined, 'config');
      won.add(name);
    }
    if (won.size > 0) log.info(`flags go before ${path}: ${[...won].join(', ')}`);
  });
}

function unknownName(owner: string, command: Command, written: string, place: ErrorPlace): ArgumentError {
  const names = command.options.filter(({ hidden }) => !hidden).map((option) => option.attributeName());
  const near = didYouMean(camelCase(written), names);
  return new ArgumentError('ERR_UNKNOWN_OPTION', {
    owner,
    what: `there is no option '${written}'`,
    hint: near === undefined ? `see ${owner} --help` : `did you mean '${near}'?`,
    ...place,
  });
}

function isOnLine(flag: Option | undefined, words: readonly string[]): boolean {
  const long = flag?.long;
  return typeof long === 'string' && words.some((word) => word === long || word.startsWith(`${long}=`));
}

function configPath(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === '--config' || word.startsWith('--config='));
  if (at < 0) return undefined;
  // Without a value commander says what is missing.
  return words[at] === '--config' ? words[at + 1] : words[at].slice('--config='.length);
}

/** The value of one of the command's own flags: a boolean, a text, a number for a text, or several for a flag that repeats. */
function flagValue(
  owner: string,
  written: string,
  flag: Option,
  value: unknown,
  placeOf: (name: string) => ErrorPlace,
): unknown {
  const isText = (each: unknown) => typeof each === 'string' || typeof each === 'number';
  const takesValue = flag.required || flag.optional;
  if (!takesValue && typeof value === 'boolean') return value;
  // A flag that repeats gathers a list.
  if (takesValue && Array.isArray(value) && value.every(isText)) return value.map(String);
  if (takesValue && isText(value)) {
    const text = String(value);
    return flag.parseArg === undefined ? text : flag.parseArg(text, undefined as never);
  }
  throw new ArgumentError('ERR_OPTION_VALUE', {
    owner,
    what: `'${written}' has a wrong value`,
    got: value,
    expected: takesValue ? 'a text or a number' : 'a boolean',
    ...placeOf(written),
  });
}
