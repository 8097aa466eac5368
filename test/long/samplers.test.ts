import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { randomSampler, type Sampler } from '../../src/training/search/samplers.ts';
import { uniform } from '../../src/training/search/space.ts';
import { Study } from '../../src/training/search/study.ts';
import { tpeSampler } from '../../src/training/search/tpeSampler.ts';
import { median } from '../testing/arrays.ts';

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
const golden = JSON.parse(
  readFileSync(new URL('../../src/training/search/goldens/optuna.json', import.meta.url), 'utf8'),
) as {
  readonly optuna: string;
  readonly branin: OptunaResult;
  readonly hartmann6: OptunaResult;
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
