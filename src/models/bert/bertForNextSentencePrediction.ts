import type { Tensor } from '../../core/tensor.ts';
import type { Value } from '../../graph/value.ts';
import { Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { Module } from '../../nn/module.ts';
import type { TokenSequence } from '../../nn/packing.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { type BatchOptions, checkClasses, classFeeds, classificationLoss } from '../labels.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { textRows } from '../outputs.ts';
import { PreTrainedModel } from '../pretrained.ts';
import type { ModelBatch } from '../programs.ts';
import { type BertConfig, bertArchitecture } from './configuration.ts';
import { Bert } from './model.ts';

/** Gives the head the name that it has in files: `cls.seq_relationship`. */
class BertOnlyNextSentenceHead extends Module<(pooled: Value) => Value> {
  readonly seqRelationship: Linear;

  constructor(config: BertConfig) {
    super();
    this.seqRelationship = new Linear(config.hiddenSize, 2, config.initializerRange);
  }

  forward(pooled: Value): Value {
    return this.seqRelationship(pooled);
  }
}

/** BERT that says whether a text follows another (Devlin et al. 2018, section 3.1, task 2). */
class BertNextSentencePredictor extends Module<(batch: BatchLayout) => Value> {
  readonly bert: Bert;
  readonly cls: BertOnlyNextSentenceHead;

  constructor(config: BertConfig) {
    super();
    this.bert = new Bert(config);
    this.cls = new BertOnlyNextSentenceHead(config);
  }

  /** `[sequences, 2]`. The batch's layout reads the first token of each sequence. */
  forward(batch: BatchLayout): Value {
    return this.cls(this.bert.pooler!(this.bert(batch)));
  }
}

const head: Head<BertConfig> = {
  className: 'BertForNextSentencePrediction',
  ownModules: ['cls'],
  architecture: bertArchitecture,
  reads: () => 'first',
  build: (config) => {
    const module = new BertNextSentencePredictor(config);
    return {
      module,
      trace: (batch, _, labelled) => {
        const logits = module(batch);
        return labelled ? { outputs: { logits }, loss: classificationLoss(logits) } : { outputs: { logits } };
      },
    };
  },
};

/** What a next-sentence predictor answers. */
export interface NextSentencePredictorOutput {
  /** `[rows, 2]`: the scores of "the second text follows the first" (0) and "it does not" (1). */
  readonly logits: Tensor<'float32'>;
}

/** BERT that says whether the second text of a pair follows the first (Hugging Face's class of the same name). */
export class BertForNextSentencePrediction extends PreTrainedModel<BertConfig, NextSentencePredictorOutput> {
  private constructor(parts: ModelParts<BertConfig>) {
    super(parts);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(
    nameOrPath: string,
    options: PretrainedOptions = {},
  ): Promise<BertForNextSentencePrediction> {
    return new BertForNextSentencePrediction(await loadModel(head, nameOrPath, options));
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertForNextSentencePrediction> {
    return new BertForNextSentencePrediction(await createModel(head, config, options));
  }

  /** The logits of each pair. Dropout is off. */
  override async predict(inputs: ModelInputs): Promise<NextSentencePredictorOutput> {
    const packed = this.pack(tokenSequences(inputs));
    const { logits } = await this.run({ packed, labels: {}, count: packed.sequences });
    return { logits: textRows(packed, logits) };
  }

  /**
   * A batch with labels, one a pair: 0 where the second text follows the first, 1 where it does not.
   * @throws ArgumentError that names the row whose label is neither.
   */
  batch(sequences: readonly TokenSequence[], labels: ArrayLike<number>, options: BatchOptions = {}): ModelBatch {
    checkClasses(head.className, labels, sequences.length, 2);
    const packed = this.pack(sequences, options);
    return { packed, labels: classFeeds(labels, packed.lengths['sequences']), count: sequences.length };
  }
}
