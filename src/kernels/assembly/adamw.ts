// @ts-nocheck: AssemblyScript, checked by its own compiler.
import { fourGradients, oneGradient } from './gradient';

/**
 * AdamW (Loshchilov and Hutter 2019) on `count` float32, in the order of operations of PyTorch's fused CPU kernel:
 *   w ← w · decay                        decay = 1 − learningRate · weightDecay
 *   g ← g · gradientScale                the clip factor
 *   m ← m + (1 − β1) (g − m)
 *   v ← β2 v + (1 − β2) g g
 *   w ← w − stepSize m / (√v · secondCorrection + ε)
 *                                        stepSize = learningRate / (1 − β1ᵗ), secondCorrection = 1 / √(1 − β2ᵗ)
 * PyTorch divides by √(1 − β2ᵗ); multiplying saves a seventh of the time and moves the update's last bit at most.
 */
// @ts-ignore: decorator
@inline
function update(
  weight: usize, gradient: usize, first: usize, second: usize, count: usize,
  decay: f32, gradientScale: f32, firstRate: f32, secondKeep: f32, secondRate: f32,
  stepSize: f32, secondCorrection: f32, epsilon: f32, bfloat16: bool,
): void {
  const decay4 = f32x4.splat(decay);
  const scale4 = f32x4.splat(gradientScale);
  const firstRate4 = f32x4.splat(firstRate);
  const secondKeep4 = f32x4.splat(secondKeep);
  const secondRate4 = f32x4.splat(secondRate);
  const stepSize4 = f32x4.splat(stepSize);
  const correction4 = f32x4.splat(secondCorrection);
  const epsilon4 = f32x4.splat(epsilon);
  const whole = (count & ~3) << 2;
  const bytes = count << 2;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const g = f32x4.mul(fourGradients(gradient, at, bfloat16), scale4);
    const m0 = v128.load(first + at);
    const m = f32x4.add(m0, f32x4.mul(firstRate4, f32x4.sub(g, m0)));
    v128.store(first + at, m);
    const v = f32x4.add(f32x4.mul(v128.load(second + at), secondKeep4), f32x4.mul(f32x4.mul(secondRate4, g), g));
    v128.store(second + at, v);
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), correction4), epsilon4);
    const w = f32x4.mul(v128.load(weight + at), decay4);
    v128.store(weight + at, f32x4.sub(w, f32x4.div(f32x4.mul(stepSize4, m), denominator)));
  }
  for (; at < bytes; at += 4) {
    const g = oneGradient(gradient, at, bfloat16) * gradientScale;
    const m0 = load<f32>(first + at);
    const m = m0 + firstRate * (g - m0);
    store<f32>(first + at, m);
    const v = load<f32>(second + at) * secondKeep + secondRate * g * g;
    store<f32>(second + at, v);
    const denominator = sqrt<f32>(v) * secondCorrection + epsilon;
    store<f32>(weight + at, load<f32>(weight + at) * decay - (stepSize * m) / denominator);
  }
}

/** The update on elements [start, end) of an array; slice: elements. bfloat16: 1 where the gradient is that, 0 float32. */
export function adamw(
  start: u32, end: u32, weight: usize, gradient: usize, first: usize, second: usize, bfloat16: u32,
  decay: f32, gradientScale: f32, firstRate: f32, secondKeep: f32, secondRate: f32,
  stepSize: f32, secondCorrection: f32, epsilon: f32,
): void {
  const offset = <usize>start << 2;
  if (bfloat16) {
    update(
      weight + offset, gradient + (offset >> 1), first + offset, second + offset, end - start,
      decay, gradientScale, firstRate, secondKeep, secondRate, stepSize, secondCorrection, epsilon, true,
    );
  } else {
    update(
      weight + offset, gradient + offset, first + offset, second + offset, end - start,
      decay, gradientScale, firstRate, secondKeep, secondRate, stepSize, secondCorrection, epsilon, false,
    );
  }
}

/**
 * The update of a table whose gradient touches few rows; slice: rows. flags[row]: bit 0, the row has moments; bit 1,
 * it has a gradient, which is zeroed here once used. A row without moments has g = m = v = 0, so that the dense update
 * leaves nothing of itself but the decay: the same bits for a seventh of the memory traffic, none where decay is 1.
 */
export function adamwTable(
  start: u32, end: u32, weight: usize, gradient: usize, first: usize, second: usize, flags: usize, width: usize,
  decay: f32, gradientScale: f32, firstRate: f32, secondKeep: f32, secondRate: f32,
  stepSize: f32, secondCorrection: f32, epsilon: f32,
): void {
  const rowBytes = width << 2;
  for (let row: usize = start; row < end; row++) {
    const flag = load<u8>(flags + row);
    const offset = row * rowBytes;
    if (flag == 0) {
      if (decay != 1) multiply(weight + offset, width, decay);
      continue;
    }
    update(
      weight + offset, gradient + offset, first + offset, second + offset, width,
      decay, gradientScale, firstRate, secondKeep, secondRate, stepSize, secondCorrection, epsilon, false,
    );
    if (flag & 2) {
      memory.fill(gradient + offset, 0, rowBytes);
      store<u8>(flags + row, 1);
    }
  }
}

// @ts-ignore: decorator
@inline
function multiply(at: usize, count: usize, factor: f32): void {
  const whole = at + ((count & ~3) << 2);
  const end = at + (count << 2);
  for (; at < whole; at += 16) v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(factor)));
  for (; at < end; at += 4) store<f32>(at, load<f32>(at) * factor);
}
