import type { Tensor } from '../../core/tensor.ts';
import type { Parameter } from '../../graph/parameter.ts';
import type { Value } from '../../graph/value.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { Module } from '../../nn/module.ts';
import type { TokenSequence } from '../../nn/packing.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { type BatchOptions, classificationLoss, labelledTokens, tokenBatch } from '../labels.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { tokenRows } from '../outputs.ts';
import { PreTrainedModel } from '../pretrained.ts';
import type { ModelBatch } from '../programs.ts';
import { type BertConfig, bertArchitecture } from './configuration.ts';
import { BertLanguageModelHead, tiedDecoder } from './languageModelHead.ts';
import { Bert } from './model.ts';

/** Gives the head the name that it has in files: `cls.predictions`. */
class BertOnlyMaskedLanguageModelHead extends Module<(hidden: Value, embedding: Parameter) => Value> {
  readonly predictions: BertLanguageModelHead;

  constructor(config: BertConfig) {
    super();
    this.predictions = new BertLanguageModelHead(config);
  }

  forward(hidden: Value, embedding: Parameter): Value {
    return this.predictions(hidden, embedding);
  }
}

/** BERT that says which word stands at a position: what it was pre-trained for (Devlin et al. 2018, section 3.1). */
class BertMaskedLanguageModel extends Module<(batch: BatchLayout) => Value> {
  readonly bert: Bert;
  readonly cls: BertOnlyMaskedLanguageModelHead;

  constructor(config: BertConfig) {
    super();
    this.bert = new Bert(config, { pooler: false });
    this.cls = new BertOnlyMaskedLanguageModelHead(config);
  }

  /** The logits of the rows that are read, `[reads, vocabSize]`. */
  forward(batch: BatchLayout): Value {
    return this.cls(this.bert(batch), this.bert.embeddings.wordEmbeddings.weight);
  }
}

const head: Head<BertConfig> = {
  className: 'BertForMaskedLM',
  architecture: bertArchitecture,
  // Trained on the masked positions alone; asked, it answers for all.
  reads: (labelled) => (labelled ? 'some' : 'all'),
  tied: tiedDecoder,
  build: (config) => {
    const module = new BertMaskedLanguageModel(config);
    return {
      module,
      trace: (batch, _, labelled) => {
        const logits = module(batch);
        // Words by the ten thousand at every masked position: with the loss nobody asks for them.
        return labelled ? { outputs: {}, loss: classificationLoss(logits) } : { outputs: { logits } };
      },
    };
  },
};

/** What a masked language model answers. */
export interface MaskedLMOutput {
  /** Text by text, the score of every word at each of its tokens, `[tokens of the text, vocabSize]`; padding is left out. */
  readonly logits: readonly Tensor<'float32'>[];
}

/** BERT that fills in words (Hugging Face's class of the same name). */
export class BertForMaskedLM extends PreTrainedModel<BertConfig, MaskedLMOutput> {
  private constructor(parts: ModelParts<BertConfig>) {
    super(parts);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(nameOrPath: string, options: PretrainedOptions = {}): Promise<BertForMaskedLM> {
    return new BertForMaskedLM(await loadModel(head, nameOrPath, options));
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForMaskedLM> {
    return new BertForMaskedLM(await createModel(head, config, options));
  }

  /** The logits of every word at every token. Dropout is off. */
  override async predict(inputs: ModelInputs): Promise<MaskedLMOutput> {
    const packed = this.pack(tokenSequences(inputs), { reads: 'all' });
    const { logits } = await this.run({ packed, labels: {}, count: packed.tokens });
    return { logits: tokenRows(packed, logits) };
  }

  /**
   * A batch with labels: the id of the word that stood at each masked token, −100 for all other tokens. Only the labelled
   * tokens go through the last layer and the decoder.
   * @throws ArgumentError that names the row whose labels do not fit.
   */
  batch(
    sequences: readonly TokenSequence[],
    labels: readonly ArrayLike<number>[],
    options: BatchOptions = {},
  ): ModelBatch {
    const found = labelledTokens(head.className, sequences, labels, this.config.vocabSize);
    return tokenBatch((rows, how) => this.pack(rows, how), sequences, found, options);
  }
}
