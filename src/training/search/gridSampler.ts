import { ArgumentError } from '../../core/errors.ts';
import { RandomStream } from '../../core/random.ts';
import type { Sampler } from './samplers.ts';
import { type Distribution, fromScale, type ParameterValue, type SearchSpace, toScale } from './space.ts';

/** How {@link gridSampler} lays its grid. */
export interface GridSamplerOptions {
  /**
   * Values of each parameter that has a continuous range, and at most of a whole number on a logarithmic scale: evenly spaced
   * on its scale, both bounds among them. Default 5.
   */
  readonly points?: number;
}

/** More than these are no plan. */
const largestGrid = 1e6;

/**
 * Every combination of values once, in an order shuffled by the seed, so that fewer trials than combinations are spread over
 * the grid.
 * @throws ArgumentError for fewer than 2 points.
 */
export function gridSampler(options: GridSamplerOptions = {}): Sampler {
  const { points = 5 } = options;
  if (!Number.isInteger(points) || points < 2) {
    throw new ArgumentError('ERR_SAMPLER', {
      owner: 'gridSampler',
      what: "'points' has a wrong value",
      got: points,
      expected: 'a whole number of at least 2',
    });
  }
  return {
    name: 'grid',
    count: (space) => gridSize(space, points),
    sample({ space, seed, number }) {
      const order = Uint32Array.from({ length: gridSize(space, points) }, (_, i) => i);
      let place = new RandomStream(seed, 'search/grid').shuffle(order)[number];
      return Object.fromEntries(
        Object.entries(space).map(([name, distribution]) => {
          const values = gridValues(distribution, points);
          const value = values[place % values.length];
          place = Math.floor(place / values.length);
          return [name, value];
        }),
      );
    },
  };
}

/** The values of one parameter on a grid. */
export function gridValues(distribution: Distribution, points: number): readonly ParameterValue[] {
  if (distribution.kind === 'choice') return distribution.values;
  const { low, high, log } = distribution;
  if (distribution.kind === 'integer' && !log)
    return Array.from({ length: (high - low) / distribution.step + 1 }, (_, i) => low + i * distribution.step);
  const [from, to] = [toScale(distribution, low), toScale(distribution, high)];
  const count = distribution.kind === 'integer' ? Math.min(points, high - low + 1) : points;
  const values = Array.from({ length: count }, (_, i) =>
    // Not by way of a logarithm and back where the bound itself is meant.
    i === 0 ? low : i === count - 1 ? high : fromScale(distribution, from + ((to - from) * i) / (count - 1)),
  );
  return [...new Set(values)];
}

function gridSize(space: SearchSpace, points: number): number {
  const size = Object.values(space).reduce((product, each) => product * gridValues(each, points).length, 1);
  if (size <= largestGrid) return size;
  throw new ArgumentError('ERR_SAMPLER', {
    owner: 'gridSampler',
    what: 'the grid is too large',
    got: `${size} combinations`,
    expected: `at most ${largestGrid}`,
    hint: "choose fewer values, or the sampler 'tpe'",
  });
}
