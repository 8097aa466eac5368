import { checkLabels, defineMetric, type Metric } from './metric.ts';

/** The share of rows whose predicted class is the true one. */
export const accuracy: Metric<object, { readonly accuracy: number }> = defineMetric('accuracy', () => {
  let right = 0;
  let rows = 0;
  return {
    add(predictions, references, rowsBefore) {
      checkLabels('accuracy', predictions, references, rowsBefore);
      for (let row = 0; row < references.length; row++) if (predictions[row] === references[row]) right++;
      rows += references.length;
    },
    compute: () => ({ accuracy: right / rows }),
  };
});
