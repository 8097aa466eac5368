import { ArgumentError, didYouMean } from '../core/errors.ts';

/** All that is known about an option of one task: what checks it, and what makes its flag. */
export interface TaskOptionRule {
  readonly kind:
    | { readonly type: 'boolean' }
    | { readonly type: 'choice'; readonly choices: readonly string[] }
    /** Only in programs: there is no flag for it. */
    | { readonly type: 'object'; readonly expected: string }
    | { readonly type: 'integer' | 'number'; readonly min?: number; readonly max?: number };
  /** undefined where leaving it out means something of its own. */
  readonly fallback: string | number | boolean | undefined;
  readonly description: string;
}

/** A task's own options by name. */
export type TaskOptionRules = Readonly<Record<string, TaskOptionRule>>;

/**
 * Checks a task's own options and fills in what is left out. snake_case names are taken too.
 * @throws ArgumentError for an unknown name (with a suggestion), a wrong type or a value out of range.
 */
export function resolveTaskOptions(
  task: string,
  rules: TaskOptionRules,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const resolved: Record<string, unknown> = Object.fromEntries(
    Object.entries(rules).map(([name, { fallback }]) => [name, fallback]),
  );
  for (const [written, value] of Object.entries(given)) {
    const name = written.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw unknownOption(task, written, name, Object.keys(rules));
    if (value === undefined || value === null) continue;
    if (!fits(rule.kind, value)) {
      throw new ArgumentError('ERR_OPTION_VALUE', {
        owner: task,
        what: `'${written}' has a wrong value`,
        got: value,
        expected: describe(rule.kind),
      });
    }
    resolved[name] = value;
  }
  return resolved;
}

function unknownOption(task: string, written: string, name: string, known: readonly string[]): ArgumentError {
  const near = didYouMean(name, known);
  const all = known.length === 0 ? 'this task has no options of its own' : `its options are ${known.join(', ')}`;
  return new ArgumentError('ERR_UNKNOWN_OPTION', {
    owner: task,
    what: `there is no option '${written}'`,
    hint: near === undefined ? all : `did you mean '${near}'?`,
  });
}

function fits(kind: TaskOptionRule['kind'], value: unknown): boolean {
  if (kind.type === 'boolean') return typeof value === 'boolean';
  if (kind.type === 'choice') return kind.choices.includes(value as string);
  if (kind.type === 'object') return typeof value === 'object';
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = kind;
  const isNumber = typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max;
  return isNumber && (kind.type === 'number' || Number.isInteger(value));
}

function describe(kind: TaskOptionRule['kind']): string {
  if (kind.type === 'boolean') return 'true or false';
  if (kind.type === 'choice') return `one of ${kind.choices.join(', ')}`;
  if (kind.type === 'object') return kind.expected;
  const bounds = [
    ...(kind.min === undefined ? [] : [`of at least ${kind.min}`]),
    ...(kind.max === undefined ? [] : [`of at most ${kind.max}`]),
  ];
  return [kind.type === 'integer' ? 'a whole number' : 'a number', bounds.join(' and ')].join(' ').trim();
}
