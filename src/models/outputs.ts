import { Tensor } from '../core/tensor.ts';
import type { EngineTensor } from '../engine/engine.ts';
import { type PackedBatch, unpack } from '../nn/packing.ts';

/** An output with a row for each text, `[rows, width]`, without those of filler. */
export function textRows(packed: PackedBatch, { data, dims }: EngineTensor): Tensor<'float32'> {
  return new Tensor('float32', data as Float32Array, dims).slice(0, packed.sequences);
}

/** An output with a row for each token, `[tokens, width]`, text by text: `[tokens of the text, width]` each. */
export function tokenRows(packed: PackedBatch, { data, dims }: EngineTensor): Tensor<'float32'>[] {
  const width = dims[1];
  return unpack(packed, data as Float32Array, width).map(
    (rows) => new Tensor('float32', rows, [rows.length / width, width]),
  );
}
