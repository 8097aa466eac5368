import type { LogEntry } from './trainerState.ts';

/** A loss at a step. */
export interface LossPoint {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
}

/** An evaluation of a run. */
export interface EvaluationPoint extends LossPoint {
  /** The mean training loss of the steps since the evaluation before; undefined where the log does not tell it. */
  readonly trainingLoss: number | undefined;
}

/** The two curves of a run. */
export interface LossCurves {
  readonly training: readonly LossPoint[];
  readonly validation: readonly EvaluationPoint[];
}

/**
 * The training and the validation loss in a run's log (`trainer.state.logHistory`, or `log_history` of Python's
 * `trainer_state.json`), in the order of steps; losses that are no finite numbers are left out. Of several evaluation sets
 * the first counts. Where there are fewer than two log lines, the training loss is what the evaluations tell of it.
 */
export function lossCurves(logHistory: readonly LogEntry[]): LossCurves {
  const logged: LossPoint[] = [];
  const validation: EvaluationPoint[] = [];
  let name: string | undefined;
  let since: number[] = [];
  for (const entry of logHistory) {
    const { step, epoch = Number.NaN } = entry;
    if (step === undefined) continue;
    if (Number.isFinite(entry['loss'])) {
      logged.push({ step, epoch, loss: entry['loss'] });
      since.push(entry['loss']);
    }
    name ??= 'eval_loss' in entry ? 'eval_loss' : Object.keys(entry).find((key) => /^eval_.+_loss$/.test(key));
    if (name === undefined || !(name in entry)) continue;
    const mean = since.length === 0 ? undefined : since.reduce((sum, loss) => sum + loss, 0) / since.length;
    const told = Number.isFinite(entry['train_loss']) ? entry['train_loss'] : mean;
    since = [];
    if (Number.isFinite(entry[name])) validation.push({ step, epoch, loss: entry[name], trainingLoss: told });
  }
  const told = validation.flatMap(({ step, epoch, trainingLoss: loss }) =>
    loss === undefined ? [] : [{ step, epoch, loss }],
  );
  return { training: logged.length < 2 && told.length > logged.length ? told : logged, validation };
}

/** The evaluation with the lowest loss, the first of equals; undefined where there is none. */
export function lowestOf(validation: readonly EvaluationPoint[]): EvaluationPoint | undefined {
  return validation.reduce<EvaluationPoint | undefined>(
    (best, point) => (best === undefined || point.loss < best.loss ? point : best),
    undefined,
  );
}
