import { ArgumentError, DataError, didYouMean } from '../core/errors.ts';

/** Words in a file's name that say which split it holds, as Hugging Face's `datasets` knows them. */
const words: ReadonlyMap<string, string> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['validation', 'validation'],
  ['valid', 'validation'],
  ['val', 'validation'],
  ['dev', 'validation'],
  ['test', 'test'],
  ['testing', 'test'],
  ['eval', 'test'],
  ['evaluation', 'test'],
]);

/** The split that a file's name speaks of (`dev.tsv`, `my-train-00001.csv`), by its first such word between punctuation or digits. */
export function splitOfFile(fileName: string): string | undefined {
  for (const word of fileName.toLowerCase().split(/[^a-z]+/)) {
    const split = words.get(word);
    if (split !== undefined) return split;
  }
  return undefined;
}

/**
 * The split that a path speaks of: in the form `<split>-00000-of-00001` any split's name (`unsupervised`), or else a
 * known word in the file's name, or in the name of a folder around it, the nearest first.
 */
export function splitOfPath(path: string): string | undefined {
  const steps = path.split('/').reverse();
  const sharded = /^(\w+(?:\.\w+)*)-\d{5}-of-\d{5}(?:\D|$)/.exec(steps[0])?.[1];
  if (sharded !== undefined) return words.get(sharded) ?? sharded;
  for (const step of steps) {
    const split = splitOfFile(step);
    if (split !== undefined) return split;
  }
  return undefined;
}

/** Splits in the order in which people think of them, whatever the alphabet says; others stay as they come. */
export function inUsualOrder<T>(bySplit: ReadonlyMap<string, T>): Map<string, T> {
  const usual = ['train', 'validation', 'test'].filter((split) => bySplit.has(split));
  const names = [...usual, ...[...bySplit.keys()].filter((split) => !usual.includes(split))];
  return new Map(names.map((name) => [name, bySplit.get(name) as T]));
}

/** A part of a split. Bounds are rows, or percent where `percent`; undefined is the beginning or the end. */
export interface SplitPart {
  readonly split: string;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly percent: boolean;
}

/** Reads `train`, `train[:10%]`, `train[100:200]`, `train[-50:]`, `train+validation`. Throws `ERR_SPLIT`. */
export function parseSplit(expression: string): SplitPart[] {
  return expression.split('+').map((piece) => {
    const found = /^\s*([\w.-]+?)\s*(?:\[\s*(-?\d+)?(%)?\s*:\s*(-?\d+)?(%)?\s*\])?\s*$/.exec(piece);
    const [, split, from, fromPercent, to, toPercent] = found ?? [];
    const percent = fromPercent !== undefined || toPercent !== undefined;
    // A bound in percent and one in rows have no common meaning; a sign without a number neither.
    const mixed = percent && [from, to].some((bound, k) => bound !== undefined && !(k === 0 ? fromPercent : toPercent));
    const bare = (fromPercent !== undefined && from === undefined) || (toPercent !== undefined && to === undefined);
    if (found === null || mixed || bare) {
      throw new ArgumentError('ERR_SPLIT', {
        owner: 'loadDataset',
        what: 'this is no split',
        got: expression,
        expected: "a name, a part of one ('train[:10%]', 'train[100:200]'), or several joined by +",
      });
    }
    const bound = (text: string | undefined) => (text === undefined ? undefined : Number(text));
    return { split, from: bound(from), to: bound(to), percent };
  });
}

/** The rows [start, stop) that a part means in a split of `rows` rows; percents are rounded to the nearest row, halves to even, as Python does. */
export function rowsOfPart(part: SplitPart, rows: number): { start: number; stop: number } {
  const place = (bound: number | undefined, otherwise: number): number => {
    if (bound === undefined) return otherwise;
    const row = part.percent ? roundHalfEven((bound * rows) / 100) : bound;
    return Math.max(0, Math.min(rows, row < 0 ? rows + row : row));
  };
  const start = place(part.from, 0);
  return { start, stop: Math.max(start, place(part.to, rows)) };
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Refuses a split that a data set lacks, with the ones it has. */
export function unknownSplit(name: string, available: readonly string[]): DataError {
  const near = didYouMean(name, available) ?? splitOfFile(name);
  return new DataError('ERR_UNKNOWN_SPLIT', {
    owner: 'loadDataset',
    what: 'there is no such split',
    got: name,
    expected: `one of ${available.join(', ')}`,
    hint: near !== undefined && available.includes(near) ? `did you mean '${near}'?` : undefined,
  });
}
