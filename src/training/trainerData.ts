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
  if (args.trainSamplingStrategy === 'random')
    log.info(
      'training rows come as the stream gives them: its own shuffle({ seed, bufferSize }) says their order, not trainSamplingStrategy',
    );
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

/** Makes features of data sets, and of streams what makes them. */
export class DataPreparation {
  readonly #samples = new WeakMap<IterableDataset, Promise<Dataset>>();
  readonly #args: TrainingArguments;

  constructor(args: TrainingArguments) {
    this.#args = args;
  }

  /**
   * What a task may learn labels from: the data set, or a sample of a stream's rows, read once. The whole stream is looked
   * through where it is read to its end anyway.
   */
  sampleOf(dataset: TrainerDataset, use: 'training' | 'evaluation'): Promise<Dataset> {
    if (!isStream(dataset)) return Promise.resolve(dataset);
    let sample = this.#samples.get(dataset);
    if (sample === undefined) {
      const isReadWhole = use === 'evaluation' || this.#args.maxSteps <= 0;
      sample = sampleStream(
        dataset,
        !dataset.isFinite ? firstRows : isReadWhole ? Number.POSITIVE_INFINITY : rowsLookedAt,
      );
      this.#samples.set(dataset, sample);
      // What failed may be tried again.
      sample.catch(() => this.#samples.delete(dataset));
    }
    return sample;
  }

  /** All features of a data set, or a stream of them. @throws DataError, with the row; of a stream when it is read. */
  async prepare(
    task: Task,
    dataset: TrainerDataset,
    { labels, use, name }: Pick<PrepareOptions, 'labels'> & { use: 'training' | 'evaluation'; name: string },
  ): Promise<PreparedSet> {
    if (!isStream(dataset)) return task.prepare(dataset, { labels });
    if (use === 'evaluation') requireEnd(dataset, name);
    const features = dataset.features ?? (await this.sampleOf(dataset, use)).features;
    return new FeatureStream(task, dataset, { labels, features });
  }
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
