import { ndarray } from '../ndarray.ts';
import { type DefinedOp, defineOp, shapeError } from '../op.ts';
import { requireRank, requireSame } from '../shapes.ts';
import type { Dim, Value } from '../value.ts';
import { mul, sub } from './arithmetic.ts';
import { abs, cast, isPositive } from './elementwise.ts';
import { reshape, unsqueezed } from './shaping.ts';

/**
 * Row `ids[i]` of a table, for each i: an embedding look-up. table: `[rows, …]`; ids: int64 of any shape; `[n]` where the
 * table is trained. The row `paddingIndex` gets no gradient (PyTorch's `padding_idx`).
 */
export const gatherRows: DefinedOp<readonly ['table', 'ids'], { readonly paddingIndex?: number }> = defineOp('Gather', {
  inputs: ['table', 'ids'],
  indices: ['ids'],
  shape: ([table, ids]) => {
    if (table.shape.length === 0) throw shapeError('table must have an axis');
    return [...ids.shape, ...table.shape.slice(1)];
  },
  gradient: ({ inputs: [table, ids], cotangents: [dy], attributes: { paddingIndex } }) => [
    scatterAddRows(ids, paddingIndex === undefined ? dy : mul(dy, isOther(ids, paddingIndex, dy.shape.length)), {
      rows: table.shape[0],
    }),
    undefined,
  ],
  lower: (onnx, [table, ids]) => onnx.node('Gather', [table, ids], { axis: 0 }),
  reference: ([table, ids]) => {
    const width = table.data.length / table.shape[0];
    return ndarray(
      [...ids.shape, ...table.shape.slice(1)],
      (i) => table.data[ids.data[Math.floor(i / width)] * width + (i % width)],
    );
  },
});

/**
 * A table of zeros to whose rows `ids[i]` the rows x[i] are added: {@link gatherRows}' gradient. ids: `[n]`; x: `[n, …]`.
 * As the gradient of a parameter it is usually left as ids and rows (see `gradientRows`), and the store adds them up.
 */
export const scatterAddRows: DefinedOp<readonly ['ids', 'x'], { readonly rows: Dim }> = defineOp('ScatterAddRows', {
  inputs: ['ids', 'x'],
  indices: ['ids'],
  shape: ([ids, x], { rows }) => {
    requireRank('ids', ids.shape, 1);
    requireSame('the numbers of ids and of rows of x', ids.shape[0], x.shape[0]);
    return [rows, ...x.shape.slice(1)];
  },
  dtype: ([, x]) => x.dtype,
  gradient: ({ inputs: [ids], cotangents: [dy] }) => [undefined, gatherRows(dy, ids)],
  lower: (onnx, [ids, x], { rows }, { inputs: [, value] }) => {
    const zeros = onnx.node('Expand', [onnx.scalar(0), onnx.shape([rows, ...value.shape.slice(1)])]);
    const indices = onnx.node('Unsqueeze', [ids, onnx.integers([1])]);
    return onnx.node('ScatterND', [zeros, indices, x], { reduction: 'add' });
  },
  reference: ([ids, x], { rows }, dims) => {
    const result = ndarray([...dims([rows]), ...x.shape.slice(1)], () => 0);
    const width = x.shape[0] === 0 ? 0 : x.data.length / x.shape[0];
    for (let i = 0; i < x.data.length; i++)
      result.data[ids.data[Math.floor(i / width)] * width + (i % width)] += x.data[i];
    return result;
  },
});

/** Column `ids[i]` of row i, for each row: the score of the label. x: `[n, classes]`; ids: `[n]`; result `[n]`. */
export const pickColumns: DefinedOp<readonly ['x', 'ids']> = defineOp('GatherElements', {
  inputs: ['x', 'ids'],
  indices: ['ids'],
  shape: ([x, ids]) => {
    requireRank('x', x.shape, 2);
    requireRank('ids', ids.shape, 1);
    requireSame('the numbers of rows of x and of ids', x.shape[0], ids.shape[0]);
    return ids.shape;
  },
  gradient: ({ inputs: [x, ids], cotangents: [dy] }) => [
    mul(oneHot(ids, { depth: x.shape[1] }), reshape(dy, { shape: unsqueezed(dy.shape, 1) })),
    undefined,
  ],
  lower: (onnx, [x, ids]) => {
    const picked = onnx.node('GatherElements', [x, onnx.node('Unsqueeze', [ids, onnx.integers([1])])], { axis: 1 });
    return onnx.node('Squeeze', [picked, onnx.integers([1])]);
  },
  reference: ([x, ids]) => ndarray(ids.shape, (i) => x.data[i * x.shape[1] + ids.data[i]]),
});

/** 1 in column `ids[i]` of row i, else 0. ids: int64 `[n]`, each in [0, depth); result: float32 `[n, depth]`. */
export const oneHot: DefinedOp<readonly ['ids'], { readonly depth: Dim }> = defineOp('OneHot', {
  inputs: ['ids'],
  indices: ['ids'],
  shape: ([ids], { depth }) => [...ids.shape, depth],
  dtype: () => 'float32',
  gradient: () => [undefined],
  lower: (onnx, [ids], { depth }) => onnx.node('OneHot', [ids, onnx.shape([depth]), onnx.floats([0, 1])], { axis: -1 }),
  reference: ([ids], { depth }, dims) => {
    const [width] = dims([depth]);
    return ndarray([...ids.shape, width], (i) => (ids.data[Math.floor(i / width)] === i % width ? 1 : 0));
  },
});

/** 1 where an id is another than `index`, else 0; `[n, 1, …]` with `rank` axes. */
function isOther(ids: Value, index: number, rank: number): Value {
  const distance = abs(sub(cast(ids, { to: 'float32' }), index));
  return reshape(isPositive(distance), { shape: [...ids.shape, ...new Array<number>(rank - 1).fill(1)] });
}
