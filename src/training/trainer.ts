import { ensureWritableDirectory } from '#platform/files';
import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Dataset } from '../data/index.ts';
import type { Optimizer } from '../engine/optimizers.ts';
import type { LossFunction } from '../models/loss.ts';
import type { EvalPrediction, Evaluator, Metrics, Task, TaskSettings } from '../tasks/task.ts';
import { type TrainableModel, taskFor, taskNameOf, tasks } from '../tasks/taskFor.ts';
import { resolveTaskOptions } from '../tasks/taskOptions.ts';
import type { ColumnNames } from '../tasks/textColumns.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { logEvent } from './eventLog.ts';
import { type TrainingEvent, TrainingRun } from './events.ts';
import { trainingLoop } from './loop.ts';
import { lossFor, weighClasses } from './losses.ts';
import { optimizerFor, parameterSettings } from './optimizers.ts';
import { planTraining } from './plan.ts';
import type { Schedule } from './schedules.ts';
import { TensorBoardLog } from './tensorBoardLog.ts';
import { TrainingArguments, type TrainingArgumentsOptions } from './trainingArguments.ts';

/** What a {@link Trainer} is made of (Hugging Face's names). */
export interface TrainerOptions {
  /** What is trained; or give `modelInit`. */
  readonly model?: TrainableModel | undefined;
  /** Makes the model: anew for every `train()`, as a search over several runs needs. The one before is disposed of. */
  readonly modelInit?: (() => TrainableModel | Promise<TrainableModel>) | undefined;
  /** A plain object is taken too. */
  readonly args?: TrainingArguments | TrainingArgumentsOptions | undefined;
  readonly trainDataset?: Dataset | undefined;
  readonly evalDataset?: Dataset | undefined;
  /** Default: the tokenizer that stands where the model came from. */
  readonly tokenizer?: BertTokenizer | undefined;
  /** Which columns hold text and label; those left out are found, and said in the log. */
  readonly columns?: ColumnNames | undefined;
  /** What the model's task alone can be told, such as `docStride` for question answering. */
  readonly taskOptions?: TaskSettings | undefined;
  /** The loss in place of the head's own, in ops of `fettle/nn` over symbolic values; see {@link LossFunction}. */
  readonly computeLossFunc?: LossFunction | undefined;
  /** Optimizer (`adamW({ … })`, `sgd({ … })`) and schedule (a function of the step) in place of those of `args`. */
  readonly optimizers?: readonly [Optimizer | undefined, Schedule?] | undefined;
  /** Replaces the task's own metrics. Names get the prefix `eval_`. */
  readonly computeMetrics?: ((prediction: EvalPrediction) => Metrics) | undefined;
  /** Called with every event of a run. */
  readonly onEvent?: ((event: TrainingEvent) => void) | undefined;
}

/** What long calls take. */
interface CallOptions {
  /** Ends the call between two batches, with the signal's reason as its error. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Trainer.predict} gives (Hugging Face's `PredictionOutput`). */
export interface PredictionOutput extends EvalPrediction {
  readonly metrics: Metrics;
}

const optionNames = [
  'model',
  'modelInit',
  'args',
  'trainDataset',
  'evalDataset',
  'tokenizer',
  'columns',
  'taskOptions',
  'computeLossFunc',
  'optimizers',
  'computeMetrics',
  'onEvent',
];

/**
 * Trains, evaluates and asks a model over data sets (Hugging Face's class of the same name). It tokenizes by itself: the
 * tokenizer is the model's, the text columns are the task's to find.
 *
 * @example
 * const trainer = new Trainer({ model, args, trainDataset: dataset['train'], evalDataset: dataset['validation'] });
 * await trainer.train();
 * console.log(await trainer.evaluate());
 */
export class Trainer {
  #model: TrainableModel | undefined;
  readonly args: TrainingArguments;
  readonly #options: TrainerOptions;
  #task: Promise<Task> | undefined;
  #tokenizer: BertTokenizer | undefined;
  #trainFeatures: Promise<readonly unknown[]> | undefined;
  #evalFeatures: Promise<readonly unknown[]> | undefined;
  /** In place of the head's own; known with the task. */
  #loss: LossFunction | undefined;

  /** @throws ArgumentError for a missing model or an unknown option. */
  constructor(options: TrainerOptions) {
    for (const name of Object.keys(options)) {
      if (optionNames.includes(name)) continue;
      const near = didYouMean(name, optionNames);
      throw new ArgumentError('ERR_UNKNOWN_OPTION', {
        owner: 'Trainer',
        what: `there is no option '${name}'`,
        hint: near === undefined ? `the options are ${optionNames.join(', ')}` : `did you mean '${near}'?`,
      });
    }
    if ((options.model === undefined) === (options.modelInit === undefined)) {
      throw new ArgumentError('ERR_NO_MODEL', {
        owner: 'Trainer',
        what: options.model === undefined ? 'there is no model' : 'there are two models: model and modelInit',
        hint:
          options.model === undefined
            ? 'pass model: await BertForSequenceClassification.fromPretrained(…)'
            : 'leave one of them out',
      });
    }
    for (const name of ['trainDataset', 'evalDataset'] as const) {
      const given: unknown = options[name];
      if (given === undefined || (typeof given === 'object' && given !== null && 'features' in given)) continue;
      throw new ArgumentError('ERR_DATASET', {
        owner: 'Trainer',
        what: `${name} is no data set`,
        got: Array.isArray(given) ? `an array of ${given.length}` : given,
        hint: 'make one: Dataset.fromRows(rows), or loadDataset(…)',
      });
    }
    this.#model = options.model;
    this.args = options.args instanceof TrainingArguments ? options.args : new TrainingArguments(options.args);
    this.#options = options;
    this.#tokenizer = options.tokenizer;
  }

  /** The model; of `modelInit`, the latest. @throws ArgumentError before `modelInit` has made one. */
  get model(): TrainableModel {
    if (this.#model !== undefined) return this.#model;
    throw new ArgumentError('ERR_NO_MODEL', {
      owner: 'Trainer.model',
      what: 'modelInit has not made a model yet',
      hint: 'await train(), evaluate() or predict() first',
    });
  }

  /** Makes a new model by `modelInit`; what was made of the one before goes. */
  async #initModel(): Promise<void> {
    const { modelInit } = this.#options;
    if (modelInit === undefined) return;
    const before = this.#model;
    this.#task = undefined;
    this.#trainFeatures = undefined;
    this.#evalFeatures = undefined;
    this.#model = await modelInit();
    if (before !== this.#model) await before?.dispose();
  }

  /**
   * Trains the model on `trainDataset`. Everything that can fail late is checked before the first step.
   * @param options.signal stops the run between two steps; the model keeps the weights of the last.
   * @returns a promise of the result that is also an async iterable of events.
   */
  train(options: CallOptions = {}): TrainingRun {
    const listeners = [logEvent, this.#options.onEvent].filter((listener) => listener !== undefined);
    return new TrainingRun(this.#train(options.signal), listeners);
  }

  async *#train(signal: AbortSignal | undefined): AsyncGenerator<TrainingEvent> {
    const { args } = this;
    const { trainDataset } = this.#options;
    if (trainDataset === undefined) throw missingDataset('train', 'trainDataset');
    if (args.evalStrategy !== 'no' && this.#options.evalDataset === undefined)
      throw missingDataset('evalStrategy', 'evalDataset');
    for (const directory of [args.outputDir, args.loggingDir])
      if (directory !== undefined) await ensureWritableDirectory(directory);
    await this.#initModel();
    const task = await this.#taskFor(trainDataset);
    const features = await this.#trainingFeatures(task);
    const [optimizer = optimizerFor(args), schedule] = this.#options.optimizers ?? [];
    const plan = planTraining(args, features.length, schedule);
    if (plan.warmupSteps >= plan.totalSteps) {
      log.warn(
        `the warm-up of ${plan.warmupSteps} steps does not end within the ${plan.totalSteps} steps of training: the learning rate never reaches ${args.learningRate}`,
      );
    }
    const evaluating = this.#options.evalDataset !== undefined && args.evalStrategy !== 'no';
    if (evaluating) await this.#evaluationFeatures(task);
    const program = await this.model.prepareTraining({
      optimizer,
      parameters: parameterSettings(args, [...this.model.parameters.keys()]),
      loss: this.#loss,
      accumulate: args.gradientAccumulationSteps > 1,
      cacheFrozenFeatures: args.cacheFrozenFeatures,
      ...(args.bf16 ? { precision: 'bf16' as const } : {}),
    });
    await program.computeFrozenFeatures(task.sequences(features));
    // Only now, so that a run that is refused leaves no file.
    const board = args.loggingDir === undefined ? undefined : await TensorBoardLog.open(args.loggingDir);
    const events = this.#events(
      {
        type: 'begin',
        examples: features.length,
        epochs: plan.epochs,
        totalSteps: plan.totalSteps,
        warmupSteps: plan.warmupSteps,
        batchSize: args.perDeviceTrainBatchSize * args.gradientAccumulationSteps,
        parameters: this.model.numParameters,
        trainedParameters: this.model.numTrainableParameters,
      },
      trainingLoop({
        args,
        plan,
        task,
        features,
        program,
        evaluate: evaluating ? () => this.evaluate(undefined, { signal }) : undefined,
        signal,
      }),
    );
    for await (const event of events) {
      await board?.write(event);
      yield event;
    }
  }

  async *#events(begin: TrainingEvent, loop: AsyncIterable<TrainingEvent>): AsyncGenerator<TrainingEvent> {
    yield begin;
    yield* loop;
  }

  /** Metrics on a data set with labels, `evalDataset` by default: `eval_loss`, the task's own, and speeds. */
  async evaluate(dataset?: Dataset, options: CallOptions = {}): Promise<Metrics> {
    const data = dataset ?? this.#options.evalDataset;
    if (data === undefined) throw missingDataset('evaluate', 'evalDataset');
    const task = await this.#taskFor(data);
    const features =
      data === this.#options.evalDataset
        ? await this.#evaluationFeatures(task)
        : await task.prepare(data, { labels: 'required' });
    return (await this.#ask(task, features, 'eval', options.signal)).metrics;
  }

  /** The model's answers on a data set, whose labels may be missing; with labels, metrics under `test_` too. */
  async predict(dataset: Dataset, options: CallOptions = {}): Promise<PredictionOutput> {
    if (dataset === undefined) throw missingDataset('predict', 'a data set');
    const task = await this.#taskFor(dataset);
    const features = await task.prepare(dataset, { labels: 'optional' });
    const { evaluator, metrics } = await this.#ask(task, features, 'test', options.signal);
    return { ...evaluator.prediction(), metrics };
  }

  /** Writes model and tokenizer as Python's `from_pretrained` loads them; to `outputDir` by default. */
  async saveModel(directory = this.args.outputDir): Promise<void> {
    if (directory === undefined) {
      throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
        owner: 'Trainer.saveModel',
        what: 'there is no directory to save to',
        hint: 'pass one, or set outputDir',
      });
    }
    // First, so that a model without one is not half saved.
    const tokenizer = await this.#findTokenizer();
    await this.model.savePretrained(directory);
    await tokenizer.savePretrained(directory);
  }

  async #ask(
    task: Task,
    features: readonly unknown[],
    prefix: 'eval' | 'test',
    signal: AbortSignal | undefined,
  ): Promise<{ evaluator: Evaluator<unknown>; metrics: Metrics }> {
    if (features.length === 0) {
      throw new DataError('ERR_NO_ROWS', {
        owner: prefix === 'eval' ? 'Trainer.evaluate' : 'Trainer.predict',
        what: 'the data set has no rows',
      });
    }
    const size = this.args.perDeviceEvalBatchSize;
    const { computeMetrics } = this.#options;
    const evaluator = task.evaluator({ keepAnswers: prefix === 'test' || computeMetrics !== undefined });
    const started = performance.now();
    let lossSum = 0;
    let counted = 0;
    let labelled = true;
    for (let start = 0; start < features.length; start += size) {
      signal?.throwIfAborted();
      const rows = features.slice(start, start + size);
      const batch = task.batch(rows);
      const outputs = await this.model.run(batch, 'packed', this.#loss);
      if (outputs['loss'] === undefined) labelled = false;
      // A batch may have labels that count nothing: words that are all cut off.
      else if (batch.count > 0) {
        lossSum += Number(outputs['loss'].data[0]) * batch.count;
        counted += batch.count;
      }
      evaluator.add(outputs, rows);
    }
    const seconds = (performance.now() - started) / 1000;
    labelled &&= counted > 0;
    const loss = labelled ? lossSum / counted : undefined;
    const own = !labelled
      ? {}
      : computeMetrics === undefined
        ? evaluator.metrics(loss)
        : computeMetrics(evaluator.prediction());
    const metrics = {
      ...(loss === undefined ? {} : { loss }),
      ...own,
      runtime: seconds,
      samples_per_second: features.length / seconds,
      steps_per_second: Math.ceil(features.length / size) / seconds,
    };
    return {
      evaluator,
      metrics: Object.fromEntries(
        Object.entries(metrics).map(([name, value]) => [
          name.startsWith(`${prefix}_`) ? name : `${prefix}_${name}`,
          value,
        ]),
      ),
    };
  }

  /** The task, made once, from the first data set that it is asked about. */
  #taskFor(dataset: Dataset): Promise<Task> {
    if (this.#task === undefined) {
      const task = this.#makeTask(this.#options.trainDataset ?? dataset);
      this.#task = task;
      // What failed may be tried again with other data.
      task.catch(() => {
        this.#task = undefined;
      });
    }
    return this.#task;
  }

  async #makeTask(dataset: Dataset): Promise<Task> {
    if (this.#model === undefined) await this.#initModel();
    const { maxLength, truncation, seed } = this.args;
    const name = taskNameOf(this.model);
    const own = resolveTaskOptions(name, tasks[name].options, { ...this.#options.taskOptions });
    const task = taskFor(this.model, await this.#findTokenizer(), {
      ...own,
      columns: this.#options.columns,
      maxLength,
      truncation,
      seed,
    });
    await task.adapt(dataset);
    const labels = this.model.config.id2label;
    this.#loss = lossFor(this.args, this.#options.computeLossFunc, labels.length);
    return await weighClasses(task, this.args, labels, () => this.#trainingFeatures(task));
  }

  #trainingFeatures(task: Task): Promise<readonly unknown[]> {
    if (this.#options.trainDataset === undefined) throw missingDataset('training', 'trainDataset');
    if (this.#trainFeatures === undefined) {
      const features = task.prepare(this.#options.trainDataset, { labels: 'required' });
      this.#trainFeatures = features;
      features.catch(() => {
        this.#trainFeatures = undefined;
      });
    }
    return this.#trainFeatures;
  }

  #evaluationFeatures(task: Task): Promise<readonly unknown[]> {
    if (this.#evalFeatures === undefined) {
      const features = task.prepare(this.#options.evalDataset!, { labels: 'required' });
      this.#evalFeatures = features;
      features.catch(() => {
        this.#evalFeatures = undefined;
      });
    }
    return this.#evalFeatures;
  }

  async #findTokenizer(): Promise<BertTokenizer> {
    if (this.#tokenizer !== undefined) return this.#tokenizer;
    const { source } = this.model;
    if (source === undefined) {
      throw new ArgumentError('ERR_NO_TOKENIZER', {
        owner: 'Trainer',
        what: 'the model was not loaded from a place that could hold its tokenizer',
        hint: 'pass tokenizer',
      });
    }
    this.#tokenizer = await BertTokenizer.fromPretrained(source);
    log.info(`tokenizer: from ${source}, where the model came from`);
    return this.#tokenizer;
  }
}

function missingDataset(what: string, option: string): ArgumentError {
  return new ArgumentError('ERR_NO_DATASET', {
    owner: 'Trainer',
    what: `${what} needs a data set`,
    hint: `pass ${option}`,
  });
}
