/** A concrete array in float64, for the ops' reference rules (whole numbers are exact in it too). */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** The product of the dims. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** An array whose elements `fill` gives by flat index. */
export function ndarray(
  shape: readonly number[],
  fill: ArrayLike<number | bigint> | ((index: number) => number),
): NdArray {
  const size = elementCount(shape);
  const data = new Float64Array(size);
  for (let i = 0; i < size; i++) data[i] = typeof fill === 'function' ? fill(i) : Number(fill[i]);
  return { shape, data };
}

/** Elements to step over for each axis of a row-major array. */
export function strides(shape: readonly number[]): number[] {
  const result = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result[axis] = stride;
    stride *= shape[axis];
  }
  return result;
}

/** The flat index into `shape` of position `index` of `target`, where `shape` broadcasts to `target` (NumPy's rule). */
export function broadcastIndex(shape: readonly number[], target: readonly number[]): (index: number) => number {
  const own = strides(shape);
  const outer = strides(target);
  const offset = target.length - shape.length;
  return (index) => {
    let flat = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      const at = Math.floor(index / outer[axis + offset]) % target[axis + offset];
      if (shape[axis] !== 1) flat += at * own[axis];
    }
    return flat;
  };
}

/** Element by element over two arrays that broadcast to each other. */
export function zipWith(a: NdArray, b: NdArray, f: (x: number, y: number) => number): NdArray {
  const rank = Math.max(a.shape.length, b.shape.length);
  const dim = (shape: readonly number[], axis: number) => shape[axis - rank + shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => {
    const left = dim(a.shape, axis);
    return left === 1 ? dim(b.shape, axis) : left;
  });
  const indexA = broadcastIndex(a.shape, shape);
  const indexB = broadcastIndex(b.shape, shape);
  return ndarray(shape, (i) => f(a.data[indexA(i)], b.data[indexB(i)]));
}

/** Element by element. */
export function mapElements(x: NdArray, f: (x: number) => number): NdArray {
  return { shape: x.shape, data: x.data.map(f) };
}

/** The array with its axes in another order. */
export function permuteAxes(x: NdArray, order: readonly number[]): NdArray {
  const shape = order.map((axis) => x.shape[axis]);
  const source = strides(x.shape);
  const target = strides(shape);
  return ndarray(shape, (index) => {
    let flat = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      flat += (Math.floor(index / target[axis]) % shape[axis]) * source[order[axis]];
    }
    return x.data[flat];
  });
}

/** Each row along the last axis replaced by what `f` makes of it. */
export function mapRows(x: NdArray, f: (row: Float64Array) => ArrayLike<number>): NdArray {
  const width = x.shape[x.shape.length - 1];
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < x.data.length; start += width) data.set(f(x.data.subarray(start, start + width)), start);
  return { shape: x.shape, data };
}
