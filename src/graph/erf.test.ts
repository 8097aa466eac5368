import { expect, test } from 'vitest';
import { erfFloat64 } from './erf.ts';

// To 22 digits, by mpmath.
const known: readonly (readonly [x: number, erf: number])[] = [
  [0, 0],
  [1e-10, Number('1.128379167095512615002e-10')],
  [0.1, Number('0.1124629160182848984047')],
  [0.5, Number('0.5204998778130465376827')],
  [1, Number('0.8427007929497148693412')],
  [1.5, Number('0.966105146475310727067')],
  [2, Number('0.9953222650189527341621')],
  [2.9999, Number('0.999977895573517839091')],
  [3, Number('0.9999779095030014145586')],
  [3.0001, Number('0.9999779234241298067006')],
  [3.5, Number('0.9999992569016276585873')],
  [4, Number('0.99999998458274209972')],
  [5, Number('0.9999999999984625402056')],
  [5.9, Number('0.9999999999999999280959')],
  [6.5, 1],
  [1e4, 1],
  [Number.POSITIVE_INFINITY, 1],
];

test.each(known)('erf %f to 1e-15 of its value, and odd', (x, expected) => {
  expect(Math.abs(erfFloat64(x) - expected)).toBeLessThanOrEqual(1e-15 * expected);
  expect(erfFloat64(-x) + erfFloat64(x)).toBe(0);
});

test('erf of what is no number is none', () => {
  expect(erfFloat64(Number.NaN)).toBeNaN();
});

test('erf rises, also where the series ends and the fraction begins', () => {
  for (let x = -6.2; x < 6.2; x += 0.001) expect(erfFloat64(x + 0.001)).toBeGreaterThanOrEqual(erfFloat64(x));
});
