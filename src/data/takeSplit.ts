import { concatenateDatasets } from './concatenate.ts';
import type { Dataset } from './dataset.ts';
import { parseSplit, rowsOfPart, unknownSplit } from './splitNames.ts';

/**
 * A split of a loaded data set, or a part of one, by the words that `loadDataset`'s option `split` takes: `'train'`,
 * `'train[:80%]'`, `'train+validation'`.
 * @throws DataError ERR_UNKNOWN_SPLIT; ArgumentError ERR_SPLIT where it is no such expression.
 * @example const [train, rest] = ['train[:80%]', 'train[80%:]'].map((part) => takeSplit(dataset, part));
 */
export function takeSplit(splits: Readonly<Record<string, Dataset>>, expression: string): Dataset {
  // A split may be named as no expression is.
  if (Object.hasOwn(splits, expression)) return splits[expression];
  const parts = parseSplit(expression).map((part) => {
    const whole = Object.hasOwn(splits, part.split) ? splits[part.split] : undefined;
    if (whole === undefined) throw unknownSplit(part.split, Object.keys(splits));
    const { start, stop } = rowsOfPart(part, whole.length);
    return stop - start === whole.length ? whole : whole.slice(start, stop);
  });
  return concatenateDatasets(parts).withInfo({ split: expression });
}
