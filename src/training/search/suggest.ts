import { ArgumentError } from '../../core/errors.ts';
import {
  choice,
  contains,
  type Distribution,
  describeDistribution,
  integer,
  logUniform,
  type Parameters,
  type ParameterValue,
  uniform,
} from './space.ts';

/** A trial that a function asks for its parameters one by one (the words of Optuna's Trial, which Hugging Face's take). */
export interface SuggestingTrial {
  readonly number: number;
  /** What was asked for so far. */
  readonly params: Parameters;
  /** A number from `low` to `high`. @param options.log on a logarithmic scale. */
  suggestFloat(name: string, low: number, high: number, options?: { readonly log?: boolean }): number;
  /** A whole number from `low` to `high`. */
  suggestInt(
    name: string,
    low: number,
    high: number,
    options?: { readonly log?: boolean; readonly step?: number },
  ): number;
  suggestCategorical<const T extends ParameterValue>(name: string, choices: readonly T[]): T;
}

/** What a function asked for. */
export interface Suggested<Result> {
  readonly result: Result;
  readonly params: Parameters;
  readonly space: Readonly<Record<string, Distribution>>;
}

/**
 * Runs a function over a trial, and gathers what it asks for.
 * @param draw the value of a parameter that is asked for the first time.
 * @throws ArgumentError where one name is asked for with two distributions.
 */
export function askFor<Result>(
  ask: (trial: SuggestingTrial) => Result,
  number: number,
  draw: (name: string, distribution: Distribution) => ParameterValue,
): Suggested<Result> {
  const params: Record<string, ParameterValue> = {};
  const space: Record<string, Distribution> = {};
  const suggest = (name: string, distribution: Distribution): ParameterValue => {
    if (!Object.hasOwn(params, name)) {
      space[name] = distribution;
      params[name] = draw(name, distribution);
    } else if (describeDistribution(space[name]) !== describeDistribution(distribution)) {
      throw new ArgumentError('ERR_SEARCH_SPACE', {
        owner: 'hpSpace',
        what: `'${name}' is asked for twice, differently`,
        got: describeDistribution(distribution),
        expected: describeDistribution(space[name]),
      });
    }
    return params[name];
  };
  const result = ask({
    number,
    params,
    suggestFloat: (name, low, high, { log = false } = {}) =>
      Number(suggest(name, log ? logUniform(low, high) : uniform(low, high))),
    suggestInt: (name, low, high, options) => Number(suggest(name, integer(low, high, options))),
    suggestCategorical: <const T extends ParameterValue>(name: string, choices: readonly T[]) =>
      suggest(name, choice(choices)) as T,
  });
  return { result, params, space };
}

/** Draws that give what a trial has already. @throws ArgumentError where the function asks for something else by now. */
export function fixedDraw(params: Parameters): (name: string, distribution: Distribution) => ParameterValue {
  return (name, distribution) => {
    const value = params[name];
    if (contains(distribution, value)) return value;
    throw new ArgumentError('ERR_STUDY_DIFFERS', {
      owner: 'hpSpace',
      what: `a trial of the study has no '${name}' that the function would allow now`,
      got: value,
      expected: describeDistribution(distribution),
      hint: 'go on with the same function, or choose another study',
    });
  };
}
