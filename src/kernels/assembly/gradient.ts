// @ts-nocheck: AssemblyScript, checked by its own compiler.

/**
 * A gradient's elements, which are float32 or bfloat16: the upper half of a float32. `at` counts bytes as if all were
 * float32, as the other arrays of the same parameter are. `bfloat16` is known where a loop is compiled, not asked in it.
 */
// @ts-ignore: decorator
@inline
export function fourGradients(gradient: usize, at: usize, bfloat16: bool): v128 {
  return bfloat16 ? i32x4.shl(v128.load16x4_u(gradient + (at >> 1)), 16) : v128.load(gradient + at);
}

// @ts-ignore: decorator
@inline
export function oneGradient(gradient: usize, at: usize, bfloat16: bool): f32 {
  return bfloat16 ? reinterpret<f32>((<u32>load<u16>(gradient + (at >> 1))) << 16) : load<f32>(gradient + at);
}
