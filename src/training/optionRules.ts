import { ArgumentError, didYouMean, type ErrorPlace } from '../core/errors.ts';
import { log } from '../core/log.ts';

/** What an option's value may be. */
export type OptionKind =
  /** @property orBoolean true and false are taken too. */
  | { readonly type: 'string'; readonly orBoolean?: true }
  | { readonly type: 'boolean' }
  | { readonly type: 'integer' | 'number'; readonly min?: number; readonly max?: number; readonly above?: number }
  /** A whole number of steps, or a share of all steps, between 0 and 1. */
  | { readonly type: 'steps' }
  | ({ readonly type: 'choice' } & Choices)
  /** One or several of the choices; as text, with commas between. */
  | ({ readonly type: 'list' } & Choices)
  /** What a function makes of the value; undefined where it fits nothing. `placeholder` is what the flag shows. */
  | {
      readonly type: 'custom';
      readonly expected: string;
      readonly placeholder: string;
      readonly read: (value: unknown) => unknown;
    };

/** Names to choose from. */
interface Choices {
  readonly choices: readonly string[];
  /** Other spellings, and what each stands for. */
  readonly also?: Readonly<Record<string, string>>;
  /** Hugging Face's names that there is nothing for here: what to do instead. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** All that is known about one option: what validates it, what makes its flag, and what documents it. */
export interface OptionRule {
  readonly kind: OptionKind;
  /** undefined where leaving it out means something of its own. */
  readonly fallback: string | number | boolean | undefined;
  readonly group:
    | 'length'
    | 'batches'
    | 'optimizer'
    | 'loss'
    | 'evaluation and logging'
    | 'checkpoints'
    | 'data'
    | 'machine';
  readonly description: string;
  /** Other names that are taken for it. */
  readonly aliases?: readonly string[];
  /** How it is not what Hugging Face's option of this name is, and why. */
  readonly differs?: string;
}

/** A name that is no option itself but says what some options are. */
export interface OptionPhrase {
  /** As the table in the documentation says it. */
  readonly meaning: string;
  /** Options by name; undefined where the value fits nothing. */
  readonly read: (value: unknown) => Readonly<Record<string, unknown>> | undefined;
  readonly expected: string;
}

/** An option of Hugging Face's that is not one here. */
export interface RefusedOption {
  /** Python's default: with it the option says nothing, so that files that Python wrote are taken. */
  readonly fallback: string | number | boolean | null | readonly never[];
  /** What to do instead. */
  readonly hint: string;
}

/** A set of options. */
export interface OptionTable {
  readonly options: Readonly<Record<string, OptionRule>>;
  readonly phrases?: Readonly<Record<string, OptionPhrase>>;
  readonly refused?: Readonly<Record<string, RefusedOption>>;
}

/** `numTrainEpochs` for `num_train_epochs`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `num_train_epochs` for `numTrainEpochs`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Where options were written, to be said in errors: the place of each by its name there. */
export type PlaceOf = (written: string) => ErrorPlace;

/** A given option: its value as it is kept, and the name that it was written under. */
export interface GivenOption {
  readonly written: string;
  readonly value: unknown;
}

/**
 * Checks options against a table. null, as in JSON, is left out; snake_case names and aliases are taken.
 * @returns what is given, by the table's names.
 * @throws ArgumentError for an unknown name (with a suggestion), a refused one (with what to do instead), a wrong type or a
 * value out of range, and for one option given twice.
 */
export function readOptions(
  owner: string,
  table: OptionTable,
  given: Readonly<Record<string, unknown>>,
  placeOf: PlaceOf = () => ({}),
): ReadonlyMap<string, GivenOption> {
  const { options, phrases = {}, refused = {} } = table;
  const byAlias = new Map(
    Object.entries(options).flatMap(([name, { aliases = [] }]) => aliases.map((alias) => [alias, name] as const)),
  );
  const found = new Map<string, GivenOption>();
  const set = (name: string, written: string, value: unknown) => {
    const earlier = found.get(name);
    if (earlier !== undefined) {
      throw new ArgumentError('ERR_OPTION_TWICE', {
        owner,
        what: `'${written}' and '${earlier.written}' are the same option`,
        hint: 'leave one of them out',
        ...placeOf(written),
      });
    }
    const context = { owner, name: written, place: placeOf(written) };
    found.set(name, { written, value: readValue(context, options[name].kind, value) });
  };
  const meaningless: string[] = [];
  for (const [written, value] of Object.entries(given)) {
    const context = { owner, name: written, place: placeOf(written) };
    const camel = camelCase(written);
    const name = byAlias.get(camel) ?? camel;
    const known = Object.hasOwn(options, name);
    if (!known && Object.hasOwn(phrases, camel)) {
      if (value === undefined || value === null) continue;
      const meant = phrases[camel].read(value);
      if (meant === undefined) throw wrongValue(context, value, phrases[camel].expected);
      for (const [each, of] of Object.entries(meant)) set(each, written, of);
      continue;
    }
    if (!known && Object.hasOwn(refused, camel)) {
      const { fallback, hint } = refused[camel];
      if (!saysNothing(value, fallback)) throw refusedOption(context, `'${written}' has no meaning here`, hint);
      if (value !== undefined) meaningless.push(written);
      continue;
    }
    if (!known) throw unknownOption(context, [...Object.keys(options), ...byAlias.keys(), ...Object.keys(phrases)]);
    if (value === undefined || value === null) continue;
    set(name, written, value);
  }
  if (meaningless.length > 0) {
    log.info(
      `${owner}: left out, since each stands at Python's default and has no meaning here: ${meaningless.join(', ')}`,
    );
  }
  return found;
}

/** {@link readOptions}, with what is left out filled in. */
export function resolveOptions(
  owner: string,
  table: OptionTable,
  given: Readonly<Record<string, unknown>>,
  placeOf?: PlaceOf,
): Record<string, unknown> {
  const found = readOptions(owner, table, given, placeOf);
  return Object.fromEntries(
    Object.entries(table.options).map(([name, { fallback }]) => [
      name,
      found.has(name) ? found.get(name)!.value : fallback,
    ]),
  );
}

/** Which option an error is about. */
interface OptionContext {
  readonly owner: string;
  /** As it was written. */
  readonly name: string;
  readonly place: ErrorPlace;
}

function saysNothing(value: unknown, fallback: RefusedOption['fallback']): boolean {
  if (value === undefined || value === null || value === fallback) return true;
  return Array.isArray(value) && value.length === 0 && Array.isArray(fallback);
}

function refusedOption({ owner, place }: OptionContext, what: string, hint: string): ArgumentError {
  return new ArgumentError('ERR_OPTION_REFUSED', { owner, what, hint, ...place });
}

function unknownOption({ owner, name, place }: OptionContext, known: readonly string[]): ArgumentError {
  const near = didYouMean(camelCase(name), known);
  return new ArgumentError('ERR_UNKNOWN_OPTION', {
    owner,
    what: `there is no option '${name}'`,
    hint: near === undefined ? `the options are ${known.join(', ')}` : `did you mean '${near}'?`,
    ...place,
  });
}

function wrongValue({ owner, name, place }: OptionContext, got: unknown, expected: string): ArgumentError {
  return new ArgumentError('ERR_OPTION_VALUE', { owner, what: `'${name}' has a wrong value`, got, expected, ...place });
}

/** The value as it is kept. @throws ArgumentError where it does not fit. */
function readValue(context: OptionContext, kind: OptionKind, value: unknown): unknown {
  switch (kind.type) {
    case 'choice':
      return readChoice(context, kind, value);
    case 'list': {
      const items: unknown[] =
        typeof value === 'string' ? value.split(/\s*,\s*/) : Array.isArray(value) ? value : [value];
      return [...new Set(items.map((item) => readChoice(context, kind, item)))];
    }
    case 'custom': {
      const read = kind.read(value);
      if (read === undefined) throw wrongValue(context, value, kind.expected);
      return read;
    }
    case 'steps':
      if (typeof value === 'number' && ((value > 0 && value < 1) || (Number.isSafeInteger(value) && value >= 1)))
        return value;
      throw wrongValue(context, value, 'a whole number of at least 1, or a share of all steps between 0 and 1');
    case 'string':
      if (typeof value === 'string' || (kind.orBoolean === true && typeof value === 'boolean')) return value;
      throw wrongValue(context, value, kind.orBoolean === true ? 'a string or a boolean' : 'a string');
    case 'boolean':
      if (typeof value === 'boolean') return value;
      throw wrongValue(context, value, 'a boolean');
    default:
      return readNumber(context, kind, value);
  }
}

function readChoice(context: OptionContext, kind: Choices, value: unknown): string {
  const { choices, also = {}, refused = {} } = kind;
  // A spelling may be written as a boolean: `true` for 'true'.
  const text = typeof value === 'boolean' ? String(value) : value;
  if (typeof text === 'string') {
    if (choices.includes(text)) return text;
    if (Object.hasOwn(also, text)) return also[text];
    if (Object.hasOwn(refused, text))
      throw refusedOption(context, `'${context.name}' may not be '${text}' here`, refused[text]);
  }
  const near = typeof text === 'string' ? didYouMean(text, choices) : undefined;
  const expected = `one of ${choices.join(', ')}${near === undefined ? '' : ` (did you mean '${near}'?)`}`;
  throw wrongValue(context, value, expected);
}

function readNumber(
  context: OptionContext,
  kind: Extract<OptionKind, { type: 'integer' | 'number' }>,
  value: unknown,
): number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, above = Number.NEGATIVE_INFINITY } = kind;
  const fits =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (kind.type === 'number' || Number.isInteger(value)) &&
    value >= min &&
    value <= max &&
    value > above;
  if (fits) return value;
  const bounds = [
    Number.isFinite(min) && `of at least ${min}`,
    Number.isFinite(above) && `above ${above}`,
    Number.isFinite(max) && `of at most ${max}`,
  ].filter((bound) => bound !== false);
  const expected = `${kind.type === 'integer' ? 'a whole number' : 'a number'} ${bounds.join(' and ')}`.trim();
  throw wrongValue(context, value, expected);
}
