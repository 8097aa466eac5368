// @ts-nocheck: AssemblyScript, checked by its own compiler.
import { fourGradients, oneGradient } from './gradient';

/** Elements of one partial sum. Must equal `normBlock` in calls.ts. */
const BLOCK: usize = 4096;

/**
 * Σ x² of `count` numbers, float32 or bfloat16, in float64. The tree is fixed: eight float64 lanes, each over every eighth
 * element in order, then a fixed order of adding the lanes, then the tail one by one. So the bits depend on the numbers alone.
 */
// @ts-ignore: decorator
@inline
function sumOfSquares(values: usize, count: usize, bfloat16: bool): f64 {
  let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0);
  const whole = (count & ~7) << 2;
  const end = count << 2;
  let at: usize = 0;
  for (; at < whole; at += 32) {
    const low = fourGradients(values, at, bfloat16);
    const high = fourGradients(values, at + 16, bfloat16);
    const x = f64x2.promote_low_f32x4(low);
    const y = f64x2.promote_low_f32x4(v128.shuffle<i64>(low, low, 1, 1));
    const z = f64x2.promote_low_f32x4(high);
    const w = f64x2.promote_low_f32x4(v128.shuffle<i64>(high, high, 1, 1));
    a = f64x2.add(a, f64x2.mul(x, x));
    b = f64x2.add(b, f64x2.mul(y, y));
    c = f64x2.add(c, f64x2.mul(z, z));
    d = f64x2.add(d, f64x2.mul(w, w));
  }
  const sum = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; at < end; at += 4) {
    const x = <f64>oneGradient(values, at, bfloat16);
    total += x * x;
  }
  return total;
}

/** partials[b] = Σ x² over block b of BLOCK elements; slice: blocks. bfloat16: 1 where the values are that, 0 float32. */
export function squaredNorm(start: u32, end: u32, values: usize, bfloat16: u32, count: usize, partials: usize): void {
  for (let block: usize = start; block < end; block++) {
    const first = block * BLOCK;
    const own = min(BLOCK, count - first);
    const sum = bfloat16
      ? sumOfSquares(values + (first << 1), own, true)
      : sumOfSquares(values + (first << 2), own, false);
    store<f64>(partials + (block << 3), sum);
  }
}

/** partials[i] = Σ x² over row ids[i] of the table; slice: indices of ids. */
export function squaredNormRows(start: u32, end: u32, table: usize, ids: usize, width: usize, partials: usize): void {
  for (let i: usize = start; i < end; i++) {
    const row = <usize>load<u32>(ids + (i << 2));
    store<f64>(partials + (i << 3), sumOfSquares(table + ((row * width) << 2), width, false));
  }
}
