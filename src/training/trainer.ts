import { joinPath, writeAtomic } from '#platform/files';
import { allEnded } from '../core/concurrency.ts';
import { ArgumentError, RunError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { LossFunction } from '../models/loss.ts';
import { withTokenCache } from '../tasks/cachedTask.ts';
import type { EvalPrediction, Metrics, Task } from '../tasks/task.ts';
import { type TrainableModel, taskFor, taskNameOf, tasks } from '../tasks/taskFor.ts';
import { resolveTaskOptions } from '../tasks/taskOptions.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { CallbackHandler } from './callbacks.ts';
import { checkpointFile } from './checkpointFiles.ts';
import type { Checkpoints } from './checkpoints.ts';
import { evaluateFeatures } from './evaluation.ts';
import { logEvent } from './eventLog.ts';
import { type TrainingEvent, TrainingRun } from './events.ts';
import { trainingLoop } from './loop.ts';
import { lossFor, weighClasses } from './losses.ts';
import { optimizerFor, warnOfReplaced } from './optimizers.ts';
import { parameterSettings } from './parameterSettings.ts';
import { planTraining } from './plan.ts';
import { checkRun, findCheckpoint, prepareRun } from './prepareRun.ts';
import { applyLogLevel, reportersOf } from './reporting.ts';
import { type BestRun, hyperparameterSearch } from './search/hyperparameterSearch.ts';
import type { HyperparameterSearchOptions } from './search/searchOptions.ts';
import {
  batchesOf,
  checkStreams,
  featuresAtHand,
  isStream,
  missingDataset,
  type PreparedSet,
  TrainerData,
  type TrainerDataset,
  trainingRowsOf,
} from './trainerData.ts';
import { checkTrainerOptions, type EvalDataset, namedSets, type TrainerOptions } from './trainerOptions.ts';
import { TrainerControl, TrainerState } from './trainerState.ts';
import { TrainingArguments } from './trainingArguments.ts';

export type { TrainerDataset } from './trainerData.ts';
export type { EvalDataset, TrainerOptions } from './trainerOptions.ts';

/** What long calls take. */
interface CallOptions {
  /** Ends the call between two batches, with the signal's reason as its error. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Trainer.evaluate} takes. */
interface EvaluateOptions extends CallOptions {
  /** Called with the answers that the metrics were computed from, of each evaluation set. */
  readonly onPrediction?: ((prediction: EvalPrediction) => void) | undefined;
}

/** What {@link Trainer.train} takes. */
interface TrainOptions extends CallOptions {
  readonly resumeFromCheckpoint?: boolean | string | undefined;
}

/** What {@link Trainer.predict} gives (Hugging Face's `PredictionOutput`). */
export interface PredictionOutput extends EvalPrediction {
  readonly metrics: Metrics;
}

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
  readonly #evalSets: Readonly<Record<string, TrainerDataset>>;
  readonly #data: TrainerData;
  #state = new TrainerState();
  #isTraining = false;
  #callbacks: CallbackHandler | undefined;
  #checkpoints: Checkpoints | undefined;
  /** In place of the head's own; known with the task. */
  #loss: LossFunction | undefined;

  /** @throws ArgumentError for a missing model or an unknown option. */
  constructor(options: TrainerOptions) {
    checkTrainerOptions(options);
    this.#model = options.model;
    this.args = options.args instanceof TrainingArguments ? options.args : new TrainingArguments(options.args);
    applyLogLevel(this.args);
    this.#options = options;
    this.#tokenizer = options.tokenizer;
    this.#evalSets = namedSets(options.evalDataset);
    this.#data = new TrainerData(this.args, options.trainDataset, this.#evalSets);
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
    this.#data.forget();
    this.#model = await modelInit();
    if (before !== this.#model) await before?.dispose();
  }

  /** How far the run under way is, or the last one came. */
  get state(): TrainerState {
    return this.#state;
  }

  /**
   * Trains the model on `trainDataset`. Everything that can fail late is checked before the first step.
   * @param options.signal stops the run between two steps; the model keeps the weights of the last, and a checkpoint of it
   * is saved where checkpoints are.
   * @param options.resumeFromCheckpoint goes on from a checkpoint as if the run had never stopped: its directory, or true
   * for the newest in `outputDir`. Default: the argument of this name.
   * @returns a promise of the result that is also an async iterable of events. It is rejected with a RunError
   * ERR_TRAINING_UNDER_WAY while an earlier run has not ended.
   */
  train(options: TrainOptions = {}): TrainingRun {
    const listeners = [logEvent, this.#options.onEvent].filter((listener) => listener !== undefined);
    return new TrainingRun(this.#trainAlone(options), listeners);
  }

  /** Two runs at once would train the same weights, and each would be told of the other's. */
  async *#trainAlone(options: TrainOptions): AsyncGenerator<TrainingEvent> {
    if (this.#isTraining) {
      throw new RunError('ERR_TRAINING_UNDER_WAY', {
        owner: 'Trainer.train',
        what: 'this trainer is training already',
        hint: 'await the run under way, or stop it by its signal, before the next',
      });
    }
    this.#isTraining = true;
    try {
      yield* this.#train(options);
    } finally {
      this.#isTraining = false;
    }
  }

  async *#train(options: TrainOptions): AsyncGenerator<TrainingEvent> {
    const { args } = this;
    const { trainDataset, callbacks = [] } = this.#options;
    const { signal, resumeFromCheckpoint = args.resumeFromCheckpoint } = options;
    const hasEvaluation = Object.keys(this.#evalSets).length > 0;
    if (trainDataset === undefined) throw missingDataset('train', 'trainDataset');
    if (args.evalStrategy !== 'no' && !hasEvaluation) throw missingDataset('evalStrategy', 'evalDataset');
    if (args.evalOnStart && !hasEvaluation) throw missingDataset('evalOnStart', 'evalDataset');
    checkStreams(args, trainDataset, this.#evalSets);
    const reporters = reportersOf(args);
    const [ownOptimizer, schedule] = this.#options.optimizers ?? [];
    await checkRun(args, hasEvaluation, { ownSchedule: schedule !== undefined });
    const checkpoint = await findCheckpoint(args, resumeFromCheckpoint);
    await this.#initModel();
    const task = await this.#taskFor(trainDataset);
    const optimizer = ownOptimizer ?? optimizerFor(args);
    warnOfReplaced(args, { optimizer: ownOptimizer !== undefined, schedule: schedule !== undefined });
    const { model } = this;
    const makeRows = async () => {
      const rows = await trainingRowsOf(args, task, await this.#data.trainingSet(task));
      // Also where they are used only after training, so that bad rows are known before the work is done.
      if (hasEvaluation) await this.#data.evaluationSets(task);
      return rows;
    };
    // Rows are tokenized on this thread while the engine compiles on another.
    const [program, rows] = await allEnded([
      model.prepareTraining({
        optimizer,
        parameters: parameterSettings(args, [...model.parameters.keys()]),
        loss: this.#loss,
        accumulate: args.gradientAccumulationSteps > 1 || args.autoFindBatchSize,
        // Of a stream there is no telling which rows will come again.
        cacheFrozenFeatures: args.cacheFrozenFeatures && !isStream(trainDataset),
        ...(args.bf16 ? { precision: 'bf16' as const } : {}),
      }),
      makeRows(),
    ]);
    const plan = planTraining(args, rows.examples, schedule);
    if (plan.warmupSteps >= plan.totalSteps) {
      log.warn(
        `the warm-up of ${plan.warmupSteps} steps does not end within the ${plan.totalSteps} steps of training: the learning rate never reaches ${args.learningRate}`,
      );
    }
    const evaluating = hasEvaluation && (args.evalStrategy !== 'no' || args.evalOnStart);
    log.info(`what is trained:\n${model.describeTrainableParameters()}`);
    const run = await prepareRun({
      model,
      args,
      plan,
      task,
      rows,
      program,
      callbacks: [...reporters, ...callbacks],
      evaluate: evaluating ? (how) => this.#evaluateSets(task, { signal }, how?.firstBatch) : undefined,
      saveModel: (directory) => this.saveModel(directory),
      checkpoint,
      signal,
    });
    this.#state = run.loop.state;
    this.#callbacks = run.loop.callbacks;
    this.#checkpoints = run.checkpoints;
    yield* this.#events(
      {
        type: 'begin',
        examples: rows.examples,
        epochs: plan.epochs,
        totalSteps: plan.totalSteps,
        warmupSteps: plan.warmupSteps,
        batchSize: args.perDeviceTrainBatchSize * args.gradientAccumulationSteps,
        parameters: model.numParameters,
        trainedParameters: model.numTrainableParameters,
        ...(checkpoint === undefined ? {} : { resumedFrom: run.loop.state.globalStep }),
      },
      trainingLoop(run.loop),
    );
  }

  async *#events(begin: TrainingEvent, loop: AsyncIterable<TrainingEvent>): AsyncGenerator<TrainingEvent> {
    yield begin;
    yield* loop;
  }

  /**
   * Metrics on a data set with labels, `evalDataset` by default: `eval_loss`, the task's own, and speeds. Of several sets by
   * name they are `eval_<name>_loss` and so on.
   */
  async evaluate(dataset?: EvalDataset, options: EvaluateOptions = {}): Promise<Metrics> {
    const sets = dataset === undefined ? this.#evalSets : namedSets(dataset);
    const [first] = Object.values(sets);
    if (first === undefined) throw missingDataset('evaluate', 'evalDataset');
    const task = await this.#taskFor(first);
    if (dataset === undefined || dataset === this.#options.evalDataset) return this.#evaluateSets(task, options);
    let metrics: Metrics = {};
    for (const [name, data] of Object.entries(sets)) {
      const set = await this.#data.evaluationSet(task, data);
      metrics = { ...metrics, ...(await this.#ask(task, set, prefixOf(name), options)).metrics };
    }
    return metrics;
  }

  /**
   * The names of the metrics that {@link evaluate} gives for `evalDataset`, from the first batch of each set: so what is to be
   * asked of a run can be checked before it.
   */
  async metricNames(): Promise<string[]> {
    const [first] = Object.values(this.#evalSets);
    if (first === undefined) throw missingDataset('metricNames', 'evalDataset');
    const task = await this.#taskFor(first);
    // Some metrics have no value on few rows; then all are asked.
    const metrics = await this.#evaluateSets(task, {}, true).catch(() => this.#evaluateSets(task, {}));
    return Object.keys(metrics);
  }

  /** Metrics on all of `evalDataset`, or on the first batch of each set. */
  async #evaluateSets(task: Task, options: EvaluateOptions, firstBatch = false): Promise<Metrics> {
    let metrics: Metrics = {};
    for (const [name, set] of await this.#data.evaluationSets(task))
      metrics = { ...metrics, ...(await this.#ask(task, set, prefixOf(name), options, firstBatch)).metrics };
    return metrics;
  }

  /** The model's answers on a data set, whose labels may be missing; with labels, metrics under `test_` too. */
  async predict(dataset: TrainerDataset, options: CallOptions = {}): Promise<PredictionOutput> {
    if (dataset === undefined) throw missingDataset('predict', 'a data set');
    const task = await this.#taskFor(dataset);
    const set = await this.#data.evaluationSet(task, dataset, 'optional');
    const { evaluator, metrics } = await this.#ask(task, set, 'test', options);
    await this.#handler().call('onPredict', { metrics });
    return { ...evaluator.prediction(), metrics };
  }

  /**
   * Trains many models with other options and tells which are best; the trainer's own model stays as it is. `best.args` are
   * the arguments for the final model.
   *
   * @example
   * const best = await trainer.hyperparameterSearch({ hpSpace: { learningRate: logUniform(1e-5, 1e-4) }, nTrials: 20 });
   * await new Trainer({ model, args: best.args, trainDataset }).train();
   */
  hyperparameterSearch(options: HyperparameterSearchOptions = {}): Promise<BestRun> {
    const own = { ...this.#options, tokenizer: this.#tokenizer };
    return hyperparameterSearch({ options: own, args: this.args, make: (parts) => new Trainer(parts) }, options);
  }

  /** Writes `trainer_state.json` of the run as it stands into `outputDir`: with it, the whole log. */
  async saveState(): Promise<void> {
    const { outputDir } = this.args;
    if (this.#checkpoints === undefined || outputDir === undefined) {
      throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
        owner: 'Trainer.saveState',
        what: 'there is no run that leaves checkpoints',
        hint: 'set outputDir, and train first',
      });
    }
    await writeAtomic(joinPath(outputDir, checkpointFile.state), this.#checkpoints.stateText());
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
    set: PreparedSet,
    prefix: string,
    { signal, onPrediction }: EvaluateOptions,
    firstBatch = false,
  ) {
    const { computeMetrics } = this.#options;
    const onBatch = () => this.#handler().call('onPredictionStep');
    const loss = this.#loss;
    const keepAnswers = onPrediction !== undefined;
    const how = { prefix, computeMetrics, loss, signal, onBatch, keepAnswers };
    const batches = batchesOf(set, this.args.perDeviceEvalBatchSize, firstBatch);
    const asked = await evaluateFeatures(this.model, task, batches, how);
    onPrediction?.(asked.evaluator.prediction());
    return asked;
  }

  /** The callbacks of the run under way or of the last; before any, of none. */
  #handler(): CallbackHandler {
    const parts = { args: this.args, state: this.#state, control: new TrainerControl(), model: this.model };
    return this.#callbacks ?? new CallbackHandler(this.#options.callbacks ?? [], parts);
  }

  /** The task, made once, from the training data or else the first data set that it is asked about. */
  #taskFor(dataset: TrainerDataset): Promise<Task> {
    if (this.#task === undefined) {
      const task = this.#makeTask(dataset);
      this.#task = task;
      // What failed may be tried again with other data.
      task.catch(() => {
        this.#task = undefined;
      });
    }
    return this.#task;
  }

  async #makeTask(dataset: TrainerDataset): Promise<Task> {
    if (this.#model === undefined) await this.#initModel();
    const { maxLength, truncation, seed } = this.args;
    const name = taskNameOf(this.model);
    const own = resolveTaskOptions(name, tasks[name].options, { ...this.#options.taskOptions });
    const tokenizer = await this.#findTokenizer();
    const options = { ...own, columns: this.#options.columns, maxLength, truncation, seed };
    const source = { tokenizer, options, model: this.model, choice: this.args.tokenCache };
    const task = withTokenCache(taskFor(this.model, tokenizer, options), source);
    await task.adapt(await this.#data.sampleFor(dataset));
    const labels = this.model.config.id2label;
    this.#loss = lossFor(this.args, this.#options.computeLossFunc, labels.length);
    return await weighClasses(task, this.args, labels, async () => featuresAtHand(await this.#data.trainingSet(task)));
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

/** Of one set, `eval`; of one of several, `eval_<name>`. */
function prefixOf(name: string): string {
  return name === '' ? 'eval' : `eval_${name}`;
}
