import { elementCount, ndarray, strides } from '../ndarray.ts';
import { type DefinedOp, defineOp, shapeError } from '../op.ts';
import { normalizeAxis } from '../shapes.ts';
import type { Dim, Shape } from '../value.ts';
import { mul } from './arithmetic.ts';
import { expand, reshape } from './shaping.ts';

/** Which axes a reduction sums over, and whether they stay as length 1. */
export interface ReductionAttributes {
  /** Negative numbers count from the back; all axes where absent. */
  readonly axes?: readonly number[];
  readonly keepDims?: boolean;
}

/** The sum over some axes, or over all. */
export const sum: DefinedOp<readonly ['x'], ReductionAttributes> = defineOp('ReduceSum', {
  inputs: ['x'],
  shape: ([x], { axes, keepDims = false }) => {
    const reduced = reducedAxes(x.shape, axes);
    return keepDims ? keptShape(x.shape, reduced) : x.shape.filter((_, axis) => !reduced.has(axis));
  },
  gradient: ({ inputs: [x], cotangents: [dy], attributes: { axes } }) => {
    const kept = keptShape(x.shape, reducedAxes(x.shape, axes));
    return [expand(reshape(dy, { shape: kept }), { shape: x.shape })];
  },
  lower: (onnx, [x], { axes, keepDims = false }, { inputs: [value] }) => {
    const reduced = [...reducedAxes(value.shape, axes)];
    // An empty list of axes would mean all of them to ONNX.
    return reduced.length === 0
      ? x
      : onnx.node('ReduceSum', [x, onnx.integers(reduced)], { keepdims: Number(keepDims) });
  },
  reference: ([x], { axes, keepDims = false }) => {
    const reduced = reducedAxes(x.shape, axes);
    const kept = keptShape(x.shape, reduced) as number[];
    const result = ndarray(keepDims ? kept : x.shape.filter((_, axis) => !reduced.has(axis)), () => 0);
    const source = strides(x.shape);
    const target = strides(kept);
    for (let i = 0; i < elementCount(x.shape); i++) {
      let flat = 0;
      for (let axis = 0; axis < kept.length; axis++) {
        if (kept[axis] !== 1) flat += (Math.floor(i / source[axis]) % kept[axis]) * target[axis];
      }
      result.data[flat] += x.data[i];
    }
    return result;
  },
});

/** The mean over axes of fixed length. */
export const mean: DefinedOp<readonly ['x'], { readonly axes: readonly number[]; readonly keepDims?: boolean }> =
  defineOp('ReduceMean', {
    inputs: ['x'],
    shape: ([x], { axes, keepDims = false }) => {
      const reduced = reducedAxes(x.shape, axes);
      fixedCount(x.shape, reduced);
      return keepDims ? keptShape(x.shape, reduced) : x.shape.filter((_, axis) => !reduced.has(axis));
    },
    gradient: ({ inputs: [x], cotangents: [dy], attributes: { axes } }) => {
      const reduced = reducedAxes(x.shape, axes);
      const count = fixedCount(x.shape, reduced);
      return [mul(expand(reshape(dy, { shape: keptShape(x.shape, reduced) }), { shape: x.shape }), 1 / count)];
    },
    lower: (onnx, [x], { axes, keepDims = false }, { inputs: [value] }) => {
      const reduced = [...reducedAxes(value.shape, axes)];
      return reduced.length === 0
        ? x
        : onnx.node('ReduceMean', [x, onnx.integers(reduced)], { keepdims: Number(keepDims) });
    },
    reference: ([x], { axes, keepDims = false }, dims) => {
      const total = sum.rules.reference([x], { axes, keepDims }, dims) as {
        shape: readonly number[];
        data: Float64Array;
      };
      const count = elementCount(x.shape) / Math.max(1, elementCount(total.shape));
      return { shape: total.shape, data: total.data.map((value) => value / count) };
    },
  });

function reducedAxes(shape: Shape, axes: readonly number[] | undefined): Set<number> {
  return new Set(axes === undefined ? shape.keys() : axes.map((axis) => normalizeAxis(axis, shape.length)));
}

function keptShape(shape: Shape, reduced: ReadonlySet<number>): Dim[] {
  return shape.map((dim, axis) => (reduced.has(axis) ? 1 : dim));
}

function fixedCount(shape: Shape, reduced: ReadonlySet<number>): number {
  return [...reduced].reduce((product, axis) => {
    const length = shape[axis];
    if (typeof length === 'number') return product * length;
    throw shapeError(`a mean needs axes of fixed length; divide a sum by what it counts where it is '${length}'`);
  }, 1);
}
