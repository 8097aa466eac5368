import { ArgumentError } from '../../core/errors.ts';

/** A hyperparameter's value. */
export type ParameterValue = number | string | boolean;

/** A hyperparameter's values by name, as one trial has them. */
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** One of several values, which have no order. */
export interface Choice<T extends ParameterValue = ParameterValue> {
  readonly kind: 'choice';
  readonly values: readonly T[];
}

/** A number from `low` to `high`, every one as likely; on a logarithmic scale, every factor. */
export interface Uniform {
  readonly kind: 'uniform';
  readonly low: number;
  readonly high: number;
  readonly log: boolean;
}

/** A whole number: `low`, `low + step`, …, `high`; on a logarithmic scale smaller ones are likelier. */
export interface Integer {
  readonly kind: 'integer';
  readonly low: number;
  readonly high: number;
  readonly step: number;
  readonly log: boolean;
}

/** What values a hyperparameter may have, and how likely each is before anything is known. */
export type Distribution = Choice | Uniform | Integer;

/** The distributions of several hyperparameters, by name. */
export type SearchSpace = Readonly<Record<string, Distribution>>;

/**
 * One of several values.
 * @throws ArgumentError for no values, or one value twice.
 *
 * @example
 * choice([8, 16, 32])
 */
export function choice<const T extends ParameterValue>(values: readonly T[]): Choice<T> {
  const known = values.every(
    (value) => ['string', 'boolean'].includes(typeof value) || (typeof value === 'number' && Number.isFinite(value)),
  );
  if (values.length === 0 || !known) throw wrong('choice', values, 'at least one number, text or boolean');
  if (new Set(values).size < values.length) throw wrong('choice', values, 'no value twice');
  return { kind: 'choice', values: [...values] };
}

/** A number from `low` to `high`, every one as likely. @throws ArgumentError unless low < high, both finite. */
export function uniform(low: number, high: number): Uniform {
  if (!isRange(low, high) || low === high) throw wrong('uniform', [low, high], 'two numbers, the smaller first');
  return { kind: 'uniform', low, high, log: false };
}

/**
 * A number from `low` to `high` whose logarithm is uniform, as learning rates want it: 1e-5 to 1e-4 is as likely as 1e-4 to
 * 1e-3. @throws ArgumentError unless 0 < low < high.
 */
export function logUniform(low: number, high: number): Uniform {
  if (!isRange(low, high) || low === high || low <= 0)
    throw wrong('logUniform', [low, high], 'two numbers above 0, the smaller first');
  return { kind: 'uniform', low, high, log: true };
}

/**
 * A whole number from `low` to `high`, both among them.
 * @param options.step the distance between two values. Default 1.
 * @param options.log on a logarithmic scale, which has no step. Default false.
 * @throws ArgumentError for numbers that are not whole, low > high, a step that does not lead from low to high, and low < 1
 * on a logarithmic scale.
 */
export function integer(
  low: number,
  high: number,
  options: { readonly step?: number | undefined; readonly log?: boolean | undefined } = {},
): Integer {
  const { step = 1, log = false } = options;
  if (![low, high, step].every(Number.isSafeInteger) || low > high || step < 1)
    throw wrong('integer', [low, high, step], 'whole numbers: the smaller, the larger, and a step of at least 1');
  if ((high - low) % step !== 0)
    throw wrong('integer', [low, high, step], `a step that leads from ${low} to ${high} exactly`);
  if (log && (low < 1 || step !== 1))
    throw wrong('integer', [low, high, step], 'with log: numbers from 1, and no step');
  return { kind: 'integer', low, high, step, log };
}

/** Whole numbers whose logarithm is about uniform: {@link integer} with `log`. */
export function logInteger(low: number, high: number): Integer {
  return integer(low, high, { log: true });
}

function isRange(low: number, high: number): boolean {
  return Number.isFinite(low) && Number.isFinite(high) && low <= high && Number.isFinite(high - low);
}

function wrong(owner: string, got: unknown, expected: string): ArgumentError {
  return new ArgumentError('ERR_SEARCH_SPACE', { owner, what: 'these are no bounds', got, expected });
}

/**
 * The value at a quantile.
 * @param quantile in [0, 1).
 */
export function valueAt(distribution: Distribution, quantile: number): ParameterValue {
  if (distribution.kind === 'choice') return distribution.values[Math.floor(quantile * distribution.values.length)];
  const [from, to] = scaleOf(distribution);
  return fromScale(distribution, from + quantile * (to - from));
}

/** Both ends of a numeric distribution's scale: the number itself or its logarithm, a step's half beyond whole numbers. */
export function scaleOf(distribution: Uniform | Integer): readonly [from: number, to: number] {
  const { low, high, log } = distribution;
  const beyond = distribution.kind === 'integer' ? distribution.step / 2 : 0;
  return log ? [Math.log(low - beyond), Math.log(high + beyond)] : [low - beyond, high + beyond];
}

/** The place of a value on its scale; of a choice, its number. */
export function toScale(distribution: Distribution, value: ParameterValue): number {
  if (distribution.kind === 'choice') return distribution.values.indexOf(value);
  return distribution.log ? Math.log(Number(value)) : Number(value);
}

/** The value at a place of the scale: within its bounds, and whole where it must be. */
export function fromScale(distribution: Uniform | Integer, place: number): number {
  const { low, high } = distribution;
  const value = distribution.log ? Math.exp(place) : place;
  const { step } = distribution as Integer;
  const whole = distribution.kind === 'integer' ? low + Math.round((value - low) / step) * step : value;
  return Math.min(high, Math.max(low, whole));
}

/** Whether a distribution has a value. */
export function contains(distribution: Distribution, value: unknown): boolean {
  if (distribution.kind === 'choice') return (distribution.values as readonly unknown[]).includes(value);
  if (typeof value !== 'number' || !(value >= distribution.low && value <= distribution.high)) return false;
  return distribution.kind === 'uniform' || (value - distribution.low) % distribution.step === 0;
}

/** `loguniform(0.00001, 0.0001)`: a distribution as the command takes it. */
export function describeDistribution(distribution: Distribution): string {
  if (distribution.kind === 'choice')
    return `choice(${distribution.values.map((value) => (typeof value === 'string' ? JSON.stringify(value) : value)).join(', ')})`;
  const { low, high, log } = distribution;
  if (distribution.kind === 'uniform') return `${log ? 'loguniform' : 'uniform'}(${low}, ${high})`;
  const step = distribution.step === 1 ? '' : `, ${distribution.step}`;
  return `${log ? 'logint' : 'int'}(${low}, ${high}${step})`;
}
