import { tanh } from '../../graph/ops/elementwise.ts';
import type { Value } from '../../graph/value.ts';
import { Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { Module } from '../../nn/module.ts';
import type { BertConfig } from './configuration.ts';
import { BertEmbeddings } from './embeddings.ts';
import { BertEncoder } from './encoder.ts';

/** tanh of a linear layer over the hidden states of `[CLS]`. */
export class BertPooler extends Module<(hidden: Value) => Value> {
  readonly dense: Linear;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.hiddenSize, config.initializerRange);
  }

  forward(hidden: Value): Value {
    return tanh(this.dense(hidden));
  }
}

/** BERT without a head (Devlin et al. 2018). Hugging Face's parameter names, under the prefix `bert` in models with a head. */
export class Bert extends Module<(batch: BatchLayout) => Value> {
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;
  readonly pooler: BertPooler | undefined;

  constructor(config: BertConfig, { pooler = true }: { pooler?: boolean } = {}) {
    super();
    this.embeddings = new BertEmbeddings(config);
    this.encoder = new BertEncoder(config);
    this.pooler = pooler ? new BertPooler(config) : undefined;
  }

  /** The hidden states of the rows that the batch's layout reads: `[reads, hiddenSize]`. */
  forward(batch: BatchLayout): Value {
    return this.encoder(this.embeddings(batch), batch);
  }
}
