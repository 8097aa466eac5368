/**
 * The complementary error function, with a relative error below 1.2e-7 everywhere (the Chebyshev fit of Press et al.,
 * "Numerical Recipes", §6.2): near enough to weigh candidates against one another.
 */
function complementaryError(x: number): number {
  const t = 1 / (1 + Math.abs(x) / 2);
  const terms = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
    -1.26551223,
  ];
  const tail = t * Math.exp(-x * x + terms.reduce((sum, term) => sum * t + term));
  return x >= 0 ? tail : 2 - tail;
}

/** The logarithm of a standard normal variable's probability to lie between `a` and `b`, a < b; −∞ far out in a tail. */
export function logNormalMass(a: number, b: number): number {
  // In the upper tail two numbers next to 1 would be subtracted: there its mirror is asked.
  const [from, to] = a > 0 ? [-b, -a] : [a, b];
  return Math.log((complementaryError(-to / Math.SQRT2) - complementaryError(-from / Math.SQRT2)) / 2);
}

/** The logarithm of the standard normal density. */
export function logNormalDensity(x: number): number {
  return -(x * x) / 2 - Math.log(2 * Math.PI) / 2;
}
