import { RandomStream } from '../../core/random.ts';
import { type Parameters, type SearchSpace, valueAt } from './space.ts';
import type { Direction, Trial } from './trial.ts';

/** What a sampler chooses a trial's parameters from. */
export interface SamplingContext {
  /** What is to be chosen. */
  readonly space: SearchSpace;
  /** The study so far; running trials are among them. */
  readonly trials: readonly Trial[];
  readonly direction: Direction;
  readonly seed: number;
  /** The number of the trial that is to begin. With the seed it settles every draw, in whatever process it is made. */
  readonly number: number;
}

/** What chooses the parameters of trials. */
export interface Sampler {
  readonly name: string;
  /** The parameters of the next trial. */
  sample(context: SamplingContext): Parameters;
  /** How many trials there are at all; undefined where there is always another. */
  count?(space: SearchSpace): number;
}

/** Every trial drawn from the space, whatever came of those before (Bergstra and Bengio 2012). */
export function randomSampler(): Sampler {
  return {
    name: 'random',
    sample: ({ space, seed, number }) =>
      Object.fromEntries(
        Object.entries(space).map(([name, distribution]) => [
          name,
          valueAt(distribution, new RandomStream(seed, `search/${number}/${name}`).uniform()),
        ]),
      ),
  };
}
