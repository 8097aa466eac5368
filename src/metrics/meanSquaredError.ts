import { defineMetric, type Metric } from './metric.ts';

/** Options of {@link meanSquaredError}. */
export interface MeanSquaredErrorOptions {
  /** False gives the root of the mean, in the units of the values. Default true. */
  readonly squared?: boolean | undefined;
}

/** The mean of squared differences, or with `squared: false` its root. */
export const meanSquaredError: Metric<MeanSquaredErrorOptions, { readonly mse: number }> = defineMetric(
  'mse',
  (options) => {
    let sum = 0;
    let rows = 0;
    return {
      add(predictions, references) {
        for (let row = 0; row < references.length; row++) sum += (predictions[row] - references[row]) ** 2;
        rows += references.length;
      },
      compute: () => ({ mse: options?.squared === false ? Math.sqrt(sum / rows) : sum / rows }),
    };
  },
  { greaterIsBetter: false, takes: 'numbers' },
);

/** The root of the mean of squared differences, in the units of the values; `meanSquaredError` with `squared: false`, under its own name. */
export const rootMeanSquaredError: Metric<object, { readonly rmse: number }> = defineMetric(
  'rmse',
  () => {
    const squares = meanSquaredError.create();
    return {
      add: (predictions, references) => squares.add(predictions, references),
      compute: () => ({ rmse: Math.sqrt(squares.compute().mse) }),
    };
  },
  { greaterIsBetter: false, takes: 'numbers' },
);
