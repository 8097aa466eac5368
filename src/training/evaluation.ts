import { DataError } from '../core/errors.ts';
import type { LossFunction } from '../models/loss.ts';
import type { EvalPrediction, Evaluator, Metrics, Task } from '../tasks/task.ts';
import type { TrainableModel } from '../tasks/taskFor.ts';

/** What an evaluation goes by. */
export interface EvaluationOptions {
  /** What the metrics' names begin with: `eval`, `eval_german`, `test`. */
  readonly prefix: string;
  /** Replaces the task's own metrics. */
  readonly computeMetrics: ((prediction: EvalPrediction) => Metrics) | undefined;
  /** In place of the head's own. */
  readonly loss?: LossFunction | undefined;
  readonly signal: AbortSignal | undefined;
  /** Keep what `evaluator.prediction()` needs. Default: where `computeMetrics` or a prediction asks for it. */
  readonly keepAnswers?: boolean | undefined;
  /** Called after each batch. */
  readonly onBatch?: (() => Promise<void>) | undefined;
}

/** Features in batches, the last perhaps smaller. */
export function* inBatches<Feature>(features: readonly Feature[], size: number): Generator<readonly Feature[]> {
  for (let start = 0; start < features.length; start += size) yield features.slice(start, start + size);
}

/**
 * Asks a model about features, batch by batch; none but the batch at hand need be in memory.
 * @returns metrics by their names with the prefix: the loss where there are labels, the task's own or the user's, speeds.
 * @throws DataError where there are no rows; the signal's reason between two batches.
 */
export async function evaluateFeatures<Feature>(
  model: TrainableModel,
  task: Task<Feature>,
  batches: Iterable<readonly Feature[]> | AsyncIterable<readonly Feature[]>,
  options: EvaluationOptions,
): Promise<{ evaluator: Evaluator<Feature>; metrics: Metrics }> {
  const { prefix, computeMetrics, signal } = options;
  const evaluator = task.evaluator({
    keepAnswers: options.keepAnswers === true || prefix === 'test' || computeMetrics !== undefined,
  });
  const started = performance.now();
  let lossSum = 0;
  let counted = 0;
  let labelled = true;
  let asked = 0;
  let steps = 0;
  for await (const rows of batches) {
    signal?.throwIfAborted();
    const batch = task.batch(rows);
    const outputs = await model.run(batch, 'packed', options.loss);
    if (outputs['loss'] === undefined) labelled = false;
    // A batch may have labels that count nothing: words that are all cut off.
    else if (batch.count > 0) {
      lossSum += Number(outputs['loss'].data[0]) * batch.count;
      counted += batch.count;
    }
    evaluator.add(outputs, rows);
    asked += rows.length;
    steps++;
    await options.onBatch?.();
  }
  if (asked === 0) {
    throw new DataError('ERR_NO_ROWS', {
      owner: prefix === 'test' ? 'Trainer.predict' : 'Trainer.evaluate',
      what: 'the data set has no rows',
    });
  }
  const seconds = (performance.now() - started) / 1000;
  labelled &&= counted > 0;
  const loss = labelled ? lossSum / counted : undefined;
  const own = !labelled
    ? {}
    : computeMetrics === undefined
      ? evaluator.metrics(loss)
      : computeMetrics(evaluator.prediction());
  const metrics = {
    ...(loss === undefined ? {} : { loss }),
    ...own,
    runtime: seconds,
    samples_per_second: asked / seconds,
    steps_per_second: steps / seconds,
  };
  const named = Object.entries(metrics).map(([name, value]) => [
    name.startsWith(`${prefix}_`) ? name : `${prefix}_${name}`,
    value,
  ]);
  return { evaluator, metrics: Object.fromEntries(named) as Metrics };
}
