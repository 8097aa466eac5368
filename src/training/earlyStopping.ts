import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { findBestMetric, isBetter } from './bestMetric.ts';
import { type CallbackContext, TrainerCallback } from './callbacks.ts';
import type { JsonObject, TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** How patient {@link EarlyStoppingCallback} is. */
export interface EarlyStoppingOptions {
  /** Evaluations in a row without a better metric after which training stops. Default 1. */
  readonly earlyStoppingPatience?: number;
  /** How much better counts as better. Default 0: anything. */
  readonly earlyStoppingThreshold?: number;
}

/**
 * Stops training when `metricForBestModel` has not become better for some evaluations in a row (Hugging Face's class of the
 * same name). A resumed run remembers how many there were; resumed with more patience, a run that it stopped goes on.
 */
export class EarlyStoppingCallback extends TrainerCallback {
  override readonly name = 'EarlyStoppingCallback';
  readonly #patience: number;
  readonly #threshold: number;
  /** Evaluations since the last that was better. */
  #counter = 0;
  #stopped = false;

  /** @throws ArgumentError for a patience below 1 or a threshold below 0. */
  constructor(options: EarlyStoppingOptions = {}) {
    super();
    const { earlyStoppingPatience = 1, earlyStoppingThreshold = 0 } = options;
    if (!Number.isInteger(earlyStoppingPatience) || earlyStoppingPatience < 1 || !(earlyStoppingThreshold >= 0)) {
      throw new ArgumentError('ERR_EARLY_STOPPING', {
        owner: 'EarlyStoppingCallback',
        what: 'patience or threshold is wrong',
        got: options,
        expected: 'earlyStoppingPatience: a whole number from 1, earlyStoppingThreshold: a number from 0',
      });
    }
    this.#patience = earlyStoppingPatience;
    this.#threshold = earlyStoppingThreshold;
  }

  override onTrainBegin(args: TrainingArguments, _: TrainerState, control: TrainerControl): void {
    if (args.evalStrategy === 'no') {
      throw new ArgumentError('ERR_EARLY_STOPPING', {
        owner: 'EarlyStoppingCallback',
        what: 'nothing is evaluated that could stop the run',
        hint: "set evalStrategy to 'steps' or 'epoch'",
      });
    }
    if (this.#stopped && this.#counter < this.#patience) {
      this.#stopped = false;
      control.shouldTrainingStop = false;
    }
  }

  override onEvaluate(
    args: TrainingArguments,
    state: TrainerState,
    control: TrainerControl,
    { metrics = {} }: CallbackContext,
  ): void {
    // Before the first step there is nothing to become better than.
    if (state.globalStep === 0) return;
    const metric = findBestMetric(args, Object.keys(metrics));
    // The state's best is still that of the evaluations before this one.
    const better = isBetter(metrics[metric.name], state.bestMetric, metric, this.#threshold);
    this.#counter = better ? 0 : this.#counter + 1;
    if (this.#counter < this.#patience) return;
    this.#stopped = true;
    control.shouldTrainingStop = true;
    const best =
      state.bestMetric === null
        ? ''
        : `; its best is ${state.bestMetric.toPrecision(4)}, of step ${state.bestGlobalStep}`;
    log.info(
      `stopping early at step ${state.globalStep}: ${metric.name} was not better ${this.#counter === 1 ? 'than before' : `for ${this.#counter} evaluations`}${best}`,
    );
  }

  override state(): JsonObject {
    return { early_stopping_patience_counter: this.#counter, stopped: this.#stopped };
  }

  override loadState(state: JsonObject): void {
    this.#counter = Number(state['early_stopping_patience_counter'] ?? 0);
    this.#stopped = state['stopped'] === true;
  }
}
