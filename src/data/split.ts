import { ArgumentError, DataError } from '../core/errors.ts';
import { RandomStream } from '../core/random.ts';
import type { Cell } from './features.ts';

/** How a data set is cut in two; see {@link splitIndices}. */
export interface TrainTestSplitOptions {
  /** A share in (0, 1), rounded up to whole rows, or a number of rows. Default 0.25, as in scikit-learn. */
  readonly testSize?: number;
  /** Default 42. */
  readonly seed?: number;
  /** Default true; false keeps the order: the first rows train, the last test. */
  readonly shuffle?: boolean;
  /** A column of classes whose shares both parts keep. */
  readonly stratifyByColumn?: string;
}

/** Row numbers 0 … rows − 1 in two parts. `classes`, one cell a row, asks for the same class shares in both. */
export function splitIndices(
  rows: number,
  options: TrainTestSplitOptions,
  classes?: Iterable<Cell>,
): { train: Uint32Array; test: Uint32Array } {
  const testRows = countTestRows(rows, options.testSize ?? 0.25);
  const random = new RandomStream(options.seed ?? 42, 'data/trainTestSplit');
  if (classes !== undefined) {
    if (options.shuffle === false) {
      throw new ArgumentError('ERR_CONFLICTING_OPTIONS', {
        owner: 'trainTestSplit',
        what: 'stratifyByColumn needs shuffling, and shuffle is false',
        hint: 'leave one of the two out',
      });
    }
    return stratified(classes, rows, testRows, options.stratifyByColumn ?? '', random);
  }
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  if (options.shuffle !== false) random.shuffle(order);
  return { train: order.slice(0, rows - testRows), test: order.slice(rows - testRows) };
}

function countTestRows(rows: number, testSize: number): number {
  const count = testSize > 0 && testSize < 1 ? Math.ceil(rows * testSize) : testSize;
  if (!Number.isInteger(count) || count < 1 || count >= rows) {
    throw new ArgumentError('ERR_TEST_SIZE', {
      owner: 'trainTestSplit',
      what: `testSize leaves one part of ${rows} rows empty`,
      got: testSize,
      expected: `a share in (0, 1) or a number of rows from 1 to ${rows - 1}`,
    });
  }
  return count;
}

function stratified(
  classes: Iterable<Cell>,
  rows: number,
  testRows: number,
  column: string,
  random: RandomStream,
): { train: Uint32Array; test: Uint32Array } {
  const members = new Map<Cell, number[]>();
  let row = 0;
  for (const cell of classes) {
    const known = members.get(cell);
    if (known === undefined) members.set(cell, [row]);
    else known.push(row);
    row++;
  }
  const groups = [...members.values()];
  const lonely = groups.find((group) => group.length < 2);
  if (lonely !== undefined || testRows < groups.length || rows - testRows < groups.length) {
    throw new DataError('ERR_STRATIFY', {
      owner: 'trainTestSplit',
      what:
        lonely !== undefined
          ? 'a class has one row only, which cannot stand in both parts'
          : `${testRows} test and ${rows - testRows} train rows cannot hold each of ${groups.length} classes`,
      row: lonely === undefined ? undefined : lonely[0] + 1,
      column,
      hint: lonely !== undefined ? 'drop the class, add rows, or leave stratifyByColumn out' : 'change testSize',
    });
  }
  const counts = shareOut(
    groups.map((group) => group.length),
    testRows,
  );
  const train: number[] = [];
  const test: number[] = [];
  groups.forEach((group, k) => {
    random.shuffle(group);
    for (let i = 0; i < group.length; i++) (i < counts[k] ? test : train).push(group[i]);
  });
  return { train: Uint32Array.from(random.shuffle(train)), test: Uint32Array.from(random.shuffle(test)) };
}

/** `total` shared out in proportion to `sizes` by largest remainder; ties go to the class that came first. */
export function shareOut(sizes: readonly number[], total: number): number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => (size * total) / all);
  const counts = exact.map(Math.floor);
  const left = total - counts.reduce((sum, count) => sum + count, 0);
  const byRemainder = exact.map((_, k) => k).sort((a, b) => exact[b] - counts[b] - (exact[a] - counts[a]) || a - b);
  for (const k of byRemainder.slice(0, left)) counts[k]++;
  return counts;
}
