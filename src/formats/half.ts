import { ArgumentError } from '../core/errors.ts';

/*
 * The two 16-bit formats, as bit patterns in Uint16Arrays, and their way to float32 and back.
 * float16 is IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
 * bfloat16 is the upper half of a float32: 1 sign, 8 exponent (bias 127), 7 fraction bits.
 * All work on bits, so NaNs keep their sign and payload and no engine setting about subnormals matters.
 */

/** A view of a float32 array's bit patterns. */
function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/**
 * float16 bit patterns as float32 values; every one is exact. Writes into `target` (same length) where one is given.
 * @throws ArgumentError ERR_LENGTH where the lengths differ.
 */
export function float16ToFloat32(
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  sameLength('float16ToFloat32', source, target);
  const bits = bitsOf(target);
  for (let i = 0; i < source.length; i++) {
    const half = source[i];
    const magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00) {
      bits[i] = 0x7f800000 | (magnitude << 13); // infinity or NaN: all exponent bits set
    } else if (magnitude >= 0x0400) {
      bits[i] = (magnitude << 13) + 0x38000000; // the bias grows from 15 to 127: 112 << 23
    } else {
      target[i] = magnitude * 2 ** -24; // zero and subnormals: fraction × 2⁻²⁴
    }
    bits[i] |= (half & 0x8000) << 16;
  }
  return target;
}

/**
 * float32 values as float16 bit patterns, rounded to nearest, ties to even; from 65,520 on it is infinity.
 * NaNs stay NaNs (made quiet). Writes into `target` (same length) where one is given.
 * @throws ArgumentError ERR_LENGTH where the lengths differ.
 */
export function float32ToFloat16(
  source: Float32Array,
  target: Uint16Array = new Uint16Array(source.length),
): Uint16Array {
  sameLength('float32ToFloat16', source, target);
  const bits = bitsOf(source);
  for (let i = 0; i < source.length; i++) {
    const magnitude = bits[i] & 0x7fffffff;
    let half: number;
    if (magnitude >= 0x47800000) {
      // 65,536 and more: infinity; above infinity's pattern: NaN.
      half = magnitude > 0x7f800000 ? 0x7e00 | ((magnitude >>> 13) & 0x03ff) : 0x7c00;
    } else if (magnitude >= 0x38800000) {
      // 2⁻¹⁴ and more: 13 fraction bits go; a carry into the exponent (up to infinity) is the right rounding.
      const rebiased = magnitude - 0x38000000;
      half = (rebiased + 0x0fff + ((rebiased >>> 13) & 1)) >>> 13;
    } else {
      // Subnormal: the significand, 1.fraction × 2²³, as a multiple of 2⁻²⁴. At a shift of 24 only above one half rounds up.
      const shift = 126 - (magnitude >>> 23);
      const significand = (magnitude & 0x007fffff) | 0x00800000;
      half = shift > 24 ? 0 : (significand + (1 << (shift - 1)) - 1 + ((significand >>> shift) & 1)) >>> shift;
    }
    target[i] = half | ((bits[i] >>> 16) & 0x8000);
  }
  return target;
}

/**
 * bfloat16 bit patterns as float32 values; every one is exact. Writes into `target` (same length) where one is given.
 * @throws ArgumentError ERR_LENGTH where the lengths differ.
 */
export function bfloat16ToFloat32(
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  sameLength('bfloat16ToFloat32', source, target);
  const bits = bitsOf(target);
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16;
  return target;
}

/**
 * float32 values as bfloat16 bit patterns, rounded to nearest, ties to even; NaNs stay NaNs (made quiet).
 * Writes into `target` (same length) where one is given.
 * @throws ArgumentError ERR_LENGTH where the lengths differ.
 */
export function float32ToBfloat16(
  source: Float32Array,
  target: Uint16Array = new Uint16Array(source.length),
): Uint16Array {
  sameLength('float32ToBfloat16', source, target);
  const bits = bitsOf(source);
  for (let i = 0; i < source.length; i++) {
    const pattern = bits[i];
    // A NaN whose fraction lies in the lower half alone would otherwise round to infinity, or carry over to −0.
    target[i] =
      (pattern & 0x7fffffff) > 0x7f800000
        ? (pattern >>> 16) | 0x0040
        : (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
  }
  return target;
}

function sameLength(owner: string, source: { readonly length: number }, target: { readonly length: number }): void {
  if (source.length !== target.length) {
    throw new ArgumentError('ERR_LENGTH', {
      owner,
      what: 'source and target differ in length',
      got: target.length,
      expected: String(source.length),
    });
  }
}
