import { describe, expect, test } from 'vitest';
import { importances } from './importance.ts';
import { ashaPruner, medianPruner, type Pruner } from './pruners.ts';
import { choice, describeDistribution, integer, logInteger, logUniform, uniform } from './space.ts';
import { parseSpace } from './spaceText.ts';
import { trialsOf } from './studyRecords.ts';
import type { Direction, Trial } from './trial.ts';

/** A trial that has reported these values, at evaluations 1, 2, … */
const reported = (number: number, values: readonly number[], state: Trial['state'] = 'complete'): Trial => ({
  number,
  state,
  attempt: 1,
  params: {},
  reports: values.map((value, i) => ({ evaluation: i + 1, step: 10 * (i + 1), value })),
  value: values.at(-1),
});

describe('pruners', () => {
  const others = [
    [5, 4],
    [4, 3],
    [3, 2],
    [2, 1],
    [1, 0],
  ].map((values, i) => reported(i, values));

  test.each<[string, Pruner, readonly number[], Direction, boolean]>([
    ['worse than the median of its evaluation', medianPruner(), [9, 2.5], 'minimize', true],
    ['as good as the median', medianPruner(), [9, 2], 'minimize', false],
    ['its best counts, not its last', medianPruner(), [1, 9], 'minimize', false],
    ['the other way round', medianPruner(), [2.5, 1], 'maximize', false],
    ['the other way round, worse', medianPruner(), [1, 1.5], 'maximize', true],
    ['nobody has come so far', medianPruner(), [9, 9, 9], 'minimize', false],
    ['too few complete trials', medianPruner({ nStartupTrials: 6 }), [9, 9], 'minimize', false],
    ['not judged yet', medianPruner({ nWarmupSteps: 2 }), [9, 9], 'minimize', false],
    ['not judged at every evaluation', medianPruner({ intervalSteps: 2 }), [9, 9], 'minimize', false],
    ['judged at every other', medianPruner({ intervalSteps: 2 }), [9], 'minimize', true],
    ['NaN', medianPruner(), [Number.NaN, Number.NaN], 'minimize', true],
    // Six have come to the first rung: one in four goes on.
    ['the best of the rung', ashaPruner(), [0.5], 'minimize', false],
    ['not the best of the rung', ashaPruner(), [1.5], 'minimize', true],
    ['the best three of six', ashaPruner({ reductionFactor: 2 }), [2.5], 'minimize', false],
    ['the fourth of six', ashaPruner({ reductionFactor: 2 }), [3.5], 'minimize', true],
    ['the best, where more is better', ashaPruner(), [6], 'maximize', false],
    ['between two rungs', ashaPruner({ reductionFactor: 4 }), [0, 9], 'minimize', false],
    ['a rung further up', ashaPruner({ minResource: 2 }), [9, 0.5], 'minimize', true],
    ['rungs left out', ashaPruner({ minEarlyStoppingRate: 1, reductionFactor: 2 }), [9], 'minimize', false],
    ['NaN at a rung', ashaPruner(), [Number.NaN], 'minimize', true],
  ])('%s', (_, pruner, values, direction, expected) => {
    expect(pruner.shouldPrune(reported(9, values, 'running'), others, direction)).toBe(expected);
  });

  test('running and pruned trials are met at the rungs of ASHA, but not by the median', () => {
    const running = others.map((trial) => ({ ...trial, state: 'running' as const }));
    const bad = reported(9, [9], 'running');
    expect(ashaPruner().shouldPrune(bad, running, 'minimize')).toBe(true);
    expect(medianPruner().shouldPrune(bad, running, 'minimize')).toBe(false);
    expect(ashaPruner().shouldPrune(bad, [], 'minimize')).toBe(false);
  });

  test('wrong options are refused', () => {
    expect(() => ashaPruner({ reductionFactor: 1 })).toThrow(/'reductionFactor'.*at least 2/s);
    expect(() => medianPruner({ nWarmupSteps: -1 })).toThrow(/'nWarmupSteps'/);
  });
});

describe('importance', () => {
  /** Trials whose objective is a function of `x` and `which`; `noise` says nothing. */
  const trials = (count: number, of: (x: number, which: string) => number): Trial[] =>
    Array.from({ length: count }, (_, number) => {
      // Low-discrepancy, so that no two of them go together by chance.
      const [x, y, z] = [0.618034, 0.754878, 0.56984].map((step) => (0.5 + number * step) % 1);
      const which = y < 0.5 ? 'a' : 'b';
      return { ...reported(number, []), params: { x, which, noise: z, always: 1 }, value: of(x, which) };
    });

  test('what the objective depends on comes first, what says nothing is about 0, what does not vary is left out', () => {
    const found = importances(trials(60, (x, which) => x ** 2 + (which === 'a' ? 0.3 : 0)));
    expect(found.map(({ name }) => name)).toEqual(['x', 'which', 'noise']);
    expect(found[0].share).toBeGreaterThan(0.5);
    expect(found[1].share).toBeGreaterThan(0.1);
    expect(found[2].share).toBeLessThan(0.1);
  });

  test('one choice that settles all has everything; a trial that went wild changes nothing', () => {
    const all = trials(20, (_, which) => (which === 'a' ? 1 : 2));
    expect(importances(all)[0]).toEqual({ name: 'which', share: 1 });
    const wild = all.map((trial, i) => (i === 0 ? { ...trial, value: Number(trial.value) * 1e9 } : trial));
    expect(importances(wild)[0].name).toBe('which');
    expect(importances(wild)[0].share).toBeGreaterThan(0.6);
  });

  test('few trials say nothing', () => {
    expect(importances(trials(5, (x) => x))).toEqual([]);
  });
});

describe('spaces', () => {
  test.each([
    ['learning_rate=loguniform(1e-5,1e-4)', logUniform(1e-5, 1e-4)],
    ['learning_rate = log-uniform( 1e-5 , 1e-4 )', logUniform(1e-5, 1e-4)],
    ['dropout=uniform(0,0.3)', uniform(0, 0.3)],
    ['per_device_train_batch_size=choice(8,16)', choice([8, 16])],
    ["lr_scheduler_type=choice(linear,'cosine',true)", choice(['linear', 'cosine', true])],
    ['num_train_epochs=int(1,5)', integer(1, 5)],
    ['warmup_steps=integer(0,100,20)', integer(0, 100, { step: 20 })],
    ['max_steps=logint(1,64)', logInteger(1, 64)],
  ])('%s', (text, expected) => {
    const [name, distribution] = parseSpace('test', text);
    expect(distribution).toEqual(expected);
    expect(parseSpace('test', `${name}=${describeDistribution(distribution)}`)[1]).toEqual(expected);
  });

  test.each([
    ['learning_rate=1e-5', /no part of a search space/],
    ['learning_rate=lognormal(0,1)', /no distribution 'lognormal'/],
    ['learning_rate=logunifrom(1e-5,1e-4)', /did you mean 'loguniform'/],
    ['learning_rate=uniform(1)', /two numbers/],
    ['learning_rate=uniform(a,b)', /two numbers/],
    ['learning_rate=uniform(2,1)', /the smaller first/],
    ['learning_rate=loguniform(0,1)', /above 0/],
    ['epochs=int(1,5,3)', /leads from 1 to 5/],
    ['epochs=int(1.5,5)', /whole numbers/],
    ['epochs=logint(0,5)', /from 1/],
    ['size=choice(8,8)', /twice/],
  ])('%s is refused', (text, message) => {
    expect(() => parseSpace('test', text)).toThrow(message);
  });

  test('types: a choice keeps its values, an option takes what fits it', () => {
    const schedules = choice(['linear', 'cosine']);
    expect(schedules.values satisfies readonly ('linear' | 'cosine')[]).toHaveLength(2);
  });
});

test('records of an earlier attempt, and a second end, are passed over', () => {
  const begin = { type: 'begin', number: 0, params: { x: 1 }, process: 1, host: 'h', time: '' } as const;
  const report = { type: 'report', number: 0, evaluation: 1, step: 1, value: 3 } as const;
  const end = { type: 'end', number: 0, state: 'complete', seconds: 1 } as const;
  const [trial] = trialsOf([
    { ...begin, attempt: 1 },
    { ...report, attempt: 1 },
    { ...begin, attempt: 2 },
    { ...report, attempt: 1 },
    { ...end, attempt: 1, value: 7 },
    { ...report, attempt: 2, value: 4 },
    { ...end, attempt: 2, value: 5 },
    { ...end, attempt: 2, value: 6 },
  ]);
  expect(trial).toMatchObject({
    attempt: 2,
    state: 'complete',
    value: 5,
    reports: [{ evaluation: 1, step: 1, value: 4 }],
  });
});
