import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { median } from '../../../test/testing/arrays.ts';
import { gatherLog } from '../../../test/testing/tiny.ts';
import { RandomStream } from '../../core/random.ts';
import { gridSampler, gridValues } from './gridSampler.ts';
import { logNormalMass } from './normal.ts';
import { ParzenEstimator } from './parzen.ts';
import { runTrials } from './runTrials.ts';
import { randomSampler } from './samplers.ts';
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
