import { describe, expect, test, vi } from 'vitest';
import { type BenchPart, failures, partTable, readmeTables } from '../benchmarks/benchReport.ts';
import { rowsOf, takeTurns } from '../benchmarks/contenders.ts';

const machine = {
  cpu: 'a processor',
  cores: 2,
  instructions: ['avx2'],
  memoryGb: 8,
  platform: 'linux x64',
  node: 'v20',
  fettle: '0',
};
const part = (rows: BenchPart['rows']): BenchPart => ({ date: '', machine, loadOfOthers: 0, versions: {}, rows });
const measured = new Map([
  ['A', [10, 30, 12]],
  ['B', [20, 40, 48]],
]);

describe('what is made of measured times', () => {
  test('ratios are taken round by round, and pairs without a contender are left out', () => {
    const [row, ...others] = rowsOf({ work: 'w', unit: 'ms' }, measured, [
      { ours: 'A', theirs: 'B', floor: 0.6 },
      { ours: 'A', theirs: 'C' },
    ]);
    expect(others).toEqual([]);
    expect(row).toMatchObject({ oursValue: { median: 12 }, theirsValue: { median: 40 }, floor: 0.6 });
    // Of 10/20, 30/40, 12/48; not 12/40.
    expect(row.ratio).toMatchObject({ median: 0.5, lower: 0.375, upper: 0.625, count: 3 });
    expect(row).not.toHaveProperty('agrees');
  });

  test('a floor that is missed and sides that differ are told', () => {
    const agrees = new Map([['B', false]]);
    const rows = [0.4, 0.6].flatMap((floor) =>
      rowsOf({ work: `w${floor}`, unit: 'ms', agrees }, measured, [{ ours: 'A', theirs: 'B', floor }]),
    );
    expect(failures(part(rows))).toEqual([
      'w0.4: A takes 0.500 of B, at most 0.4 is asked for',
      'w0.4: A and B did not compute the same',
      'w0.6: A and B did not compute the same',
    ]);
    const table = partTable('steps', part(rows));
    expect(table).toMatch(/w0\.4 .* 0\.500 +0\.38–0\.63 +0\.40 MISSED +DIFFERS/);
    expect(table).toMatch(/w0\.6 .* 0\.60 met +DIFFERS/);
  });

  test('README has a line a work and a column a pair', () => {
    const rows = [
      ...rowsOf({ work: 'one', unit: 'ms' }, measured, [{ ours: 'A', theirs: 'B' }]),
      ...rowsOf({ work: 'two', unit: 'ms' }, measured, [{ ours: 'B', theirs: 'A' }]),
    ];
    expect(readmeTables({ inference: part(rows) })).toBe(
      '| answers | A over B | B over A |\n|---|---|---|\n| one | 0.50 | – |\n| two | – | 2.00 |',
    );
  });
});

test('contenders take turns in an order that changes; rounds to warm up do not count', async () => {
  vi.useFakeTimers();
  const order: string[] = [];
  const turn = (name: string) => async () => order.push(name);
  const running = takeTurns(new Map(['a', 'b', 'c'].map((name) => [name, turn(name)])), 3, 1);
  await vi.runAllTimersAsync();
  const result = await running;
  vi.useRealTimers();
  expect(order.join('')).toBe('cababcbcacab');
  expect([...result.values()].map((values) => values.length)).toEqual([3, 3, 3]);
  expect(result.get('a')![0]).toBe(4);
});
