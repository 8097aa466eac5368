import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gatherLog } from '../../../test/testing/tiny.ts';
import { RandomStream } from '../../core/random.ts';
import { gridSampler, gridValues } from './gridSampler.ts';
import { logNormalMass } from './normal.ts';
import { ParzenEstimator } from './parzen.ts';
import { runTrials } from './runTrials.ts';
import { randomSampler, type Sampler } from './samplers.ts';
import {
  choice,
  contains,
  type Distribution,
  integer,
  logInteger,
  logUniform,
  type SearchSpace,
  toScale,
  uniform,
} from './space.ts';
import { Study } from './study.ts';
import { tpeSampler } from './tpeSampler.ts';
import type { Trial } from './trial.ts';

const real = fc.double({ min: -1e3, max: 1e3, noNaN: true });
const whole = fc.integer({ min: -50, max: 50 });
const distributions: fc.Arbitrary<Distribution> = fc.oneof(
  fc
    .uniqueArray(fc.oneof(whole, fc.string(), fc.boolean()), { minLength: 1, maxLength: 6 })
    .map((values) => choice(values)),
  fc.tuple(real, fc.double({ min: 1e-6, max: 1e3, noNaN: true })).map(([low, width]) => uniform(low, low + width)),
  fc
    .tuple(fc.double({ min: 1e-8, max: 10, noNaN: true }), fc.double({ min: 1.01, max: 1e6, noNaN: true }))
    .map(([low, factor]) => logUniform(low, low * factor)),
  fc
    .tuple(whole, fc.nat(20), fc.integer({ min: 1, max: 5 }))
    .map(([low, steps, step]) => integer(low, low + steps * step, { step })),
  fc.tuple(fc.integer({ min: 1, max: 20 }), fc.nat(500)).map(([low, width]) => logInteger(low, low + width)),
);
const spaces = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
  distributions,
  { minKeys: 1, maxKeys: 4 },
);

/** Trials of random parameters, with objectives and states of every kind. */
function someTrials(space: SearchSpace, count: number, seed: number): Trial[] {
  const random = new RandomStream(seed, 'trials');
  const states = ['complete', 'complete', 'complete', 'pruned', 'failed', 'running', 'interrupted'] as const;
  return Array.from({ length: count }, (_, number) => {
    const state = states[random.integer(states.length)];
    const value = random.normal();
    const reports = [{ evaluation: 1 + random.integer(3), step: 1, value }];
    const params = randomSampler().sample({ space, trials: [], direction: 'minimize', seed, number });
    return {
      number,
      state,
      attempt: 1,
      params,
      reports,
      ...(state === 'complete' || state === 'pruned' ? { value } : {}),
    };
  });
}

describe('any space', () => {
  test.each([
    ['random', randomSampler()],
    ['tpe', tpeSampler({ nStartupTrials: 3 })],
  ])('%s stays within bounds, and seed and number settle what it draws', (_, sampler) => {
    fc.assert(
      fc.property(
        spaces,
        fc.nat(40),
        fc.nat(1000),
        fc.constantFrom('minimize' as const, 'maximize' as const),
        (space, count, seed, direction) => {
          const context = { space, trials: someTrials(space, count, seed), direction, seed, number: count };
          const drawn = sampler.sample(context);
          expect(Object.keys(drawn)).toEqual(Object.keys(space));
          for (const [name, value] of Object.entries(drawn)) expect(contains(space[name], value)).toBe(true);
          expect(sampler.sample(context)).toEqual(drawn);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a grid has every combination once', () => {
    fc.assert(
      fc.property(spaces, fc.integer({ min: 2, max: 4 }), fc.nat(100), (space, points, seed) => {
        const sampler = gridSampler({ points });
        const count = sampler.count!(space);
        fc.pre(count <= 300);
        const drawn = Array.from({ length: count }, (_, number) =>
          sampler.sample({ space, trials: [], direction: 'minimize', seed, number }),
        );
        for (const params of drawn)
          for (const [name, value] of Object.entries(params)) expect(contains(space[name], value)).toBe(true);
        expect(new Set(drawn.map((params) => JSON.stringify(params))).size).toBe(count);
      }),
      { numRuns: 40 },
    );
  });
});

test('grid values: all whole numbers, both bounds of a range, evenly spaced on its scale', () => {
  expect(gridValues(integer(1, 9, { step: 4 }), 2)).toEqual([1, 5, 9]);
  expect(gridValues(uniform(0, 1), 3)).toEqual([0, 0.5, 1]);
  const rates = gridValues(logUniform(1e-5, 1e-3), 3) as number[];
  expect([rates[0], rates[2]]).toEqual([1e-5, 1e-3]);
  expect(rates[1]).toBeCloseTo(1e-4, 10);
  expect(gridValues(logInteger(1, 64), 4)).toEqual([1, 4, 16, 64]);
});

test.each([
  [
    'numbers',
    [uniform(-2, 5), logUniform(1e-3, 1)],
    [
      [0, 0.01],
      [4.9, 0.5],
      [0.2, 0.02],
    ],
  ],
  [
    'whole numbers and choices',
    [integer(0, 6, { step: 2 }), logInteger(1, 9), choice(['a', 'b', 'c'])],
    [
      [2, 3, 1],
      [6, 1, 0],
    ],
  ],
])(
  'a Parzen density integrates to 1 and its draws follow it: %s',
  (_, space: readonly Distribution[], observed: readonly (readonly number[])[]) => {
    const density = new ParzenEstimator(space, observed);
    const random = new RandomStream(3, 'parzen');
    if (space.every(({ kind }) => kind === 'uniform')) {
      // On a mesh over both scales: the logarithm's density is per unit of the logarithm.
      const [a, b] = space.map((each) => [
        toScale(each, (each as { low: number }).low),
        toScale(each, (each as { high: number }).high),
      ]);
      let sum = 0;
      const n = 200;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          const x = a[0] + ((i + 0.5) / n) * (a[1] - a[0]);
          const y = Math.exp(b[0] + ((j + 0.5) / n) * (b[1] - b[0]));
          sum += Math.exp(density.logDensity([x, y]));
        }
      expect((sum * (a[1] - a[0]) * (b[1] - b[0])) / n ** 2).toBeCloseTo(1, 2);
      return;
    }
    const points: number[][] = [];
    for (const x of [0, 2, 4, 6]) for (let y = 1; y <= 9; y++) for (const z of [0, 1, 2]) points.push([x, y, z]);
    const shares = new Map(points.map((point) => [point.join(), Math.exp(density.logDensity(point))]));
    expect([...shares.values()].reduce((x, y) => x + y, 0)).toBeCloseTo(1, 4);
    const counts = new Map<string, number>();
    for (let i = 0; i < 5000; i++) {
      const key = density.sample(random).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, share] of shares)
      expect(Math.abs((counts.get(key) ?? 0) / 5000 - share)).toBeLessThan(4 * Math.sqrt(share / 5000) + 2e-3);
  },
);

test('a normal mass in the tail keeps its digits', () => {
  // scipy.stats.norm: log(sf(8) − sf(9)), log(cdf(1) − cdf(−1))
  expect(logNormalMass(8, 9)).toBeCloseTo(-35.0136182, 3);
  expect(logNormalMass(-9, -8)).toBe(logNormalMass(8, 9));
  expect(logNormalMass(-1, 1)).toBeCloseTo(-0.3817149, 5);
});

/** Branin and Hoo's function, whose least value is 0.397887, and the six-dimensional one of Hartmann, −3.32237. */
const problems = {
  branin: {
    space: { x: uniform(-5, 10), y: uniform(0, 15) },
    of: ([x, y]: readonly number[]) =>
      (y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6) ** 2 +
      10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) +
      10,
  },
  hartmann6: {
    space: Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`x${i}`, uniform(0, 1)])),
    of(x: readonly number[]) {
      const a = [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
      ];
      const p = [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
      ];
      return -[1, 1.2, 3, 3.2].reduce(
        (sum, alpha, i) =>
          sum + alpha * Math.exp(-x.reduce((s, each, j) => s + a[i][j] * (each - p[i][j] / 1e4) ** 2, 0)),
        0,
      );
    },
  },
};

interface OptunaResult {
  readonly trials: number;
  readonly tpe: readonly number[];
  readonly random: readonly number[];
}
const golden = JSON.parse(readFileSync(new URL('goldens/optuna.json', import.meta.url), 'utf8')) as {
  readonly optuna: string;
  readonly branin: OptunaResult;
  readonly hartmann6: OptunaResult;
};

const median = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
};

async function bestOf(sampler: Sampler, problem: keyof typeof problems, trials: number, seed: number): Promise<number> {
  const { space, of } = problems[problem];
  const study = await Study.open({ direction: 'minimize', objective: problem, sampler, seed, space });
  for (let i = 0; i < trials; i++) {
    const trial = (await study.claim(trials))!;
    await trial.end({ state: 'complete', value: of(Object.values(trial.params) as number[]), seconds: 0 });
  }
  return Math.min(...(await study.trials()).map(({ value }) => value!));
}

test.each(['branin', 'hartmann6'] as const)(
  "TPE beats random on %s over 20 seeds, and is as good as Optuna's",
  async (problem) => {
    const { trials, tpe: optunaTpe, random: optunaRandom } = golden[problem];
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const tpe: number[] = [];
    const random: number[] = [];
    for (const seed of seeds) {
      tpe.push(await bestOf(tpeSampler(), problem, trials, seed));
      random.push(await bestOf(randomSampler(), problem, trials, seed));
    }
    const line = (name: string, ours: readonly number[], theirs: readonly number[]) =>
      `  ${name.padEnd(7)} Fettle ${median(ours).toFixed(4)}   Optuna ${median(theirs).toFixed(4)}`;
    console.log(
      [
        `${problem}, median of the best of ${trials} trials over 20 seeds (Optuna ${golden.optuna}):`,
        line('TPE', tpe, optunaTpe),
        line('random', random, optunaRandom),
      ].join('\n'),
    );
    const wins = seeds.filter((seed) => tpe[seed] < random[seed]).length;
    // Of 20 fair coins 15 or more fall on one side once in fifty times.
    expect(wins).toBeGreaterThanOrEqual(15);
    expect(median(tpe)).toBeLessThan(median(random));
    // Not worse than Optuna's by more than a quarter of what Optuna gains over random.
    expect(median(tpe)).toBeLessThan(median(optunaTpe) + (median(optunaRandom) - median(optunaTpe)) / 4);
  },
);

test('TPE finds the better choice and the place on a logarithmic scale', async () => {
  const lines = gatherLog();
  const space = { rate: logUniform(1e-6, 1), head: choice(['a', 'b', 'c', 'd']), layers: integer(1, 12) };
  const study = await Study.open({ direction: 'maximize', objective: 'x', sampler: tpeSampler(), seed: 5, space });
  await runTrials(
    study,
    async ({ params }) => ({
      value:
        -Math.abs(Math.log10(Number(params['rate'])) + 4) -
        (params['head'] === 'c' ? 0 : 1) -
        Math.abs(Number(params['layers']) - 6) / 6,
    }),
    { nTrials: 60 },
  );
  expect(lines.at(-1)).toMatch(/trial 59: -.*best so far/);
  const late = (await study.trials()).slice(40);
  expect(late.filter(({ params }) => params['head'] === 'c').length).toBeGreaterThan(12);
  expect(median(late.map(({ params }) => Math.abs(Math.log10(Number(params['rate'])) + 4)))).toBeLessThan(0.8);
  expect(median(late.map(({ params }) => Math.abs(Number(params['layers']) - 6)))).toBeLessThanOrEqual(2);
});
