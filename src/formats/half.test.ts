import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts';

const allPatterns = Uint16Array.from({ length: 65_536 }, (_, i) => i);

/** A 16-bit pattern's value by the definition in IEEE 754 §3.4, in float64. */
function valueOfPattern(pattern: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern & 0x7fff) >> fractionBits;
  const fraction = (pattern & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

describe.each([
  { name: 'float16', exponentBits: 5, decode: float16ToFloat32, encode: float32ToFloat16 },
  { name: 'bfloat16', exponentBits: 8, decode: bfloat16ToFloat32, encode: float32ToBfloat16 },
])('$name', ({ exponentBits, decode, encode }) => {
  test('each of the 65,536 patterns decodes to its value', () => {
    const decoded = decode(allPatterns);
    for (const pattern of allPatterns) {
      if (!Object.is(decoded[pattern], valueOfPattern(pattern, exponentBits))) {
        expect.fail(`${pattern.toString(16)}: ${decoded[pattern]}, expected ${valueOfPattern(pattern, exponentBits)}`);
      }
    }
  });

  test('each pattern survives the way there and back; signalling NaNs become quiet', () => {
    const quiet = 2 ** (14 - exponentBits);
    const back = encode(decode(allPatterns));
    const isNaNPattern = (pattern: number) => Number.isNaN(valueOfPattern(pattern, exponentBits));
    expect(back).toEqual(allPatterns.map((pattern) => (isNaNPattern(pattern) ? pattern | quiet : pattern)));
  });

  /** The nearest pattern by search over all finite ones and infinity (at the value the next exponent would have). */
  const infinity = (2 ** exponentBits - 1) << (15 - exponentBits);
  const nearest = (value: number): number => {
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
    const size = Math.abs(value);
    const at = (pattern: number) =>
      pattern === infinity ? 2 ** (2 ** (exponentBits - 1)) : valueOfPattern(pattern, exponentBits);
    let low = 0;
    let high = infinity;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at(middle) <= size) low = middle;
      else high = middle;
    }
    // Differences of float32 values with neighbouring patterns are exact in float64.
    const below = size - at(low);
    const above = at(high) - size;
    return sign | (below < above || (below === above && low % 2 === 0) ? low : high);
  };

  test('any float32 is rounded to the nearest, ties to even', () => {
    const anyBits = fc.integer({ min: 0, max: 0xffffffff });
    // Around the format's own values and the halves between them, where rounding is decided.
    const nearTie = fc
      .tuple(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(-1, 0, 1), fc.boolean())
      .map(([pattern, offset, half]) => {
        const size = valueOfPattern(pattern & 0x7fff, exponentBits);
        const next = valueOfPattern((pattern & 0x7fff) + 1, exponentBits);
        const middle = Float32Array.of(half && Number.isFinite(next) ? (size + next) / 2 : size);
        return (new Uint32Array(middle.buffer)[0] + offset) >>> 0;
      });
    fc.assert(
      fc.property(fc.oneof(anyBits, nearTie), (bits) => {
        const source = new Float32Array(Uint32Array.of(bits).buffer);
        const [pattern] = encode(source);
        if (Number.isNaN(source[0])) return Number.isNaN(valueOfPattern(pattern, exponentBits));
        return pattern === nearest(source[0]);
      }),
      { numRuns: 20_000 },
    );
  });

  test('works in place on a part of shared memory and refuses another length', () => {
    const memory = new SharedArrayBuffer(64);
    const target = new Float32Array(memory, 8, 2);
    expect(decode(encode(Float32Array.of(1, -2.5)), target)).toBe(target);
    expect([...target]).toEqual([1, -2.5]);
    expect(() => decode(new Uint16Array(3), target)).toThrow(/got 2, expected 3/);
    expect(() => encode(target, new Uint16Array(1))).toThrow(/got 1, expected 2/);
  });
});

test('named values of float16', () => {
  const encoded = float32ToFloat16(
    Float32Array.of(65504, 65519.996, 65520, 2 ** -24, 2 ** -25, 3 * 2 ** -26, 1e-12, -0),
  );
  expect([...encoded]).toEqual([0x7bff, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x0001, 0x0000, 0x8000]);
});

test('named values of bfloat16', () => {
  const source = new Float32Array(Uint32Array.of(0x3f808000, 0x3f818000, 0x7f7fffff, 0x7f800001, 0xffffffff).buffer);
  expect([...float32ToBfloat16(source)]).toEqual([0x3f80, 0x3f82, 0x7f80, 0x7fc0, 0xffff]);
});
