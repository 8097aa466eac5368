import type { JsonObject } from './trainerState.ts';

/** What {@link ReduceLROnPlateau} goes by: PyTorch's names in camelCase, with its defaults in `schedules.ts`. */
export interface PlateauOptions {
  /** Whether less or more of the metric is better. */
  readonly mode: 'min' | 'max';
  /** What the learning rate is multiplied by. */
  readonly factor: number;
  /** Evaluations in a row that may be no better. */
  readonly patience: number;
  /** How much better counts as better. */
  readonly threshold: number;
  /** Whether the threshold is a share of the best or an amount. */
  readonly thresholdMode: 'rel' | 'abs';
  /** Evaluations after a reduction that count nothing. */
  readonly cooldown: number;
  /** The learning rate at its lowest. */
  readonly minLr: number;
  /** A reduction by less than this is left out. */
  readonly eps: number;
}

/** The options as they come from `lrSchedulerKwargs`, checked and filled in. */
export function plateauOptions(parameters: Readonly<Record<string, number | string | undefined>>): PlateauOptions {
  return parameters as unknown as PlateauOptions;
}

/**
 * A learning rate that falls where a metric has stopped to become better: PyTorch's `torch.optim.lr_scheduler.ReduceLROnPlateau`
 * step for step. It is no function of the step, so its state belongs to a checkpoint.
 */
export class ReduceLROnPlateau {
  readonly options: PlateauOptions;
  readonly #highest: number;
  #learningRate: number;
  /** null before the first evaluation. */
  #best: number | null = null;
  #badEvaluations = 0;
  #cooldown = 0;
  #evaluations = 0;

  constructor(learningRate: number, options: PlateauOptions) {
    this.options = options;
    this.#highest = learningRate;
    this.#learningRate = learningRate;
  }

  get learningRate(): number {
    return this.#learningRate;
  }

  /** Takes the metric of an evaluation; NaN is never better. @returns whether the learning rate fell. */
  step(metric: number): boolean {
    const { factor, patience, cooldown, minLr, eps } = this.options;
    this.#evaluations++;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badEvaluations = 0;
    } else this.#badEvaluations++;
    if (this.#cooldown > 0) {
      this.#cooldown--;
      this.#badEvaluations = 0;
    }
    if (this.#badEvaluations <= patience) return false;
    this.#cooldown = cooldown;
    this.#badEvaluations = 0;
    const lower = Math.max(this.#learningRate * factor, minLr);
    if (!(this.#learningRate - lower > eps)) return false;
    this.#learningRate = lower;
    return true;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const best = this.#best ?? (mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
    if (mode === 'min') return metric < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold);
    return metric > (thresholdMode === 'rel' ? best * (threshold + 1) : best + threshold);
  }

  /** Its state under PyTorch's names, for `scheduler.json`. */
  state(): Record<string, number | null | readonly number[]> {
    return {
      base_lrs: [this.#highest],
      last_epoch: this.#evaluations,
      _last_lr: [this.#learningRate],
      best: this.#best,
      num_bad_epochs: this.#badEvaluations,
      cooldown_counter: this.#cooldown,
    };
  }

  /** Goes on from a state; where the run has another highest learning rate now, with as large a share of that. */
  loadState(state: JsonObject): void {
    const [before] = state['base_lrs'] as readonly number[];
    const [learningRate] = state['_last_lr'] as readonly number[];
    this.#learningRate =
      before === this.#highest || before === 0 ? learningRate : (learningRate / before) * this.#highest;
    this.#best = state['best'] as number | null;
    this.#evaluations = Number(state['last_epoch']);
    this.#badEvaluations = Number(state['num_bad_epochs']);
    this.#cooldown = Number(state['cooldown_counter']);
  }
}
