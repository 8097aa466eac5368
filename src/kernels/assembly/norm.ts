// @ts-nocheck: AssemblyScript, checked by its own compiler.

/** Elements of one partial sum. Must equal `normBlock` in calls.ts. */
const BLOCK: usize = 4096;

/**
 * Σ x² of `count` float32 in float64. The tree is fixed: eight float64 lanes, each over every eighth element in order,
 * then a fixed order of adding the lanes, then the tail one by one. So the bits depend on the numbers alone.
 */
// @ts-ignore: decorator
@inline
function sumOfSquares(at: usize, count: usize): f64 {
  let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0);
  const whole = at + ((count & ~7) << 2);
  const end = at + (count << 2);
  for (; at < whole; at += 32) {
    const x = f64x2.promote_low_f32x4(v128.load64_zero(at));
    const y = f64x2.promote_low_f32x4(v128.load64_zero(at, 8));
    const z = f64x2.promote_low_f32x4(v128.load64_zero(at, 16));
    const w = f64x2.promote_low_f32x4(v128.load64_zero(at, 24));
    a = f64x2.add(a, f64x2.mul(x, x));
    b = f64x2.add(b, f64x2.mul(y, y));
    c = f64x2.add(c, f64x2.mul(z, z));
    d = f64x2.add(d, f64x2.mul(w, w));
  }
  const sum = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; at < end; at += 4) {
    const x = <f64>load<f32>(at);
    total += x * x;
  }
  return total;
}

/** partials[b] = Σ x² over block b of BLOCK elements; slice: blocks. */
export function squaredNorm(start: u32, end: u32, values: usize, count: usize, partials: usize): void {
  for (let block: usize = start; block < end; block++) {
    const first = block * BLOCK;
    store<f64>(partials + (block << 3), sumOfSquares(values + (first << 2), min(BLOCK, count - first)));
  }
}

/** partials[i] = Σ x² over row ids[i] of the table; slice: indices of ids. */
export function squaredNormRows(start: u32, end: u32, table: usize, ids: usize, width: usize, partials: usize): void {
  for (let i: usize = start; i < end; i++) {
    const row = <usize>load<u32>(ids + (i << 2));
    store<f64>(partials + (i << 3), sumOfSquares(table + ((row * width) << 2), width));
  }
}
