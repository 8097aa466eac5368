import { ArgumentError } from '../core/errors.ts';
import type { PretrainedOptions } from '../models/loading.ts';
import { BertTokenizer } from '../tokenizers/index.ts';

/** How a pipeline is made. */
export interface PipelineOptions extends PretrainedOptions {
  /** Default: the tokenizer that stands with the model. */
  readonly tokenizer?: BertTokenizer | undefined;
  /** Texts that are answered together. Default 32. */
  readonly batchSize?: number | undefined;
}

/** What every pipeline is made of. */
export interface PipelineParts<Model> {
  readonly model: Model;
  readonly tokenizer: BertTokenizer;
  readonly batchSize: number;
}

/** A model that can be a pipeline's. */
interface SourcedModel {
  readonly source: string | undefined;
}

/**
 * Model and tokenizer of a pipeline, from a name, a directory or a model.
 * @throws ArgumentError where there is no model, or a model whose tokenizer is not known.
 */
export async function pipelineParts<Model extends SourcedModel>(
  owner: string,
  modelOrName: Model | string,
  load: (name: string, options: PretrainedOptions) => Promise<Model>,
  { tokenizer, batchSize = 32, ...options }: PipelineOptions,
): Promise<PipelineParts<Model>> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError('ERR_BATCH_SIZE', {
      owner,
      what: 'batchSize is no number of texts',
      got: batchSize,
      expected: 'a whole number of at least 1',
    });
  }
  const model = typeof modelOrName === 'string' ? await load(modelOrName, options) : modelOrName;
  const { source } = model;
  if (tokenizer === undefined && source === undefined) {
    throw new ArgumentError('ERR_NO_TOKENIZER', {
      owner,
      what: 'the model was not loaded from a place that could hold its tokenizer',
      hint: 'pass tokenizer',
    });
  }
  return { model, batchSize, tokenizer: tokenizer ?? (await BertTokenizer.fromPretrained(source as string)) };
}

/** The most tokens that a row may have. */
export function longestInput({ model, tokenizer }: PipelineParts<{ config: { maxPositionEmbeddings: number } }>) {
  return Math.min(tokenizer.modelMaxLength, model.config.maxPositionEmbeddings);
}

/** @throws ArgumentError where a text is none, naming its place. */
export function checkTexts(owner: string, texts: readonly unknown[]): asserts texts is readonly string[] {
  texts.forEach((text, i) => {
    if (typeof text === 'string') return;
    throw new ArgumentError('ERR_TEXT', {
      owner,
      what: 'an input is no text',
      got: text,
      row: i + 1,
      expected: 'a string',
    });
  });
}

/** exp(x − max) / Σ: probabilities from scores, in float64. */
export function softmax(scores: ArrayLike<number>): number[] {
  const highest = Math.max(...Array.from(scores));
  const powers = Array.from(scores, (score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The places of the `count` largest values, largest first; of equal ones the earlier first. */
export function topPlaces(values: ArrayLike<number>, count: number): number[] {
  const best: number[] = [];
  for (let place = 0; place < values.length; place++) {
    if (best.length === count && !(values[place] > values[best[count - 1]])) continue;
    let at = best.length === count ? count - 1 : best.length;
    for (; at > 0 && values[place] > values[best[at - 1]]; at--) best[at] = best[at - 1];
    best[at] = place;
  }
  return best;
}
