import { ArgumentError } from '../core/errors.ts';
import type { ModelBatch } from '../models/programs.ts';
import type { Task } from './task.ts';

/** The graph input that holds the weights of the classes, float32 `[classes]`. */
export const classWeightsInput = 'class_weights';

/**
 * A task whose batches count each row by its class's weight, as PyTorch's mean does: Σ w[label] in place of the number of
 * rows. So batches that add up to one step equal one large batch.
 */
export function withClassWeights<Feature>(task: Task<Feature>, weights: readonly number[]): Task<Feature> {
  const input = { type: 'float32', dims: [weights.length], data: Float32Array.from(weights) } as const;
  return {
    name: task.name,
    adapt: (dataset) => task.adapt(dataset),
    prepare: (dataset, options) => task.prepare(dataset, options),
    sequences: (features) => task.sequences(features),
    evaluator: (options) => task.evaluator(options),
    batch: (features, place) => {
      const batch = task.batch(features, place);
      if (batch.labels['labels'] === undefined) return batch;
      const count = classCounts(batch, weights.length).reduce((sum, rows, label) => sum + rows * weights[label], 0);
      return { ...batch, labels: { ...batch.labels, [classWeightsInput]: input }, count };
    },
  };
}

/**
 * Weights that make all classes count the same: rows ÷ (classes × the class's rows), as scikit-learn's 'balanced'.
 * @throws ArgumentError where a class has no row.
 */
export function balancedWeights<Feature>(
  task: Task<Feature>,
  features: readonly Feature[],
  labels: readonly string[],
): number[] {
  const counts = new Array<number>(labels.length).fill(0);
  const atOnce = 256;
  for (let start = 0; start < features.length; start += atOnce) {
    const batch = task.batch(features.slice(start, start + atOnce), { seed: 0, epoch: 0, firstSample: 0 });
    classCounts(batch, labels.length).forEach((rows, label) => {
      counts[label] += rows;
    });
  }
  const missing = labels.filter((_, label) => counts[label] === 0);
  if (missing.length > 0) {
    throw new ArgumentError('ERR_CLASS_WEIGHTS', {
      owner: 'classWeights',
      what: `no row of the training data has the label ${missing.map((label) => `'${label}'`).join(', ')}`,
      hint: 'give numbers in place of balanced',
    });
  }
  const rows = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => rows / (labels.length * count));
}

/** How many rows of a batch have each class; filler has none. */
function classCounts({ labels }: ModelBatch, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  const ids = labels['labels'].data as BigInt64Array;
  const real = labels['label_weights'].data as Float32Array;
  for (let row = 0; row < real.length; row++) counts[Number(ids[row])] += real[row];
  return counts;
}
