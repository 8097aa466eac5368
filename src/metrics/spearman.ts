import { defineMetric, type Metric } from './metric.ts';
import { CorrelationAccumulator, warnUndefined } from './pearson.ts';

/**
 * Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank. NaN, with a warning, where
 * either side is constant. Ranks need all values: two numbers a row are kept.
 */
export const spearman: Metric<object, { readonly spearmanr: number }> = defineMetric(
  'spearmanr',
  () => {
    const x: number[] = [];
    const y: number[] = [];
    return {
      add(predictions, references) {
        for (let row = 0; row < references.length; row++) {
          x.push(predictions[row]);
          y.push(references[row]);
        }
      },
      compute: () => ({ spearmanr: warnUndefined('spearmanr', rankCorrelation(x, y)) }),
    };
  },
  { takes: 'numbers' },
);

function rankCorrelation(x: readonly number[], y: readonly number[]): number {
  if (x.some(Number.isNaN) || y.some(Number.isNaN)) return Number.NaN;
  const xRanks = ranks(x);
  const yRanks = ranks(y);
  const moments = new CorrelationAccumulator();
  for (let row = 0; row < x.length; row++) moments.add(xRanks[row], yRanks[row]);
  return moments.correlation();
}

/** Ranks from 1; equal values share the mean of the ranks they span. */
export function ranks(values: readonly number[]): Float64Array {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let stop = start + 1;
    while (stop < order.length && values[order[stop]] === values[order[start]]) stop++;
    // Ranks start + 1 … stop.
    for (let k = start; k < stop; k++) result[order[k]] = (start + 1 + stop) / 2;
    start = stop;
  }
  return result;
}
