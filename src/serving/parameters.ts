import { didYouMean } from '../core/errors.ts';
import { camelCase } from '../training/optionRules.ts';
import { kindOfValue, Refusal } from './refusal.ts';

/** What the value of a parameter may be. */
export type ParameterRule =
  | { readonly kind: 'count'; readonly min?: number; readonly max: number; readonly orNull?: true }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'texts'; readonly max: number };

/** The parameters of a task by name, and Hugging Face's other names of them. */
export interface ParameterRules {
  readonly rules: Readonly<Record<string, ParameterRule>>;
  readonly aliases?: Readonly<Record<string, string>>;
}

/**
 * Checks `parameters` of a request; Python's spelling (`top_k`) is taken too. Bounds are there so that a small request
 * cannot ask for much work.
 * @throws Refusal 422 for one that there is not, and for a wrong value.
 */
export function readParameters({ rules, aliases = {} }: ParameterRules, value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Refusal(422, 'ERR_PARAMETERS', { what: `'parameters' is ${kindOfValue(value)}`, expected: 'an object' });
  }
  const read: Record<string, unknown> = {};
  for (const [written, given] of Object.entries(value)) {
    const camel = camelCase(written);
    const name = Object.hasOwn(aliases, camel) ? aliases[camel] : camel;
    if (!Object.hasOwn(rules, name)) throw unknownName('parameter', written, Object.keys(rules));
    const expected = unlike(rules[name], given);
    if (expected !== undefined) {
      throw new Refusal(422, 'ERR_PARAMETER_VALUE', {
        what: `the parameter '${name}' has a wrong value`,
        got: typeof given === 'object' ? kindOfValue(given) : given,
        expected,
      });
    }
    read[name] = given;
  }
  return read;
}

/** The refusal of a name that means nothing. */
export function unknownName(what: string, written: string, names: readonly string[]): Refusal {
  const near = didYouMean(camelCase(written.slice(0, 100)), names);
  return new Refusal(422, 'ERR_UNKNOWN_NAME', {
    what: `there is no ${what} '${written.slice(0, 100)}'`,
    expected: names.length === 0 ? 'none' : names.join(', '),
    hint: near === undefined ? undefined : `did you mean '${near}'?`,
  });
}

/** What is expected, where a value is something else. */
function unlike(rule: ParameterRule, value: unknown): string | undefined {
  switch (rule.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'choice':
      return typeof value === 'string' && rule.choices.includes(value) ? undefined : rule.choices.join(', ');
    case 'texts': {
      const fits = Array.isArray(value) && value.length <= rule.max && value.every((text) => typeof text === 'string');
      return fits ? undefined : `a list of at most ${rule.max} strings`;
    }
    default: {
      const { min = 1, max, orNull } = rule;
      if (orNull === true && value === null) return undefined;
      const fits = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
      return fits ? undefined : `a whole number from ${min} to ${max}${orNull === true ? ', or null for all' : ''}`;
    }
  }
}
