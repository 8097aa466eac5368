// @ts-nocheck: AssemblyScript, checked by its own compiler.

/** target += source; slice: elements. */
export function accumulate(start: u32, end: u32, target: usize, source: usize): void {
  const whole = <usize>(start + ((end - start) & ~3)) << 2;
  const bytes = <usize>end << 2;
  let at = <usize>start << 2;
  for (; at < whole; at += 16) v128.store(target + at, f32x4.add(v128.load(target + at), v128.load(source + at)));
  for (; at < bytes; at += 4) store<f32>(target + at, load<f32>(target + at) + load<f32>(source + at));
}

/** target *= factor; slice: elements. */
export function scale(start: u32, end: u32, target: usize, factor: f32): void {
  const factor4 = f32x4.splat(factor);
  const whole = <usize>(start + ((end - start) & ~3)) << 2;
  const bytes = <usize>end << 2;
  let at = <usize>start << 2;
  for (; at < whole; at += 16) v128.store(target + at, f32x4.mul(v128.load(target + at), factor4));
  for (; at < bytes; at += 4) store<f32>(target + at, load<f32>(target + at) * factor);
}

/** target = 0; slice: elements. */
export function zero(start: u32, end: u32, target: usize): void {
  memory.fill(target + (<usize>start << 2), 0, <usize>(end - start) << 2);
}

/**
 * Has the system find the pages of some bytes before they are needed, and leaves what stands there, whoever writes it at the
 * same time; slice: pages of 4 KiB. `target` is 4-byte aligned.
 */
export function touch(start: u32, end: u32, target: usize): void {
  for (let page: usize = start; page < end; page++) atomic.or<u32>(target + (page << 12), 0);
}
