import { Callable } from '../core/callable.ts';
import { ArgumentError } from '../core/errors.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import { inBatches, inForm } from './batches.ts';
import {
  type AggregationStrategy,
  aggregate,
  aggregationStrategies,
  type EntityGroup,
  type TokenEntity,
  type TokenScores,
  withoutOverlaps,
} from './entities.ts';
import { checkTexts, longestInput, type PipelineOptions, type PipelineParts, pipelineParts, softmax } from './parts.ts';

/** How entities are asked for. */
export interface TokenClassificationOptions {
  /** 'none' (the default): token by token; the others group tokens, see {@link AggregationStrategy}. */
  readonly aggregationStrategy?: AggregationStrategy | undefined;
  /** Labels that are left out. Default ['O']. */
  readonly ignoreLabels?: readonly string[] | undefined;
  /** Tokens by which the windows of a text overlap that is longer than the model takes; default: the text is cut. */
  readonly stride?: number | undefined;
}

type Grouped = TokenClassificationOptions & { readonly aggregationStrategy: Exclude<AggregationStrategy, 'none'> };

interface TokenClassificationCall {
  (text: string, options: Grouped): Promise<EntityGroup[]>;
  (text: string, options?: TokenClassificationOptions): Promise<TokenEntity[]>;
  (texts: readonly string[], options: Grouped): Promise<EntityGroup[][]>;
  (texts: readonly string[], options?: TokenClassificationOptions): Promise<TokenEntity[][]>;
  (texts: AsyncIterable<string>, options: Grouped): AsyncIterable<EntityGroup[]>;
  (texts: AsyncIterable<string>, options?: TokenClassificationOptions): AsyncIterable<TokenEntity[]>;
}

type Entities = (TokenEntity | EntityGroup)[];

const owner = 'token-classification';

/** Names of people, places and the like in texts (`pipeline('token-classification')`), with their places in UTF-16 units. */
export class TokenClassificationPipeline extends Callable<TokenClassificationCall> {
  readonly task = owner;
  readonly #parts: PipelineParts<BertForTokenClassification>;

  constructor(parts: PipelineParts<BertForTokenClassification>) {
    super('ask');
    this.#parts = parts;
  }

  static async load(model: string | BertForTokenClassification, options: PipelineOptions) {
    return new TokenClassificationPipeline(
      await pipelineParts(owner, model, (name, own) => BertForTokenClassification.fromPretrained(name, own), options),
    );
  }

  get model(): BertForTokenClassification {
    return this.#parts.model;
  }

  /** What calling the pipeline does. */
  ask(inputs: string | readonly string[] | AsyncIterable<string>, options: TokenClassificationOptions = {}) {
    const { aggregationStrategy = 'none' } = options;
    if (!aggregationStrategies.includes(aggregationStrategy)) {
      throw new ArgumentError('ERR_AGGREGATION', {
        owner,
        what: 'no such aggregationStrategy',
        got: aggregationStrategy,
        expected: aggregationStrategies.join(', '),
      });
    }
    return inForm(inputs, (texts) => this.#answer(texts, options));
  }

  async #answer(texts: readonly string[], options: TokenClassificationOptions): Promise<Entities[]> {
    const { aggregationStrategy = 'none', ignoreLabels = ['O'], stride } = options;
    checkTexts(owner, texts);
    const { model, tokenizer, batchSize } = this.#parts;
    const encoded = tokenizer(texts, undefined, {
      truncation: true,
      maxLength: longestInput(this.#parts),
      ...(stride === undefined ? {} : { stride, returnOverflowingTokens: true }),
    });
    const rows = encoded.encodings.map((encoding) => ({ ids: encoding.ids, typeIds: encoding.typeIds, encoding }));
    const { id2label } = model.config;
    const windows = await inBatches(rows, batchSize, async (batch) => {
      const { logits } = await model.predict({ sequences: batch });
      return batch.map(({ ids, encoding }, i) => {
        const { specialTokensMask, offsets } = encoding;
        const tokens = encoding.tokens();
        const labels = id2label.length;
        const found: TokenScores[] = [];
        for (let index = 0; index < ids.length; index++) {
          if (specialTokensMask[index] === 1) continue;
          const [start, end] = offsets[index];
          const unknown = ids[index] === tokenizer.unkTokenId;
          found.push({
            index,
            start,
            end,
            scores: softmax(logits[i].data.subarray(index * labels, (index + 1) * labels)),
            token: tokens[index],
            unknown,
          });
        }
        return found;
      });
    });
    const windowsOf: TokenScores[][][] = texts.map(() => []);
    const samples = encoded.overflowToSampleMapping;
    windows.forEach((tokens, row) => {
      windowsOf[samples[row]].push(tokens);
    });
    return texts.map((text, i) => {
      const entities = windowsOf[i].flatMap((tokens) =>
        aggregate(text, tokens, aggregationStrategy, id2label, (pieces) => tokenizer.convertTokensToString(pieces)),
      );
      const kept = entities.filter(
        (entity) => !ignoreLabels.includes('entity' in entity ? entity.entity : entity.entity_group),
      );
      return windowsOf[i].length > 1 ? withoutOverlaps(kept) : kept;
    });
  }
}
