import { ArgumentError, DataError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Dataset } from '../data/index.ts';
import type { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import type { ModelBatch } from '../models/programs.ts';
import type { TokenSequence } from '../nn/packing.ts';
import type { BertTokenizer } from '../tokenizers/index.ts';
import { DataCollatorForLanguageModeling } from './masking.ts';
import type { BatchPlace, Evaluator, PrepareOptions, Task, TaskOptions } from './task.ts';
import { findTextColumn, textChunks } from './textChunks.ts';
import { longestRow } from './tokenLimits.ts';

/** A chunk of text as it was written: it is masked when it comes into a batch. */
export interface ChunkFeature extends TokenSequence {
  readonly ids: Int32Array;
  /** Its number in its data. */
  readonly row: number;
}

const owner = 'fill-mask';

/**
 * Texts, of which words are hidden and are to be said: what BERT learns language by, and what it learns one's own
 * texts by. Each epoch hides other words; evaluation always the same.
 */
export class MaskedLanguageModel implements Task<ChunkFeature> {
  readonly name = owner;
  /** The longest row in tokens. */
  readonly maxLength: number;
  readonly #model: BertForMaskedLM;
  readonly #tokenizer: BertTokenizer;
  readonly #options: TaskOptions;
  readonly #collator: DataCollatorForLanguageModeling;
  #column: { readonly signature: string; readonly name: string } | undefined;

  /**
   * @throws ModelError where the tokenizer has more tokens than the model's embedding.
   * @throws ArgumentError where `maxLength` is more than the model can take, or options contradict.
   */
  constructor(model: BertForMaskedLM, tokenizer: BertTokenizer, options: TaskOptions = {}) {
    this.maxLength = longestRow(owner, model.config, tokenizer, options.maxLength);
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#options = options;
    const { dataCollator, mlmProbability, wholeWordMask } = options;
    if (dataCollator !== undefined && (mlmProbability !== undefined || wholeWordMask !== undefined)) {
      throw new ArgumentError('ERR_OPTION_TWICE', {
        owner,
        what: 'a data collator says how words are masked, and so do options',
        hint: 'give mlmProbability and wholeWordMask to the data collator',
      });
    }
    this.#collator = dataCollator ?? new DataCollatorForLanguageModeling({ tokenizer, mlmProbability, wholeWordMask });
  }

  async adapt(): Promise<void> {
    // The texts are their own labels.
  }

  async prepare(dataset: Dataset, { before }: Partial<PrepareOptions> = {}): Promise<ChunkFeature[]> {
    const { lineByLine = false, truncation = true } = this.#options;
    const chunks = await textChunks(dataset, this.#tokenizer, {
      owner,
      column: this.#columnOf(dataset),
      maxLength: this.maxLength,
      lineByLine,
      truncation,
    });
    const usable = chunks.filter((ids) => ids.some((id) => this.#collator.isMaskable(id)));
    if (usable.length < chunks.length) {
      log.warn(`${chunks.length - usable.length} rows have no token that may be masked and were left out`);
    }
    if (usable.length === 0) {
      throw new DataError('ERR_NO_ROWS', { owner, what: 'the texts have no token to learn from' });
    }
    return usable.map((ids, i) => ({ ids, row: (before?.features ?? 0) + i }));
  }

  /** None: what the model is given is new at every step, so that nothing of it can be computed ahead. */
  sequences(): readonly TokenSequence[] {
    return [];
  }

  batch(features: readonly ChunkFeature[], place?: BatchPlace): ModelBatch {
    const seed = place?.seed ?? this.#options.seed ?? 42;
    const masked = features.map(({ ids, row }) => this.#collator.maskTokens(ids, { seed, epoch: place?.epoch, row }));
    return this.#model.batch(
      masked,
      masked.map(({ labels }) => labels),
      { firstSample: place?.firstSample ?? 0 },
    );
  }

  evaluator(): Evaluator<ChunkFeature> {
    return {
      add() {
        // The loss says it all.
      },
      prediction() {
        throw new ArgumentError('ERR_NO_PREDICTIONS', {
          owner,
          what: 'the scores of every word at every masked token are not gathered',
          hint: 'evaluate() gives loss and perplexity; for words call the model: model(tokenizer(text))',
        });
      },
      metrics: (loss) => (loss === undefined ? {} : { perplexity: Math.exp(loss) }),
    };
  }

  #columnOf(dataset: Dataset): string {
    const signature = Object.keys(dataset.features).join('\n');
    if (this.#column?.signature !== signature) {
      this.#column = { signature, name: findTextColumn(dataset, this.#options.columns?.text, owner) };
    }
    return this.#column.name;
  }
}
