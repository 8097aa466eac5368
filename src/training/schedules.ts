import { ArgumentError, didYouMean } from '../core/errors.ts';

/** Where warm-up and training end, and how high the learning rate goes. */
export interface ScheduleContext {
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** The learning rate at its highest. */
  readonly learningRate: number;
}

/** The factor of the learning rate at a step, from 0: a pure function. */
export type Schedule = (step: number, context: ScheduleContext) => number;

/** A schedule's own numbers by name. */
export type ScheduleParameters = Readonly<Record<string, number | string | boolean>>;

/** What a parameter of a schedule may be. */
interface ParameterRule {
  /** undefined: it may be left out, and the schedule says what then. */
  readonly fallback: number | string | undefined;
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
  readonly whole?: true;
  readonly choices?: readonly string[];
  readonly required?: true;
}

type Parameters = Readonly<Record<string, number | string | undefined>>;

/** A schedule and what it can be told (`lr_scheduler_kwargs`). */
interface ScheduleRule {
  readonly parameters: Readonly<Record<string, ParameterRule>>;
  readonly factor: (step: number, context: ScheduleContext, parameters: Parameters) => number;
  /** What is wrong with the parameters together. */
  readonly refuse?: (parameters: Parameters, context: ScheduleContext) => string | undefined;
}

type AfterWarmup = (progress: number, context: ScheduleContext, parameters: Parameters) => number;

/** Rises from 0 during the warm-up, then goes as `after` says of the share of the remaining steps. */
function afterWarmup(after: AfterWarmup): ScheduleRule['factor'] {
  return (step, context, parameters) => {
    const { warmupSteps, totalSteps } = context;
    if (step < warmupSteps) return step / Math.max(1, warmupSteps);
    return after((step - warmupSteps) / Math.max(1, totalSteps - warmupSteps), context, parameters);
  };
}

/** ½ (1 + cos 2π · cycles · progress): with half a cycle, from 1 down to 0. */
const cosine = (progress: number, cycles: number) => 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress));

const cycles: ParameterRule = { fallback: 0.5, above: 0 };
const shapes: readonly string[] = ['linear', 'cosine', '1-sqrt'];
const lowest: ScheduleRule['parameters'] = {
  numCycles: cycles,
  minLr: { fallback: undefined, min: 0 },
  minLrRate: { fallback: undefined, min: 0, max: 1 },
};

/** The lowest factor, of `minLr` or `minLrRate`. */
function lowestFactor({ minLr, minLrRate }: Parameters, { learningRate }: ScheduleContext): number {
  if (minLr === undefined) return minLrRate as number;
  return learningRate === 0 ? 0 : (minLr as number) / learningRate;
}

function refuseLowest({ minLr, minLrRate }: Parameters, { learningRate }: ScheduleContext): string | undefined {
  if ((minLr === undefined) === (minLrRate === undefined)) return 'needs one of minLr and minLrRate';
  return learningRate > 0 && (minLr as number) > learningRate ? `has a minLr above the learning rate` : undefined;
}

/** Hugging Face's schedules by their names (`lr_scheduler_type`), as transformers' optimization.py has them. */
const rules = {
  linear: { parameters: {}, factor: afterWarmup((progress) => Math.max(0, 1 - progress)) },
  constant: { parameters: {}, factor: () => 1 },
  constant_with_warmup: { parameters: {}, factor: afterWarmup(() => 1) },
  cosine: {
    parameters: { numCycles: cycles },
    factor: afterWarmup((progress, _, { numCycles }) => Math.max(0, cosine(progress, numCycles as number))),
  },
  cosine_with_restarts: {
    parameters: { numCycles: { fallback: 1, min: 1, whole: true } },
    factor: afterWarmup((progress, _, { numCycles }) =>
      progress >= 1 ? 0 : Math.max(0, cosine(((numCycles as number) * progress) % 1, 0.5)),
    ),
  },
  polynomial: {
    parameters: { lrEnd: { fallback: 1e-7, min: 0 }, power: { fallback: 1, above: 0 } },
    // The factor multiplies the learning rate again; of 0 there is nothing to multiply.
    factor: afterWarmup((progress, { learningRate }, { lrEnd, power }) => {
      const end = lrEnd as number;
      if (learningRate === 0) return 0;
      return ((learningRate - end) * Math.max(0, 1 - progress) ** (power as number) + end) / learningRate;
    }),
    refuse: ({ lrEnd }, { learningRate }) =>
      learningRate > 0 && (lrEnd as number) >= learningRate
        ? 'must end below the learning rate (lrEnd is 1e-7 where left out)'
        : undefined,
  },
  inverse_sqrt: {
    parameters: { timescale: { fallback: undefined, above: 0 } },
    factor: (step, { warmupSteps }, parameters) => {
      if (step < warmupSteps) return step / Math.max(1, warmupSteps);
      const timescale = (parameters['timescale'] as number | undefined) ?? (warmupSteps === 0 ? 10_000 : warmupSteps);
      return 1 / Math.sqrt((step + timescale - warmupSteps) / timescale);
    },
  },
  cosine_with_min_lr: {
    parameters: lowest,
    factor: afterWarmup((progress, context, parameters) => {
      const least = lowestFactor(parameters, context);
      return Math.max(0, cosine(progress, parameters['numCycles'] as number) * (1 - least) + least);
    }),
    refuse: refuseLowest,
  },
  // Counts steps from 1, so that the first has a learning rate and the last the lowest.
  cosine_warmup_with_min_lr: {
    parameters: { ...lowest, warmupLrRate: { fallback: undefined, min: 0, max: 1 } },
    factor: (step, context, parameters) => {
      const { warmupSteps, totalSteps } = context;
      const start = parameters['warmupLrRate'] as number | undefined;
      if (step < warmupSteps) {
        return start === undefined
          ? (step + 1) / Math.max(1, warmupSteps)
          : start + ((1 - start) * step) / Math.max(1, warmupSteps - 1);
      }
      const progress = (step - warmupSteps + 1) / Math.max(1, totalSteps - warmupSteps);
      const least = lowestFactor(parameters, context);
      return Math.max(0, cosine(progress, parameters['numCycles'] as number) * (1 - least) + least);
    },
    refuse: refuseLowest,
  },
  warmup_stable_decay: {
    parameters: {
      numDecaySteps: { fallback: undefined, min: 0, whole: true, required: true },
      numStableSteps: { fallback: undefined, min: 0, whole: true },
      warmupType: { fallback: 'linear', choices: shapes },
      decayType: { fallback: 'cosine', choices: shapes },
      minLrRatio: { fallback: 0, min: 0, max: 1 },
      numCycles: cycles,
    },
    factor: (step, { warmupSteps, totalSteps }, parameters) => {
      const { warmupType, decayType } = parameters;
      const [least, turns] = [parameters['minLrRatio'] as number, parameters['numCycles'] as number];
      const decaySteps = parameters['numDecaySteps'] as number;
      const stableSteps = (parameters['numStableSteps'] as number | undefined) ?? totalSteps - warmupSteps - decaySteps;
      const between = (share: number) => Math.max(0, share * (1 - least) + least);
      if (step < warmupSteps) {
        const progress = step / Math.max(1, warmupSteps);
        if (warmupType === 'linear') return between(progress);
        return between(
          warmupType === 'cosine' ? 0.5 * (1 - Math.cos(Math.PI * progress)) : 1 - Math.sqrt(1 - progress),
        );
      }
      if (step < warmupSteps + stableSteps) return 1;
      if (step >= warmupSteps + stableSteps + decaySteps) return least;
      const progress = (step - warmupSteps - stableSteps) / Math.max(1, decaySteps);
      if (decayType === 'linear') return between(1 - progress);
      return between(decayType === 'cosine' ? cosine(progress, turns) : 1 - Math.sqrt(progress));
    },
  },
  // PyTorch's defaults. Between two reductions it is constant.
  reduce_lr_on_plateau: {
    parameters: {
      mode: { fallback: 'min', choices: ['min', 'max'] },
      factor: { fallback: 0.1, min: 0, below: 1 },
      patience: { fallback: 10, min: 0, whole: true },
      threshold: { fallback: 1e-4, min: 0 },
      thresholdMode: { fallback: 'rel', choices: ['rel', 'abs'] },
      cooldown: { fallback: 0, min: 0, whole: true },
      minLr: { fallback: 0, min: 0 },
      eps: { fallback: 1e-8, min: 0 },
    },
    factor: () => 1,
  },
} as const satisfies Readonly<Record<string, ScheduleRule>>;

/** The schedule whose learning rate falls where a metric no longer becomes better; see `plateau.ts`. */
export const plateauName = 'reduce_lr_on_plateau';

/** The name of a schedule. */
export type ScheduleName = keyof typeof rules;

/** The names of all schedules. */
export const scheduleNames = Object.keys(rules) as readonly ScheduleName[];

/**
 * A schedule by its name and numbers.
 * @param given the schedule's own numbers, as `{ numCycles: 2 }`; see Hugging Face's `lr_scheduler_kwargs`.
 * @returns the factor of the learning rate by step, from 0.
 * @throws ArgumentError for numbers that the schedule does not have, that are out of range, or that it needs and are not there.
 */
export function makeSchedule(name: ScheduleName, given: ScheduleParameters = {}): Schedule {
  const rule: ScheduleRule = rules[name];
  const parameters = scheduleParameters(name, given);
  return (step, context) => {
    const wrong = rule.refuse?.(parameters, context);
    if (wrong !== undefined) throw refused(name, wrong);
    return rule.factor(step, context, parameters);
  };
}

/** A schedule's own numbers, checked, with the defaults of those left out. @throws ArgumentError as {@link makeSchedule}. */
export function scheduleParameters(name: ScheduleName, given: ScheduleParameters = {}): Parameters {
  const rule: ScheduleRule = rules[name];
  const parameters: Record<string, number | string | undefined> = Object.fromEntries(
    Object.entries(rule.parameters).map(([parameter, { fallback }]) => [parameter, fallback]),
  );
  for (const [parameter, value] of Object.entries(given)) {
    const known = Object.keys(rule.parameters);
    if (!known.includes(parameter)) {
      const near = didYouMean(parameter, known);
      throw new ArgumentError('ERR_SCHEDULE', {
        owner: 'lrSchedulerKwargs',
        what: `the schedule '${name}' has no '${parameter}'`,
        expected: known.length === 0 ? 'nothing' : known.join(', '),
        hint: near === undefined ? undefined : `did you mean '${near}'?`,
      });
    }
    const expected = misfit(rule.parameters[parameter], value);
    if (expected !== undefined) {
      throw new ArgumentError('ERR_SCHEDULE', {
        owner: 'lrSchedulerKwargs',
        what: `'${parameter}' has a wrong value`,
        got: value,
        expected,
      });
    }
    parameters[parameter] = value as number | string;
  }
  const missing = Object.keys(rule.parameters).find(
    (parameter) => rule.parameters[parameter].required === true && parameters[parameter] === undefined,
  );
  if (missing !== undefined) throw refused(name, `needs ${missing}`);
  return parameters;
}

function refused(name: string, what: string): ArgumentError {
  return new ArgumentError('ERR_SCHEDULE', {
    owner: 'lrSchedulerKwargs',
    what: `the schedule '${name}' ${what}`,
    hint: 'set it in lrSchedulerKwargs',
  });
}

/** What was expected of a value that does not fit. */
function misfit(rule: ParameterRule, value: number | string | boolean): string | undefined {
  if (rule.choices !== undefined)
    return rule.choices.includes(value as string) ? undefined : `one of ${rule.choices.join(', ')}`;
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = rule;
  const { above = Number.NEGATIVE_INFINITY, below = Number.POSITIVE_INFINITY } = rule;
  const fits =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    value >= min &&
    value <= max &&
    value > above &&
    value < below &&
    (rule.whole !== true || Number.isInteger(value));
  if (fits) return undefined;
  const bounds = [
    Number.isFinite(min) && `of at least ${min}`,
    Number.isFinite(above) && `above ${above}`,
    Number.isFinite(below) && `below ${below}`,
    Number.isFinite(max) && `of at most ${max}`,
  ].filter((bound) => bound !== false);
  return `${rule.whole === true ? 'a whole number' : 'a number'} ${bounds.join(' and ')}`;
}
