import type { Command } from 'commander';
import type { OptionRule } from '../training/optionRules.ts';
import { trainingOptions } from '../training/options.ts';
import type { Parameters } from '../training/search/space.ts';
import { readTrainingOptions } from '../training/trainingArguments.ts';
import { flagOf, isTrainingName } from './flags.ts';

/**
 * The line for `fettle train` that trains with the best trial's parameters: the words of the search without its own flags
 * and without those that the parameters replace.
 * @param words the line after the command's name.
 * @param own attribute names of flags that only the search has.
 */
export function trainLine(
  command: Command,
  words: readonly string[],
  own: readonly string[],
  best: Parameters,
): string {
  const found = readTrainingOptions(best, () => ({}));
  const kept: string[] = [];
  let hasOutput = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    const [long] = word.split('=', 1);
    const option = long.startsWith('-')
      ? command.options.find((each) => each.long === long || each.short === long)
      : undefined;
    const more = words[i + 1];
    const takesNext =
      option !== undefined &&
      !word.includes('=') &&
      (option.required || (option.optional && more !== undefined && !more.startsWith('-')));
    const name = option?.attributeName();
    const value: unknown = name === undefined ? undefined : command.getOptionValue(name);
    const replaced = name !== undefined && isTrainingName(name) && meansOneOf(name, value, found);
    if (name === 'outputDir') hasOutput = true;
    if (name === undefined || !(own.includes(name) || replaced)) kept.push(word, ...(takesNext ? [more] : []));
    if (takesNext) i++;
  }
  const flags = [...found].flatMap(([name, each]) => flagWords(name, each.value));
  return ['fettle', 'train', ...kept, ...flags, ...(hasOutput ? [] : ['--output-dir', 'out'])].map(quoted).join(' ');
}

function meansOneOf(name: string, value: unknown, found: ReadonlyMap<string, unknown>): boolean {
  return [...readTrainingOptions({ [name]: value }, () => ({})).keys()].some((each) => found.has(each));
}

function flagWords(name: string, value: unknown): string[] {
  const { fallback } = (trainingOptions as Readonly<Record<string, OptionRule>>)[name];
  if (typeof value !== 'boolean') return [flagOf(name), String(value)];
  if (value === (fallback ?? false)) return [];
  return [value ? flagOf(name) : flagOf(name).replace('--', '--no-')];
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
