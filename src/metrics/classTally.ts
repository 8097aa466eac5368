import { ArgumentError, DataError } from '../core/errors.ts';
import { ConfusionCounts } from './confusionMatrix.ts';
import { differentLengths } from './metric.ts';

/** A row's class, or, where a row may have several labels, a 0 or 1 for each of them. */
export type ClassOrLabels = number | ArrayLike<number>;

/** What is counted of one class: correct, predicted and true rows. */
export interface ClassCounts {
  readonly correct: number;
  readonly predicted: number;
  readonly actual: number;
}

/** Counts by class, of rows with one class or with several labels; memory grows with the classes only. */
export interface ClassTally {
  add(predictions: ArrayLike<ClassOrLabels>, references: ArrayLike<ClassOrLabels>, rowsBefore: number): void;
  /** All classes that occur, ascending; of several labels at once all there are. */
  labels(): number[];
  counts(labels: readonly number[]): ClassCounts[];
}

/** Rows with one class. */
export class SingleClassTally implements ClassTally {
  readonly #counts: ConfusionCounts;

  constructor(owner: string) {
    this.#counts = new ConfusionCounts(owner);
  }

  add(predictions: ArrayLike<ClassOrLabels>, references: ArrayLike<ClassOrLabels>, rowsBefore: number): void {
    // What is no number is refused there, with its row.
    this.#counts.add(predictions as ArrayLike<number>, references as ArrayLike<number>, rowsBefore);
  }

  labels(): number[] {
    return this.#counts.labels();
  }

  counts(labels: readonly number[]): ClassCounts[] {
    const all = [...new Set([...this.labels(), ...labels])];
    const matrix = this.#counts.matrix(all);
    return labels.map((label) => {
      const k = all.indexOf(label);
      return {
        correct: matrix[k][k],
        predicted: matrix.reduce((sum, row) => sum + row[k], 0),
        actual: matrix[k].reduce((sum, count) => sum + count, 0),
      };
    });
  }
}

/** Rows with several labels at once. */
export class MultiLabelTally implements ClassTally {
  readonly #owner: string;
  readonly #eachRow: (row: ClassCounts) => void;
  readonly #subset: readonly number[] | undefined;
  #correct: number[] = [];
  #predicted: number[] = [];
  #actual: number[] = [];

  /** @param eachRow hears the counts of every row, over the labels of `subset` (all where it is undefined). */
  constructor(owner: string, subset: readonly number[] | undefined, eachRow: (row: ClassCounts) => void) {
    this.#owner = owner;
    this.#subset = subset;
    this.#eachRow = eachRow;
  }

  add(predictions: ArrayLike<ClassOrLabels>, references: ArrayLike<ClassOrLabels>, rowsBefore: number): void {
    for (let i = 0; i < references.length; i++) {
      const { prediction, reference } = checkRow(this.#owner, predictions[i], references[i], rowsBefore + i + 1);
      if (this.#actual.length === 0) this.#begin(reference.length);
      if (reference.length !== this.#actual.length) {
        throw differentLengths(this.#owner, reference.length, this.#actual.length, rowsBefore + i + 1);
      }
      for (let k = 0; k < reference.length; k++) {
        this.#correct[k] += prediction[k] * reference[k];
        this.#predicted[k] += prediction[k];
        this.#actual[k] += reference[k];
      }
      const columns = this.#subset ?? this.labels();
      const total = (value: (k: number) => number) => columns.reduce((sum, k) => sum + value(k), 0);
      this.#eachRow({
        correct: total((k) => prediction[k] * reference[k]),
        predicted: total((k) => prediction[k]),
        actual: total((k) => reference[k]),
      });
    }
  }

  #begin(width: number): void {
    this.#correct = new Array<number>(width).fill(0);
    this.#predicted = new Array<number>(width).fill(0);
    this.#actual = new Array<number>(width).fill(0);
    const outside = this.#subset?.find((label) => !(label >= 0 && label < width && Number.isInteger(label)));
    if (outside === undefined) return;
    throw new ArgumentError('ERR_METRIC_OPTION', {
      owner: this.#owner,
      what: 'labels names one that is not there',
      got: outside,
      expected: `0 to ${width - 1}`,
    });
  }

  labels(): number[] {
    return this.#actual.map((_, k) => k);
  }

  counts(labels: readonly number[]): ClassCounts[] {
    return labels.map((k) => ({ correct: this.#correct[k], predicted: this.#predicted[k], actual: this.#actual[k] }));
  }
}

/** Both sides of a row with several labels. @throws DataError where one is no list of 0 and 1; ArgumentError where lengths differ. */
export function checkRow(
  owner: string,
  prediction: ClassOrLabels,
  reference: ClassOrLabels,
  row: number,
): { readonly prediction: ArrayLike<number>; readonly reference: ArrayLike<number> } {
  for (const [what, side] of [
    ['reference', reference],
    ['prediction', prediction],
  ] as const) {
    const list = typeof side === 'object' ? Array.from(side) : undefined;
    const wrong = list === undefined ? side : list.find((value) => value !== 0 && value !== 1);
    if (list !== undefined && wrong === undefined && list.length > 0) continue;
    throw new DataError('ERR_METRIC_LABEL', {
      owner,
      what: `a ${what} is no list of labels`,
      got: wrong ?? 'none',
      expected: 'a 0 or 1 for each label, as in the rows before',
      row,
      hint: what === 'prediction' && list !== undefined ? 'scores become labels by a threshold: p >= 0.5' : undefined,
    });
  }
  const lists = { prediction: prediction as ArrayLike<number>, reference: reference as ArrayLike<number> };
  if (lists.prediction.length !== lists.reference.length) {
    throw differentLengths(owner, lists.prediction.length, lists.reference.length, row);
  }
  return lists;
}
