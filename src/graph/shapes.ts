import { shapeError } from './op.ts';
import { type Dim, formatShape, type Shape } from './value.ts';

/** The shape to which two shapes broadcast (NumPy's rule; a symbolic length broadcasts only with itself and with 1). */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw shapeError(`${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  });
}

/** An axis counted from the front, whichever end it was counted from. */
export function normalizeAxis(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && at >= 0 && at < rank) return at;
  throw shapeError(`there is no axis ${axis} among ${rank}`);
}

/** Fails unless two lengths are the same. */
export function requireSame(what: string, a: Dim, b: Dim): void {
  if (a !== b) throw shapeError(`${what} must be equal, but are ${a} and ${b}`);
}

/** Fails unless a shape has `rank` axes. */
export function requireRank(what: string, shape: Shape, rank: number): void {
  if (shape.length !== rank) throw shapeError(`${what} must have ${rank} axes, but is ${formatShape(shape)}`);
}
