import { Callable } from '../core/callable.ts';
import { ArgumentError } from '../core/errors.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { inBatches, inOrder, isStream } from './batches.ts';
import {
  checkTexts,
  longestInput,
  type PipelineOptions,
  type PipelineParts,
  pipelineParts,
  softmax,
  topPlaces,
} from './parts.ts';

/** A label and how sure the model is of it. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** A text, or a pair of texts (Hugging Face's keys). */
export type TextOrPair = string | { readonly text: string; readonly textPair: string };

/** How a text classifier is asked. */
export interface TextClassificationOptions {
  /** How many labels a text gets, the likeliest first; null: all. Default 1. */
  readonly topK?: number | null | undefined;
  /** Default: softmax; sigmoid for several labels or one; none for a regression. */
  readonly functionToApply?: 'softmax' | 'sigmoid' | 'none' | undefined;
}

type One = LabelScore[];

interface TextClassificationCall {
  /** The labels of one text, likeliest first. */
  (text: TextOrPair, options?: TextClassificationOptions): Promise<One>;
  /** One label a text; with `topK` above 1 or null, their labels. */
  (
    texts: readonly TextOrPair[],
    options?: TextClassificationOptions & { readonly topK?: 1 | undefined },
  ): Promise<LabelScore[]>;
  (texts: readonly TextOrPair[], options: TextClassificationOptions): Promise<One[] | LabelScore[]>;
  /** As the texts come. */
  (texts: AsyncIterable<TextOrPair>, options?: TextClassificationOptions): AsyncIterable<One>;
}

const owner = 'text-classification';

/** Texts, or pairs of texts, into labels with probabilities (`pipeline('text-classification')`; shapes as transformers.js gives). */
export class TextClassificationPipeline extends Callable<TextClassificationCall> {
  readonly task = owner;
  readonly #parts: PipelineParts<BertForSequenceClassification>;

  constructor(parts: PipelineParts<BertForSequenceClassification>) {
    super('ask');
    this.#parts = parts;
  }

  static async load(model: string | BertForSequenceClassification, options: PipelineOptions) {
    return new TextClassificationPipeline(
      await pipelineParts(
        owner,
        model,
        (name, own) => BertForSequenceClassification.fromPretrained(name, own),
        options,
      ),
    );
  }

  get model(): BertForSequenceClassification {
    return this.#parts.model;
  }

  /** What calling the pipeline does. */
  ask(inputs: TextOrPair | readonly TextOrPair[] | AsyncIterable<TextOrPair>, options: TextClassificationOptions = {}) {
    const { topK = 1 } = options;
    if (topK !== null && !(Number.isInteger(topK) && topK >= 1)) {
      throw new ArgumentError('ERR_TOP_K', {
        owner,
        what: 'topK is no number of labels',
        got: topK,
        expected: 'a whole number of at least 1, or null for all',
      });
    }
    if (isStream(inputs)) return inOrder(inputs as AsyncIterable<TextOrPair>, (texts) => this.#answer(texts, options));
    if (!Array.isArray(inputs)) return this.#answer([inputs as TextOrPair], options).then(([answer]) => answer);
    const answers = this.#answer(inputs, options);
    return topK === 1 ? answers.then((all) => all.map(([likeliest]) => likeliest)) : answers;
  }

  async #answer(
    inputs: readonly TextOrPair[],
    { topK = 1, functionToApply }: TextClassificationOptions,
  ): Promise<One[]> {
    const { model, tokenizer, batchSize } = this.#parts;
    const { id2label } = model.config;
    const texts = inputs.map((input) => (typeof input === 'object' && input !== null ? input.text : input));
    checkTexts(owner, texts);
    const apply = functionToApply ?? defaultFunction(model);
    const count = topK ?? id2label.length;
    const rows = inputs.map((input, i) => {
      const pair = typeof input === 'object' ? input.textPair : undefined;
      const encoded = tokenizer(texts[i], pair, { truncation: true, maxLength: longestInput(this.#parts) });
      const { ids, typeIds } = encoded.encodings[0];
      return { ids, typeIds };
    });
    return inBatches(rows, batchSize, async (batch) => {
      const { logits } = await model.predict({ sequences: batch });
      const [, labels] = logits.dims;
      return batch.map((_, i) => {
        const scores = logits.data.subarray(i * labels, (i + 1) * labels);
        const values =
          apply === 'softmax'
            ? softmax(scores)
            : Array.from(scores, (score) => (apply === 'none' ? score : 1 / (1 + Math.exp(-score))));
        return topPlaces(values, count).map((place) => ({ label: id2label[place], score: values[place] }));
      });
    });
  }
}

function defaultFunction({ problemType, numLabels }: BertForSequenceClassification) {
  if (problemType === 'regression') return 'none';
  return problemType === 'multi_label_classification' || numLabels === 1 ? 'sigmoid' : 'softmax';
}
