import { ArgumentError } from '../core/errors.ts';
import type { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { longestRow } from './tokenLimits.ts';

/** A word piece that may stand for a [MASK]. */
export interface HiddenWord {
  readonly token: string;
  /** Its probability there. */
  readonly score: number;
  /** The text's tokens with this one in the place of the [MASK], joined. */
  readonly sequence: string;
}

/**
 * What a masked language model says of each [MASK] in texts, the likeliest first.
 * @param topK how many for each. Default 5.
 * @returns for each text, for each [MASK] in it, the word pieces.
 * @throws ArgumentError where a text has no [MASK], or more tokens than the model takes.
 * @example
 * const [[words]] = await sayHiddenWords(model, tokenizer, ['The film was [MASK].']);
 */
export async function sayHiddenWords(
  model: BertForMaskedLM,
  tokenizer: BertTokenizer,
  texts: readonly string[],
  topK = 5,
): Promise<HiddenWord[][][]> {
  const maxLength = longestRow('sayHiddenWords', model.config, tokenizer, undefined);
  const answers: HiddenWord[][][] = [];
  for (const [i, text] of texts.entries()) {
    const { ids } = tokenizer(text, { truncation: false, maxLength }).encodings[0];
    const places = Array.from(ids.keys()).filter((at) => ids[at] === tokenizer.maskTokenId);
    if (places.length === 0 || ids.length > maxLength) {
      throw new ArgumentError('ERR_NO_MASK', {
        owner: 'sayHiddenWords',
        what: places.length === 0 ? `a text has no ${tokenizer.maskToken}` : 'a text has too many tokens',
        got: places.length === 0 ? text : `${ids.length} tokens`,
        expected: places.length === 0 ? 'one or more' : `at most ${maxLength}`,
        row: i + 1,
      });
    }
    const packed = model.pack([{ ids }], { reads: 'all' });
    const { logits } = await model.run({ packed, labels: {}, count: packed.tokens });
    const width = logits.dims[1];
    const data = logits.data as Float32Array;
    answers.push(
      places.map((at) =>
        likeliest(data.subarray(at * width, (at + 1) * width), Math.min(topK, tokenizer.size)).map(({ id, score }) => {
          const filled = Int32Array.from(ids);
          filled[at] = id;
          return {
            token: tokenizer.decode([id]),
            score,
            sequence: tokenizer.decode(
              [...filled].filter((token) => token !== tokenizer.clsTokenId && token !== tokenizer.sepTokenId),
            ),
          };
        }),
      ),
    );
  }
  return answers;
}

function likeliest(logits: Float32Array, count: number): { id: number; score: number }[] {
  const highest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
  return Array.from(logits.keys())
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, count)
    .map((id) => ({ id, score: Math.exp(logits[id] - highest) / total }));
}
