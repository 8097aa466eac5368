import { remembered } from '../core/concurrency.ts';
import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Dataset, IterableDataset } from '../data/index.ts';
import type { PrepareOptions, Task } from '../tasks/task.ts';
import { inBatches } from './evaluation.ts';
import { FeatureStream } from './featureStream.ts';
import { firstRows, sampleStream } from './streamSample.ts';
import type { TrainingArguments } from './trainingArguments.ts';
import { countStream, StreamedRows, type TrainingRows, WholeRows } from './trainingRows.ts';

/** Rows that are in memory, or a stream of rows that are read as they are needed. */
export type TrainerDataset = Dataset | IterableDataset;

/** A data set's features: all of them, or what makes them as rows are read. */
export type PreparedSet = readonly unknown[] | FeatureStream;

/** Rows of a stream with an end in which labels are looked for, where training by steps may not come to that end: a second or so. */
const rowsLookedAt = 100_000;

/** Whether rows are read as they are needed. */
export function isStream(dataset: unknown): dataset is IterableDataset {
  return typeof dataset === 'object' && dataset !== null && 'loadStateDict' in dataset && 'setEpoch' in dataset;
}

/** Whether something is a data set, of either kind. */
export function isTrainerDataset(given: unknown): given is TrainerDataset {
  return isStream(given) || (typeof given === 'object' && given !== null && 'features' in given && 'column' in given);
}

/**
 * What can be refused of streams before anything is read; how a stream is ordered is said.
 * @throws ArgumentError ERR_MAX_STEPS for training on a stream that is not known to end, without `maxSteps`; ERR_STREAM for
 *   evaluation on such a stream, and for options that need all rows at hand.
 */
export function checkStreams(
  args: TrainingArguments,
  training: TrainerDataset | undefined,
  evaluation: Readonly<Record<string, TrainerDataset>>,
): void {
  for (const [name, dataset] of Object.entries(evaluation)) {
    if (isStream(dataset)) requireEnd(dataset, name === '' ? 'evalDataset' : `evalDataset['${name}']`);
  }
  if (!isStream(training)) return;
  if (args.trainSamplingStrategy === 'group_by_length') {
    throw new ArgumentError('ERR_STREAM', {
      owner: 'Trainer',
      what: "trainSamplingStrategy 'group_by_length' needs the lengths of all rows, and trainDataset is a stream",
      hint: 'leave it out, or load the data set without streaming',
    });
  }
  if (args.classWeights === 'balanced') throw balancedStream();
  if (args.maxSteps <= 0 && !training.isFinite) {
    throw new ArgumentError('ERR_MAX_STEPS', {
      owner: 'Trainer',
      what: 'trainDataset is a stream that is not known to end, so numTrainEpochs does not say how long training is',
      hint: 'set maxSteps, or give the stream an end: dataset.take(rows)',
    });
  }
  if (args.trainSamplingStrategy === 'random' && !training.isShuffled) {
    log.warn(
      'the stream is not shuffled: rows are trained on in its order; dataset.shuffle({ seed, bufferSize }) mixes them, anew in each epoch',
    );
  }
}

/** All features of a set. @throws ArgumentError ERR_STREAM for a stream, whose classes cannot be balanced. */
export function featuresAtHand(set: PreparedSet): readonly unknown[] {
  if (set instanceof FeatureStream) throw balancedStream();
  return set;
}

function balancedStream(): ArgumentError {
  return new ArgumentError('ERR_STREAM', {
    owner: 'Trainer',
    what: "classWeights 'balanced' needs the labels of all rows, and trainDataset is a stream",
    hint: 'give numbers, or load the data set without streaming',
  });
}

function requireEnd(dataset: IterableDataset, what: string): void {
  if (dataset.isFinite) return;
  throw new ArgumentError('ERR_STREAM', {
    owner: 'Trainer',
    what: `${what} is a stream that is not known to end`,
    hint: 'give it an end: dataset.take(rows)',
  });
}

/** A trainer's data sets, and the features of each: made when they are first asked for, and kept. */
export class TrainerData {
  readonly #args: TrainingArguments;
  readonly #training: TrainerDataset | undefined;
  readonly #evaluation: Readonly<Record<string, TrainerDataset>>;
  readonly #samples = new WeakMap<IterableDataset, Promise<Dataset>>();
  #trainingSet: Promise<PreparedSet> | undefined;
  #evaluationSets: Promise<ReadonlyMap<string, PreparedSet>> | undefined;

  constructor(
    args: TrainingArguments,
    training: TrainerDataset | undefined,
    evaluation: Readonly<Record<string, TrainerDataset>>,
  ) {
    this.#args = args;
    this.#training = training;
    this.#evaluation = evaluation;
  }

  /** Features are made anew: of another model. */
  forget(): void {
    this.#trainingSet = undefined;
    this.#evaluationSets = undefined;
  }

  /** @throws ArgumentError where there is no data set to train on; what `task.prepare` throws, and then it may be tried again. */
  trainingSet(task: Task): Promise<PreparedSet> {
    if (this.#training === undefined) throw missingDataset('training', 'trainDataset');
    if (this.#trainingSet === undefined) {
      const set = this.#prepare(task, this.#training, 'required', 'training');
      this.#trainingSet = set;
      set.catch(() => {
        this.#trainingSet = undefined;
      });
    }
    return this.#trainingSet;
  }

  /** The evaluation sets by name. */
  evaluationSets(task: Task): Promise<ReadonlyMap<string, PreparedSet>> {
    if (this.#evaluationSets === undefined) {
      const sets = this.#prepareEvaluation(task);
      this.#evaluationSets = sets;
      sets.catch(() => {
        this.#evaluationSets = undefined;
      });
    }
    return this.#evaluationSets;
  }

  async #prepareEvaluation(task: Task): Promise<ReadonlyMap<string, PreparedSet>> {
    const prepared = new Map<string, PreparedSet>();
    for (const [name, dataset] of Object.entries(this.#evaluation))
      prepared.set(name, await this.evaluationSet(task, dataset));
    return prepared;
  }

  /** A data set to be judged or asked about. @throws ArgumentError ERR_STREAM for a stream that is not known to end. */
  evaluationSet(
    task: Task,
    dataset: TrainerDataset,
    labels: PrepareOptions['labels'] = 'required',
  ): Promise<PreparedSet> {
    return this.#prepare(task, dataset, labels, 'evaluation');
  }

  /**
   * What a task may learn labels from, of the training data where there is some: the data set, or a sample of a stream's rows,
   * read once. A stream that is read to its end anyway is looked through to its end.
   */
  sampleFor(other: TrainerDataset): Promise<Dataset> {
    const [dataset, use] =
      this.#training === undefined ? ([other, 'evaluation'] as const) : ([this.#training, 'training'] as const);
    return isStream(dataset) ? this.#sampleOf(dataset, use) : Promise.resolve(dataset);
  }

  #sampleOf(dataset: IterableDataset, use: 'training' | 'evaluation'): Promise<Dataset> {
    return remembered(this.#samples, dataset, () => {
      const isReadWhole = use === 'evaluation' || this.#args.maxSteps <= 0;
      const mostRows = isReadWhole ? Number.POSITIVE_INFINITY : rowsLookedAt;
      return sampleStream(dataset, dataset.isFinite ? mostRows : firstRows);
    });
  }

  async #prepare(
    task: Task,
    dataset: TrainerDataset,
    labels: PrepareOptions['labels'],
    use: 'training' | 'evaluation',
  ): Promise<PreparedSet> {
    if (!isStream(dataset)) return task.prepare(dataset, { labels });
    if (use === 'evaluation') requireEnd(dataset, 'the data set to evaluate on');
    const features = dataset.features ?? (await this.#sampleOf(dataset, use)).features;
    return new FeatureStream(task, dataset, { labels, features });
  }
}

/** The error for a call that needs data. */
export function missingDataset(what: string, option: string): ArgumentError {
  return new ArgumentError('ERR_NO_DATASET', {
    owner: 'Trainer',
    what: `${what} needs a data set`,
    hint: `pass ${option}`,
  });
}

/** The rows that training goes through. Of a stream without `maxSteps` they are counted, in one pass that checks all of them. */
export async function trainingRowsOf(args: TrainingArguments, task: Task, set: PreparedSet): Promise<TrainingRows> {
  if (!(set instanceof FeatureStream)) return new WholeRows(args, task, set);
  if (args.maxSteps > 0) return new StreamedRows(args, set);
  log.info(
    'the stream is read through once to count and check its rows, as without maxSteps its length says when training ends',
  );
  return new StreamedRows(args, set, await countStream(task, set));
}

/** A set's features in batches; with `firstBatch` that one alone. */
export async function* batchesOf(
  set: PreparedSet,
  size: number,
  firstBatch = false,
): AsyncGenerator<readonly unknown[]> {
  for await (const batch of set instanceof FeatureStream ? set.batches(size) : inBatches(set, size)) {
    yield batch;
    if (firstBatch) return;
  }
}
