import { ArgumentError, DataError } from '../../core/errors.ts';
import { RandomStream } from '../../core/random.ts';
import type { Dataset } from '../dataset.ts';
import { type Cell, describeFeature, isClassLabel, type Row } from '../features.ts';
import { isMissing } from './missing.ts';

/** How classes come to have the same number of rows: small ones repeat theirs, or large ones leave some out. */
export type Balance = 'oversample' | 'undersample';

/**
 * The row numbers of a balanced data set, a pure function of labels, way and seed. Oversampling keeps every row in its place and
 * puts repetitions behind them, each row of a class as often as the others, give or take one; undersampling keeps as many
 * rows of each class as the smallest has, in their order.
 */
export function balancedRows(labels: Iterable<Cell>, balance: Balance, seed = 42): Uint32Array {
  const classes = new Map<Cell, number[]>();
  let rows = 0;
  for (const label of labels) {
    const members = classes.get(label);
    if (members === undefined) classes.set(label, [rows]);
    else members.push(rows);
    rows++;
  }
  const sizes = [...classes.values()].map((members) => members.length);
  const size = balance === 'oversample' ? Math.max(0, ...sizes) : Math.min(...sizes, rows);
  const chosen: number[] = balance === 'oversample' ? Array.from({ length: rows }, (_, i) => i) : [];
  for (const [label, members] of classes) {
    const stream = new RandomStream(seed, `data/${balance}/${typeof label} ${label}`);
    if (balance === 'undersample') chosen.push(...stream.shuffle([...members]).slice(0, size));
    else {
      const more = size - members.length;
      for (let i = 0; i < more; i += members.length) {
        chosen.push(...stream.shuffle([...members]).slice(0, Math.min(members.length, more - i)));
      }
    }
  }
  const order = Uint32Array.from(chosen);
  return balance === 'undersample' ? order.sort() : order;
}

/**
 * A data set whose classes have the same number of rows; see {@link balancedRows}. Training arguments' `classWeights` reach the
 * same end without repeating or losing a row.
 * @param column the labels: classes, strings, whole numbers or bools.
 * @throws DataError ERR_BALANCE for a column of another type, or a row without a label.
 */
export function balanceClasses<R extends Row>(
  dataset: Dataset<R>,
  column: keyof R & string,
  balance: Balance,
  seed = 42,
): Dataset<R> {
  const owner = 'balanceClasses';
  if (balance !== 'oversample' && balance !== 'undersample') {
    throw new ArgumentError('ERR_OPTION_VALUE', {
      owner,
      what: 'there is no such way to balance classes',
      got: balance,
      expected: 'oversample or undersample',
    });
  }
  const cells = dataset.column(column);
  const { feature } = cells;
  if (!isClassLabel(feature) && feature !== 'string' && feature !== 'int64' && feature !== 'bool') {
    throw new DataError('ERR_BALANCE', {
      owner,
      what: 'these labels are no classes',
      got: describeFeature(feature),
      expected: 'class labels, strings, whole numbers or bools',
      column,
    });
  }
  let row = 0;
  for (const cell of cells) {
    row++;
    if (isMissing(cell, feature)) {
      throw new DataError('ERR_BALANCE', {
        owner,
        what: 'a row has no label',
        row,
        column,
        hint: "leave such rows out first: missing: 'drop', or --missing drop",
      });
    }
  }
  return dataset.select(balancedRows(cells, balance, seed));
}
