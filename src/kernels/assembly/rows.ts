// @ts-nocheck: AssemblyScript, checked by its own compiler.

/** Columns of one unit of work: a cache line of float32. Must equal `scatterColumns` in calls.ts. */
const COLUMNS: usize = 16;

/**
 * table[ids[i]] += rows[i] for i in order; slice: groups of COLUMNS columns, so that every thread adds the rows of one
 * id in the same order and no two threads write the same number.
 */
export function scatterAddRows(
  start: u32, end: u32, table: usize, rows: usize, ids: usize, rowCount: usize, width: usize,
): void {
  const first = (<usize>start * COLUMNS) << 2;
  const last = min(<usize>end * COLUMNS, width) << 2;
  const whole = first + ((last - first) & ~15);
  const rowBytes = width << 2;
  for (let i: usize = 0; i < rowCount; i++) {
    const target = table + <usize>load<u32>(ids + (i << 2)) * rowBytes;
    const source = rows + i * rowBytes;
    let at = first;
    for (; at < whole; at += 16) v128.store(target + at, f32x4.add(v128.load(target + at), v128.load(source + at)));
    for (; at < last; at += 4) store<f32>(target + at, load<f32>(target + at) + load<f32>(source + at));
  }
}

/** table[ids[i]] = 0; slice: indices of ids. */
export function zeroRows(start: u32, end: u32, table: usize, ids: usize, width: usize): void {
  const rowBytes = width << 2;
  for (let i: usize = start; i < end; i++) {
    memory.fill(table + <usize>load<u32>(ids + (i << 2)) * rowBytes, 0, rowBytes);
  }
}
