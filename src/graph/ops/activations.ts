import type { Value } from '../value.ts';
import { add, mul } from './arithmetic.ts';
import { gelu, relu, sigmoid, square, tanh } from './elementwise.ts';

/** GELU's tanh approximation, ½x(1 + tanh(√(2/π)(x + 0.044715x³))): Hugging Face's `gelu_new`, Google's original code. */
export function geluTanh(x: Value): Value {
  const inner = mul(mul(x, add(mul(square(x), 0.044715), 1)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
}

/** x σ(x) (Elfwing et al. 2017), also called swish. */
export function silu(x: Value): Value {
  return mul(x, sigmoid(x));
}

/** Hugging Face's names for `hidden_act`. */
export const activations: Readonly<Record<string, (x: Value) => Value>> = {
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu,
  silu,
  swish: silu,
  tanh,
};
