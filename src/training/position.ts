import type { JsonObject } from './trainerState.ts';
import type { StreamPlace } from './trainingRows.ts';

/** The losses since the last log line, since the last evaluation, and of the whole run. */
export class LossMeter {
  #sum = 0;
  #steps = 0;
  #evaluationSum = 0;
  #evaluationSteps = 0;
  #total = 0;
  #allSteps = 0;

  add(loss: number): void {
    this.#sum += loss;
    this.#steps++;
    this.#evaluationSum += loss;
    this.#evaluationSteps++;
    this.#total += loss;
    this.#allSteps++;
  }

  /** The mean since it was last taken. */
  takeMean(): number {
    const mean = this.#sum / this.#steps;
    this.#sum = 0;
    this.#steps = 0;
    return mean;
  }

  /** The mean since the last evaluation; undefined where there was no step. */
  takeMeanSinceEvaluation(): number | undefined {
    if (this.#evaluationSteps === 0) return undefined;
    const mean = this.#evaluationSum / this.#evaluationSteps;
    this.#evaluationSum = 0;
    this.#evaluationSteps = 0;
    return mean;
  }

  /** The mean of all steps; NaN where there were none. */
  get overall(): number {
    return this.#total / this.#allSteps;
  }

  toJSON(): Record<string, number> {
    return {
      sum: this.#sum,
      steps: this.#steps,
      evaluation_sum: this.#evaluationSum,
      evaluation_steps: this.#evaluationSteps,
      total: this.#total,
      all_steps: this.#allSteps,
    };
  }

  restore(json: JsonObject): void {
    this.#sum = Number(json['sum']);
    this.#steps = Number(json['steps']);
    // Checkpoints of earlier versions do not have these.
    this.#evaluationSum = Number(json['evaluation_sum'] ?? 0);
    this.#evaluationSteps = Number(json['evaluation_steps'] ?? 0);
    this.#total = Number(json['total']);
    this.#allSteps = Number(json['all_steps']);
  }
}

/**
 * Where the loop stands: all that it needs, besides state, control, weights and moments, to go on as if it had never
 * stopped. Shuffling and dropout are pure functions of it.
 */
export class Position {
  /** From 0. */
  epoch = 0;
  /** The next batch of the epoch, from 0. */
  batch = 0;
  /** Steps after which the optimizer began with empty moments: 0, but where a checkpoint had none to take up. */
  momentsSince = 0;
  /** The last step of which there is a checkpoint. */
  savedStep = 0;
  /** The run was interrupted before its last step's evaluation and checkpoint, which come first when it goes on. */
  pending = false;
  /** Of a stream: the place of the next row, behind the epoch's first step; kept in a file of its own. */
  stream: StreamPlace | undefined;
  /** What was trained for before, in seconds. */
  seconds = 0;
  readonly losses = new LossMeter();

  toJSON(): Record<string, number | boolean | Record<string, number>> {
    return {
      epoch: this.epoch,
      batch: this.batch,
      moments_since: this.momentsSince,
      pending: this.pending,
      seconds: this.seconds,
      losses: this.losses.toJSON(),
    };
  }

  restore(json: JsonObject): void {
    this.epoch = Number(json['epoch']);
    this.batch = Number(json['batch']);
    this.momentsSince = Number(json['moments_since']);
    this.pending = json['pending'] === true;
    this.seconds = Number(json['seconds']);
    this.losses.restore(json['losses'] as JsonObject);
  }
}
