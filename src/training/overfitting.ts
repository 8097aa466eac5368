import { lossCurves, lowestOf } from './lossCurves.ts';
import type { LogEntry } from './trainerState.ts';

/** What a run did about it already, which {@link overfittingAdvice} then says or leaves out. */
export interface OverfittingContext {
  /** The directory of the best checkpoint, as `trainer.state.bestModelCheckpoint`; null where there is none. */
  readonly bestModelCheckpoint?: string | null | undefined;
  /** The step of that checkpoint. */
  readonly bestGlobalStep?: number | null | undefined;
  readonly loadBestModelAtEnd?: boolean | undefined;
  readonly earlyStoppingPatience?: number | undefined;
}

/** That a model overfits, and what to do about it. */
export interface OverfittingAdvice {
  /** The step of the lowest validation loss. */
  readonly bestStep: number;
  readonly bestLoss: number;
  /** The last evaluation. */
  readonly lastStep: number;
  readonly lastLoss: number;
  /** The training loss up to the best step and up to the last one. */
  readonly trainingLossThen: number;
  readonly trainingLossNow: number;
  /** What happened, in one clause. */
  readonly what: string;
  /** What happened, where the best checkpoint is, and what to try. */
  readonly message: string;
}

/** From so many evaluations on their noise can be told from their course. */
const enough = 6;

/** What is less is of no account, however small the loss. */
const leastRise = 0.005;

/**
 * Says that validation loss has turned while training loss falls, or undefined where it has not. "Turned" means that at the
 * end it is clearly higher than at its lowest. Of fewer than six evaluations: the last two each by 5 %, their mean by 15 %. Of six or more:
 * the mean of the last three, against the lowest mean of three neighbours, by 2 % and by four times the noise of one evaluation. In
 * any case by 0.005. The noise is taken from second differences, of which a smooth curve has almost none: for independent noise of
 * standard deviation σ, vᵢ₋₁ − 2vᵢ + vᵢ₊₁ has σ√6.
 *
 * @param logHistory `trainer.state.logHistory`, or `log_history` of a `trainer_state.json`.
 */
export function overfittingAdvice(
  logHistory: readonly LogEntry[],
  context: OverfittingContext = {},
): OverfittingAdvice | undefined {
  const { validation } = lossCurves(logHistory);
  // Before the first step nothing was learnt.
  const points = validation.filter(({ step }) => step > 0);
  const best = lowestOf(points);
  if (best === undefined || !hasTurned(points.map(({ loss }) => loss))) return undefined;
  const after = points.slice(points.indexOf(best) + 1);
  const last = after.at(-1);
  const [then, now] = [best.trainingLoss, last?.trainingLoss];
  if (last === undefined || then === undefined || now === undefined || now > 0.97 * then) return undefined;
  const what = `validation loss has turned: it was lowest at step ${best.step} (${show(best.loss)}) and is ${show(last.loss)} at step ${last.step}, while training loss fell from ${show(then)} to ${show(now)}`;
  return {
    bestStep: best.step,
    bestLoss: best.loss,
    lastStep: last.step,
    lastLoss: last.loss,
    trainingLossThen: then,
    trainingLossNow: now,
    what,
    message: `${what}: the model is learning its training rows by heart. ${describeBest(best.step, context)}. ${describeRemedies(best.epoch, context)}.`,
  };
}

function hasTurned(losses: readonly number[]): boolean {
  if (losses.length < 3) return false;
  if (losses.length < enough) {
    const lowest = Math.min(...losses);
    const end = losses.slice(-2);
    const rise = (end[0] + end[1]) / 2 - lowest;
    return (
      losses.indexOf(lowest) < losses.length - 2 &&
      rise > Math.max(leastRise, 0.15 * lowest) &&
      end.every((loss) => loss > 1.05 * lowest)
    );
  }
  const means = meansOfThree(losses);
  const lowest = Math.min(...means);
  return means[means.length - 1] > lowest + Math.max(leastRise, 0.02 * lowest, 4 * noiseOf(losses));
}

function meansOfThree(values: readonly number[]): number[] {
  return values.slice(2).map((value, i) => (values[i] + values[i + 1] + value) / 3);
}

function noiseOf(values: readonly number[]): number {
  const bends = values.slice(2).map((value, i) => values[i] - 2 * values[i + 1] + value);
  return Math.sqrt(bends.reduce((sum, bend) => sum + bend * bend, 0) / (6 * bends.length));
}

function describeBest(step: number, context: OverfittingContext): string {
  const { bestModelCheckpoint: directory, bestGlobalStep } = context;
  if (typeof directory !== 'string') return `Step ${step} was the best, but no checkpoint of it was kept`;
  const named = `the best checkpoint is that of step ${bestGlobalStep ?? step}, ${directory}`;
  return context.loadBestModelAtEnd === true
    ? `${named[0].toUpperCase()}${named.slice(1)}, whose weights the model has at the end`
    : `${named[0].toUpperCase()}${named.slice(1)}`;
}

function describeRemedies(epoch: number, context: OverfittingContext): string {
  const remedies = [
    Number.isFinite(epoch) ? `fewer epochs (the best was after ${epoch.toFixed(1)})` : 'fewer epochs',
    context.loadBestModelAtEnd === true ? undefined : 'loadBestModelAtEnd',
    context.earlyStoppingPatience === undefined ? 'earlyStoppingPatience' : undefined,
    'more weightDecay',
    'more dropout',
  ].filter((remedy) => remedy !== undefined);
  return `Try ${remedies.join(', ')}, or more training data`;
}

function show(loss: number): string {
  return loss.toPrecision(3);
}
