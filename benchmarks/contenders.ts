import type { BenchRow } from './benchReport.ts';
import { pairedRatios, spread } from './statistics.ts';

/** What someone took for a piece of work, round by round, by who it was. */
export type Measured = ReadonlyMap<string, readonly number[]>;

/** A pair of contenders that are compared, by name. */
export interface Pair {
  readonly ours: string;
  readonly theirs: string;
  readonly floor?: number | undefined;
}

/** The rows of a piece of work: of all pairs whose contenders took part. */
export function rowsOf(
  { work, unit, agrees }: { work: string; unit: BenchRow['unit']; agrees?: ReadonlyMap<string, boolean> },
  measured: Measured,
  pairs: readonly Pair[],
): BenchRow[] {
  return pairs.flatMap(({ ours, theirs, floor }) => {
    const [mine, other] = [measured.get(ours), measured.get(theirs)];
    if (mine === undefined || other === undefined || mine.length === 0) return [];
    const same = agrees && [ours, theirs].every((name) => agrees.get(name) ?? true);
    return [
      {
        work,
        ours,
        theirs,
        unit,
        oursValue: spread(mine),
        theirsValue: spread(other),
        ratio: pairedRatios(mine, other),
        ...(floor === undefined ? {} : { floor }),
        ...(same === undefined ? {} : { agrees: same }),
      },
    ];
  });
}

/**
 * Lets contenders take turns, in an order that changes every round, so that nobody always follows the same one; between
 * turns nobody computes for a moment (others' threads may spin a little on).
 */
export async function takeTurns(
  contenders: ReadonlyMap<string, () => Promise<number>>,
  rounds: number,
  warmUp: number,
): Promise<Measured> {
  const names = [...contenders.keys()];
  const measured = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = -warmUp; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(((round + turn) % names.length) + names.length) % names.length];
      await new Promise((resolve) => setTimeout(resolve, 50));
      const value = await contenders.get(name)!();
      if (round >= 0) measured.get(name)!.push(value);
    }
  }
  return measured;
}

/** The names of contenders, as tables show them. */
export const names = {
  ort: 'ONNX Runtime float32',
  int8: 'ONNX Runtime int8',
  openvino: 'OpenVINO bfloat16',
  python: 'PyTorch float32',
  medium: "PyTorch 'medium'",
  half: 'PyTorch bfloat16',
  transformersJs: 'transformers.js float32',
} as const;
