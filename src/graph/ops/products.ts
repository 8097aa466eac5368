import { broadcastIndex, type NdArray, ndarray, permuteAxes } from '../ndarray.ts';
import { type DefinedOp, defineOp, shapeError } from '../op.ts';
import { broadcastShapes, requireRank, requireSame } from '../shapes.ts';
import type { Shape } from '../value.ts';
import { sum } from './reductions.ts';
import { transpose } from './shaping.ts';

/** How {@link matmul} reads its operands. */
export interface MatmulAttributes {
  /** Whether a's two last axes are exchanged first. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** A factor of the product; 1 by default. */
  readonly scale?: number;
}

/**
 * scale · a b over the two last axes; the axes before them broadcast. When it runs no length may be 0, which none of a
 * batch is: ONNX Runtime's FusedMatMul then neither writes the zeros of a sum over nothing nor gets the shape right.
 */
export const matmul: DefinedOp<readonly ['a', 'b'], MatmulAttributes> = defineOp('MatMul', {
  inputs: ['a', 'b'],
  shape: ([a, b], { transposeA = false, transposeB = false }) => {
    if (a.shape.length < 2 || b.shape.length < 2) throw shapeError('both factors need two axes');
    const [rows, inner] = lastTwo(a.shape, transposeA);
    const [innerB, columns] = lastTwo(b.shape, transposeB);
    requireSame('the lengths that are summed over', inner, innerB);
    return [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
  },
  // With A = op(a), B = op(b): dA = scale · dC Bᵀ and dB = scale · Aᵀ dC, written so that no operand is copied to be transposed
  gradient: ({
    inputs: [a, b],
    cotangents: [dc],
    attributes: { transposeA = false, transposeB = false, scale = 1 },
  }) => [
    transposeA
      ? matmul(b, dc, { transposeA: transposeB, transposeB: true, scale })
      : matmul(dc, b, { transposeB: !transposeB, scale }),
    transposeB
      ? matmul(dc, a, { transposeA: true, transposeB: transposeA, scale })
      : matmul(a, dc, { transposeA: !transposeA, scale }),
  ],
  lower: (onnx, [a, b], { transposeA = false, transposeB = false, scale = 1 }, { inputs: [valueA, valueB] }) => {
    if (!transposeA && !transposeB && scale === 1) return onnx.node('MatMul', [a, b]);
    if (onnx.portable) {
      const exchanged = (x: string, rank: number) =>
        onnx.node('Transpose', [x], { perm: [...Array(rank - 2).keys(), rank - 1, rank - 2] });
      const y = onnx.node('MatMul', [
        transposeA ? exchanged(a, valueA.shape.length) : a,
        transposeB ? exchanged(b, valueB.shape.length) : b,
      ]);
      return scale === 1 ? y : onnx.node('Mul', [y, onnx.scalar(scale)]);
    }
    return onnx.node(
      'FusedMatMul',
      [a, b],
      { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: scale } },
      'com.microsoft',
    );
  },
  reference: ([a, b], { transposeA = false, transposeB = false, scale = 1 }) =>
    product(transposeA ? exchangeLast(a) : a, transposeB ? exchangeLast(b) : b, scale),
});

/**
 * x Wᵀ + b: PyTorch's Linear, weights as `[out, in]`. x: `[rows, in]`. Two-dimensional on purpose: all tokens of a batch
 * stand in one matrix.
 */
export const linear: DefinedOp<readonly ['x', 'weight', 'bias?']> = defineOp('Gemm', {
  inputs: ['x', 'weight', 'bias?'],
  shape: ([x, weight, bias]) => {
    requireRank('x', x.shape, 2);
    requireRank('weight', weight.shape, 2);
    requireSame("x's width and the weight's second length", x.shape[1], weight.shape[1]);
    if (bias !== undefined) {
      requireRank('bias', bias.shape, 1);
      requireSame("the bias's length and the weight's first", bias.shape[0], weight.shape[0]);
    }
    return [x.shape[0], weight.shape[0]];
  },
  // dx = dy W; dW = dyᵀ x; db = Σ dy. An explicit Transpose before a plain product beats the product's own transA by 2–4 %.
  gradient: ({ inputs: [x, weight, bias], cotangents: [dy] }) => [
    gemm(dy, weight),
    gemm(transpose(dy, { order: [1, 0] }), x),
    bias === undefined ? undefined : sum(dy, { axes: [0] }),
  ],
  lower: (onnx, [x, weight, bias]) => onnx.node('Gemm', [x, weight, bias], { transB: 1 }),
  reference: ([x, weight, bias]) => {
    const y = product(x, exchangeLast(weight), 1);
    if (bias !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] += bias.data[i % bias.data.length];
    return y;
  },
});

/** a b for two matrices, as a Gemm: what {@link linear}'s gradients are made of. */
const gemm: DefinedOp<readonly ['a', 'b']> = defineOp('Gemm', {
  inputs: ['a', 'b'],
  shape: ([a, b]) => {
    requireRank('a', a.shape, 2);
    requireRank('b', b.shape, 2);
    requireSame('the lengths that are summed over', a.shape[1], b.shape[0]);
    return [a.shape[0], b.shape[1]];
  },
  gradient: ({ inputs: [a, b], cotangents: [dc] }) => [
    linear(dc, b, undefined),
    gemm(transpose(a, { order: [1, 0] }), dc),
  ],
  lower: (onnx, [a, b]) => onnx.node('Gemm', [a, b]),
  reference: ([a, b]) => product(a, b, 1),
});

function lastTwo(shape: Shape, exchanged: boolean) {
  const [rows, columns] = shape.slice(-2);
  return exchanged ? [columns, rows] : [rows, columns];
}

function exchangeLast(x: NdArray): NdArray {
  const rank = x.shape.length;
  return permuteAxes(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
}

function product(a: NdArray, b: NdArray, scale: number): NdArray {
  const [rows, inner] = a.shape.slice(-2);
  const columns = b.shape[b.shape.length - 1];
  const outer = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)) as number[];
  const matrixA = broadcastIndex(a.shape.slice(0, -2), outer);
  const matrixB = broadcastIndex(b.shape.slice(0, -2), outer);
  return ndarray([...outer, rows, columns], (index) => {
    const matrix = Math.floor(index / (rows * columns));
    const row = Math.floor(index / columns) % rows;
    const column = index % columns;
    let total = 0;
    const startA = (matrixA(matrix) * rows + row) * inner;
    const startB = matrixB(matrix) * inner * columns + column;
    for (let k = 0; k < inner; k++) total += a.data[startA + k] * b.data[startB + k * columns];
    return scale * total;
  });
}
