import { log } from '../core/log.ts';
import { TrainerCallback } from './callbacks.ts';
import { type OverfittingContext, overfittingAdvice } from './overfitting.ts';
import type { TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** Warns, once, when validation loss has turned while training loss falls, and says at the end what to try. */
export class OverfittingWatch extends TrainerCallback {
  #warned = false;

  override onEvaluate(_: TrainingArguments, state: TrainerState): void {
    if (this.#warned) return;
    const advice = overfittingAdvice(state.logHistory);
    if (advice === undefined) return;
    this.#warned = true;
    log.warn(advice.what);
  }

  override onTrainEnd(args: TrainingArguments, state: TrainerState): void {
    const advice = overfittingAdvice(state.logHistory, overfittingContext(args, state));
    if (advice !== undefined) log.info(advice.message);
  }
}

/** What a run did about overfitting, for {@link overfittingAdvice}. */
function overfittingContext(args: TrainingArguments, state: TrainerState): OverfittingContext {
  const { bestModelCheckpoint, bestGlobalStep } = state;
  const { loadBestModelAtEnd, earlyStoppingPatience } = args;
  return { bestModelCheckpoint, bestGlobalStep, loadBestModelAtEnd, earlyStoppingPatience };
}
