import type { OptionPhrase, OptionRule, OptionTable } from './optionRules.ts';
import { readClassWeights, readNamedValues } from './optionValues.ts';
import { readParameterGroups } from './parameterGroups.ts';
import { refusedOptimizers, refusedOptions } from './refusedOptions.ts';
import { scheduleNames } from './schedules.ts';

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
    differs: 'There is no default: without it nothing is saved. Python makes trainer_output.',
  },
  overwriteOutputDir: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'evaluation and logging',
    description: 'Train though a run stands in outputDir already; its checkpoints go.',
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
  earlyStoppingPatience: {
    kind: count,
    fallback: undefined,
    group: 'length',
    description:
      'Stop after so many evaluations in a row without a better metricForBestModel; never where left out. Python has a callback for it.',
  },
  earlyStoppingThreshold: {
    kind: { type: 'number', min: 0 },
    fallback: 0,
    group: 'length',
    description: 'How much better counts as better for earlyStoppingPatience.',
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
  autoFindBatchSize: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'batches',
    description: 'Where memory runs out, try again with smaller batches and as many more of them.',
    differs: 'A step keeps its rows: smaller batches are accumulated. Python trains on with smaller steps.',
  },
  trainSamplingStrategy: {
    kind: {
      type: 'choice',
      choices: ['random', 'sequential', 'group_by_length'],
      refused: { batch_rebalance: "there is one process to balance; use 'group_by_length'" },
    },
    fallback: 'random',
    group: 'batches',
    description:
      'The order of rows: shuffled each epoch, as they stand, or rows of like length together (which gains little here, since nothing is padded).',
    differs: 'There is no batch_rebalance, which is for several processes.',
  },
  dataloaderDropLast: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'batches',
    description: 'Leave out the last, smaller batch of an epoch.',
  },
  optim: {
    kind: {
      type: 'choice',
      choices: ['adamw_torch', 'sgd'],
      also: {
        adamw: 'adamw_torch',
        adamw_hf: 'adamw_torch',
        adamw_torch_fused: 'adamw_torch',
        adamw_torch_xla: 'adamw_torch',
        adamw_torch_npu_fused: 'adamw_torch',
      },
      refused: refusedOptimizers,
    },
    fallback: 'adamw_torch',
    group: 'optimizer',
    description: "The optimizer: AdamW under any of Python's names for it, or stochastic gradient descent.",
    differs: "AdamW and SGD only. The default is adamw_torch, whose numbers are those of Python's adamw_torch_fused.",
  },
  learningRate: {
    kind: { type: 'number', min: 0 },
    fallback: 5e-5,
    group: 'optimizer',
    description: 'The learning rate at its highest.',
  },
  lrSchedulerType: {
    kind: {
      type: 'choice',
      choices: scheduleNames,
      refused: {
        greedy: "use 'reduce_lr_on_plateau', or 'linear' with loadBestModelAtEnd",
      },
    },
    fallback: 'linear',
    group: 'optimizer',
    description:
      'How the learning rate goes from the end of the warm-up to the end of training; with reduce_lr_on_plateau it falls where evaluations no longer become better by metricForBestModel, or by the loss.',
    differs:
      'Without greedy. reduce_lr_on_plateau lowers all parameter groups together: its minLr and eps are held against learningRate.',
  },
  lrSchedulerKwargs: {
    kind: {
      type: 'custom',
      expected: 'names with values, as { numCycles: 2 } or numCycles=2',
      placeholder: 'name=value,…',
      read: readNamedValues,
    },
    fallback: undefined,
    group: 'optimizer',
    description:
      "The schedule's own numbers: numCycles, lrEnd, power, timescale, minLr, minLrRate, warmupLrRate, numDecaySteps, numStableSteps, warmupType, decayType, minLrRatio; of reduce_lr_on_plateau mode (min, as in Python, or max), factor, patience, threshold, thresholdMode, cooldown, minLr, eps.",
  },
  warmupSteps: {
    kind: { type: 'number', min: 0 },
    fallback: 0,
    group: 'optimizer',
    description: 'Optimizer steps in which the learning rate rises from 0; a value below 1 is a share of all steps.',
  },
  weightDecay: {
    kind: { type: 'number', min: 0 },
    fallback: 0,
    group: 'optimizer',
    description: "Weight decay of all but biases and LayerNorm: AdamW's decoupled one, or SGD's added to the gradient.",
  },
  adamBeta1: { kind: share, fallback: 0.9, group: 'optimizer', description: "AdamW's decay of the first moment." },
  adamBeta2: { kind: share, fallback: 0.999, group: 'optimizer', description: "AdamW's decay of the second moment." },
  adamEpsilon: {
    kind: { type: 'number', above: 0 },
    fallback: 1e-8,
    group: 'optimizer',
    description: "AdamW's epsilon.",
  },
  momentum: { kind: share, fallback: 0, group: 'optimizer', description: "SGD's momentum." },
  dampening: { kind: share, fallback: 0, group: 'optimizer', description: "SGD's dampening of the momentum." },
  nesterov: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'optimizer',
    description: "Nesterov's form of SGD's momentum.",
  },
  maxGradNorm: {
    kind: { type: 'number', min: 0 },
    fallback: 1,
    group: 'optimizer',
    description: 'Gradients are scaled down to this norm where theirs is larger; 0: never.',
  },
  layerwiseLearningRateDecay: {
    kind: { type: 'number', above: 0, max: 1 },
    fallback: 1,
    group: 'optimizer',
    description:
      'Each layer learns at the rate of the one above it times this: the head at learningRate, the embeddings slowest.',
  },
  parameterGroups: {
    kind: {
      type: 'custom',
      expected: 'a list of { params, learningRate?, weightDecay? } with a glob or regular expression as params',
      placeholder: 'json',
      read: readParameterGroups,
    },
    fallback: undefined,
    group: 'optimizer',
    description:
      'Parameters with a learning rate or weight decay of their own, by name: globs or regular expressions, the first that fits counts.',
  },
  labelSmoothingFactor: {
    kind: share,
    fallback: 0,
    group: 'loss',
    description: "The share of each label's weight that is spread evenly over all classes.",
  },
  classWeights: {
    kind: {
      type: 'custom',
      expected: "'balanced', one number of at least 0 a class, or numbers by label name",
      placeholder: "'balanced' or numbers",
      read: readClassWeights,
    },
    fallback: undefined,
    group: 'loss',
    description:
      "How much each class counts in the loss: numbers in the order of the label ids or by label name, or 'balanced' (rows ÷ (classes × the class's rows)).",
  },
  evalStrategy: {
    kind: { type: 'choice', choices: intervals },
    fallback: 'no',
    group: 'evaluation and logging',
    description: 'When to evaluate while training.',
    aliases: ['evaluationStrategy'],
  },
  evalSteps: {
    kind: { type: 'steps' },
    fallback: undefined,
    group: 'evaluation and logging',
    description: "Steps between evaluations under evalStrategy 'steps'; loggingSteps where left out.",
  },
  evalOnStart: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'evaluation and logging',
    description: 'Evaluate before the first step too.',
  },
  evalDelay: {
    kind: { type: 'number', min: 0 },
    fallback: 0,
    group: 'evaluation and logging',
    description: 'No evaluation before so many steps or epochs, as evalStrategy counts.',
  },
  loggingStrategy: {
    kind: { type: 'choice', choices: intervals },
    fallback: 'steps',
    group: 'evaluation and logging',
    description: 'When to log the training loss.',
  },
  loggingSteps: {
    kind: { type: 'steps' },
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
  includeNumInputTokensSeen: {
    kind: { type: 'choice', choices: ['no', 'all', 'non_padding'], also: { false: 'no', true: 'all' } },
    fallback: 'no',
    group: 'evaluation and logging',
    description: 'Log the number of tokens trained on so far; nothing is padded, so all are real.',
    differs: 'all and non_padding are the same: nothing is padded.',
  },
  reportTo: {
    kind: {
      type: 'list',
      choices: ['none', 'tensorboard', 'csv', 'jsonl'],
      also: { all: 'tensorboard' },
      refused: Object.fromEntries(
        [
          'azure_ml',
          'clearml',
          'codecarbon',
          'comet_ml',
          'dagshub',
          'dvclive',
          'flyte',
          'mlflow',
          'neptune',
          'swanlab',
          'trackio',
          'wandb',
        ].map((name) => [
          name,
          "use 'tensorboard', whose files it reads, 'csv' or 'jsonl', or pass a callback that sends the log on",
        ]),
      ),
    },
    fallback: undefined,
    group: 'evaluation and logging',
    description:
      "Who is told of a run: 'tensorboard', 'csv', 'jsonl' (files in loggingDir, or in outputDir/runs), or 'none'; where left out, TensorBoard if loggingDir is given.",
    differs: "TensorBoard, CSV and JSON Lines; where left out, as loggingDir says. Python's default is none.",
  },
  loggingDir: {
    kind: { type: 'string' },
    fallback: undefined,
    group: 'evaluation and logging',
    description: 'Where the files of reportTo go; none are written where left out, unless reportTo asks for them.',
    differs: 'Without it, and without reportTo, no files are written; Python 4 always wrote to outputDir/runs.',
  },
  runName: {
    kind: { type: 'string' },
    fallback: undefined,
    group: 'evaluation and logging',
    description: "The run's name: TensorBoard shows its curves under it, from a folder of that name in loggingDir.",
    differs: "Names a folder of TensorBoard's files; Python gives it to trackers.",
  },
  loggingHistograms: {
    kind: { type: 'choice', choices: ['no', 'gradients', 'weights', 'all'] },
    fallback: 'no',
    group: 'evaluation and logging',
    description:
      'Histograms for TensorBoard, every loggingSteps: of gradients (before they are clipped), of weights, or of both. Python has none.',
  },
  disableTqdm: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'evaluation and logging',
    description: 'No progress bar of the command; the library has none.',
    differs: "Python's default depends on logLevel.",
  },
  logLevel: {
    kind: {
      type: 'choice',
      choices: ['passive', 'debug', 'info', 'warning', 'error'],
      also: { warn: 'warning', critical: 'error' },
    },
    fallback: 'passive',
    group: 'evaluation and logging',
    description: 'From which level on the log speaks; passive leaves it as it is.',
    differs: 'critical is error; errors themselves are thrown.',
  },
  saveStrategy: {
    kind: { type: 'choice', choices: ['no', 'steps', 'epoch', 'best'] },
    fallback: 'steps',
    group: 'checkpoints',
    description: 'When to save a checkpoint in outputDir; nothing is saved without one.',
  },
  saveSteps: {
    kind: { type: 'steps' },
    fallback: 500,
    group: 'checkpoints',
    description: "Steps between checkpoints under saveStrategy 'steps'.",
  },
  saveTotalLimit: {
    kind: count,
    fallback: undefined,
    group: 'checkpoints',
    description: 'Checkpoints kept at most; the newest and the best are never deleted.',
  },
  saveOnlyModel: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'checkpoints',
    description: "Leave the optimizer's state out of checkpoints, which cannot be resumed then.",
  },
  resumeFromCheckpoint: {
    kind: { type: 'string', orBoolean: true },
    fallback: undefined,
    group: 'checkpoints',
    description: 'Go on from this checkpoint; true: from the newest in outputDir.',
    differs: 'true is taken too, for the newest checkpoint.',
  },
  loadBestModelAtEnd: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'checkpoints',
    description: 'End with the weights of the best checkpoint by metricForBestModel.',
  },
  metricForBestModel: {
    kind: { type: 'string' },
    fallback: undefined,
    group: 'checkpoints',
    description: "The metric that says which checkpoint is best, with or without 'eval_'; the loss where left out.",
  },
  greaterIsBetter: {
    kind: { type: 'boolean' },
    fallback: undefined,
    group: 'checkpoints',
    description: "Whether more of metricForBestModel is better; where left out, unless its name ends in 'loss'.",
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
  tokenCache: {
    kind: { type: 'choice', choices: ['auto', 'on', 'off'] },
    fallback: 'auto',
    group: 'data',
    description:
      'Keep tokens on disk for further runs over the same rows: where it saves a second (from 16 MB of texts on), always, or never.',
    differs: 'Python’s datasets keeps what map makes, always.',
  },
  bf16: {
    kind: { type: 'boolean' },
    fallback: false,
    group: 'machine',
    description:
      'Compute training steps in bfloat16, which needs OpenVINO and a processor that has it; weights stay float32.',
    differs: 'Through OpenVINO; weights and what is not a product stay float32.',
  },
  cacheFrozenFeatures: {
    kind: { type: 'boolean' },
    fallback: true,
    group: 'machine',
    description: 'Compute what frozen parameters give once a row, and train on that.',
  },
} as const satisfies Readonly<Record<string, OptionRule>>;

/** Names of Hugging Face's that say what some of the options above are. */
export const trainingPhrases = {
  groupByLength: {
    meaning: "trainSamplingStrategy: 'group_by_length'",
    expected: 'a boolean',
    read: (value) =>
      typeof value !== 'boolean' ? undefined : value ? { trainSamplingStrategy: 'group_by_length' } : {},
  },
  warmupRatio: {
    meaning: 'warmupSteps, as a share of all steps',
    expected: 'a number of at least 0 and below 1',
    // 0, Python's default beside a number of steps, says nothing.
    read: (value) =>
      typeof value !== 'number' || !(value >= 0 && value < 1) ? undefined : value === 0 ? {} : { warmupSteps: value },
  },
  optimArgs: {
    meaning: 'momentum, dampening and nesterov, as momentum=0.9,nesterov=true',
    expected: 'momentum, dampening or nesterov with values, as momentum=0.9,nesterov=true',
    read: (value) => {
      const values = readNamedValues(value);
      const known =
        values !== undefined &&
        Object.keys(values).every((name) => ['momentum', 'dampening', 'nesterov'].includes(name));
      return known ? values : undefined;
    },
  },
} as const satisfies Readonly<Record<string, OptionPhrase>>;

/** All that {@link TrainingArguments} knows of its options. */
export const trainingTable: OptionTable = {
  options: trainingOptions,
  phrases: trainingPhrases,
  refused: refusedOptions,
};
