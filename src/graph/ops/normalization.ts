import { mapRows, type NdArray, ndarray } from '../ndarray.ts';
import { type DefinedOp, defineOp, shapeError } from '../op.ts';
import { requireRank, requireSame } from '../shapes.ts';
import type { Shape, Value } from '../value.ts';
import { add, mul, sub } from './arithmetic.ts';
import { exp, square } from './elementwise.ts';
import { mean, sum } from './reductions.ts';

/** exp(x) / Σ exp(x) along the last axis. */
export const softmax: DefinedOp<readonly ['x']> = defineOp('Softmax', {
  inputs: ['x'],
  shape: ([x]) => rowwise(x.shape),
  // dx = p ⊙ (dp − Σ dp ⊙ p)
  gradient: ({ outputs: [p], cotangents: [dp] }) => {
    const t = mul(dp, p);
    return [sub(t, mul(p, sum(t, { axes: [-1], keepDims: true })))];
  },
  lower: (onnx, [x]) => onnx.node('Softmax', [x], { axis: -1 }),
  reference: ([x]) => mapRows(x, softmaxRow),
});

/** log(exp(x) / Σ exp(x)) along the last axis. */
export const logSoftmax: DefinedOp<readonly ['x']> = defineOp('LogSoftmax', {
  inputs: ['x'],
  shape: ([x]) => rowwise(x.shape),
  // dx = dy − softmax(x) Σ dy
  gradient: ({ outputs: [y], cotangents: [dy] }) => [sub(dy, mul(exp(y), sum(dy, { axes: [-1], keepDims: true })))],
  lower: (onnx, [x]) => onnx.node('LogSoftmax', [x], { axis: -1 }),
  // x − max − log Σ exp(x − max): the logarithm of a softmax that is 0 would be −∞.
  reference: ([x]) =>
    mapRows(x, (row) => {
      const max = largest(row);
      const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0));
      return row.map((value) => value - max - total);
    }),
});

/**
 * (x − mean) / √(variance + epsilon) · weight + bias over the last axis (Ba et al. 2016).
 * Outputs: the result, the mean and the inverse deviation.
 */
export const layerNorm: DefinedOp<readonly ['x', 'weight', 'bias'], { readonly epsilon: number }> = defineOp(
  'LayerNormalization',
  {
    inputs: ['x', 'weight', 'bias'],
    shape: ([x, weight, bias]) => {
      requireRank('weight', weight.shape, 1);
      requireRank('bias', bias.shape, 1);
      requireSame("x's last length and the weight's length", x.shape[x.shape.length - 1], weight.shape[0]);
      requireSame('the lengths of weight and bias', weight.shape[0], bias.shape[0]);
      const statistic = [...x.shape.slice(0, -1), 1];
      return [x.shape, statistic, statistic];
    },
    // With x̂ = (x − μ) r and g = dy ⊙ weight: dx = r (g − mean(g) − x̂ mean(g ⊙ x̂)); dweight = Σ dy ⊙ x̂; dbias = Σ dy.
    // In second derivatives also dx += dμ / n − x̂ r² dr / n, for row length n.
    gradient: ({ inputs: [x, weight], outputs: [, average, inverse], cotangents: [dy, daverage, dinverse] }) => {
      const normalized = mul(sub(x, average), inverse);
      const g = mul(dy, weight);
      const centred = sub(sub(g, rowMean(g)), mul(normalized, rowMean(mul(g, normalized))));
      const rows = [...x.shape.keys()].slice(0, -1);
      let dx = mul(centred, inverse);
      const scale = 1 / (weight.shape[0] as number);
      if (daverage !== undefined) dx = add(dx, mul(daverage, scale));
      if (dinverse !== undefined) dx = sub(dx, mul(normalized, mul(mul(dinverse, square(inverse)), scale)));
      return [dx, sum(mul(dy, normalized), { axes: rows }), sum(dy, { axes: rows })];
    },
    lower: (onnx, [x, weight, bias], { epsilon }) =>
      onnx.nodes('LayerNormalization', [x, weight, bias], 3, { axis: -1, epsilon: { float: epsilon } }),
    reference: ([x, weight, bias], { epsilon }) => {
      const width = weight.data.length;
      const statistic = [...x.shape.slice(0, -1), 1];
      const average = ndarray(statistic, (row) => rowOf(x, row, width).reduce((s, v) => s + v, 0) / width);
      const inverse = ndarray(statistic, (row) => {
        const variance = rowOf(x, row, width).reduce((s, v) => s + (v - average.data[row]) ** 2, 0) / width;
        return 1 / Math.sqrt(variance + epsilon);
      });
      const y = ndarray(x.shape, (i) => {
        const row = Math.floor(i / width);
        return (x.data[i] - average.data[row]) * inverse.data[row] * weight.data[i % width] + bias.data[i % width];
      });
      return [y, average, inverse];
    },
  },
);

function rowMean(x: Value): Value {
  return mean(x, { axes: [-1], keepDims: true });
}

function rowOf(x: NdArray, row: number, width: number): Float64Array {
  return x.data.subarray(row * width, (row + 1) * width);
}

function softmaxRow(row: Float64Array): Float64Array {
  const max = largest(row);
  const exponentials = row.map((value) => Math.exp(value - max));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}

function largest(row: Float64Array): number {
  return row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}

function rowwise(shape: Shape): Shape {
  if (shape.length === 0) throw shapeError('x must have an axis');
  return shape;
}
