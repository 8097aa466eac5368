import { ArgumentError, ModelError } from '../core/errors.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';

/** What of a model bounds the rows that it takes. */
interface ModelLimits {
  readonly vocabSize: number;
  readonly maxPositionEmbeddings: number;
}

/**
 * The longest row in tokens: what was asked for (which goes before the tokenizer's own, as in Hugging Face), or what
 * tokenizer and model can take.
 * @param owner the task's name.
 * @throws ModelError where the tokenizer has more tokens than the model's embedding.
 * @throws ArgumentError where `asked` is more than the model can take.
 */
export function longestRow(
  owner: string,
  limits: ModelLimits,
  tokenizer: BertTokenizer,
  asked: number | undefined,
): number {
  const { vocabSize, maxPositionEmbeddings } = limits;
  if (tokenizer.size > vocabSize) {
    throw new ModelError('ERR_VOCABULARY', {
      owner,
      what: "the tokenizer's vocabulary does not match the model's embedding",
      got: `${tokenizer.size} tokens`,
      expected: `at most ${vocabSize}`,
      hint: 'use the tokenizer that was saved with the model',
    });
  }
  if (asked !== undefined && asked > maxPositionEmbeddings) {
    throw new ArgumentError('ERR_MAX_LENGTH', {
      owner,
      what: 'maxLength is more than the model can take',
      got: asked,
      expected: `at most ${maxPositionEmbeddings} (max_position_embeddings)`,
    });
  }
  return asked ?? Math.min(tokenizer.modelMaxLength, maxPositionEmbeddings);
}
