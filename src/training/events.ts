import type { Metrics } from '../tasks/task.ts';

/** What happens while a model is trained. Steps are optimizer steps, counted from 1. */
export type TrainingEvent =
  | {
      readonly type: 'begin';
      /** undefined for a stream whose length is not known. */
      readonly examples: number | undefined;
      /** Of such a stream `Number.MAX_SAFE_INTEGER`: as many as the steps need. */
      readonly epochs: number;
      readonly totalSteps: number;
      readonly warmupSteps: number;
      readonly batchSize: number;
      readonly parameters: number;
      /** How many of them are trained. */
      readonly trainedParameters: number;
      /** Of a run that goes on from a checkpoint: the step after which it does. */
      readonly resumedFrom?: number;
    }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly totalSteps: number;
      /** In epochs: 1.5 is the middle of the second. */
      readonly epoch: number;
      /** This step's mean loss. */
      readonly loss: number;
      readonly gradientNorm: number;
      readonly learningRate: number;
      /** Real tokens that the step computed. */
      readonly tokens: number;
    }
  | {
      readonly type: 'log';
      readonly step: number;
      readonly epoch: number;
      /** The mean loss of the steps since the last log. */
      readonly loss: number;
      readonly gradientNorm: number;
      readonly learningRate: number;
      /** Real tokens of all steps so far, where `includeNumInputTokensSeen` asks for it. */
      readonly tokensSeen?: number;
    }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly epoch: number;
      readonly metrics: Metrics;
      /** The mean training loss of the steps since the evaluation before; none before the first step. */
      readonly trainingLoss?: number;
    }
  | {
      readonly type: 'save';
      readonly step: number;
      readonly epoch: number;
      /** Of the checkpoint. */
      readonly directory: string;
      readonly bytes: number;
      /** How many checkpoints of the run there are now, and their bytes. */
      readonly checkpoints: number;
      readonly bytesOfAll: number;
      readonly reason: SaveReason;
    }
  | { readonly type: 'end'; readonly result: TrainOutput };

/** Why a checkpoint is written: it was due, or the run breaks off there, stopped by a signal or by an error. */
export type SaveReason = 'due' | 'interrupted' | 'failed';

/** What a training run comes to (Hugging Face's `TrainOutput`). */
export interface TrainOutput {
  readonly globalStep: number;
  /** The mean loss of all steps. */
  readonly trainingLoss: number;
  /** `train_runtime` (seconds), `train_samples_per_second`, `train_steps_per_second`, `train_loss`, `epoch`. */
  readonly metrics: Metrics;
}

/**
 * A training run under way: a promise of its result that is also an async iterable of what happens. The run goes on
 * whether or not anyone iterates; an iteration sees every event from the beginning of the run.
 */
export class TrainingRun implements Promise<TrainOutput>, AsyncIterable<TrainingEvent> {
  readonly [Symbol.toStringTag] = 'TrainingRun';
  readonly #result: Promise<TrainOutput>;
  readonly #events: TrainingEvent[] = [];
  #wake: () => void = () => undefined;
  #changed: Promise<void>;
  #ended = false;

  constructor(events: AsyncIterable<TrainingEvent>, listeners: readonly ((event: TrainingEvent) => void)[]) {
    this.#changed = this.#nextChange();
    this.#result = this.#pump(events, listeners);
  }

  async #pump(
    events: AsyncIterable<TrainingEvent>,
    listeners: readonly ((event: TrainingEvent) => void)[],
  ): Promise<TrainOutput> {
    try {
      let result: TrainOutput | undefined;
      for await (const event of events) {
        for (const listen of listeners) listen(event);
        this.#events.push(event);
        if (event.type === 'end') result = event.result;
        this.#signal();
      }
      return result!;
    } finally {
      this.#ended = true;
      this.#signal();
    }
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #signal(): void {
    const wake = this.#wake;
    this.#changed = this.#nextChange();
    wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<TrainingEvent> {
    // Whoever iterates gets the error here, so the promise itself may stay unobserved.
    this.#result.catch(() => undefined);
    for (let next = 0; ; next++) {
      while (next === this.#events.length) {
        if (this.#ended) {
          await this.#result;
          return;
        }
        await this.#changed;
      }
      yield this.#events[next];
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is a promise
  then<A = TrainOutput, B = never>(
    fulfilled?: ((value: TrainOutput) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#result.then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<TrainOutput | B> {
    return this.#result.catch(rejected);
  }

  finally(settled?: (() => void) | null): Promise<TrainOutput> {
    return this.#result.finally(settled);
  }
}
