/**
 * The tables of pages, made from what the code itself knows: the command's own flags, the table of options, and what the
 * benchmarks last found. `npm run docs` writes them into the pages; a test holds the pages equal to them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, type Option } from 'commander';
import { type BenchReport, readmeTables } from '../benchmarks/benchReport.ts';
import { type ResultsReport, resultsTable } from '../benchmarks/resultsTable.ts';
import { addCacheDeleteCommand, addCacheListCommand } from '../src/cli/cache.ts';
import { addDataInspectCommand } from '../src/cli/data.ts';
import { addDoctorCommand } from '../src/cli/doctor.ts';
import { addDownloadCommand } from '../src/cli/download.ts';
import { addEvaluateCommand } from '../src/cli/evaluate.ts';
import { addExportCommand } from '../src/cli/export.ts';
import { addInitCommand } from '../src/cli/init.ts';
import { addPredictCommand } from '../src/cli/predict.ts';
import { addSearchCommand } from '../src/cli/search.ts';
import { addServeCommand } from '../src/cli/serve.ts';
import { addDataSuspectsCommand } from '../src/cli/suspects.ts';
import { addTokenizerTrainCommand } from '../src/cli/tokenizer.ts';
import { addTrainCommand } from '../src/cli/train.ts';
import type { OptionRule } from '../src/training/optionRules.ts';
import { camelCase } from '../src/training/optionRules.ts';
import { trainingOptions, trainingPhrases } from '../src/training/options.ts';
import { refusedOptions } from '../src/training/refusedOptions.ts';
import { earlierFields, fields } from './hugging-face-fields.ts';

/** Every page with tables, and its tables by the name in their markers. */
export const tables: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/command-line.md': {
    init: () => flags(addInitCommand),
    train: () => flags(addTrainCommand),
    search: () => flags(addSearchCommand),
    evaluate: () => flags(addEvaluateCommand),
    predict: () => flags(addPredictCommand),
    serve: () => flags(addServeCommand),
    export: () => flags(addExportCommand),
    'tokenizer train': () => flags(addTokenizerTrainCommand),
    'data inspect': () => flags(addDataInspectCommand),
    'data suspects': () => flags(addDataSuspectsCommand),
    download: () => flags(addDownloadCommand),
    'cache list': () => flags(addCacheListCommand),
    'cache delete': () => flags(addCacheDeleteCommand),
    doctor: () => flags(addDoctorCommand),
  },
  'README.md': { comparison },
  'docs/results.md': { results },
  'docs/training-arguments.md': { options, python: () => fromPython(fields), earlier: () => fromPython(earlierFields) },
};

/** A page with its tables as they should be, between `<!-- table: name -->` and `<!-- end -->`. */
export function withTables(page: string, text: string): string {
  return Object.entries(tables[page]).reduce((result, [name, make]) => {
    const [before, after] = [`<!-- table: ${name} -->\n`, '\n<!-- end -->'];
    const start = result.indexOf(before);
    const end = result.indexOf(after, start);
    if (start < 0 || end < 0) throw new Error(`${page} has no place for the table '${name}'`);
    return result.slice(0, start + before.length) + make() + result.slice(end);
  }, text);
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The last whole runs of `npm run bench`. */
function comparison(): string {
  return readmeTables(found('bench.json') as BenchReport);
}

/** What `npm run bench:results` found. */
function results(): string {
  return resultsTable(found('results.json') as ResultsReport);
}

function found(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../benchmarks/results/${file}`, import.meta.url), 'utf8'));
}

/** A command's flags, in the groups and the order of its help. */
function flags(add: (program: Command) => void): string {
  const program = new Command();
  add(program);
  const [command] = program.commands;
  const lines = [row('flag', 'meaning', 'default'), '|---|---|---|'];
  const groupOf = (option: Option) => option.helpGroupHeading?.replace(/:$/, '') ?? 'Options';
  const shown = command.options.filter((option) => !option.hidden);
  for (const group of new Set(shown.map(groupOf))) {
    lines.push(row(`**${group}**`, '', ''));
    for (const option of shown.filter((each) => groupOf(each) === group)) lines.push(flag(option));
  }
  return lines.join('\n');
}

function flag(option: Option): string {
  const [, meaning, inDescription] = /^(.*?)(?: \(default: (.*)\))?$/s.exec(option.description)!;
  const choices = option.argChoices === undefined ? '' : ` One of ${option.argChoices.join(', ')}.`;
  const fallback = inDescription ?? (option.defaultValue === undefined ? '' : String(option.defaultValue));
  return row(`\`${option.flags}\``, `${meaning}${choices}`, option.mandatory ? 'required' : fallback);
}

/** Every training option with its values, default and other names, by group. */
function options(): string {
  const lines = [row('option', 'values', 'default', 'meaning'), '|---|---|---|---|'];
  const rules = Object.entries(trainingOptions) as [string, OptionRule][];
  for (const group of new Set(rules.map(([, rule]) => rule.group))) {
    lines.push(row(`**${group}**`, '', '', ''));
    for (const [name, { kind, fallback, description, aliases }] of rules.filter(([, rule]) => rule.group === group)) {
      const other = aliases === undefined ? '' : ` Also: ${aliases.map((alias) => `\`${alias}\``).join(', ')}.`;
      lines.push(
        row(`\`${name}\``, values(kind), fallback === undefined ? '–' : `\`${fallback}\``, description + other),
      );
    }
  }
  return lines.join('\n');
}

/** What each of Python's options is here. */
function fromPython(names: readonly string[]): string {
  return [row('in Python', 'here', ''), '|---|---|---|', ...names.map(pythonRow)].join('\n');
}

function pythonRow(python: string): string {
  const name = camelCase(python);
  const rules: Readonly<Record<string, OptionRule>> = trainingOptions;
  const phrases: Readonly<Record<string, { readonly meaning: string }>> = trainingPhrases;
  if (Object.hasOwn(rules, name)) {
    const { differs } = rules[name];
    return row(`\`${python}\``, differs === undefined ? 'supported' : 'different', differs ?? `\`${name}\``);
  }
  if (Object.hasOwn(phrases, name)) return row(`\`${python}\``, 'different', `Means ${phrases[name].meaning}.`);
  if (!Object.hasOwn(refusedOptions, name)) throw new Error(`the table of options says nothing of ${python}`);
  const { hint } = refusedOptions[name];
  return row(`\`${python}\``, 'refused', `${hint[0].toUpperCase()}${hint.slice(1)}.`);
}

function values(kind: OptionRule['kind']): string {
  if (kind.type === 'choice' || kind.type === 'list') return kind.choices.map((choice) => `\`${choice}\``).join(', ');
  if (kind.type === 'steps') return 'integer ≥ 1, or a share < 1';
  if (kind.type === 'custom') return kind.expected;
  if (kind.type === 'string' && kind.orBoolean === true) return 'string or boolean';
  if (kind.type !== 'integer' && kind.type !== 'number') return kind.type;
  const bounds = [
    kind.min === undefined ? undefined : `≥ ${kind.min}`,
    kind.above === undefined ? undefined : `> ${kind.above}`,
    kind.max === undefined ? undefined : `≤ ${kind.max}`,
  ].filter((bound) => bound !== undefined);
  return [kind.type, ...bounds].join(' ');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const page of Object.keys(tables)) {
    const path = fileURLToPath(new URL(`../${page}`, import.meta.url));
    writeFileSync(path, withTables(page, readFileSync(path, 'utf8')));
  }
}
