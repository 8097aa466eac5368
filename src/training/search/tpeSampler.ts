import { ArgumentError } from '../../core/errors.ts';
import { RandomStream } from '../../core/random.ts';
import { ParzenEstimator } from './parzen.ts';
import { randomSampler, type Sampler } from './samplers.ts';
import { contains, type Distribution, type Parameters, type ParameterValue } from './space.ts';
import { asLoss, type Direction, type Trial } from './trial.ts';

/** How {@link tpeSampler} goes about it; the defaults are Optuna's. */
export interface TpeSamplerOptions {
  /** Trials drawn at random before the first that is not. Default 10. */
  readonly nStartupTrials?: number;
  /** Candidates of which the most promising is taken. Default 24. */
  readonly nEiCandidates?: number;
  /** How many of so many trials count as good. Default: a tenth, at most 25. */
  readonly gamma?: (trials: number) => number;
  /** How many observations the prior counts as. Default 1. */
  readonly priorWeight?: number;
}

const random = randomSampler();

/**
 * The tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"): one density of
 * the parameters of good trials, l, one of all others, g; of some candidates drawn from l the one with the largest l / g is
 * tried. Good are the best tenth; pruned trials come behind complete ones, the longest-lived first; trials that diverged, and
 * those that other processes are running, count among the others (Optuna's "constant liar").
 * @throws ArgumentError for options out of range.
 */
export function tpeSampler(options: TpeSamplerOptions = {}): Sampler {
  const { nStartupTrials = 10, nEiCandidates = 24, gamma = defaultGamma, priorWeight = 1 } = options;
  if (
    !Number.isInteger(nStartupTrials) ||
    nStartupTrials < 0 ||
    !Number.isInteger(nEiCandidates) ||
    nEiCandidates < 1 ||
    !(priorWeight > 0)
  ) {
    throw new ArgumentError('ERR_SAMPLER', {
      owner: 'tpeSampler',
      what: 'an option is out of range',
      got: { nStartupTrials, nEiCandidates, priorWeight },
      expected: 'nStartupTrials: a whole number from 0, nEiCandidates: one from 1, priorWeight: a number above 0',
    });
  }
  return {
    name: 'tpe',
    sample(context) {
      const { space, trials, direction, seed, number } = context;
      const names = Object.keys(space);
      // A study may hold trials of a space that depended on choices made before: only whole ones can be compared.
      const whole = trials.filter(({ params }) => names.every((name) => contains(space[name], params[name])));
      const done = whole.filter(isJudged);
      if (names.length === 0 || done.length < nStartupTrials) return random.sample(context);
      const distributions = names.map((name) => space[name]);
      const pointOf = ({ params }: Trial) => names.map((name, i) => internalValue(distributions[i], params[name]));
      const good = new Set(rank(done, direction).slice(0, gamma(done.length)));
      const others = whole.filter((trial) => !good.has(trial) && (isJudged(trial) || trial.state === 'running'));
      const byNumber = (group: Iterable<Trial>) => [...group].sort((a, b) => a.number - b.number).map(pointOf);
      const below = new ParzenEstimator(distributions, byNumber(good), priorWeight);
      const above = new ParzenEstimator(distributions, byNumber(others), priorWeight);
      const stream = new RandomStream(seed, `search/${number}/tpe/${names.join()}`);
      let best: readonly number[] = [];
      let largest = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < nEiCandidates; i++) {
        const candidate = below.sample(stream);
        const gain = below.logDensity(candidate) - above.logDensity(candidate);
        if (i > 0 && !(gain > largest)) continue;
        [best, largest] = [candidate, gain];
      }
      return Object.fromEntries(names.map((name, i) => [name, externalValue(distributions[i], best[i])])) as Parameters;
    },
  };
}

function defaultGamma(trials: number): number {
  return Math.min(Math.ceil(trials / 10), 25);
}

/** Whether a trial says something about its parameters: it ended with an objective, or because it diverged. */
function isJudged(trial: Trial): boolean {
  return trial.state === 'complete' || trial.state === 'pruned' || trial.state === 'failed';
}

/** The best first: complete trials, then pruned ones, the longest-lived first, then those that failed. */
function rank(trials: readonly Trial[], direction: Direction): Trial[] {
  const key = ({ state, value, reports }: Trial): readonly number[] => {
    if (state === 'failed' || value === undefined) return [2, 0, 0];
    const loss = asLoss(value, direction);
    return state === 'complete' ? [0, loss, 0] : [1, -(reports.at(-1)?.evaluation ?? 0), loss];
  };
  const keyed = trials.map((trial) => ({ trial, key: key(trial) }));
  keyed.sort((a, b) => {
    const differing = a.key.findIndex((part, i) => part !== b.key[i]);
    return differing < 0 ? a.trial.number - b.trial.number : a.key[differing] - b.key[differing];
  });
  return keyed.map(({ trial }) => trial);
}

function internalValue(distribution: Distribution, value: ParameterValue): number {
  return distribution.kind === 'choice' ? distribution.values.indexOf(value) : Number(value);
}

function externalValue(distribution: Distribution, index: number): ParameterValue {
  return distribution.kind === 'choice' ? distribution.values[index] : index;
}
