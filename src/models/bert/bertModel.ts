import type { Tensor } from '../../core/tensor.ts';
import { gatherRows } from '../../graph/ops/rows.ts';
import type { Value } from '../../graph/value.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { Module } from '../../nn/module.ts';
import type { Head, ModelParts } from '../head.ts';
import { type ModelInputs, tokenSequences } from '../inputs.ts';
import { createModel, loadModel, type ModelOptions, type PretrainedOptions } from '../loading.ts';
import { textRows, tokenRows } from '../outputs.ts';
import { PreTrainedModel } from '../pretrained.ts';
import { type BertConfig, bertArchitecture } from './configuration.ts';
import { Bert } from './model.ts';

/** What a model without a head answers, text by text. */
export interface BaseModelOutput {
  /** The last layer's hidden states of each text's real tokens, `[tokens of the text, hiddenSize]`. */
  readonly lastHiddenState: readonly Tensor<'float32'>[];
  /** `[rows, hiddenSize]` */
  readonly poolerOutput: Tensor<'float32'>;
}

interface Outputs {
  readonly hidden: Value;
  readonly pooled: Value;
}

/** Keeps the names that parameters have in files with a head. */
class BertWithPooler extends Module<(batch: BatchLayout) => Outputs> {
  readonly bert: Bert;

  constructor(config: BertConfig) {
    super();
    this.bert = new Bert(config);
  }

  forward(batch: BatchLayout): Outputs {
    const hidden = this.bert(batch);
    return { hidden, pooled: this.bert.pooler!(gatherRows(hidden, batch.firstTokens)) };
  }
}

const head: Head<BertConfig> = {
  className: 'BertModel',
  architecture: bertArchitecture,
  reads: () => 'all',
  build: (config) => {
    const module = new BertWithPooler(config);
    return {
      module,
      trace: (batch) => {
        const { hidden, pooled } = module(batch);
        return { outputs: { last_hidden_state: hidden, pooler_output: pooled } };
      },
    };
  },
};

/** BERT without a head (Hugging Face's class of the same name): hidden states and the pooled `[CLS]`. */
export class BertModel extends PreTrainedModel<BertConfig, BaseModelOutput> {
  private constructor(parts: ModelParts<BertConfig>) {
    super(parts);
  }

  /** Loads a checkpoint: a directory, or a name in Hugging Face's cache. @throws ModelError where files are missing or do not fit. */
  static async fromPretrained(nameOrPath: string, options: PretrainedOptions = {}): Promise<BertModel> {
    return new BertModel(await loadModel(head, nameOrPath, options));
  }

  /** A model with new weights. */
  static async fromConfig(config: BertConfig, options: ModelOptions = {}): Promise<BertModel> {
    return new BertModel(await createModel(head, config, options));
  }

  override async predict(inputs: ModelInputs): Promise<BaseModelOutput> {
    const packed = this.pack(tokenSequences(inputs));
    const outputs = await this.run({ packed, labels: {}, count: packed.sequences });
    return {
      lastHiddenState: tokenRows(packed, outputs['last_hidden_state']),
      poolerOutput: textRows(packed, outputs['pooler_output']),
    };
  }
}
