import type { ModelBatch } from '../models/programs.ts';
import type { Task } from '../tasks/task.ts';
import type { TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** What batches are made with. */
export interface BatchMaking<Feature> {
  readonly args: TrainingArguments;
  readonly task: Task<Feature>;
  readonly state: TrainerState;
}

interface Made<Feature> {
  readonly epoch: number;
  readonly features: readonly Feature[];
  /** `state.trainBatchSize` as it was. */
  readonly size: number;
  readonly batches: readonly ModelBatch[];
}

/**
 * Makes each step's batches: rows laid out as the model takes them, with labels and what is drawn for them. Those of the step
 * that follows may be made while the engine runs; a batch is a function of its rows, the seed and the epoch, so it is the same
 * whenever it is made. Where the next step turns out to be another one they are thrown away.
 */
export class StepBatches<Feature> {
  readonly #making: BatchMaking<Feature>;
  #ahead: Made<Feature> | undefined;

  constructor(making: BatchMaking<Feature>) {
    this.#making = making;
  }

  /** The batches of a step over these rows: at most `state.trainBatchSize` rows each, cut where the arguments' batches end. */
  of(epoch: number, features: readonly Feature[]): readonly ModelBatch[] {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead !== undefined && this.#isFor(ahead, epoch, features) ? ahead.batches : this.#make(epoch, features);
  }

  /**
   * Waits for `run`, and makes the batches of the step that follows meanwhile, unless the run has ended by then. What is wrong
   * with these rows is thrown when their own step comes to them.
   */
  async during<T>(run: Promise<T>, epoch: number, following: readonly Feature[]): Promise<T> {
    if (following.length === 0 || this.#ahead !== undefined) return await run;
    // Not at once: the run itself is not handed to the engine before this turn of the event loop ends.
    const timer = setTimeout(() => {
      try {
        this.#ahead = {
          epoch,
          features: following,
          size: this.#making.state.trainBatchSize,
          batches: this.#make(epoch, following),
        };
      } catch {
        this.#ahead = undefined;
      }
    }, 0);
    try {
      return await run;
    } finally {
      clearTimeout(timer);
    }
  }

  #isFor(made: Made<Feature>, epoch: number, features: readonly Feature[]): boolean {
    return (
      made.epoch === epoch &&
      made.size === this.#making.state.trainBatchSize &&
      made.features.length === features.length &&
      made.features.every((feature, i) => feature === features[i])
    );
  }

  #make(epoch: number, features: readonly Feature[]): ModelBatch[] {
    const { args, task, state } = this.#making;
    const batches: ModelBatch[] = [];
    for (let start = 0; start < features.length; start += args.perDeviceTrainBatchSize) {
      const end = Math.min(start + args.perDeviceTrainBatchSize, features.length);
      for (let first = start; first < end; first += state.trainBatchSize) {
        const picked = features.slice(first, Math.min(first + state.trainBatchSize, end));
        batches.push(task.batch(picked, { seed: args.seed, epoch, firstSample: first }));
      }
    }
    return batches;
  }
}
