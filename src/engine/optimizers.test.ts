import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { Arena, type OptimizedParameter } from './arena.ts';
import { adamW, type Optimizer, sgd } from './optimizers.ts';

/** What PyTorch 2.15 gives after all steps: scripts/goldens/optimizers.py. */
interface Goldens {
  readonly steps: number;
  readonly norm: number;
  readonly rate: number;
  readonly cases: readonly {
    readonly name: 'adamw' | 'sgd';
    readonly kwargs: {
      readonly betas?: readonly [number, number];
      readonly eps?: number;
      readonly momentum?: number;
      readonly dampening?: number;
      readonly nesterov?: boolean;
    };
    readonly weightDecay: number;
    readonly norms: readonly number[];
    readonly weights: Readonly<Record<string, readonly number[]>>;
    readonly state: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  }[];
}

const goldens = JSON.parse(readFileSync(new URL('goldens/optimizers.json', import.meta.url), 'utf8')) as Goldens;
const parameters = [
  { name: 'matrix', shape: [8, 6] },
  { name: 'bias', shape: [6] },
  { name: 'table', shape: [10, 4] },
];
const rates: Readonly<Record<string, number>> = { matrix: 1, bias: 0.5, table: 2 };

/** The same bits as the script's. */
const fractions = (count: number, salt: number) =>
  Float32Array.from({ length: count }, (_, i) => ((i * 7919 + salt * 104_729) % 1009) / 1009 - 0.5);

const arenas: Arena[] = [];
afterAll(() => Promise.all(arenas.map((arena) => arena.dispose())));

async function makeArena(weightDecay: number, rowGradient: boolean): Promise<Arena> {
  const arena = await Arena.create(parameters, { threads: 2 });
  arenas.push(arena);
  parameters.forEach(({ name }, i) => {
    const weight = arena.weight(name);
    weight.set(fractions(weight.length, 1000 + i));
  });
  const plan = parameters.map(
    ({ name }): OptimizedParameter => ({
      name,
      weightDecay: name === 'bias' ? 0 : weightDecay,
      learningRateScale: rates[name],
      rowGradient: rowGradient && name === 'table',
    }),
  );
  await arena.prepareTraining(plan, { accumulate: false });
  return arena;
}

async function step(arena: Arena, optimizer: Optimizer, at: number, rowGradient: boolean): Promise<number> {
  arena.gradient('matrix').set(fractions(48, 10 * at));
  arena.gradient('bias').set(fractions(6, 10 * at + 1));
  const rows = fractions(8, 10 * at + 2);
  const ids = Int32Array.of((3 * at) % 10, (7 * at + 1) % 10);
  if (rowGradient) await arena.addRows('table', ids, rows);
  else {
    const table = arena.gradient('table').fill(0);
    rows.forEach((x, i) => {
      table[4 * ids[i >> 2] + (i & 3)] += x;
    });
  }
  const { rate, norm } = goldens;
  return (await arena.step({ optimizer, learningRate: rate, maxGradNorm: norm, step: at })).gradientNorm;
}

function make({ name, kwargs }: Goldens['cases'][number]): Optimizer {
  if (name === 'sgd') return sgd(kwargs);
  return adamW({ beta1: kwargs.betas?.[0], beta2: kwargs.betas?.[1], epsilon: kwargs.eps });
}

const stateOf = (arena: Arena) =>
  parameters.map(({ name }) => [arena.weight(name), ...Object.values(arena.moments(name))].map((each) => each.slice()));

describe("PyTorch's optimizers, twenty steps with clipping and groups", () => {
  for (const rowGradient of [false, true]) {
    test.each(goldens.cases)(`$name $kwargs, decay $weightDecay, rows of the table ${rowGradient}`, async (golden) => {
      const optimizer = make(golden);
      const arena = await makeArena(golden.weightDecay, rowGradient);
      const still = parameters.map(({ name }) => arena.weight(name).slice());
      for (let at = 1; at <= goldens.steps; at++)
        expect(await step(arena, optimizer, at, rowGradient)).toBeCloseTo(golden.norms[at - 1], 5);
      parameters.forEach(({ name }, p) => {
        const { first, second } = arena.moments(name);
        const arrays = [arena.weight(name), ...[first, second].slice(0, optimizer.state.length)];
        const expected = [golden.weights[name], ...optimizer.state.map((kept) => golden.state[name][kept])];
        expect(arena.weight(name)).not.toEqual(still[p]);
        arrays.forEach((array, k) => {
          expect(array).toHaveLength(expected[k].length);
          array.forEach((x, i) => {
            expect(Math.abs(x - expected[k][i]), `${name} ${['weight', ...optimizer.state][k]} ${i}`).toBeLessThan(
              2e-6,
            );
          });
        });
      });
    });
  }

  test('state that is put back makes a resumed run the run that was not interrupted', async () => {
    for (const rowGradient of [false, true]) {
      const optimizer = sgd({ momentum: 0.9, dampening: 0.2 });
      const [whole, first, second] = await Promise.all([0.1, 0.1, 0.1].map((decay) => makeArena(decay, rowGradient)));
      for (let at = 1; at <= 6; at++) await step(whole, optimizer, at, rowGradient);
      for (let at = 1; at <= 3; at++) await step(first, optimizer, at, rowGradient);
      for (const { name } of parameters) {
        second.weight(name).set(first.weight(name));
        second.setMoments(name, { first: first.moments(name).first });
      }
      for (let at = 4; at <= 6; at++) await step(second, optimizer, at, rowGradient);
      expect(stateOf(second)).toEqual(stateOf(whole));
    }
  });
});

test('rows of a table give the bits of the dense update, whatever the numbers', async () => {
  const share = fc.constantFrom(0, 0.5, 0.9);
  await fc.assert(
    fc.asyncProperty(
      share,
      share,
      fc.boolean(),
      fc.constantFrom(0, 0.1),
      async (momentum, dampening, nesterov, decay) => {
        const looksAhead = nesterov && momentum > 0;
        const optimizer = sgd({ momentum, dampening: looksAhead ? 0 : dampening, nesterov: looksAhead });
        const [dense, rows] = await Promise.all([makeArena(decay, false), makeArena(decay, true)]);
        for (let at = 1; at <= 4; at++)
          for (const arena of [dense, rows]) await step(arena, optimizer, at, arena === rows);
        expect(stateOf(rows)).toEqual(stateOf(dense));
        expect(rows.gradient('table').every((x) => x === 0)).toBe(true);
      },
    ),
    { numRuns: 6 },
  );
});

test('without momentum nothing is kept', async () => {
  const arena = await makeArena(0.1, true);
  await step(arena, sgd(), 1, true);
  expect(sgd().state).toEqual([]);
  for (const { name } of parameters) expect(arena.moments(name).first.every((x) => x === 0)).toBe(true);
});

test.each<[string, () => Optimizer, string]>([
  [
    'β1 of 1',
    () => adamW({ beta1: 1 }),
    '[adamW] beta1 does not fit, got 1, expected a number of at least 0 and below 1',
  ],
  ['ε of 0', () => adamW({ epsilon: 0 }), '[adamW] epsilon does not fit, got 0, expected a number above 0'],
  ['Nesterov without momentum', () => sgd({ nesterov: true }), '[sgd] nesterov does not fit'],
  [
    'Nesterov with dampening',
    () => sgd({ nesterov: true, momentum: 0.9, dampening: 0.1 }),
    'momentum above 0 and no dampening',
  ],
  [
    'momentum above 1',
    () => sgd({ momentum: 1.5 }),
    '[sgd] momentum does not fit, got 1.5, expected a number from 0 to 1',
  ],
])('refused: %s', (_, made, message) => {
  expect(made).toThrow(message);
});
