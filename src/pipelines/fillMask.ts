import { Callable } from '../core/callable.ts';
import { ArgumentError, DataError } from '../core/errors.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { inBatches, inForm } from './batches.ts';
import {
  checkTexts,
  longestInput,
  type PipelineOptions,
  type PipelineParts,
  pipelineParts,
  softmax,
  topPlaces,
} from './parts.ts';

/** A word for a mask, as Python and transformers.js give it. */
export interface FilledMask {
  readonly score: number;
  /** The word's id. */
  readonly token: number;
  readonly token_str: string;
  /** The text with the word in the mask's place. */
  readonly sequence: string;
}

/** How words are asked for. */
export interface FillMaskOptions {
  /** How many words a mask gets. Default 5. */
  readonly topK?: number | undefined;
  /** Choose among these words alone. */
  readonly targets?: readonly string[] | undefined;
}

/** A list of words for a text with one mask; a list of such lists for a text with several. */
export type FillMaskAnswer = FilledMask[] | FilledMask[][];

interface FillMaskCall {
  (text: string, options?: FillMaskOptions): Promise<FillMaskAnswer>;
  (texts: readonly string[], options?: FillMaskOptions): Promise<FillMaskAnswer[]>;
  (texts: AsyncIterable<string>, options?: FillMaskOptions): AsyncIterable<FillMaskAnswer>;
}

const owner = 'fill-mask';

/** Words for `[MASK]` (`pipeline('fill-mask')`). */
export class FillMaskPipeline extends Callable<FillMaskCall> {
  readonly task = owner;
  readonly #parts: PipelineParts<BertForMaskedLM>;

  constructor(parts: PipelineParts<BertForMaskedLM>) {
    super('ask');
    this.#parts = parts;
  }

  static async load(model: string | BertForMaskedLM, options: PipelineOptions) {
    return new FillMaskPipeline(
      await pipelineParts(owner, model, (name, own) => BertForMaskedLM.fromPretrained(name, own), options),
    );
  }

  get model(): BertForMaskedLM {
    return this.#parts.model;
  }

  /** What calling the pipeline does. */
  ask(inputs: string | readonly string[] | AsyncIterable<string>, options: FillMaskOptions = {}) {
    return inForm(inputs, (texts) => this.#answer(texts, options));
  }

  async #answer(texts: readonly string[], { topK = 5, targets }: FillMaskOptions): Promise<FillMaskAnswer[]> {
    checkTexts(owner, texts);
    const { model, tokenizer, batchSize } = this.#parts;
    const among = targets?.map((target) => this.#idOf(target));
    const { encodings } = tokenizer(texts, undefined, { truncation: true, maxLength: longestInput(this.#parts) });
    const rows = encodings.map(({ ids, typeIds }, i) => {
      const masks = [...ids.keys()].filter((at) => ids[at] === tokenizer.maskTokenId);
      if (masks.length === 0) {
        throw new DataError('ERR_NO_MASK', {
          owner,
          what: `a text has no ${tokenizer.maskToken}`,
          got: texts[i],
          row: i + 1,
          hint: `put ${tokenizer.maskToken} where a word is to be found`,
        });
      }
      return { ids, typeIds, masks };
    });
    return inBatches(rows, batchSize, async (batch) => {
      const { logits } = await model.predict({ sequences: batch });
      return batch.map(({ ids, masks }, i) => {
        const [, words] = logits[i].dims;
        const filled = masks.map((at) => {
          const probabilities = softmax(logits[i].data.subarray(at * words, (at + 1) * words));
          const candidates = among ?? probabilities.map((_, id) => id);
          const best = topPlaces(
            candidates.map((id) => probabilities[id]),
            topK,
          );
          return best.map((place) => {
            const token = candidates[place];
            const sequence = tokenizer.decode(
              ids.map((id, position) => (position === at ? token : id)),
              // With several masks the others are special tokens that must stay to be seen.
              { skipSpecialTokens: masks.length === 1 },
            );
            return { score: probabilities[token], token, token_str: tokenizer.decode([token]), sequence };
          });
        });
        return filled.length === 1 ? filled[0] : filled;
      });
    });
  }

  #idOf(word: string): number {
    const { ids } = this.#parts.tokenizer(word, undefined, { addSpecialTokens: false }).encodings[0];
    if (ids.length === 1 && ids[0] !== this.#parts.tokenizer.unkTokenId) return ids[0];
    throw new ArgumentError('ERR_TARGET', {
      owner,
      what: 'a target is no single word of the vocabulary',
      got: word,
      hint: 'choose another word',
    });
  }
}
