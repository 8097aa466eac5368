// @ts-nocheck: AssemblyScript, checked by its own compiler.
import { fourGradients, oneGradient } from './gradient';

/**
 * Stochastic gradient descent with momentum (Sutskever et al. 2013) on `count` float32, in the order of operations of
 * PyTorch's torch.optim.SGD:
 *   g ← g · gradientScale                the clip factor
 *   g ← g + weightDecay w
 *   b ← momentum b + rate g              rate = 1 − dampening; at the first step momentum = 0 and rate = 1
 *   g ← g + lookAhead b                  Nesterov: lookAhead is the momentum; else g ← b
 *   w ← w − learningRate g
 */
// @ts-ignore: decorator
@inline
function update(
  weight: usize, gradient: usize, buffer: usize, count: usize, gradientScale: f32, weightDecay: f32,
  learningRate: f32, momentum: f32, rate: f32, lookAhead: f32, nesterov: bool, bfloat16: bool,
): void {
  const scale4 = f32x4.splat(gradientScale);
  const decay4 = f32x4.splat(weightDecay);
  const learningRate4 = f32x4.splat(learningRate);
  const momentum4 = f32x4.splat(momentum);
  const rate4 = f32x4.splat(rate);
  const lookAhead4 = f32x4.splat(lookAhead);
  const whole = (count & ~3) << 2;
  const bytes = count << 2;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const w = v128.load(weight + at);
    let g = f32x4.add(f32x4.mul(fourGradients(gradient, at, bfloat16), scale4), f32x4.mul(decay4, w));
    if (buffer) {
      const b = f32x4.add(f32x4.mul(v128.load(buffer + at), momentum4), f32x4.mul(rate4, g));
      v128.store(buffer + at, b);
      g = nesterov ? f32x4.add(g, f32x4.mul(lookAhead4, b)) : b;
    }
    v128.store(weight + at, f32x4.sub(w, f32x4.mul(learningRate4, g)));
  }
  for (; at < bytes; at += 4) {
    const w = load<f32>(weight + at);
    let g = oneGradient(gradient, at, bfloat16) * gradientScale + weightDecay * w;
    if (buffer) {
      const b = load<f32>(buffer + at) * momentum + rate * g;
      store<f32>(buffer + at, b);
      g = nesterov ? g + lookAhead * b : b;
    }
    store<f32>(weight + at, w - learningRate * g);
  }
}

/**
 * The update on elements [start, end) of an array; slice: elements. buffer: 0 where there is no momentum. bfloat16: 1
 * where the gradient is that, 0 float32.
 */
export function sgd(
  start: u32, end: u32, weight: usize, gradient: usize, buffer: usize, bfloat16: u32, gradientScale: f32,
  weightDecay: f32, learningRate: f32, momentum: f32, rate: f32, lookAhead: f32,
): void {
  const offset = <usize>start << 2;
  const ownBuffer = buffer == 0 ? 0 : buffer + offset;
  if (bfloat16) {
    update(
      weight + offset, gradient + (offset >> 1), ownBuffer, end - start, gradientScale, weightDecay,
      learningRate, momentum, rate, lookAhead, lookAhead != 0, true,
    );
  } else {
    update(
      weight + offset, gradient + offset, ownBuffer, end - start, gradientScale, weightDecay,
      learningRate, momentum, rate, lookAhead, lookAhead != 0, false,
    );
  }
}

/**
 * The update of a table whose gradient touches few rows; slice: rows. flags[row]: bit 0, the row has momentum; bit 1, it
 * has a gradient, which is zeroed here once used. Where weights do not decay, a row without either keeps its bits in the
 * dense update, and is left out.
 */
export function sgdTable(
  start: u32, end: u32, weight: usize, gradient: usize, buffer: usize, flags: usize, width: usize, gradientScale: f32,
  weightDecay: f32, learningRate: f32, momentum: f32, rate: f32, lookAhead: f32,
): void {
  const rowBytes = width << 2;
  for (let row: usize = start; row < end; row++) {
    const flag = load<u8>(flags + row);
    if (flag == 0 && weightDecay == 0) continue;
    const offset = row * rowBytes;
    update(
      weight + offset, gradient + offset, buffer == 0 ? 0 : buffer + offset, width, gradientScale, weightDecay,
      learningRate, momentum, rate, lookAhead, lookAhead != 0, false,
    );
    if (flag & 2) memory.fill(gradient + offset, 0, rowBytes);
    // What decays pulls at the weight of every row, and momentum keeps the pull.
    if (flag != 0 || buffer != 0) store<u8>(flags + row, buffer == 0 ? 0 : 1);
  }
}
