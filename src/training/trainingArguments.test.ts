import { describe, expect, expectTypeOf, test } from 'vitest';
import { ArgumentError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import { type OptionRule, resolveOptions } from './optionRules.ts';
import { trainingOptions } from './options.ts';
import { refusedOptimizers, refusedOptions } from './refusedOptions.ts';
import { TrainingArguments, type TrainingArgumentsOptions } from './trainingArguments.ts';

type TrainingOptionName = keyof typeof trainingOptions;

/** What a value of this kind is in TypeScript. */
type ValueOf<Kind> = Kind extends { type: 'choice'; choices: readonly (infer Choice)[] }
  ? Choice
  : Kind extends { type: 'list'; choices: readonly (infer Choice)[] }
    ? readonly Choice[]
    : Kind extends { type: 'string'; orBoolean: true }
      ? string | boolean
      : Kind extends { type: 'string' }
        ? string
        : Kind extends { type: 'boolean' }
          ? boolean
          : Kind extends { type: 'integer' | 'number' | 'steps' }
            ? number
            : Kind extends { type: 'custom'; read: (value: never) => infer Value }
              ? NonNullable<Value>
              : never;

/** The options' type as the table has it. */
type FromTable = { [K in TrainingOptionName]?: ValueOf<(typeof trainingOptions)[K]['kind']> | undefined };

/** The options as they are kept: other spellings are gone. */
type Kept = { [K in TrainingOptionName]: TrainingArguments[K] | undefined };

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
  expectTypeOf<Kept>().toEqualTypeOf<Required<FromTable>>();
  // What is kept may be given.
  expectTypeOf<{ -readonly [K in TrainingOptionName]: TrainingArguments[K] }>().toExtend<TrainingArgumentsOptions>();
  expectTypeOf<MayBeUndefined>().toEqualTypeOf<WithoutDefault>();
  // Checked by `tsc` over the tests; here, that neither side is `never` or `any`, which would be equal to much.
  expectTypeOf<FromTable['learningRate']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<TrainingArguments['evalStrategy']>().toEqualTypeOf<'no' | 'steps' | 'epoch'>();
});

/** Hugging Face's defaults (transformers 5.23), where the option is one of its. */
const defaults = {
  outputDir: undefined,
  overwriteOutputDir: false,
  numTrainEpochs: 3,
  maxSteps: -1,
  earlyStoppingPatience: undefined,
  earlyStoppingThreshold: 0,
  perDeviceTrainBatchSize: 8,
  perDeviceEvalBatchSize: 8,
  gradientAccumulationSteps: 1,
  autoFindBatchSize: false,
  trainSamplingStrategy: 'random',
  // Python: adamw_torch_fused, the same numbers.
  optim: 'adamw_torch',
  learningRate: 5e-5,
  lrSchedulerType: 'linear',
  lrSchedulerKwargs: undefined,
  warmupSteps: 0,
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  momentum: 0,
  dampening: 0,
  nesterov: false,
  maxGradNorm: 1,
  layerwiseLearningRateDecay: 1,
  parameterGroups: undefined,
  labelSmoothingFactor: 0,
  classWeights: undefined,
  evalStrategy: 'no',
  evalSteps: undefined,
  evalOnStart: false,
  evalDelay: 0,
  loggingStrategy: 'steps',
  loggingSteps: 500,
  loggingFirstStep: false,
  includeNumInputTokensSeen: 'no',
  // Python: 'none'; here TensorBoard's files are written where loggingDir is given, as in the tutorial's generation.
  reportTo: undefined,
  loggingDir: undefined,
  runName: undefined,
  loggingHistograms: 'no', // not in Python
  disableTqdm: false,
  logLevel: 'passive',
  saveStrategy: 'steps',
  saveSteps: 500,
  saveTotalLimit: undefined,
  saveOnlyModel: false,
  resumeFromCheckpoint: undefined,
  loadBestModelAtEnd: false,
  metricForBestModel: undefined,
  greaterIsBetter: undefined,
  seed: 42,
  dataSeed: undefined,
  maxLength: undefined,
  truncation: true,
  tokenCache: 'auto',
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
    ['xyzzy', 'the options are outputDir, overwriteOutputDir, numTrainEpochs,'],
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
    ['eval_steps', 0, 'a whole number of at least 1, or a share of all steps between 0 and 1'],
    ['logging_steps', 2.5, 'a whole number of at least 1, or a share'],
    ['warmup_ratio', 1, 'a number of at least 0 and below 1'],
    ['group_by_length', 'yes', 'a boolean'],
    ['reportTo', 'tensorbord', "(did you mean 'tensorboard'?)"],
    ['classWeights', [1, -1], 'one number of at least 0 a class'],
    ['parameterGroups', [{ params: 'bert', lr: 1 }], 'a list of { params, learningRate?, weightDecay? }'],
    ['lrSchedulerKwargs', 'cycles', 'names with values'],
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

  test('every refused option is taken at the default that Python writes, says so once, and is refused otherwise', () => {
    const lines: string[] = [];
    const restore = configureLog({ sink: (_, line) => lines.push(line), level: 'info' });
    const atDefaults = Object.fromEntries(
      Object.entries(refusedOptions).map(([name, { fallback }]) => [name, fallback]),
    );
    expect({ ...make(atDefaults) }).toEqual(defaults);
    expect({ ...make({ fp16: null }) }).toEqual(defaults);
    restore();
    expect(lines[0]).toMatch(
      /^TrainingArguments: left out, since each stands at Python's default .*: fp16, fp16FullEval,/,
    );
    for (const [name, { fallback, hint }] of Object.entries(refusedOptions)) {
      const error = failure(() => make({ [name]: fallback === true ? false : 'x' }));
      expect(error.code, name).toBe('ERR_OPTION_REFUSED');
      expect(error.message, name).toBe(`[TrainingArguments] '${name}' has no meaning here; ${hint}`);
    }
  });

  test.each(Object.keys(refusedOptimizers))('refused: optim %s', (optim) => {
    const error = failure(() => make({ optim }));
    expect(error.code).toBe('ERR_OPTION_REFUSED');
    expect(error.message).toContain(`'optim' may not be '${optim}' here; use optim: 'adamw_torch', or 'sgd'`);
  });

  test("AdamW's spellings, booleans for names, lists as text", () => {
    for (const optim of ['adamw', 'adamw_torch_fused', 'adamw_torch', 'adamw_hf'])
      expect(make({ optim }).optim).toBe('adamw_torch');
    expect(make({ include_num_input_tokens_seen: true }).includeNumInputTokensSeen).toBe('all');
    expect(make({ include_num_input_tokens_seen: false }).includeNumInputTokensSeen).toBe('no');
    expect(make({ report_to: 'all' }).reportTo).toEqual(['tensorboard']);
    expect(make({ report_to: ['none'] }).reportTo).toEqual(['none']);
    expect(make({ resume_from_checkpoint: true }).resumeFromCheckpoint).toBe(true);
    expect(failure(() => make({ reportTo: ['tensorboard', 'wandb'] })).message).toContain(
      "'reportTo' may not be 'wandb'",
    );
  });

  test('names that say what other options are', () => {
    expect(make({ group_by_length: true }).trainSamplingStrategy).toBe('group_by_length');
    expect(make({ groupByLength: false }).trainSamplingStrategy).toBe('random');
    expect(make({ optim: 'sgd', optim_args: 'momentum=0.9, nesterov=true' })).toMatchObject({
      momentum: 0.9,
      nesterov: true,
    });
    expect(make({ optim: 'sgd', optimArgs: { dampening: 0.5 } }).dampening).toBe(0.5);
    expect(failure(() => make({ optimArgs: 'amsgrad=true' })).code).toBe('ERR_OPTION_VALUE');
    expect(failure(() => make({ optimArgs: { momentum: 0.9 }, momentum: 0.8 })).code).toBe('ERR_OPTION_TWICE');
    // What Python 4 writes: the share says nothing beside the steps.
    expect(make({ warmup_ratio: 0, warmup_steps: 500 }).warmupSteps).toBe(500);
  });

  test('what does not go together is refused when the arguments are made', () => {
    expect(failure(() => make({ momentum: 0.9 })).message).toBe(
      "[TrainingArguments] momentum, dampening and nesterov are numbers of SGD, got 'optim adamw_torch'; set optim: 'sgd', or leave them out",
    );
    expect(failure(() => make({ optim: 'sgd', nesterov: true })).message).toContain(
      'momentum above 0 and no dampening',
    );
    expect(failure(() => make({ adamBeta2: 1 })).message).toContain('beta2 does not fit');
    expect(failure(() => make({ reportTo: 'none,tensorboard' })).message).toContain(
      "'reportTo' says 'none' and something else",
    );
  });

  test('values with a form of their own come back from JSON', () => {
    const args = make({
      lrSchedulerType: 'cosine',
      lrSchedulerKwargs: { num_cycles: 2 },
      classWeights: '1,2.5',
      parameterGroups: [
        { params: ['bert', /\.bias$/i], learning_rate: 1e-4 },
        { params: '/^classifier/', weightDecay: 0 },
      ],
    });
    expect(args.lrSchedulerKwargs).toEqual({ numCycles: 2 });
    expect(args.classWeights).toEqual([1, 2.5]);
    expect(args.parameterGroups).toEqual([
      { params: ['bert', /\.bias$/i], learningRate: 1e-4 },
      { params: /^classifier/, weightDecay: 0 },
    ]);
    const json: unknown = JSON.parse(JSON.stringify(args));
    expect(json).toMatchObject({ parameter_groups: [{ params: ['bert', '/\\.bias$/i'], learning_rate: 1e-4 }, {}] });
    expect({ ...make(json as object) }).toEqual({ ...args });
    // A label's name is a name, whatever it looks like.
    const named = make({ classWeights: { notEqual: 1, is_equal: 2 } });
    expect({ ...make(JSON.parse(JSON.stringify(named)) as object) }).toEqual({ ...named });
  });

  test('every default passes its own check, and every option is described', () => {
    for (const [name, rule] of Object.entries(trainingOptions) as [string, OptionRule][]) {
      expect(rule.description, name).toMatch(/^[A-Z].*\.$/);
      const given = rule.fallback === undefined ? {} : { [name]: rule.fallback };
      expect(resolveOptions('test', { options: { [name]: rule } }, given)[name]).toBe(rule.fallback);
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
