import { ArgumentError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { BatchEncoding } from '../tokenizers/index.ts';
import type { ModelConfig } from './head.ts';

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

/** Fails where a sequence is longer than a model has positions, or has a token that is not in its vocabulary. */
export function checkSequences(
  owner: string,
  batch: readonly TokenSequence[],
  { maxPositionEmbeddings, vocabSize }: ModelConfig,
): void {
  const longest = batch.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  if (longest > maxPositionEmbeddings) {
    throw new ArgumentError('ERR_TOO_LONG', {
      owner,
      what: 'a text has more tokens than the model has positions',
      got: longest,
      expected: `at most ${maxPositionEmbeddings}`,
      hint: 'pass truncation: true and maxLength to the tokenizer',
    });
  }
  for (const { ids } of batch) {
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] >= 0 && ids[i] < vocabSize) continue;
      throw new ArgumentError('ERR_TOKEN_ID', {
        owner,
        what: 'a token id is outside the model’s vocabulary',
        got: ids[i],
        expected: `0 to ${vocabSize - 1}`,
        hint: 'use the tokenizer that belongs to this model',
      });
    }
  }
}

function withoutPadding(ids: ArrayLike<number>, typeIds: ArrayLike<number>, mask: ArrayLike<number>): TokenSequence {
  const kept = Array.from(mask, (value, i) => (value === 0 ? -1 : i)).filter((i) => i >= 0);
  if (kept.length === ids.length) return { ids, typeIds };
  return { ids: kept.map((i) => ids[i]), typeIds: kept.map((i) => typeIds[i]) };
}
