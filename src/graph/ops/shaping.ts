import { broadcastIndex, elementCount, ndarray, permuteAxes, strides } from '../ndarray.ts';
import { type DefinedOp, defineOp, shapeError } from '../op.ts';
import { broadcastShapes, normalizeAxis, requireRank, requireSame } from '../shapes.ts';
import { type Dim, formatShape, type Shape, sameShape } from '../value.ts';

/**
 * The same elements in the same order under another shape. Where both have the same symbolic lengths, the fixed lengths'
 * product must be kept; else (`tokens` as `sequences` × `longest`) the lengths show only when the graph runs.
 */
export const reshape: DefinedOp<readonly ['x'], { readonly shape: Shape }> = defineOp('Reshape', {
  inputs: ['x'],
  shape: ([x], { shape }) => {
    if (symbolsOf(x.shape) === symbolsOf(shape) && fixedCount(x.shape) !== fixedCount(shape)) {
      throw shapeError(`${formatShape(x.shape)} has not as many elements as ${formatShape(shape)}`);
    }
    return shape;
  },
  gradient: ({ inputs: [x], cotangents: [dy] }) => [reshape(dy, { shape: x.shape })],
  lower: (onnx, [x], { shape }) => {
    // One unknown length the engine finds by itself; more are read from the graph's inputs.
    // Without allowzero a 0 would mean the length that x has there.
    const symbols = shape.filter((dim) => typeof dim === 'string').length;
    if (symbols === 1 && !shape.includes(0)) {
      return onnx.node('Reshape', [x, onnx.integers(shape.map((dim) => (typeof dim === 'string' ? -1 : dim)))]);
    }
    return onnx.node('Reshape', [x, onnx.shape(shape)], { allowzero: Number(symbols > 0 || shape.includes(0)) });
  },
  reference: ([x], { shape }, dims) => ({ shape: dims(shape), data: x.data }),
});

/** The axes in another order: axis i of the result is axis `order[i]` of x. */
export const transpose: DefinedOp<readonly ['x'], { readonly order: readonly number[] }> = defineOp('Transpose', {
  inputs: ['x'],
  shape: ([x], { order }) => {
    if (order.length !== x.shape.length || new Set(order).size !== order.length) {
      throw shapeError(`the order [${order.join(', ')}] does not name every axis of ${formatShape(x.shape)} once`);
    }
    return order.map((axis) => x.shape[normalizeAxis(axis, x.shape.length)]);
  },
  gradient: ({ cotangents: [dy], attributes: { order } }) => [
    transpose(dy, { order: order.map((_, axis) => order.indexOf(axis)) }),
  ],
  lower: (onnx, [x], { order }) => onnx.node('Transpose', [x], { perm: order }),
  reference: ([x], { order }) => permuteAxes(x, order),
});

/** x repeated along axes of length 1 until it has the given shape (NumPy's broadcast_to). */
export const expand: DefinedOp<readonly ['x'], { readonly shape: Shape }> = defineOp('Expand', {
  inputs: ['x'],
  shape: ([x], { shape }) => {
    if (!sameShape(broadcastShapes(x.shape, shape), shape)) {
      throw shapeError(`${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`);
    }
    return shape;
  },
  // The walker sums the cotangent back to x's shape.
  gradient: ({ cotangents: [dy] }) => [dy],
  lower: (onnx, [x], { shape }, { inputs: [value] }) =>
    sameShape(value.shape, shape) ? x : onnx.node('Expand', [x, onnx.shape(shape)]),
  reference: ([x], { shape }, dims) => {
    const target = dims(shape);
    const at = broadcastIndex(x.shape, target);
    return ndarray(target, (i) => x.data[at(i)]);
  },
});

/** Elements `start` to `end` (exclusive) of one axis, both counted from the front. */
export const slice: DefinedOp<readonly ['x'], { readonly axis: number; readonly start: number; readonly end: number }> =
  defineOp('Slice', {
    inputs: ['x'],
    shape: ([x], { axis, start, end }) => {
      const at = normalizeAxis(axis, x.shape.length);
      const length = x.shape[at];
      if (!(0 <= start && start <= end && (typeof length === 'string' || end <= length))) {
        throw shapeError(`${start} to ${end} is not within axis ${axis} of ${formatShape(x.shape)}`);
      }
      return x.shape.map((dim, i) => (i === at ? end - start : dim));
    },
    gradient: ({ inputs: [x], cotangents: [dy], attributes: { axis, start, end } }) => {
      const length = x.shape[normalizeAxis(axis, x.shape.length)];
      if (typeof length === 'string') throw shapeError('the gradient of a slice needs an axis of fixed length');
      return [pad(dy, { axis, before: start, after: length - end })];
    },
    lower: (onnx, [x], { axis, start, end }, { inputs: [value] }) =>
      onnx.node('Slice', [
        x,
        onnx.integers([start]),
        onnx.integers([end]),
        onnx.integers([normalizeAxis(axis, value.shape.length)]),
      ]),
    reference: ([x], { axis, start, end }) => {
      const at = normalizeAxis(axis, x.shape.length);
      const shape = x.shape.map((dim, i) => (i === at ? end - start : dim));
      return ndarray(shape, reindex(shape, x.shape, x.data, at, -start));
    },
  });

/** Zeros before and after along one axis. */
export const pad: DefinedOp<
  readonly ['x'],
  { readonly axis: number; readonly before: number; readonly after: number }
> = defineOp('Pad', {
  inputs: ['x'],
  shape: ([x], { axis, before, after }) => {
    const at = normalizeAxis(axis, x.shape.length);
    const length = x.shape[at];
    if (typeof length === 'string') throw shapeError('padding needs an axis of fixed length');
    return x.shape.map((dim, i) => (i === at ? length + before + after : dim));
  },
  gradient: ({ inputs: [x], cotangents: [dy], attributes: { axis, before } }) => {
    const length = x.shape[normalizeAxis(axis, x.shape.length)] as number;
    return [slice(dy, { axis, start: before, end: before + length })];
  },
  lower: (onnx, [x], { axis, before, after }, { inputs: [value] }) => {
    const at = normalizeAxis(axis, value.shape.length);
    const pads = value.shape.map((_, i) => (i === at ? before : 0));
    return onnx.node('Pad', [x, onnx.integers([...pads, ...value.shape.map((_, i) => (i === at ? after : 0))])]);
  },
  reference: ([x], { axis, before, after }) => {
    const at = normalizeAxis(axis, x.shape.length);
    const shape = x.shape.map((dim, i) => (i === at ? dim + before + after : dim));
    return ndarray(shape, reindex(shape, x.shape, x.data, at, before));
  },
});

/** Two values one after the other along an axis. */
export const concat: DefinedOp<readonly ['x', 'y'], { readonly axis: number }> = defineOp('Concat', {
  inputs: ['x', 'y'],
  shape: ([x, y], { axis }) => {
    const at = normalizeAxis(axis, x.shape.length);
    requireRank('y', y.shape, x.shape.length);
    return x.shape.map((dim, i) => {
      if (i !== at) requireSame(`axis ${i} of both`, dim, y.shape[i]);
      else if (typeof dim === 'string' || typeof y.shape[i] === 'string')
        throw shapeError('the joined axis must be fixed');
      return i === at ? (dim as number) + (y.shape[i] as number) : dim;
    });
  },
  gradient: ({ inputs: [x, y], cotangents: [dz], attributes: { axis } }) => {
    const at = normalizeAxis(axis, x.shape.length);
    const middle = x.shape[at] as number;
    return [
      slice(dz, { axis: at, start: 0, end: middle }),
      slice(dz, { axis: at, start: middle, end: middle + (y.shape[at] as number) }),
    ];
  },
  lower: (onnx, [x, y], { axis }) => onnx.node('Concat', [x, y], { axis }),
  reference: ([x, y], { axis }) => {
    const at = normalizeAxis(axis, x.shape.length);
    const shape = x.shape.map((dim, i) => (i === at ? dim + y.shape[i] : dim));
    const left = reindex(shape, x.shape, x.data, at, 0);
    const right = reindex(shape, y.shape, y.data, at, x.shape[at]);
    return ndarray(shape, (i) => left(i) + right(i));
  },
});

/** The element of `data` for a flat index of `shape`, with `axis` shifted by `shift`; 0 where it falls outside. */
function reindex(
  shape: readonly number[],
  source: readonly number[],
  data: Float64Array,
  axis: number,
  shift: number,
): (index: number) => number {
  const outer = strides(shape);
  const inner = strides(source);
  return (index) => {
    let flat = 0;
    for (let i = 0; i < shape.length; i++) {
      const at = (Math.floor(index / outer[i]) % shape[i]) - (i === axis ? shift : 0);
      if (at < 0 || at >= source[i]) return 0;
      flat += at * inner[i];
    }
    return data[flat];
  };
}

function symbolsOf(shape: Shape): string {
  return shape
    .filter((dim) => typeof dim === 'string')
    .sort()
    .join();
}

function fixedCount(shape: Shape): number {
  return elementCount(shape.filter((dim) => typeof dim === 'number'));
}

/** The shape with one axis of length 1 put in. */
export function unsqueezed(shape: Shape, axis: number): Dim[] {
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  return [...shape.slice(0, at), 1, ...shape.slice(at)];
}
