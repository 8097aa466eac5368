import { type Command, Option } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Dataset } from '../data/index.ts';
import { readArchitectures } from '../models/loading.ts';
import type { TaskSettings } from '../tasks/task.ts';
import { type TaskName, taskNames, taskOfArchitecture, taskOfColumns, tasks } from '../tasks/taskFor.ts';
import type { TaskOptionRules } from '../tasks/taskOptions.ts';
import { flagOf, parseValue } from './flags.ts';

/** Gives a command the flag `--task`. @param fallback how the task is found where the flag is left out. */
export function addTaskFlag(command: Command, fallback: string): void {
  command.addOption(
    new Option('--task <name>', `what the model is to do (default: ${fallback})`).choices([...taskNames]),
  );
}

/** Gives a command a flag for every option that only some tasks have, a group for each of these. */
export function addTaskOptionFlags(command: Command): void {
  const seen = new Set<string>();
  for (const task of taskNames) {
    for (const [name, { kind, fallback, description }] of Object.entries(tasks[task].options as TaskOptionRules)) {
      if (kind.type === 'object' || seen.has(name)) continue;
      seen.add(name);
      const flag = flagOf(name);
      const written = kind.type === 'boolean' ? flag : `${flag} <${kind.type === 'choice' ? 'name' : kind.type}>`;
      const shown =
        fallback === undefined || fallback === false ? description : `${description} (default: ${fallback})`;
      const option = new Option(written, shown).helpGroup(`Only for ${task}:`);
      if (kind.type === 'choice') option.choices([...kind.choices]);
      else if (kind.type !== 'boolean') option.argParser((text: string) => parseValue(flag, kind.type, text));
      command.addOption(option);
    }
  }
}

/**
 * The options of one task among a command's parsed options.
 * @throws ArgumentError where one is given that only other tasks have.
 */
export function taskSettings(task: TaskName, flags: Readonly<Record<string, unknown>>): TaskSettings {
  const own: TaskOptionRules = tasks[task].options;
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (Object.hasOwn(own, name)) given[name] = value;
    else if (taskNames.some((other) => Object.hasOwn(tasks[other].options, name)))
      throw flagOfAnotherTask(flagOf(name), task);
  }
  return given;
}

/** The error for a flag that a task has no use for. */
export function flagOfAnotherTask(flag: string, task: TaskName): ArgumentError {
  return new ArgumentError('ERR_FLAG_OF_ANOTHER_TASK', {
    owner: 'fettle',
    what: `${flag} means nothing for ${task}`,
    hint: 'leave it out, or name the task with --task',
  });
}

/** The task that is asked for, or that the data's columns speak of; a guess is said. */
export function taskOfDataset(asked: TaskName | undefined, dataset: Pick<Dataset, 'features'>): TaskName {
  if (asked !== undefined) return asked;
  const found = taskOfColumns(dataset.features);
  log.info(`task: ${found}, by the data's columns`);
  return found;
}

/**
 * The task that is asked for, or that the checkpoint's head is for.
 * @throws ArgumentError where its head is for no task.
 */
export async function taskOfCheckpoint(asked: TaskName | undefined, nameOrPath: string): Promise<TaskName> {
  if (asked !== undefined) return asked;
  const [className] = await readArchitectures(nameOrPath);
  const found = className === undefined ? undefined : taskOfArchitecture(className);
  if (found !== undefined) return found;
  throw new ArgumentError('ERR_NO_TASK', {
    owner: 'fettle',
    what: 'the checkpoint does not say what its model is for',
    got: className ?? 'no architectures in config.json',
    expected: taskNames.map((name) => tasks[name].model.name).join(', '),
    hint: `pass --task, one of ${taskNames.join(', ')}`,
  });
}
