import { describe, expect, expectTypeOf, test } from 'vitest';
import { ArgumentError } from '../core/errors.ts';
import { type OptionRule, resolveOptions, trainingOptions } from './options.ts';
import { TrainingArguments, type TrainingArgumentsOptions } from './trainingArguments.ts';

type TrainingOptionName = keyof typeof trainingOptions;

/** What a value of this kind is in TypeScript. */
type ValueOf<Kind> = Kind extends { type: 'choice'; choices: readonly (infer Choice)[] }
  ? Choice
  : Kind extends { type: 'string' }
    ? string
    : Kind extends { type: 'boolean' }
      ? boolean
      : Kind extends { type: 'integer' | 'number' }
        ? number
        : never;

/** The options' type as the table has it. */
type FromTable = { [K in TrainingOptionName]?: ValueOf<(typeof trainingOptions)[K]['kind']> | undefined };

/** The names without which leaving out means something of its own, as the table has it. */
type WithoutDefault = {
  [K in TrainingOptionName]: (typeof trainingOptions)[K]['fallback'] extends undefined ? K : never;
}[TrainingOptionName];

/** What a resolved name may be undefined. */
type MayBeUndefined = {
  [K in keyof TrainingArgumentsOptions]-?: undefined extends TrainingArguments[K] ? K : never;
}[keyof TrainingArgumentsOptions];

test('types: the hand-written options and the table have the same names and value types', () => {
  expectTypeOf<keyof TrainingArgumentsOptions>().toEqualTypeOf<TrainingOptionName>();
  expectTypeOf<Required<TrainingArgumentsOptions>>().toEqualTypeOf<Required<FromTable>>();
  expectTypeOf<MayBeUndefined>().toEqualTypeOf<WithoutDefault>();
  // Checked by `tsc` over the tests; here, that neither side is `never` or `any`, which would be equal to much.
  expectTypeOf<FromTable['learningRate']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<TrainingArguments['evalStrategy']>().toEqualTypeOf<'no' | 'steps' | 'epoch'>();
});

/** Hugging Face's defaults (transformers 5.23), where the option is one of its. */
const defaults = {
  outputDir: undefined,
  numTrainEpochs: 3,
  maxSteps: -1,
  perDeviceTrainBatchSize: 8,
  perDeviceEvalBatchSize: 8,
  gradientAccumulationSteps: 1,
  learningRate: 5e-5,
  lrSchedulerType: 'linear',
  warmupSteps: 0,
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  maxGradNorm: 1,
  evalStrategy: 'no',
  evalSteps: undefined,
  loggingStrategy: 'steps',
  loggingSteps: 500,
  loggingFirstStep: false,
  loggingDir: undefined,
  seed: 42,
  dataSeed: undefined,
  maxLength: undefined,
  truncation: true,
  bf16: false,
  cacheFrozenFeatures: true,
  dataloaderDropLast: false,
};

const make = (options: object) => new TrainingArguments(options as TrainingArgumentsOptions);

describe('TrainingArguments', () => {
  test("every option has Hugging Face's default", () => {
    expect({ ...new TrainingArguments() }).toEqual(defaults);
    expect(Object.keys(new TrainingArguments())).toEqual(Object.keys(trainingOptions));
  });

  test('what is given stands; undefined and null are left out', () => {
    const args = make({ learningRate: 3e-5, evalStrategy: 'epoch', seed: undefined, maxLength: null });
    expect({ ...args }).toEqual({ ...defaults, learningRate: 3e-5, evalStrategy: 'epoch' });
  });

  test("snake_case and aliases are taken, and toJSON writes Hugging Face's names, which are taken again", () => {
    const args = make({ per_device_train_batch_size: 4, batchSize: undefined, adam_beta1: 0.8, warmup_ratio: 0.1 });
    expect(args).toMatchObject({ perDeviceTrainBatchSize: 4, adamBeta1: 0.8, warmupSteps: 0.1 });
    expect(make({ evaluationStrategy: 'steps', eval_batch_size: 2, max_seq_length: 64 })).toMatchObject({
      evalStrategy: 'steps',
      perDeviceEvalBatchSize: 2,
      maxLength: 64,
    });
    const json = JSON.parse(JSON.stringify(args)) as Record<string, unknown>;
    expect(json).toMatchObject({
      per_device_train_batch_size: 4,
      adam_beta1: 0.8,
      warmup_steps: 0.1,
      eval_steps: null,
    });
    expect({ ...make(json) }).toEqual({ ...args });
  });

  test('one option under two names is refused', () => {
    expect(() => make({ warmupSteps: 10, warmup_ratio: 0.1 })).toThrow(
      "[TrainingArguments] 'warmup_ratio' and 'warmupSteps' are the same option; leave one of them out",
    );
  });

  test.each([
    ['learningRat', "did you mean 'learningRate'?"],
    ['num_train_epoch', "did you mean 'numTrainEpochs'?"],
    ['perDeviceBatchSize', "did you mean 'perDeviceEvalBatchSize'?"],
    ['evalStrategie', "did you mean 'evalStrategy'?"],
    ['xyzzy', 'the options are outputDir, numTrainEpochs,'],
    // Names that every object has.
    ['constructor', 'did you mean'],
    ['toString', ''],
    ['hasOwnProperty', ''],
  ])('unknown: %s', (name, hint) => {
    const error = failure(() => make({ [name]: 1 }));
    expect(error.code).toBe('ERR_UNKNOWN_OPTION');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain(`[TrainingArguments] there is no option '${name}'`);
    if (hint !== 'did you mean') expect(error.message).toContain(hint);
  });

  test.each([
    ['numTrainEpochs', 0, 'a number above 0'],
    ['numTrainEpochs', '3', 'a number above 0'],
    ['numTrainEpochs', Number.NaN, 'a number above 0'],
    ['numTrainEpochs', Number.POSITIVE_INFINITY, 'a number above 0'],
    ['maxSteps', 1.5, 'a whole number of at least -1'],
    ['maxSteps', -2, 'a whole number of at least -1'],
    ['perDeviceTrainBatchSize', 0, 'a whole number of at least 1'],
    ['gradientAccumulationSteps', 0, 'a whole number of at least 1'],
    ['learningRate', -1e-5, 'a number of at least 0'],
    ['learningRate', '5e-5', 'a number of at least 0'],
    ['warmupSteps', -1, 'a number of at least 0'],
    ['adamBeta1', 1.1, 'a number of at least 0 and of at most 1'],
    ['adamEpsilon', 0, 'a number above 0'],
    ['seed', 4.2, 'a whole number of at least 0'],
    ['maxLength', 2, 'a whole number of at least 3'],
    ['truncation', 'false', 'a boolean'],
    ['dataloaderDropLast', 1, 'a boolean'],
    ['outputDir', 7, 'a string'],
    ['lrSchedulerType', 'cosin', "(did you mean 'cosine'?)"],
    ['evalStrategy', 'steps ', "one of no, steps, epoch (did you mean 'steps'?)"],
    ['evalStrategy', 0, 'one of no, steps, epoch'],
    ['eval_steps', 0, 'a whole number of at least 1'],
  ])('a wrong value: %s %j', (name, value, expected) => {
    const error = failure(() => make({ [name]: value }));
    expect(error.code).toBe('ERR_OPTION_VALUE');
    expect(error.exitCode).toBe(2);
    // The name is the one that was written.
    expect(error.message).toContain(`[TrainingArguments] '${name}' has a wrong value, got `);
    expect(error.message).toContain(expected);
  });

  test.each(['fp16', 'fsdp', 'deepspeed', 'tf32', 'use_cpu', 'noCuda', 'push_to_hub'])('refused: %s', (name) => {
    const error = failure(() => make({ [name]: true }));
    expect(error.code).toBe('ERR_OPTION_REFUSED');
    expect(error.message).toMatch(new RegExp(`^\\[TrainingArguments\\] '${name}' has no meaning here; .+`));
  });

  test('every default passes its own check, and every option is described', () => {
    for (const [name, rule] of Object.entries(trainingOptions) as [string, OptionRule][]) {
      expect(rule.description, name).toMatch(/^[A-Z].*\.$/);
      const given = rule.fallback === undefined ? {} : { [name]: rule.fallback };
      expect(resolveOptions('test', { [name]: rule }, given)[name]).toBe(rule.fallback);
    }
  });
});

function failure(work: () => unknown): ArgumentError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return error as ArgumentError;
  }
  return expect.fail('nothing was thrown');
}
