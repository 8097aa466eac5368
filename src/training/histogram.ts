import type { HistogramSummary } from '../formats/tensorBoard.ts';

const buckets = 64;

/** How numbers are distributed, in 64 buckets of one width; what is not finite is left out. undefined where there is nothing. */
export function histogramOf(tag: string, values: Float32Array): HistogramSummary | undefined {
  let [min, max, sum, sumOfSquares, count] = [Infinity, -Infinity, 0, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    sumOfSquares += value * value;
    count++;
  }
  if (count === 0) return undefined;
  const width = (max - min) / buckets;
  if (width === 0) return { tag, min, max, count, sum, sumOfSquares, limits: [max], counts: [count] };
  const counts = new Array<number>(buckets).fill(0);
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    // A bucket holds its upper limit.
    counts[Math.min(buckets - 1, Math.max(0, Math.ceil((value - min) / width) - 1))]++;
  }
  const limits = counts.map((_, i) => (i === buckets - 1 ? max : min + width * (i + 1)));
  return { tag, min, max, count, sum, sumOfSquares, limits, counts };
}
