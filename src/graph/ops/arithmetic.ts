import { mapElements, zipWith } from '../ndarray.ts';
import { type DefinedOp, defineOp } from '../op.ts';
import { broadcastShapes } from '../shapes.ts';
import { square } from './elementwise.ts';

/** x + y, broadcasting. */
export const add: DefinedOp<readonly ['x', 'y']> = defineOp('Add', {
  inputs: ['x', 'y'],
  shape: ([x, y]) => broadcastShapes(x.shape, y.shape),
  gradient: ({ cotangents: [dz] }) => [dz, dz],
  lower: (onnx, [x, y]) => onnx.node('Add', [x, y]),
  reference: ([x, y]) => zipWith(x, y, (a, b) => a + b),
});

/** x − y, broadcasting. */
export const sub: DefinedOp<readonly ['x', 'y']> = defineOp('Sub', {
  inputs: ['x', 'y'],
  shape: ([x, y]) => broadcastShapes(x.shape, y.shape),
  gradient: ({ cotangents: [dz] }) => [dz, neg(dz)],
  lower: (onnx, [x, y]) => onnx.node('Sub', [x, y]),
  reference: ([x, y]) => zipWith(x, y, (a, b) => a - b),
});

/** x · y element by element, broadcasting. */
export const mul: DefinedOp<readonly ['x', 'y']> = defineOp('Mul', {
  inputs: ['x', 'y'],
  shape: ([x, y]) => broadcastShapes(x.shape, y.shape),
  gradient: ({ inputs: [x, y], cotangents: [dz] }) => [mul(dz, y), mul(dz, x)],
  lower: (onnx, [x, y]) => onnx.node('Mul', [x, y]),
  reference: ([x, y]) => zipWith(x, y, (a, b) => a * b),
});

/** x / y, broadcasting. */
export const div: DefinedOp<readonly ['x', 'y']> = defineOp('Div', {
  inputs: ['x', 'y'],
  shape: ([x, y]) => broadcastShapes(x.shape, y.shape),
  // d(x/y) = dx / y − x dy / y²
  gradient: ({ inputs: [x, y], cotangents: [dz] }) => [div(dz, y), neg(div(mul(dz, x), square(y)))],
  lower: (onnx, [x, y]) => onnx.node('Div', [x, y]),
  reference: ([x, y]) => zipWith(x, y, (a, b) => a / b),
});

/** −x */
export const neg: DefinedOp<readonly ['x']> = defineOp('Neg', {
  inputs: ['x'],
  shape: ([x]) => x.shape,
  gradient: ({ cotangents: [dy] }) => [neg(dy)],
  lower: (onnx, [x]) => onnx.node('Neg', [x]),
  reference: ([x]) => mapElements(x, (a) => -a),
});
