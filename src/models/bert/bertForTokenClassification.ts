import type { Tensor } from '../../core/tensor.ts';
import type { Value } from '../../graph/value.ts';
import { Dropout, Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { Module } from '../../nn/module.ts';
import type { TokenSequence } from '../../nn/packing.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { type BatchOptions, classificationLoss, labelledTokens, tokenBatch } from '../labels.ts';
import { createModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { tokenRows } from '../outputs.ts';
import type { ModelBatch } from '../programs.ts';
import { type BertConfig, bertArchitecture } from './configuration.ts';
import { LabelledModel, type LabelNames, loadLabelled } from './labelledModel.ts';
import { Bert } from './model.ts';

/** BERT with a linear layer over the hidden states of each token (Devlin et al. 2018, section 5.3). */
class BertTokenClassifier extends Module<(batch: BatchLayout) => Value> {
  readonly bert: Bert;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(config: BertConfig) {
    super();
    this.bert = new Bert(config, { pooler: false });
    this.classifier = new Linear(config.hiddenSize, config.id2label.length, config.initializerRange);
    this.dropout = new Dropout(config.classifierDropout ?? config.hiddenDropoutProb, this.classifier);
  }

  /** The logits of the tokens that are read, `[reads, labels]`. */
  forward(batch: BatchLayout): Value {
    return this.classifier(this.dropout(this.bert(batch)));
  }
}

const head: Head<BertConfig> = {
  className: 'BertForTokenClassification',
  ownModules: ['classifier'],
  architecture: bertArchitecture,
  // Special tokens and all but a word's first piece have no label: the last layer need not compute them for the loss, nor
  // for metrics. With 6 layers and 72 % of the tokens labelled a step is 2–4 % faster so. Asked, it answers for every token.
  reads: (labelled) => (labelled ? 'some' : 'all'),
  build: (config) => {
    const module = new BertTokenClassifier(config);
    return {
      module,
      trace: (batch, _, labelled) => {
        const logits = module(batch);
        return labelled ? { outputs: { logits }, loss: classificationLoss(logits) } : { outputs: { logits } };
      },
    };
  },
};

/** What a token classifier answers. */
export interface TokenClassifierOutput {
  /** Text by text, the scores of its tokens, `[tokens of the text, labels]`; padding is left out. */
  readonly logits: readonly Tensor<'float32'>[];
}

/**
 * BERT that gives each token a class: names of people and places, parts of speech (Hugging Face's class of the same name).
 *
 * @example
 * const model = await BertForTokenClassification.fromPretrained('dslim/bert-base-NER');
 * const { logits } = await model(tokenizer('Wolfgang lives in Berlin'));
 * console.log(Array.from(logits[0].argmax(-1).data, (id) => model.config.id2label[Number(id)]));
 */
export class BertForTokenClassification extends LabelledModel<TokenClassifierOutput> {
  private constructor(parts: ModelParts<BertConfig>, labelsOpen: boolean) {
    super(parts, labelsOpen);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(
    nameOrPath: string,
    options: PretrainedOptions & LabelNames = {},
  ): Promise<BertForTokenClassification> {
    const { parts, labelsOpen } = await loadLabelled(head, nameOrPath, options);
    return new BertForTokenClassification(parts, labelsOpen);
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForTokenClassification> {
    return new BertForTokenClassification(await createModel(head, config, options), false);
  }

  /** The logits of every token of each text. Dropout is off. */
  override async predict(inputs: ModelInputs): Promise<TokenClassifierOutput> {
    const packed = this.pack(tokenSequences(inputs), { reads: 'all' });
    const { logits } = await this.run({ packed, labels: {}, count: packed.tokens });
    return { logits: tokenRows(packed, logits) };
  }

  /**
   * A batch with labels, a number a token, −100 for tokens that have none: those are not read, and the `logits` that come
   * with the loss are those of the labelled tokens alone, `[labelled tokens, labels]`, in their order.
   * @throws ArgumentError that names the row whose labels do not fit.
   */
  batch(
    sequences: readonly TokenSequence[],
    labels: readonly ArrayLike<number>[],
    options: BatchOptions = {},
  ): ModelBatch {
    const found = labelledTokens(head.className, sequences, labels, this.numLabels);
    return tokenBatch((rows, how) => this.pack(rows, how), sequences, found, options);
  }
}
