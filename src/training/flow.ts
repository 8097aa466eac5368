import type { TrainerCallback } from './callbacks.ts';
import type { TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** Sets when a log line, an evaluation and a checkpoint are due, as the arguments say (Hugging Face's DefaultFlowCallback). */
export const defaultFlow: TrainerCallback = {
  onStepEnd(args, state, control) {
    const { globalStep: step } = state;
    if (args.loggingStrategy === 'steps' && step % state.loggingSteps === 0) control.shouldLog = true;
    if (args.loggingFirstStep && step === 1) control.shouldLog = true;
    if (args.evalStrategy === 'steps' && step % state.evalSteps === 0 && args.evalDelay <= step)
      control.shouldEvaluate = true;
    if (args.saveStrategy === 'steps' && step % state.saveSteps === 0) control.shouldSave = true;
  },
  onEpochEnd(args, state, control) {
    if (args.loggingStrategy === 'epoch') control.shouldLog = true;
    if (args.evalStrategy === 'epoch' && args.evalDelay <= state.epoch) control.shouldEvaluate = true;
    if (args.saveStrategy === 'epoch') control.shouldSave = true;
  },
};

/** A share of all steps (below 1) as a number of steps; Hugging Face rounds up. */
function stepsOf(steps: number, maxSteps: number): number {
  return steps < 1 ? Math.ceil(steps * maxSteps) : steps;
}

/** Writes into a state how long a run is and what is due when. */
export function planState(
  state: TrainerState,
  args: TrainingArguments,
  plan: { readonly totalSteps: number; readonly epochs: number },
): void {
  state.maxSteps = plan.totalSteps;
  state.numTrainEpochs = plan.epochs;
  state.loggingSteps = stepsOf(args.loggingSteps, plan.totalSteps);
  state.evalSteps = stepsOf(args.evalSteps ?? args.loggingSteps, plan.totalSteps);
  state.saveSteps = stepsOf(args.saveSteps, plan.totalSteps);
  state.trainBatchSize = args.perDeviceTrainBatchSize;
}
