import type { MachineDescription } from './machine.ts';
import { type Spread, table } from './statistics.ts';

/** One pair that was measured in turn: the same work by Fettle and by another. */
export interface BenchRow {
  readonly work: string;
  /** What Fettle ran in: `ONNX Runtime float32`. */
  readonly ours: string;
  /** Whom it is compared with: `PyTorch float32`. */
  readonly theirs: string;
  readonly unit: 'ms' | 's' | 'MB';
  readonly oursValue: Spread;
  readonly theirsValue: Spread;
  /** Ours over theirs, round by round. */
  readonly ratio: Spread;
  /** What the median must not exceed, if anything. */
  readonly floor?: number;
  /** Whether both computed the same; undefined where that was checked elsewhere. */
  readonly agrees?: boolean;
}

/** What one part of the benchmark found, and where. */
export interface BenchPart {
  readonly date: string;
  readonly machine: MachineDescription;
  /** The share of the processors that other work took before. */
  readonly loadOfOthers: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly BenchRow[];
}

/** The parts in the order in which they are run and shown. */
export const benchParts = {
  steps: 'a whole training step',
  runs: 'a whole run, start to end',
  inference: 'answers',
} as const;

export type BenchPartName = keyof typeof benchParts;

/** What benchmarks/results/bench.json holds: each part as it was last run whole. */
export type BenchReport = Readonly<Partial<Record<BenchPartName, BenchPart>>>;

/** A part as people read it in a terminal. */
export function partTable(name: BenchPartName, { rows, loadOfOthers, machine }: BenchPart): string {
  const head = [benchParts[name], 'Fettle', '', 'the other', '', 'ratio', 'quartiles', 'at most', ''];
  const lines = rows.map(({ work, ours, theirs, unit, oursValue, theirsValue, ratio, floor, agrees }) => [
    work,
    ours,
    `${number(oursValue.median)} ${unit}`,
    theirs,
    `${number(theirsValue.median)} ${unit}`,
    ratio.median.toFixed(3),
    ratio.count === 1 ? 'once' : `${ratio.lower.toFixed(2)}–${ratio.upper.toFixed(2)}`,
    floor === undefined ? '' : `${floor.toFixed(2)} ${ratio.median <= floor ? 'met' : 'MISSED'}`,
    agrees === false ? 'DIFFERS' : '',
  ]);
  return [
    table([head, ...lines]),
    `${machine.cpu}, ${machine.cores} cores, ${machine.instructions.join(' ')}`,
    ...(loadOfOthers > 0.1
      ? [`Other work took ${Math.round(100 * loadOfOthers)} % of the processors before: do not trust it.`]
      : []),
  ].join('\n');
}

/** The rows whose floor was missed, or whose two sides differ, in words. */
export function failures(part: BenchPart): string[] {
  return part.rows.flatMap(({ work, ours, theirs, ratio, floor, agrees }) => [
    ...(floor !== undefined && ratio.median > floor
      ? [`${work}: ${ours} takes ${ratio.median.toFixed(3)} of ${theirs}, at most ${floor} is asked for`]
      : []),
    ...(agrees === false ? [`${work}: ${ours} and ${theirs} did not compute the same`] : []),
  ]);
}

/** The README's tables: a table a part, a line a work, a column a pair; medians of the ratios. */
export function readmeTables(report: BenchReport): string {
  return (Object.keys(benchParts) as BenchPartName[])
    .flatMap((name) => {
      const part = report[name];
      return part === undefined || part.rows.length === 0 ? [] : [markdown(benchParts[name], part.rows)];
    })
    .join('\n\n');
}

function markdown(title: string, rows: readonly BenchRow[]): string {
  const pairOf = ({ ours, theirs }: BenchRow) => `${ours} over ${theirs}`;
  const pairs = [...new Set(rows.map(pairOf))];
  const works = [...new Set(rows.map(({ work }) => work))];
  const cell = (work: string, pair: string) =>
    rows.find((row) => row.work === work && pairOf(row) === pair)?.ratio.median.toFixed(2) ?? '–';
  return [
    `| ${[title, ...pairs].join(' | ')} |`,
    `|${'---|'.repeat(pairs.length + 1)}`,
    ...works.map((work) => `| ${[work, ...pairs.map((pair) => cell(work, pair))].join(' | ')} |`),
  ].join('\n');
}

function number(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
