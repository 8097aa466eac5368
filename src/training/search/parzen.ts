import type { RandomStream } from '../../core/random.ts';
import { logNormalDensity, logNormalMass } from './normal.ts';
import { type Distribution, fromScale, type Integer, scaleOf, toScale, type Uniform } from './space.ts';

/** The values of several hyperparameters as numbers, in the order of their distributions; of a choice, the value's number. */
export type Point = readonly number[];

/** One dimension of every kernel. */
interface Dimension {
  /** A draw from a kernel. */
  sample(kernel: number, random: RandomStream): number;
  /** Adds the logarithm of each kernel's density at a value. */
  addLogDensities(value: number, logs: Float64Array): void;
}

/**
 * A density made of one kernel for each observed point and one for what was known before (Bergstra et al. 2011, "Algorithms
 * for hyper-parameter optimization", §4). A kernel is a product over hyperparameters, so what goes well together is seen
 * together (the multivariate form; Falkner et al. 2018). Choices have a weighted table, numbers a normal distribution cut at
 * the bounds, whose width is the distance to the neighbours, but not less than a share of the range ("magic clip").
 * Details are those of Optuna's TPESampler (Watanabe 2023, "Tree-structured Parzen estimator: understanding its algorithm
 * components").
 */
export class ParzenEstimator {
  readonly #logWeights: Float64Array;
  readonly #cumulative: Float64Array;
  readonly #dimensions: readonly Dimension[];

  /** @param observed from the oldest to the newest; @param priorWeight how many observations the prior counts as. */
  constructor(distributions: readonly Distribution[], observed: readonly Point[], priorWeight = 1) {
    const weights = observed.length === 0 ? [1] : [...observationWeights(observed.length), priorWeight];
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.#logWeights = Float64Array.from(weights, (weight) => Math.log(weight / sum));
    let running = 0;
    this.#cumulative = Float64Array.from(weights, (weight) => {
      running += weight / sum;
      return running;
    });
    this.#dimensions = distributions.map((distribution, i) => {
      const values = observed.map((point) => point[i]);
      return distribution.kind === 'choice'
        ? choiceDimension(distribution.values.length, values, priorWeight)
        : numericDimension(distribution, values);
    });
  }

  /** A draw from the density. */
  sample(random: RandomStream): Point {
    const at = random.uniform();
    const found = this.#cumulative.findIndex((edge) => at < edge);
    const kernel = found < 0 ? this.#cumulative.length - 1 : found;
    return this.#dimensions.map((dimension) => dimension.sample(kernel, random));
  }

  /** The logarithm of the density at a point. */
  logDensity(point: Point): number {
    const logs = this.#logWeights.slice();
    for (const [i, dimension] of this.#dimensions.entries()) dimension.addLogDensities(point[i], logs);
    // The prior's kernel is nowhere 0, so the largest is finite.
    let largest = Number.NEGATIVE_INFINITY;
    for (const each of logs) largest = Math.max(largest, each);
    let sum = 0;
    for (const each of logs) sum += Math.exp(each - largest);
    return largest + Math.log(sum);
  }
}

/** The newest 25 observations count fully, older ones the less the older they are (Optuna's default weights). */
function observationWeights(count: number): number[] {
  const ramp = count - 25;
  return Array.from({ length: count }, (_, i) => {
    if (i >= ramp) return 1;
    return ramp === 1 ? 1 / count : 1 / count + (1 - 1 / count) * (i / (ramp - 1));
  });
}

function choiceDimension(size: number, observed: readonly number[], priorWeight: number): Dimension {
  const kernels = observed.length + 1;
  const table = Array.from({ length: kernels }, (_, k) => {
    const row = new Float64Array(size).fill(priorWeight / kernels);
    if (k < observed.length) row[observed[k]] += 1;
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((weight) => weight / sum);
  });
  return {
    sample(kernel, random) {
      let rest = random.uniform();
      const found = table[kernel].findIndex((share) => {
        rest -= share;
        return rest < 0;
      });
      return found < 0 ? size - 1 : found;
    },
    addLogDensities(value, logs) {
      for (let k = 0; k < kernels; k++) logs[k] += Math.log(table[k][value]);
    },
  };
}

function numericDimension(distribution: Uniform | Integer, observed: readonly number[]): Dimension {
  const [from, to] = scaleOf(distribution);
  const means = observed.map((value) => toScale(distribution, value));
  const widths = kernelWidths(means, from, to);
  // The prior: as wide as the range, about its middle.
  means.push((from + to) / 2);
  widths.push(to - from);
  const isWhole = distribution.kind === 'integer';
  // Of each kernel, what its density has for every value: the part that is cut off, and for a density its height.
  const constants = means.map((mean, k) => {
    const logMass = logNormalMass((from - mean) / widths[k], (to - mean) / widths[k]);
    return isWhole ? -logMass : logNormalDensity(0) - Math.log(widths[k]) - logMass;
  });
  return {
    sample(kernel, random) {
      // Each kernel has its middle within the bounds and is no wider than they are: a third of all draws is inside at least.
      for (;;) {
        const place = means[kernel] + widths[kernel] * random.normal();
        if (place >= from && place <= to) return fromScale(distribution, place);
      }
    },
    addLogDensities(value, logs) {
      if (!isWhole) {
        const place = toScale(distribution, value);
        for (let k = 0; k < means.length; k++) {
          const distance = (place - means[k]) / widths[k];
          logs[k] += constants[k] - (distance * distance) / 2;
        }
        return;
      }
      const [left, right] = scaleOf({ ...distribution, low: value, high: value });
      for (let k = 0; k < means.length; k++)
        logs[k] += constants[k] + logNormalMass((left - means[k]) / widths[k], (right - means[k]) / widths[k]);
    },
  };
}

/** The larger distance to a neighbour on either side; at an end, to the only one, not to the bound. */
function kernelWidths(means: readonly number[], from: number, to: number): number[] {
  const range = to - from;
  const order = means.map((_, i) => i).sort((a, b) => means[a] - means[b]);
  const sorted = order.map((i) => means[i]);
  const narrowest = range / Math.min(100, means.length + 2);
  const widths = new Array<number>(means.length);
  for (const [rank, i] of order.entries()) {
    const alone = means.length === 1;
    const below = rank > 0 ? sorted[rank] - sorted[rank - 1] : alone ? sorted[rank] - from : 0;
    const above = rank < sorted.length - 1 ? sorted[rank + 1] - sorted[rank] : alone ? to - sorted[rank] : 0;
    widths[i] = Math.min(range, Math.max(narrowest, below, above));
  }
  return widths;
}
