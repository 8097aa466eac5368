import type { DType } from '../../core/dtypes.ts';
import { onnxElementType } from '../../formats/onnx.ts';
import { erfFloat64 } from '../erf.ts';
import { mapElements } from '../ndarray.ts';
import { type DefinedOp, defineOp } from '../op.ts';
import { add, div, mul, neg, sub } from './arithmetic.ts';

/** eˣ */
export const exp: DefinedOp<readonly ['x']> = defineOp('Exp', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ outputs: [y], cotangents: [dy] }) => [mul(dy, y)],
  lower: (onnx, [x]) => onnx.node('Exp', [x]),
  reference: ([x]) => mapElements(x, Math.exp),
});

/** The natural logarithm. */
export const log: DefinedOp<readonly ['x']> = defineOp('Log', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ inputs: [x], cotangents: [dy] }) => [div(dy, x)],
  lower: (onnx, [x]) => onnx.node('Log', [x]),
  reference: ([x]) => mapElements(x, Math.log),
});

/** √x */
export const sqrt: DefinedOp<readonly ['x']> = defineOp('Sqrt', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ outputs: [y], cotangents: [dy] }) => [div(mul(dy, 0.5), y)],
  lower: (onnx, [x]) => onnx.node('Sqrt', [x]),
  reference: ([x]) => mapElements(x, Math.sqrt),
});

/** x² */
export const square: DefinedOp<readonly ['x']> = defineOp('Square', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ inputs: [x], cotangents: [dy] }) => [mul(mul(dy, 2), x)],
  lower: (onnx, [x]) => onnx.node('Mul', [x, x]),
  reference: ([x]) => mapElements(x, (a) => a * a),
});

/** The hyperbolic tangent. */
export const tanh: DefinedOp<readonly ['x']> = defineOp('Tanh', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  // tanh′ = 1 − tanh²
  gradient: ({ outputs: [y], cotangents: [dy] }) => [sub(dy, mul(dy, square(y)))],
  lower: (onnx, [x]) => onnx.node('Tanh', [x]),
  reference: ([x]) => mapElements(x, Math.tanh),
});

/** 1 / (1 + e⁻ˣ) */
export const sigmoid: DefinedOp<readonly ['x']> = defineOp('Sigmoid', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  // σ′ = σ (1 − σ)
  gradient: ({ outputs: [y], cotangents: [dy] }) => [mul(dy, sub(y, square(y)))],
  lower: (onnx, [x]) => onnx.node('Sigmoid', [x]),
  reference: ([x]) => mapElements(x, (a) => 1 / (1 + Math.exp(-a))),
});

/** log(1 + eˣ) */
export const softplus: DefinedOp<readonly ['x']> = defineOp('Softplus', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ inputs: [x], cotangents: [dy] }) => [mul(dy, sigmoid(x))],
  lower: (onnx, [x]) => onnx.node('Softplus', [x]),
  reference: ([x]) => mapElements(x, (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)))),
});

/** The error function, 2/√π ∫₀ˣ exp(−t²) dt. */
export const erf: DefinedOp<readonly ['x']> = defineOp('Erf', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ inputs: [x], cotangents: [dy] }) => [mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))],
  lower: (onnx, [x]) => onnx.node('Erf', [x]),
  reference: ([x]) => mapElements(x, erfFloat64),
});

/** 1 where x > 0, else 0. Its derivative is 0 wherever there is one. */
export const isPositive: DefinedOp<readonly ['x']> = defineOp('IsPositive', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: () => [undefined],
  lower: (onnx, [x]) => onnx.node('Cast', [onnx.node('Greater', [x, onnx.scalar(0)])], { to: onnxElementType.float32 }),
  reference: ([x]) => mapElements(x, (a) => (a > 0 ? 1 : 0)),
});

/** |x| (subgradient 0 at 0). */
export const abs: DefinedOp<readonly ['x']> = defineOp('Abs', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ inputs: [x], cotangents: [dy] }) => [mul(dy, sub(isPositive(x), isPositive(neg(x))))],
  lower: (onnx, [x]) => onnx.node('Abs', [x]),
  reference: ([x]) => mapElements(x, Math.abs),
});

/** The elements in another type; a gradient passes where both types are floats. */
export const cast: DefinedOp<readonly ['x'], { to: DType }> = defineOp('Cast', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  dtype: (_, { to }) => to,
  gradient: ({ inputs: [x], cotangents: [dy] }) => [/^b?float/.test(x.dtype) ? cast(dy, { to: x.dtype }) : undefined],
  lower: (onnx, [x], { to }) => onnx.node('Cast', [x], { to: onnxElementType[to] }),
  reference: ([x], { to }) =>
    to === 'bool' ? mapElements(x, (a) => Number(a !== 0)) : /^u?int/.test(to) ? mapElements(x, Math.trunc) : x,
});

/** max(x, 0) (subgradient 0 at 0, as PyTorch's). */
export const relu: DefinedOp<readonly ['x']> = defineOp('Relu', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ inputs: [x], cotangents: [dy] }) => [mul(dy, isPositive(x))],
  lower: (onnx, [x]) => onnx.node('Relu', [x]),
  reference: ([x]) => mapElements(x, (a) => Math.max(a, 0)),
});

/** x Φ(x), with Φ the standard normal distribution function (Hendrycks and Gimpel 2016, the exact form). */
export const gelu: DefinedOp<readonly ['x']> = defineOp('Gelu', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  // d/dx x Φ(x) = Φ(x) + x φ(x), with φ(x) = exp(−x²/2) / √(2π)
  gradient: ({ inputs: [x], cotangents: [dy] }) => {
    const distribution = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
    const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [mul(dy, add(distribution, mul(x, density)))];
  },
  lower: (onnx, [x]) => (onnx.portable ? onnx.node('Gelu', [x]) : onnx.node('Gelu', [x], {}, 'com.microsoft')),
  reference: ([x]) => mapElements(x, (a) => 0.5 * a * (1 + erfFloat64(a * Math.SQRT1_2))),
});
