import { defineMetric, type Metric } from './metric.ts';
import { type ClassScores, type ClassTruth, readProbabilities } from './scoreRows.ts';

/**
 * The mean of −ln p of the true class, in nats, as scikit-learn's log_loss. A row is the probability of class 1, or one for each class.
 * Probabilities are kept 2⁻⁵² away from 0 and 1, so that a certain error costs 36.04 and not infinity. Memory does not grow with the rows.
 */
export const logLoss: Metric<object, { readonly log_loss: number }, ClassScores, ClassTruth> = defineMetric(
  'log_loss',
  () => {
    let sum = 0;
    let rows = 0;
    return {
      add(predictions, references, rowsBefore) {
        for (let i = 0; i < references.length; i++) {
          const row = readProbabilities('log_loss', predictions[i], references[i], rowsBefore + i + 1);
          const probability = row.probabilities[row.truth];
          sum -= Math.log(Math.min(Math.max(probability, Number.EPSILON), 1 - Number.EPSILON));
        }
        rows += references.length;
      },
      compute: () => ({ log_loss: sum / rows }),
    };
  },
  { greaterIsBetter: false, takes: 'scores' },
);
