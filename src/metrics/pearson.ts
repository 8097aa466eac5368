import { log } from '../core/log.ts';
import { defineMetric, type Metric } from './metric.ts';

/**
 * Pearson's correlation, one row at a time: means and co-moments are updated as in Welford 1962, so that large means cost
 * no digits.
 */
export class CorrelationAccumulator {
  #rows = 0;
  #meanX = 0;
  #meanY = 0;
  #xx = 0;
  #yy = 0;
  #xy = 0;

  add(x: number, y: number): void {
    this.#rows++;
    const dx = x - this.#meanX;
    const dy = y - this.#meanY;
    this.#meanX += dx / this.#rows;
    this.#meanY += dy / this.#rows;
    this.#xx += dx * (x - this.#meanX);
    this.#yy += dy * (y - this.#meanY);
    this.#xy += dx * (y - this.#meanY);
  }

  /** In [−1, 1]; NaN where either side is constant. */
  correlation(): number {
    if (this.#xx === 0 || this.#yy === 0) return Number.NaN;
    return Math.max(-1, Math.min(1, this.#xy / (Math.sqrt(this.#xx) * Math.sqrt(this.#yy))));
  }
}

/** Says once a computation that a correlation is not defined. */
export function warnUndefined(name: string, value: number): number {
  if (Number.isNaN(value)) {
    log.warn(
      `[${name}] the correlation is not defined (NaN): all predictions or all references are equal, or one is NaN`,
    );
  }
  return value;
}

/** Pearson's correlation of two columns of numbers; NaN, with a warning, where either is constant. */
export const pearson: Metric<object, { readonly pearson: number }> = defineMetric(
  'pearson',
  () => {
    const moments = new CorrelationAccumulator();
    return {
      add(predictions, references) {
        for (let row = 0; row < references.length; row++) moments.add(predictions[row], references[row]);
      },
      compute: () => ({ pearson: warnUndefined('pearson', moments.correlation()) }),
    };
  },
  { takes: 'numbers' },
);
