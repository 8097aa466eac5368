import { DataError } from '../core/errors.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { Task } from '../tasks/task.ts';
import type { FeatureStream, PartPlace, StreamPart } from './featureStream.ts';
import type { Position } from './position.ts';
import { tokenChecksum } from './runRecord.ts';
import { trainingSampler } from './sampling.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** Where a stream of training rows stands, as a checkpoint holds it. */
export interface StreamPlace extends PartPlace {
  /** Features of the part that begins there which are trained on already. */
  readonly taken: number;
}

/** The rows of a step. */
export interface StepRows<Feature> {
  readonly features: readonly Feature[];
  /** Their numbers in the data, from 0. */
  readonly numbers: ArrayLike<number>;
}

/** The rows that training goes through, in their order: all at hand, or read as they are needed. */
export interface TrainingRows<Feature = unknown> {
  /** How many an epoch has; undefined where only the end of a stream will tell. */
  readonly examples: number | undefined;
  /** Tells other data from the same: a checksum of all tokens, where all were seen. */
  readonly data: string;
  /** The token sequences of all rows, where they are at hand. */
  sequences(): readonly TokenSequence[];
  /** The rows of the step at a position; none where the epoch is over. The same until {@link moveOn}. */
  next(position: Position): Promise<StepRows<Feature>>;
  /** The features of the step after the one that {@link next} gave, of the same epoch, without reading for it: none where they are not at hand. */
  following(position: Position): readonly Feature[];
  /** The step is done: the position moves behind its rows. @returns whether the epoch is known to be over. */
  moveOn(position: Position): Promise<boolean>;
}

/** The rows of a step by the arguments. */
function stepRowsOf(args: TrainingArguments): number {
  return args.perDeviceTrainBatchSize * args.gradientAccumulationSteps;
}

/** Rows that are all in memory, in the order of the sampler that `trainSamplingStrategy` names. */
export class WholeRows<Feature> implements TrainingRows<Feature> {
  readonly examples: number;
  readonly data: string;
  readonly #args: TrainingArguments;
  readonly #task: Task<Feature>;
  readonly #features: readonly Feature[];
  readonly #sampler: ReturnType<typeof trainingSampler>;
  #order: { readonly epoch: number; readonly rows: Uint32Array } | undefined;

  constructor(args: TrainingArguments, task: Task<Feature>, features: readonly Feature[]) {
    this.#args = args;
    this.#task = task;
    this.#features = features;
    this.#sampler = trainingSampler(args, task, features);
    this.examples = features.length;
    const checksum = tokenChecksum();
    checksum.add(this.sequences());
    this.data = checksum.value();
  }

  sequences(): readonly TokenSequence[] {
    return this.#task.sequences(this.#features);
  }

  next({ epoch, batch }: Position): Promise<StepRows<Feature>> {
    return Promise.resolve(this.#rowsAt(epoch, batch));
  }

  following({ epoch, batch }: Position): readonly Feature[] {
    return this.#rowsAt(epoch, batch + this.#args.gradientAccumulationSteps).features;
  }

  #rowsAt(epoch: number, batch: number): StepRows<Feature> {
    if (this.#order?.epoch !== epoch) this.#order = { epoch, rows: this.#sampler.order(epoch) };
    const start = batch * this.#args.perDeviceTrainBatchSize;
    const numbers = this.#order.rows.subarray(start, Math.min(start + stepRowsOf(this.#args), this.#usable));
    return { features: Array.from(numbers, (row) => this.#features[row]), numbers };
  }

  moveOn(position: Position): Promise<boolean> {
    const batches = Math.ceil(this.#usable / this.#args.perDeviceTrainBatchSize);
    position.batch = Math.min(position.batch + this.#args.gradientAccumulationSteps, batches);
    return Promise.resolve(position.batch >= batches);
  }

  /** Rows that an epoch trains on. */
  get #usable(): number {
    const { dataloaderDropLast, perDeviceTrainBatchSize: size } = this.#args;
    return dataloaderDropLast ? this.examples - (this.examples % size) : this.examples;
  }
}

/**
 * Rows of a stream in its own order: a part of it is in memory, and the next is read when that is used up. Each epoch is a pass
 * of its own. The place in the position says where a resumed run reads on; without one, rows before the position are read and left.
 */
export class StreamedRows<Feature> implements TrainingRows<Feature> {
  readonly examples: number | undefined;
  readonly data: string;
  readonly #args: TrainingArguments;
  readonly #stream: FeatureStream<Feature>;
  #pass: AsyncGenerator<StreamPart<Feature>> | undefined;
  #epoch: number | undefined;
  #isAtEnd = false;
  /** Parts with features that are not trained on yet; the last one stays until another comes, so that there is always a place. */
  #parts: { readonly part: StreamPart<Feature>; taken: number }[] = [];
  /** Features to be left out before the next part. */
  #skip = 0;
  /** Why the stream cannot be read on. */
  #failure: { readonly error: unknown } | undefined;

  /** @param known what a pass through the whole stream has found. */
  constructor(
    args: TrainingArguments,
    stream: FeatureStream<Feature>,
    known?: { readonly examples: number; readonly data: string } | undefined,
  ) {
    this.#args = args;
    this.#stream = stream;
    this.examples = known?.examples;
    this.data = known?.data ?? 'a stream';
  }

  sequences(): readonly TokenSequence[] {
    return [];
  }

  async next(position: Position): Promise<StepRows<Feature>> {
    await this.#goTo(position);
    const wanted = stepRowsOf(this.#args);
    await this.#fill(wanted);
    const features: Feature[] = [];
    const numbers: number[] = [];
    const count = Math.min(wanted, this.#usable);
    for (const { part, taken } of this.#parts) {
      const end = Math.min(part.features.length, taken + count - features.length);
      for (let i = taken; i < end; i++) {
        features.push(part.features[i]);
        numbers.push(part.place.features + i);
      }
    }
    return { features, numbers };
  }

  following(): readonly Feature[] {
    const wanted = stepRowsOf(this.#args);
    // Fewer than a step has may be made up by what is still to be read.
    if (this.#left < 2 * wanted) return [];
    const features: Feature[] = [];
    let skip = wanted;
    for (const { part, taken } of this.#parts) {
      const start = Math.min(taken + skip, part.features.length);
      skip -= start - taken;
      features.push(...part.features.slice(start, start + wanted - features.length));
    }
    return features;
  }

  async moveOn(position: Position): Promise<boolean> {
    const { perDeviceTrainBatchSize: size } = this.#args;
    const count = Math.min(stepRowsOf(this.#args), this.#usable);
    this.#take(count);
    position.batch += Math.ceil(count / size);
    this.#tellPlace(position);
    try {
      // So much there must be for another step.
      await this.#fill(this.#args.dataloaderDropLast ? size : 1);
    } catch (error) {
      // This step is done, and what is due behind it comes first: the next one cannot be.
      this.#failure = { error };
      return false;
    }
    this.#tellPlace(position);
    return this.#usable === 0;
  }

  async #goTo(position: Position): Promise<void> {
    if (this.#epoch === position.epoch) return;
    await this.#pass?.return(undefined);
    const { stream: place, epoch } = position;
    this.#epoch = epoch;
    this.#parts = [];
    this.#isAtEnd = false;
    this.#pass = this.#stream.parts(epoch, place);
    this.#skip = place?.taken ?? position.batch * this.#args.perDeviceTrainBatchSize;
    // With batches of another size than the run had before, the place is still that.
    if (place !== undefined)
      position.batch = Math.ceil((place.features + place.taken) / this.#args.perDeviceTrainBatchSize);
  }

  /** Reads on until there are `count` features that are not trained on, or the stream ends. */
  async #fill(count: number): Promise<void> {
    while (!this.#isAtEnd && this.#left < count) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const { value: part, done } = await this.#pass!.next();
      if (done) {
        this.#isAtEnd = true;
        return;
      }
      const taken = Math.min(this.#skip, part.features.length);
      this.#skip -= taken;
      this.#parts.push({ part, taken });
      this.#take(0);
    }
  }

  #take(count: number): void {
    let left = count;
    for (const each of this.#parts) {
      const here = Math.min(left, each.part.features.length - each.taken);
      each.taken += here;
      left -= here;
    }
    while (this.#parts.length > 1 && this.#parts[0].taken === this.#parts[0].part.features.length) this.#parts.shift();
  }

  #tellPlace(position: Position): void {
    const [first] = this.#parts;
    if (first !== undefined) position.stream = { ...first.part.place, taken: first.taken };
  }

  /** Features at hand that are not trained on. */
  get #left(): number {
    return this.#parts.reduce((sum, { part, taken }) => sum + part.features.length - taken, 0);
  }

  /** Those of them that will be trained on: a last batch that is not full may be dropped. */
  get #usable(): number {
    const left = this.#left;
    return this.#isAtEnd && this.#args.dataloaderDropLast ? left - (left % this.#args.perDeviceTrainBatchSize) : left;
  }
}

/**
 * Goes through a stream once: how many features it has, and a checksum of its tokens. So everything in it is checked, too.
 * @throws DataError where it has none, or a row is wrong.
 */
export async function countStream<Feature>(
  task: Task<Feature>,
  stream: FeatureStream<Feature>,
): Promise<{ readonly examples: number; readonly data: string }> {
  const checksum = tokenChecksum();
  let examples = 0;
  for await (const { features } of stream.parts(0)) {
    examples += features.length;
    checksum.add(task.sequences(features));
  }
  if (examples === 0)
    throw new DataError('ERR_NO_ROWS', { owner: 'Trainer', what: 'the stream has no rows to train on' });
  return { examples, data: checksum.value() };
}
