import { ArgumentError, DataError } from '../core/errors.ts';

/** What a metric says: numbers by name, under Hugging Face's names (`f1`, `matthews_correlation`). */
export type Scores = Readonly<Record<string, number>>;

/**
 * What a metric's rows are, so that a task can feed it, or refuse it before the first step:
 * `classes`, the number of the predicted class; `numbers`, real values; `scores`, a probability or score for each class;
 * `tags`, a sentence's entity tags; `answers`, answers to questions; `texts`, free text; `losses`, a loss and what it counts.
 */
export type MetricInput = 'classes' | 'numbers' | 'scores' | 'tags' | 'answers' | 'texts' | 'losses';

/** Gathers rows batch by batch, so that an evaluation need not keep all its predictions. */
export interface MetricAccumulator<S extends object = Scores, P = number, R = number> {
  /** @param predictions what the model said, row by row. @param references the truth, as many rows. */
  add(predictions: ArrayLike<P>, references: ArrayLike<R>): void;
  /** The scores of all rows added so far. Throws `ERR_METRIC_EMPTY` where there are none. */
  compute(): S;
}

/**
 * A metric: options `O`, scores `S`; a row is one prediction `P` and one reference `R`, both a number where nothing else is said.
 * Class labels are whole numbers from 0.
 *
 * @example accuracy.compute([1, 0, 1], [1, 1, 1]); // { accuracy: 0.667 }
 */
export interface Metric<O extends object = object, S extends object = Scores, P = number, R = number> {
  readonly name: string;
  /** Whether a larger score is a better model; an error such as the mean squared one is better when small. */
  readonly greaterIsBetter: boolean;
  /** What its rows are. */
  readonly takes: MetricInput;
  compute(predictions: ArrayLike<P>, references: ArrayLike<R>, options?: O): S;
  create(options?: O): MetricAccumulator<S, P, R>;
  /**
   * A function that scores any choice of these rows (numbers from 0; a row may come several times). What is slow about a row, such as comparing
   * texts, is done once. `bootstrap` draws with it.
   */
  resampler(predictions: ArrayLike<P>, references: ArrayLike<R>, options?: O): (rows: ArrayLike<number>) => S;
}

/** What a metric's file writes: as {@link MetricAccumulator}, knowing how many rows came before the batch (for errors). */
export interface RowAccumulator<S extends object, P, R> {
  add(predictions: ArrayLike<P>, references: ArrayLike<R>, rowsBefore: number): void;
  compute(): S;
}

/** What a metric's definition may say besides its computation. */
export interface MetricTraits {
  /** Default true. */
  readonly greaterIsBetter?: boolean;
  /** Default `'classes'`. */
  readonly takes?: MetricInput;
}

/** A metric from its streaming form: `compute` is one `add` and its result. Lengths are checked here, once for all. */
export function defineMetric<O extends object, S extends object, P = number, R = number>(
  name: string,
  create: (options: O | undefined) => RowAccumulator<S, P, R>,
  traits: MetricTraits = {},
): Metric<O, S, P, R> {
  const checked = (own: O | undefined): MetricAccumulator<S, P, R> => {
    const accumulator = create(own);
    let rows = 0;
    return {
      add(predictions, references) {
        checkLengths(name, predictions, references);
        accumulator.add(predictions, references, rows);
        rows += references.length;
      },
      compute() {
        if (rows === 0) throw noRows(name);
        return accumulator.compute();
      },
    };
  };
  const compute = (predictions: ArrayLike<P>, references: ArrayLike<R>, own?: O): S => {
    const accumulator = checked(own);
    accumulator.add(predictions, references);
    return accumulator.compute();
  };
  return {
    name,
    greaterIsBetter: traits.greaterIsBetter ?? true,
    takes: traits.takes ?? 'classes',
    create: checked,
    compute,
    resampler(predictions, references, own) {
      checkLengths(name, predictions, references);
      return (rows) => {
        const chosen = Array.from(rows);
        return compute(
          chosen.map((row) => predictions[row]),
          chosen.map((row) => references[row]),
          own,
        );
      };
    },
  };
}

/** How a {@link defineDigestMetric} reads rows: all that is slow or can fail about them, row by row. */
export type RowDigest<O extends object, D, P, R> = (
  predictions: ArrayLike<P>,
  references: ArrayLike<R>,
  rowsBefore: number,
  options: O | undefined,
) => readonly D[];

/** A metric whose rows are first digested, each on its own, and then added up. */
export function defineDigestMetric<O extends object, S extends object, P, R, D>(
  name: string,
  digest: RowDigest<O, D, P, R>,
  create: (options: O | undefined) => { add(digests: readonly D[]): void; compute(): S },
  traits: MetricTraits = {},
): Metric<O, S, P, R> {
  const streaming = (own: O | undefined): RowAccumulator<S, P, R> => {
    const accumulator = create(own);
    return {
      add: (predictions, references, before) => accumulator.add(digest(predictions, references, before, own)),
      compute: () => accumulator.compute(),
    };
  };
  return {
    ...defineMetric(name, streaming, traits),
    resampler(predictions, references, own) {
      checkLengths(name, predictions, references);
      create(own);
      const digests = digest(predictions, references, 0, own);
      return (rows) => {
        if (rows.length === 0) throw noRows(name);
        const accumulator = create(own);
        accumulator.add(Array.from(rows, (row) => digests[row]));
        return accumulator.compute();
      };
    },
  };
}

function checkLengths(owner: string, predictions: ArrayLike<unknown>, references: ArrayLike<unknown>): void {
  if (predictions.length !== references.length) {
    throw differentLengths(owner, predictions.length, references.length);
  }
}

/** The error where nothing can be scored. */
export function noRows(owner: string, what = 'there are no rows to score'): DataError {
  return new DataError('ERR_METRIC_EMPTY', { owner, what });
}

/** The error where predictions and references are not as many: of all rows, or, with `row`, inside one. */
export function differentLengths(owner: string, predictions: number, references: number, row?: number): ArgumentError {
  return new ArgumentError('ERR_METRIC_LENGTHS', {
    owner,
    what: 'predictions and references have different lengths',
    got: predictions,
    expected: `${references} predictions`,
    row,
  });
}

/**
 * Refuses what cannot be a class label: fractions, and −1 or −100 as references, which mean "no label" and would count as
 * a wrong answer silently.
 */
export function checkLabels(
  owner: string,
  predictions: ArrayLike<number>,
  references: ArrayLike<number>,
  rowsBefore = 0,
): void {
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
        row: rowsBefore + row + 1,
        hint: value === -1 || value === -100 ? 'this row has no label: leave it out of the evaluation' : undefined,
      });
    }
  }
}
