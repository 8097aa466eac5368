import { DataError } from '../core/errors.ts';
import { defineMetric, type Metric } from './metric.ts';

/**
 * Perplexity of a language model: e to the mean loss a token. A row is the mean loss of a batch or sequence, in nats, as the prediction, and how
 * many labelled tokens it counts as the reference; so batches of any size give what the whole gives. A mean loss above 709 gives infinity.
 * (Hugging Face's `evaluate` averages the perplexities of texts instead; this is what its language modelling examples report.)
 *
 * @example perplexity.compute([2.1, 1.9], [40, 10]); // { perplexity: 7.846… } = e^2.06
 */
export const perplexity: Metric<object, { readonly perplexity: number }> = defineMetric(
  'perplexity',
  () => {
    let loss = 0;
    let tokens = 0;
    return {
      add(losses, counts, rowsBefore) {
        for (let i = 0; i < counts.length; i++) {
          if (!Number.isInteger(counts[i]) || counts[i] < 0 || !(losses[i] >= 0)) {
            throw new DataError('ERR_METRIC_LOSS', {
              owner: 'perplexity',
              what: 'a row is no loss and number of tokens',
              got: `loss ${losses[i]} over ${counts[i]}`,
              expected: 'a loss from 0, and a whole number from 0',
              row: rowsBefore + i + 1,
            });
          }
          if (counts[i] > 0) loss += losses[i] * counts[i];
          tokens += counts[i];
        }
      },
      compute() {
        if (tokens === 0) {
          throw new DataError('ERR_METRIC_EMPTY', { owner: 'perplexity', what: 'there are no tokens to score' });
        }
        return { perplexity: Math.exp(loss / tokens) };
      },
    };
  },
  { greaterIsBetter: false, takes: 'losses' },
);
