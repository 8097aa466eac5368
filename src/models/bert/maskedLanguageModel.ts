import { activations } from '../../graph/ops/activations.ts';
import { linear } from '../../graph/ops/products.ts';
import { constantInitializer, Parameter } from '../../graph/parameter.ts';
import type { Value } from '../../graph/value.ts';
import { LayerNorm, Linear } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { crossEntropy, weightedTotal } from '../../nn/losses.ts';
import { Module } from '../../nn/module.ts';
import type { BertConfig } from './configuration.ts';
import { Bert } from './model.ts';

class BertPredictionHeadTransform extends Module<(hidden: Value) => Value> {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly #activation: (x: Value) => Value;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.hiddenSize, config.initializerRange);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.layerNormEps);
    this.#activation = activations[config.hiddenAct];
  }

  forward(hidden: Value): Value {
    return this.LayerNorm(this.#activation(this.dense(hidden)));
  }
}

class BertLanguageModelHead extends Module<(hidden: Value, embedding: Parameter) => Value> {
  readonly transform: BertPredictionHeadTransform;
  readonly bias: Parameter;

  constructor(config: BertConfig) {
    super();
    this.transform = new BertPredictionHeadTransform(config);
    this.bias = new Parameter([config.vocabSize], constantInitializer(0));
  }

  /** The decoder's weight is the word embedding itself (tied). */
  forward(hidden: Value, embedding: Parameter): Value {
    return linear(this.transform(hidden), embedding, this.bias);
  }
}

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
export class BertMaskedLanguageModel extends Module<(batch: BatchLayout) => Value> {
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

/** Cross-entropy over the rows that are read: inputs `labels` (int64 `[reads]`), `label_weights` `[reads]`, `loss_scale`. */
export function maskedLanguageModelLoss(logits: Value): Value {
  const { graph } = logits;
  const rows = [logits.shape[0]];
  const losses = crossEntropy(logits, graph.input('labels', 'int64', rows));
  return weightedTotal(losses, graph.input('label_weights', 'float32', rows), graph.input('loss_scale', 'float32', []));
}
