import { type NdArray, ndarray } from '../ndarray.ts';
import { type DefinedOp, defineOp, shapeError } from '../op.ts';
import { requireRank, requireSame } from '../shapes.ts';
import type { Shape } from '../value.ts';

/*
 * The two moves between packed rows, `[tokens, heads · headSize]`, and the attention core's layout,
 * `[sequences, heads, longest, headSize]`. Each is one Gather and is the other's gradient, which the generic gradient of
 * Gather, a scatter-add, would not be.
 *
 * `rowOfSlot` `[sequences, longest]` says which row stands in a slot, `slotOfRow` `[rows]` in which slot a row stands.
 * Where there are more slots than rows, the rest point to a filler row; filler rows point to such an empty slot. A layout
 * has both or neither (nn/packing.ts), and then the gradients are exact without any mask, because
 * - an empty slot's cotangent is 0: as a query it is read by no row, as a key its weight is exactly 0 (attention bias);
 *   so a filler row, which takes its gradient from an empty slot, gets 0;
 * - a filler row's cotangent is 0: no loss reads it, and every other op works row by row; so an empty slot, which takes
 *   its gradient from a filler row, gets 0.
 */

interface HeadsAttributes {
  readonly heads: number;
}

/** x `[rows, heads · headSize]` → `[sequences, heads, longest, headSize]`. */
export const toHeads: DefinedOp<readonly ['x', 'rowOfSlot', 'slotOfRow'], HeadsAttributes> = defineOp('ToHeads', {
  inputs: ['x', 'rowOfSlot', 'slotOfRow'],
  indices: ['rowOfSlot', 'slotOfRow'],
  shape: ([x, rowOfSlot, slotOfRow], { heads }) => {
    requireRank('x', x.shape, 2);
    requireRank('rowOfSlot', rowOfSlot.shape, 2);
    requireRank('slotOfRow', slotOfRow.shape, 1);
    requireSame('the rows of x and of slotOfRow', x.shape[0], slotOfRow.shape[0]);
    const [sequences, longest] = rowOfSlot.shape;
    return [sequences, heads, longest, headSize(x.shape, heads)];
  },
  gradient: ({ inputs: [, rowOfSlot, slotOfRow], cotangents: [dy] }) => [
    fromHeads(dy, rowOfSlot, slotOfRow),
    undefined,
    undefined,
  ],
  lower: (onnx, [x, rowOfSlot], { heads }, { inputs: [value] }) => {
    const slots = onnx.node('Gather', [x, rowOfSlot], { axis: 0 }); // [sequences, longest, heads · headSize]
    const split = onnx.node('Reshape', [slots, onnx.integers([0, 0, heads, headSize(value.shape, heads)])]);
    return onnx.node('Transpose', [split], { perm: [0, 2, 1, 3] });
  },
  reference: ([x, rowOfSlot], { heads }) => {
    const size = headSize(x.shape, heads);
    const [sequences, longest] = rowOfSlot.shape;
    return ndarray([sequences, heads, longest, size], (i) => {
      const { sequence, head, slot, unit } = position(i, heads, longest, size);
      return x.data[rowOfSlot.data[sequence * longest + slot] * heads * size + head * size + unit];
    });
  },
});

/** y `[sequences, heads, longest, headSize]` → `[rows, heads · headSize]`. */
export const fromHeads: DefinedOp<readonly ['y', 'rowOfSlot', 'slotOfRow']> = defineOp('FromHeads', {
  inputs: ['y', 'rowOfSlot', 'slotOfRow'],
  indices: ['rowOfSlot', 'slotOfRow'],
  shape: ([y, rowOfSlot, slotOfRow]) => {
    requireRank('y', y.shape, 4);
    requireRank('rowOfSlot', rowOfSlot.shape, 2);
    requireRank('slotOfRow', slotOfRow.shape, 1);
    requireSame('the sequences of y and of rowOfSlot', y.shape[0], rowOfSlot.shape[0]);
    requireSame('the slots of y and of rowOfSlot', y.shape[2], rowOfSlot.shape[1]);
    return [...slotOfRow.shape, width(y.shape)];
  },
  gradient: ({ inputs: [y, rowOfSlot, slotOfRow], cotangents: [dx] }) => [
    toHeads(dx, rowOfSlot, slotOfRow, { heads: y.shape[1] as number }),
    undefined,
    undefined,
  ],
  lower: (onnx, [y, , slotOfRow], _, { inputs: [value] }) => {
    const joined = onnx.node('Transpose', [y], { perm: [0, 2, 1, 3] }); // [sequences, longest, heads, headSize]
    const slots = onnx.node('Reshape', [joined, onnx.integers([-1, width(value.shape)])]);
    return onnx.node('Gather', [slots, slotOfRow], { axis: 0 });
  },
  reference: ([y, , slotOfRow]): NdArray => {
    const [, heads, longest, size] = y.shape;
    return ndarray([slotOfRow.data.length, heads * size], (i) => {
      const slot = slotOfRow.data[Math.floor(i / (heads * size))];
      const head = Math.floor((i % (heads * size)) / size);
      const sequence = Math.floor(slot / longest);
      return y.data[((sequence * heads + head) * longest + (slot % longest)) * size + (i % size)];
    });
  },
});

function width(shape: Shape): number {
  return (shape[1] as number) * (shape[3] as number);
}

function headSize(shape: Shape, heads: number): number {
  const width = shape[1];
  if (typeof width !== 'number' || width % heads !== 0)
    throw shapeError(`a width of ${width} does not split into ${heads} heads`);
  return width / heads;
}

function position(index: number, heads: number, longest: number, size: number) {
  return {
    unit: index % size,
    slot: Math.floor(index / size) % longest,
    head: Math.floor(index / (size * longest)) % heads,
    sequence: Math.floor(index / (size * longest * heads)),
  };
}
