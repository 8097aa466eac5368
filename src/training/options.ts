import { ArgumentError, didYouMean } from '../core/errors.ts';
import { type ScheduleName, schedules } from './schedules.ts';

/** What an option's value may be. */
export type OptionKind =
  | { readonly type: 'string' }
  | { readonly type: 'boolean' }
  | { readonly type: 'integer' | 'number'; readonly min?: number; readonly max?: number; readonly above?: number }
  | { readonly type: 'choice'; readonly choices: readonly string[] };

/** All that is known about one option: what validates it, what makes its flag, and what documents it. */
export interface OptionRule {
  readonly kind: OptionKind;
  /** undefined where leaving it out means something of its own. */
  readonly fallback: string | number | boolean | undefined;
  readonly group: 'length' | 'batches' | 'optimizer' | 'evaluation and logging' | 'data' | 'machine';
  readonly description: string;
  /** Other names that are taken for it. */
  readonly aliases?: readonly string[];
}

const scheduleNames = Object.keys(schedules) as readonly ScheduleName[];
const intervals = ['no', 'steps', 'epoch'] as const;
const share = { type: 'number', min: 0, max: 1 } as const;
const count = { type: 'integer', min: 1 } as const;

/**
 * The training options: Hugging Face's TrainingArguments in camelCase, with its defaults. One table for validation, flags,
 * documentation and aliases; `TrainingArgumentsOptions` is its type, written by hand, and a type test holds them together.
 */
export const trainingOptions = {
  outputDir: {
    kind: { type: 'string' },
    fallback: undefined,
    group: 'evaluation and logging',
    description: 'Where the run leaves what it makes; checked for writing before the first step.',
  },
  numTrainEpochs: {
    kind: { type: 'number', above: 0 },
    fallback: 3,
    group: 'length',
    description: 'How often training goes through the data; may be a fraction.',
  },
  maxSteps: {
    kind: { type: 'integer', min: -1 },
    fallback: -1,
    group: 'length',
    description: 'The number of optimizer steps, in place of numTrainEpochs, where it is positive.',
  },
  perDeviceTrainBatchSize: {
    kind: count,
    fallback: 8,
    group: 'batches',
    description: 'Rows of a training batch.',
    aliases: ['trainBatchSize', 'batchSize'],
  },
  perDeviceEvalBatchSize: {
    kind: count,
    fallback: 8,
    group: 'batches',
    description: 'Rows of an evaluation batch.',
    aliases: ['evalBatchSize'],
  },
  gradientAccumulationSteps: {
    kind: count,
    fallback: 1,
    group: 'batches',
    description: 'Batches whose gradients add up to one optimizer step; equal to one batch of their size.',
  },
  learningRate: {
    kind: { type: 'number', min: 0 },
    fallback: 5e-5,
    group: 'optimizer',
    description: "AdamW's learning rate at its highest.",
  },
  lrSchedulerType: {
    kind: { type: 'choice', choices: scheduleNames },
    fallback: 'linear',
    group: 'optimizer',
    description: 'How the learning rate goes from the end of the warm-up to the end of training.',
  },
  warmupSteps: {
    kind: { type: 'number', min: 0 },
    fallback: 0,
    group: 'optimizer',
    description: 'Optimizer steps in which the learning rate rises from 0; a value below 1 is a share of all steps.',
    aliases: ['warmupRatio'],
  },
  weightDecay: {
    kind: { type: 'number', min: 0 },
    fallback: 0,
    group: 'optimizer',
    description: 'Decoupled weight decay, of all but biases and LayerNorm.',
  },
  adamBeta1: { kind: share, fallback: 0.9, group: 'optimizer', description: "AdamW's decay of the first moment." },
  adamBeta2: { kind: share, fallback: 0.999, group: 'optimizer', description: "AdamW's decay of the second moment." },
  adamEpsilon: {
    kind: { type: 'number', above: 0 },
    fallback: 1e-8,
    group: 'optimizer',
    description: "AdamW's epsilon.",
  },
  maxGradNorm: {
    kind: { type: 'number', min: 0 },
    fallback: 1,
    group: 'optimizer',
    description: 'Gradients are scaled down to this norm where theirs is larger; 0: never.',
  },
  evalStrategy: {
    kind: { type: 'choice', choices: intervals },
    fallback: 'no',
    group: 'evaluation and logging',
    description: 'When to evaluate while training.',
    aliases: ['evaluationStrategy'],
  },
  evalSteps: {
    kind: count,
    fallback: undefined,
    group: 'evaluation and logging',
    description: "Steps between evaluations under evalStrategy 'steps'; loggingSteps where left out.",
  },
  loggingStrategy: {
    kind: { type: 'choice', choices: intervals },
    fallback: 'steps',
    group: 'evaluation and logging',
    description: 'When to log the training loss.',
  },
  loggingSteps: {
    kind: count,
    fallback: 500,
    group: 'evaluation and logging',
    description: 'Steps between log lines.',
  },
  loggingFirstStep: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'evaluation and logging',
    description: 'Log the first step too.',
  },
  loggingDir: {
    kind: { type: 'string' },
    fallback: undefined,
    group: 'evaluation and logging',
    description: "Where TensorBoard's event files go; none are written where left out.",
  },
  seed: {
    kind: { type: 'integer', min: 0 },
    fallback: 42,
    group: 'length',
    description: 'Shuffling and dropout are pure functions of it.',
  },
  dataSeed: {
    kind: { type: 'integer', min: 0 },
    fallback: undefined,
    group: 'length',
    description: "Shuffling's own seed; seed where left out.",
  },
  maxLength: {
    kind: { type: 'integer', min: 3 },
    fallback: undefined,
    group: 'data',
    description: "Tokens of a row at most; the model's limit where left out.",
    aliases: ['maxSeqLength'],
  },
  truncation: {
    kind: { type: 'boolean' },
    fallback: true,
    group: 'data',
    description: 'Cut longer rows (their number is said once); else they are an error.',
  },
  bf16: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'machine',
    description:
      'Compute training steps in bfloat16, which needs OpenVINO and a processor that has it; weights stay float32.',
  },
  cacheFrozenFeatures: {
    kind: { type: 'boolean' },
    fallback: true,
    group: 'machine',
    description: 'Compute what frozen parameters give once a row, and train on that.',
  },
  dataloaderDropLast: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'batches',
    description: 'Leave out the last, smaller batch of an epoch.',
  },
} as const satisfies Readonly<Record<string, OptionRule>>;

/** Options of Hugging Face's that have no meaning here: what to do instead. */
const refused: Readonly<Record<string, string>> = {
  fp16: 'use bf16, or leave it out: training is float32 then',
  fsdp: 'one process trains one whole model here; leave it out',
  deepspeed: 'one process trains one whole model here; leave it out',
  tf32: 'it is a switch of NVIDIA GPUs; leave it out',
  useCpu: 'everything runs on the CPU here; leave it out',
  noCuda: 'everything runs on the CPU here; leave it out',
  pushToHub: 'save the model and upload its folder',
};

/**
 * Checks options against a table and fills in what is left out; null, as in JSON, is left out too. snake_case names and
 * aliases are taken.
 * @throws ArgumentError for an unknown name (with a suggestion), a wrong type or a value out of range.
 */
export function resolveOptions(
  owner: string,
  table: Readonly<Record<string, OptionRule>>,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const byAlias = new Map(
    Object.entries(table).flatMap(([name, { aliases = [] }]) => aliases.map((alias) => [alias, name] as const)),
  );
  const resolved: Record<string, unknown> = Object.fromEntries(
    Object.entries(table).map(([name, { fallback }]) => [name, fallback]),
  );
  const sources = new Map<string, string>();
  for (const [written, value] of Object.entries(given)) {
    const camel = written.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const name = byAlias.get(camel) ?? camel;
    if (!Object.hasOwn(table, name))
      throw unknownOption(owner, written, camel, [...Object.keys(table), ...byAlias.keys()]);
    if (value === undefined || value === null) continue;
    const earlier = sources.get(name);
    if (earlier !== undefined) {
      throw new ArgumentError('ERR_OPTION_TWICE', {
        owner,
        what: `'${written}' and '${earlier}' are the same option`,
        hint: 'leave one of them out',
      });
    }
    sources.set(name, written);
    checkValue(owner, written, table[name].kind, value);
    resolved[name] = value;
  }
  return resolved;
}

function unknownOption(owner: string, written: string, camel: string, known: readonly string[]): ArgumentError {
  if (Object.hasOwn(refused, camel)) {
    return new ArgumentError('ERR_OPTION_REFUSED', {
      owner,
      what: `'${written}' has no meaning here`,
      hint: refused[camel],
    });
  }
  const near = didYouMean(camel, known);
  return new ArgumentError('ERR_UNKNOWN_OPTION', {
    owner,
    what: `there is no option '${written}'`,
    hint: near === undefined ? `the options are ${known.join(', ')}` : `did you mean '${near}'?`,
  });
}

function checkValue(owner: string, name: string, kind: OptionKind, value: unknown): void {
  const fail = (expected: string): never => {
    throw new ArgumentError('ERR_OPTION_VALUE', { owner, what: `'${name}' has a wrong value`, got: value, expected });
  };
  if (kind.type === 'choice') {
    if (kind.choices.includes(value as string)) return;
    const near = typeof value === 'string' ? didYouMean(value, kind.choices) : undefined;
    fail(`one of ${kind.choices.join(', ')}${near === undefined ? '' : ` (did you mean '${near}'?)`}`);
  } else if (kind.type === 'integer' || kind.type === 'number') {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, above = Number.NEGATIVE_INFINITY } = kind;
    const fits =
      typeof value === 'number' &&
      Number.isFinite(value) &&
      (kind.type === 'number' || Number.isInteger(value)) &&
      value >= min &&
      value <= max &&
      value > above;
    if (fits) return;
    const bounds = [
      Number.isFinite(min) && `of at least ${min}`,
      Number.isFinite(above) && `above ${above}`,
      Number.isFinite(max) && `of at most ${max}`,
    ].filter((bound) => bound !== false);
    fail(`${kind.type === 'integer' ? 'a whole number' : 'a number'} ${bounds.join(' and ')}`.trim());
  } else if (typeof value !== kind.type) fail(`a ${kind.type}`);
}
