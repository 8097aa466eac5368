import { ArgumentError, DataError } from '../core/errors.ts';

/** What a metric says: numbers by name, under Hugging Face's names (`f1`, `matthews_correlation`). */
export type Scores = Readonly<Record<string, number>>;

/** Gathers rows batch by batch, so that an evaluation need not keep all its predictions. */
export interface MetricAccumulator<S extends object = Scores> {
  /** @param predictions what the model said, a number a row. @param references the truth, as many. */
  add(predictions: ArrayLike<number>, references: ArrayLike<number>): void;
  /** The scores of all rows added so far. Throws `ERR_METRIC_EMPTY` where there are none. */
  compute(): S;
}

/**
 * A metric. Class labels are whole numbers from 0.
 *
 * @example accuracy.compute([1, 0, 1], [1, 1, 1]); // { accuracy: 0.667 }
 */
export interface Metric<O extends object = object, S extends object = Scores> {
  readonly name: string;
  /** Whether a larger score is a better model; an error such as the mean squared one is better when small. */
  readonly greaterIsBetter: boolean;
  compute(predictions: ArrayLike<number>, references: ArrayLike<number>, options?: O): S;
  create(options?: O): MetricAccumulator<S>;
}

/** A metric from its streaming form: `compute` is one `add` and its result. Lengths are checked here, once for all. */
export function defineMetric<O extends object, S extends object>(
  name: string,
  create: (options: O | undefined) => MetricAccumulator<S>,
  options: { readonly greaterIsBetter?: boolean } = {},
): Metric<O, S> {
  const checked = (own: O | undefined): MetricAccumulator<S> => {
    const accumulator = create(own);
    let rows = 0;
    return {
      add(predictions, references) {
        if (predictions.length !== references.length) throw differentLengths(name, predictions, references);
        rows += references.length;
        accumulator.add(predictions, references);
      },
      compute() {
        if (rows === 0) {
          throw new DataError('ERR_METRIC_EMPTY', { owner: name, what: 'there are no rows to score' });
        }
        return accumulator.compute();
      },
    };
  };
  return {
    name,
    greaterIsBetter: options.greaterIsBetter ?? true,
    create: checked,
    compute(predictions, references, own) {
      const accumulator = checked(own);
      accumulator.add(predictions, references);
      return accumulator.compute();
    },
  };
}

function differentLengths(owner: string, predictions: ArrayLike<number>, references: ArrayLike<number>) {
  return new ArgumentError('ERR_METRIC_LENGTHS', {
    owner,
    what: 'predictions and references have different lengths',
    got: predictions.length,
    expected: `${references.length} predictions`,
  });
}

/**
 * Refuses what cannot be a class label: fractions, and −1 or −100 as references, which mean "no label" and would count as
 * a wrong answer silently.
 */
export function checkLabels(owner: string, predictions: ArrayLike<number>, references: ArrayLike<number>): void {
  for (let row = 0; row < references.length; row++) {
    for (const [what, value] of [
      ['reference', references[row]],
      ['prediction', predictions[row]],
    ] as const) {
      if (Number.isInteger(value) && value >= 0) continue;
      throw new DataError('ERR_METRIC_LABEL', {
        owner,
        what: `a ${what} is no class label`,
        got: value,
        expected: 'a whole number from 0',
        row: row + 1,
        hint: value === -1 || value === -100 ? 'this row has no label: leave it out of the evaluation' : undefined,
      });
    }
  }
}
