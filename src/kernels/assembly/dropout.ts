// @ts-nocheck: AssemblyScript, checked by its own compiler.

/** What the row being walked is for: counter words 1 and 3, and the first bits of word 0. */
let position: u32 = 0;
let sample: u32 = 0;

/** Reads counter words 1 and 3 of a row. The scalar reference in ../dropout.ts says what they mean. */
// @ts-ignore: decorator
@inline
function enterRow(row: usize, samples: usize, positions: usize, heads: usize, queries: usize): void {
  if (heads == 0) {
    position = load<u32>(positions + (row << 2));
    sample = load<u32>(samples + (row << 2));
  } else {
    const query = row % queries;
    const rest = row / queries;
    const sequence = rest / heads;
    position = load<u32>(positions + ((sequence * queries + query) << 2)) | (<u32>(rest % heads) << 16);
    sample = load<u32>(samples + (sequence << 2));
  }
}

/** Writes the mask values of the eight 16-bit numbers of one counter, or the first `count` of them. */
// @ts-ignore: decorator
@inline
function write(bits: v128, threshold: v128, scale: v128, target: usize, count: usize, bytes: bool): void {
  const keep = i16x8.ge_u(bits, threshold);
  if (bytes) {
    const ones = v128.and(i8x16.narrow_i16x8_s(keep, keep), i8x16.splat(1));
    if (count >= 8) {
      v128.store64_lane(target, ones, 0);
    } else {
      let rest = i64x2.extract_lane(ones, 0);
      for (let i: usize = 0; i < count; i++, rest >>= 8) store<u8>(target + i, <u8>rest);
    }
  } else {
    let low = v128.and(i32x4.extend_low_i16x8_s(keep), scale);
    const high = v128.and(i32x4.extend_high_i16x8_s(keep), scale);
    if (count >= 8) {
      v128.store(target, low);
      v128.store(target, high, 16);
    } else {
      if (count >= 4) {
        v128.store(target, low);
        low = high;
        target += 16;
        count -= 4;
      }
      for (let i: usize = 0; i < count; i++) {
        store<f32>(target + (i << 2), f32x4.extract_lane(low, 0));
        low = i32x4.shuffle(low, low, 1, 2, 3, 0);
      }
    }
  }
}

/**
 * A dropout mask of rows of `width` units; slice: rows. One Philox4x32-10 counter (Salmon et al. 2011) gives the eight
 * 16-bit numbers of eight consecutive units; four counters run in the four lanes. A unit is kept where its number
 * reaches `threshold`. Values: `kept` or 0 as float32, or 1 or 0 as bytes.
 *   heads = 0: rows of units; positions[row], samples[row].
 *   heads > 0: attention, row = (sequence · heads + head) · queries + query; positions[sequence · queries + query],
 *   samples[sequence]; units are keys.
 */
export function dropoutMask(
  start: u32, end: u32, target: usize, width: usize, samples: usize, positions: usize, heads: usize, queries: usize,
  site: u32, key0: u32, key1: u32, threshold: u32, kept: f32, bytes: u32,
): void {
  const threshold8 = i16x8.splat(<i16>threshold);
  const kept4 = f32x4.splat(kept);
  const site4 = i32x4.splat(site);
  const multiplier0 = i32x4.splat(0xd2511f53);
  const multiplier1 = i32x4.splat(0xcd9e8d57);
  const weyl0 = i32x4.splat(0x9e3779b9);
  const weyl1 = i32x4.splat(0xbb67ae85);
  const lanes = i32x4(0, 1, 2, 3);
  const unitShift: usize = bytes ? 0 : 2;
  // The top bit keeps attention's counters apart from those of rows.
  const tag: u32 = heads == 0 ? 0 : 0x80000000;
  const blocks = (width + 7) >> 3;
  let row: usize = start;
  let block: usize = 0;
  let rowTarget = target + ((row * width) << unitShift);
  if (row < end) enterRow(row, samples, positions, heads, queries);
  while (row < end) {
    let x0: v128, x1: v128, x3: v128;
    let target0: usize, target1: usize, target2: usize, target3: usize;
    let count0: usize, count1: usize = 0, count2: usize = 0, count3: usize = 0;
    target0 = rowTarget + (block << 3 << unitShift);
    count0 = width - (block << 3);
    if (block + 4 <= blocks) {
      // All four counters lie in this row.
      x0 = i32x4.add(i32x4.splat(tag | <u32>block), lanes);
      x1 = i32x4.splat(position);
      x3 = i32x4.splat(sample);
      target1 = target0 + (8 << unitShift);
      target2 = target0 + (16 << unitShift);
      target3 = target0 + (24 << unitShift);
      count1 = count0 - 8;
      count2 = count0 - 16;
      count3 = count0 - 24;
      block += 4;
      if (block == blocks) {
        block = 0;
        row++;
        rowTarget += width << unitShift;
        if (row < end) enterRow(row, samples, positions, heads, queries);
      }
    } else {
      // They go on in the rows that follow.
      x0 = i32x4.splat(tag | <u32>block);
      x1 = i32x4.splat(position);
      x3 = i32x4.splat(sample);
      target1 = target2 = target3 = target0;
      for (let lane = 1; ; lane++) {
        if (++block == blocks) {
          block = 0;
          row++;
          rowTarget += width << unitShift;
          if (row == end) break;
          enterRow(row, samples, positions, heads, queries);
        }
        if (lane == 4) break;
        const word = tag | <u32>block;
        const at = rowTarget + (block << 3 << unitShift);
        const count = width - (block << 3);
        if (lane == 1) {
          x0 = i32x4.replace_lane(x0, 1, word);
          x1 = i32x4.replace_lane(x1, 1, position);
          x3 = i32x4.replace_lane(x3, 1, sample);
          target1 = at;
          count1 = count;
        } else if (lane == 2) {
          x0 = i32x4.replace_lane(x0, 2, word);
          x1 = i32x4.replace_lane(x1, 2, position);
          x3 = i32x4.replace_lane(x3, 2, sample);
          target2 = at;
          count2 = count;
        } else {
          x0 = i32x4.replace_lane(x0, 3, word);
          x1 = i32x4.replace_lane(x1, 3, position);
          x3 = i32x4.replace_lane(x3, 3, sample);
          target3 = at;
          count3 = count;
        }
      }
    }

    let x2 = site4;
    let k0 = i32x4.splat(key0);
    let k1 = i32x4.splat(key1);
    for (let round = 0; round < 10; round++) {
      const a = i64x2.extmul_low_i32x4_u(x0, multiplier0);
      const b = i64x2.extmul_high_i32x4_u(x0, multiplier0);
      const c = i64x2.extmul_low_i32x4_u(x2, multiplier1);
      const d = i64x2.extmul_high_i32x4_u(x2, multiplier1);
      x0 = v128.xor(v128.xor(v128.shuffle<i32>(c, d, 1, 3, 5, 7), x1), k0);
      x1 = v128.shuffle<i32>(c, d, 0, 2, 4, 6);
      x2 = v128.xor(v128.xor(v128.shuffle<i32>(a, b, 1, 3, 5, 7), x3), k1);
      x3 = v128.shuffle<i32>(a, b, 0, 2, 4, 6);
      k0 = i32x4.add(k0, weyl0);
      k1 = i32x4.add(k1, weyl1);
    }

    // From word by word to counter by counter: a 4 × 4 transpose.
    const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    write(v128.shuffle<i64>(low01, low23, 0, 2), threshold8, kept4, target0, count0, bytes != 0);
    write(v128.shuffle<i64>(low01, low23, 1, 3), threshold8, kept4, target1, count1, bytes != 0);
    write(v128.shuffle<i64>(high01, high23, 0, 2), threshold8, kept4, target2, count2, bytes != 0);
    write(v128.shuffle<i64>(high01, high23, 1, 3), threshold8, kept4, target3, count3, bytes != 0);
  }
}
