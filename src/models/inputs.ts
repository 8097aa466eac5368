import type { Tensor } from '../core/tensor.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { BatchEncoding } from '../tokenizers/index.ts';

/** What a model takes: what a tokenizer gives, tensors of token ids `[rows, length]` with a mask where rows are padded, or rows of ids. */
export type ModelInputs =
  | BatchEncoding
  | { readonly sequences: readonly TokenSequence[] }
  | {
      readonly inputIds: Tensor;
      readonly attentionMask?: Tensor | undefined;
      readonly tokenTypeIds?: Tensor | undefined;
    };

/** Token sequences from a model's inputs: the rows without their padding. */
export function tokenSequences(inputs: ModelInputs): TokenSequence[] {
  if ('sequences' in inputs) return [...inputs.sequences];
  if ('encodings' in inputs) {
    return inputs.encodings.map((encoding) => withoutPadding(encoding.ids, encoding.typeIds, encoding.attentionMask));
  }
  const [rows, length] = inputs.inputIds.dims.length === 1 ? [1, inputs.inputIds.dims[0]] : inputs.inputIds.dims;
  const row = (tensor: Tensor | undefined, index: number, fallback: number) =>
    Array.from({ length }, (_, i) => (tensor === undefined ? fallback : Number(tensor.data[index * length + i])));
  return Array.from({ length: rows }, (_, i) =>
    withoutPadding(row(inputs.inputIds, i, 0), row(inputs.tokenTypeIds, i, 0), row(inputs.attentionMask, i, 1)),
  );
}

function withoutPadding(ids: ArrayLike<number>, typeIds: ArrayLike<number>, mask: ArrayLike<number>): TokenSequence {
  const kept = Array.from(mask, (value, i) => (value === 0 ? -1 : i)).filter((i) => i >= 0);
  if (kept.length === ids.length) return { ids, typeIds };
  return { ids: kept.map((i) => ids[i]), typeIds: kept.map((i) => typeIds[i]) };
}
