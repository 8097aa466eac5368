import { ArgumentError } from '../../core/errors.ts';
import { readTrainingOptions, TrainingArguments, type TrainingArgumentsOptions } from '../trainingArguments.ts';
import {
  type Choice,
  choice,
  type Distribution,
  describeDistribution,
  type Integer,
  integer,
  logUniform,
  type ParameterValue,
  type SearchSpace,
  type Uniform,
  valueAt,
} from './space.ts';
import { askFor, type SuggestingTrial } from './suggest.ts';

type NumbersFor<T> = Extract<T, number> extends never ? never : Uniform | Integer;

/**
 * Distributions of training options, by name: `{ learningRate: logUniform(1e-5, 1e-4) }`. Each has values of its option's
 * type.
 */
export type TrainingSpace = {
  readonly [Name in keyof TrainingArgumentsOptions]?:
    | Choice<Extract<TrainingArgumentsOptions[Name], ParameterValue>>
    | NumbersFor<TrainingArgumentsOptions[Name]>;
};

/** A function that asks a trial for its parameters, and gives the training options that they make (Hugging Face's form). */
export type TrainingSpaceFunction = (trial: SuggestingTrial) => TrainingArgumentsOptions;

/** What is searched where nothing is said: Hugging Face's `default_hp_space_optuna`. */
export const defaultHpSpace = {
  learningRate: logUniform(1e-6, 1e-4),
  numTrainEpochs: integer(1, 5),
  seed: integer(1, 40),
  perDeviceTrainBatchSize: choice([4, 8, 16, 32, 64]),
} satisfies TrainingSpace;

/** Options that say where a run leaves what or what is sought: with several values trials could not be compared. */
const notSearched: Readonly<Record<string, string>> = {
  outputDir: 'each trial gets a folder of its own where it needs one',
  overwriteOutputDir: 'each trial gets a folder of its own where it needs one',
  loggingDir: 'each trial gets a folder of its own in it',
  resumeFromCheckpoint: 'trials begin at the beginning',
  metricForBestModel: 'it is what all trials are compared by',
  greaterIsBetter: 'it is what all trials are compared by',
};

/**
 * Holds a space against the training options, before the first trial: names, with a suggestion for a wrong one, and values at
 * both ends of each range and at each choice.
 * @param args what all trials share.
 * @returns the space with the options' own names.
 * @throws ArgumentError
 */
export function checkTrainingSpace(owner: string, args: TrainingArguments, space: SearchSpace): SearchSpace {
  if (Object.keys(space).length === 0) {
    throw new ArgumentError('ERR_SEARCH_SPACE', {
      owner,
      what: 'the space has no parameter',
      hint: 'give one: { learningRate: logUniform(1e-5, 1e-4) }',
    });
  }
  const named: Record<string, Distribution> = {};
  // All at once first, for what is the same option twice under two names.
  const written = readTrainingOptions(
    Object.fromEntries(
      Object.entries(space).map(([name, distribution]) => [name, samples(owner, name, distribution)[0]]),
    ),
    () => ({}),
  );
  for (const [name, distribution] of Object.entries(space)) {
    const values = samples(owner, name, distribution);
    // A phrase, such as warmup_ratio, and a value in another spelling stay as they were written: they are read for each trial.
    let own: string | undefined = written.size === 0 ? undefined : name;
    for (const [i, value] of values.entries()) {
      const [first] = [...checkValue(owner, name, distribution, value, i)];
      own =
        own !== undefined && written.get(first?.[0] ?? '')?.written === name && first?.[1].value === value
          ? first[0]
          : undefined;
      overridden(args, { [name]: value });
    }
    named[own ?? name] = distribution;
  }
  return named;
}

/** One of the values of an option, read. @param i its place among the samples: the third lies between two that fit. */
function checkValue(owner: string, name: string, distribution: Distribution, value: ParameterValue, i: number) {
  const fault = (what: string, hint: string) =>
    new ArgumentError('ERR_SEARCH_SPACE', { owner, what, got: describeDistribution(distribution), hint });
  let read: ReturnType<typeof readTrainingOptions>;
  try {
    read = readTrainingOptions({ [name]: value }, () => ({}));
  } catch (error) {
    if (distribution.kind !== 'uniform' || i < 2) throw error;
    const kind = distribution.log ? 'logInteger' : 'integer';
    throw fault(`'${name}' takes whole numbers`, `use ${kind}(${distribution.low}, ${distribution.high})`);
  }
  const own = [...read.keys()].find((each) => each in notSearched);
  if (own !== undefined) throw fault(`'${name}' cannot be searched over`, notSearched[own]);
  return read;
}

/** Values that stand for all of a distribution: its ends and one between them, or every choice. */
function samples(owner: string, name: string, distribution: Distribution): readonly ParameterValue[] {
  const known = typeof distribution === 'object' && distribution !== null && 'kind' in distribution;
  if (!known) {
    throw new ArgumentError('ERR_SEARCH_SPACE', {
      owner,
      what: `'${name}' has no distribution`,
      got: distribution,
      expected: 'choice([…]), uniform(low, high), logUniform(low, high), integer(low, high) or logInteger(low, high)',
    });
  }
  if (distribution.kind === 'choice') return distribution.values;
  const { low, high } = distribution;
  return distribution.kind === 'uniform' ? [low, high, valueAt(distribution, 0.4567)] : [low, high];
}

/** Training arguments with some options in place of their own. @throws ArgumentError where they do not fit. */
export function overridden(args: TrainingArguments, options: Readonly<Record<string, unknown>>): TrainingArguments {
  const given = readTrainingOptions(options, () => ({}));
  return new TrainingArguments({
    ...args,
    ...Object.fromEntries([...given].map(([name, { value }]) => [name, value])),
  });
}

/**
 * Runs a space's function once on the middle of every range, to see before the first trial what it asks for and whether the
 * options that it gives are some.
 */
export function probe(owner: string, args: TrainingArguments, ask: TrainingSpaceFunction): SearchSpace {
  const { result, space } = askFor(ask, 0, (_, distribution) => valueAt(distribution, 0.5));
  if (typeof result !== 'object' || result === null || result instanceof Promise) {
    throw new ArgumentError('ERR_SEARCH_SPACE', {
      owner,
      what: 'the function gives no training options',
      got: result,
      expected:
        "an object: (trial) => ({ learningRate: trial.suggestFloat('learningRate', 1e-5, 1e-4, { log: true }) })",
    });
  }
  overridden(args, { ...result });
  return space;
}
