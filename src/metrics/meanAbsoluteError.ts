import { defineMetric, type Metric } from './metric.ts';

/** The mean of absolute differences. */
export const meanAbsoluteError: Metric<object, { readonly mae: number }> = defineMetric(
  'mae',
  () => {
    let sum = 0;
    let rows = 0;
    return {
      add(predictions, references) {
        for (let row = 0; row < references.length; row++) sum += Math.abs(predictions[row] - references[row]);
        rows += references.length;
      },
      compute: () => ({ mae: sum / rows }),
    };
  },
  { greaterIsBetter: false, takes: 'numbers' },
);
