import { activations } from '../../graph/ops/activations.ts';
import { add } from '../../graph/ops/arithmetic.ts';
import { softmax } from '../../graph/ops/normalization.ts';
import { matmul } from '../../graph/ops/products.ts';
import type { Value } from '../../graph/value.ts';
import { Dropout, LayerNorm, Linear } from '../../nn/layers.ts';
import type { BatchLayout, Rows } from '../../nn/layout.ts';
import { Module } from '../../nn/module.ts';
import type { BertConfig } from './configuration.ts';

/** Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2): the rows' queries against all tokens' keys. */
class BertSelfAttention extends Module<(hidden: Value, batch: BatchLayout, rows: Rows) => Value> {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly dropout: Dropout;
  readonly #heads: number;
  readonly #headSize: number;

  constructor(config: BertConfig) {
    super();
    const { hiddenSize, initializerRange } = config;
    this.query = new Linear(hiddenSize, hiddenSize, initializerRange);
    this.key = new Linear(hiddenSize, hiddenSize, initializerRange);
    this.value = new Linear(hiddenSize, hiddenSize, initializerRange);
    this.dropout = new Dropout(config.attentionProbsDropoutProb);
    this.#heads = config.numAttentionHeads;
    this.#headSize = hiddenSize / config.numAttentionHeads;
  }

  /** hidden: `[tokens, hiddenSize]`; result: `[rows, hiddenSize]` */
  forward(hidden: Value, batch: BatchLayout, rows: Rows): Value {
    const query = rows.toHeads(this.query(rows.select(hidden)), this.#heads); // [sequences, heads, longest rows, headSize]
    const key = batch.tokens.toHeads(this.key(hidden), this.#heads); // [sequences, heads, longest, headSize]
    const value = batch.tokens.toHeads(this.value(hidden), this.#heads);
    const scores = matmul(query, key, { transposeB: true, scale: this.#headSize ** -0.5 }); // [sequences, heads, longest rows, longest]
    const weights = this.dropout(softmax(add(scores, batch.attentionBias)));
    return rows.fromHeads(matmul(weights, value));
  }
}

/** dense, dropout, then LayerNorm of the sum with what came in (post-norm). */
class BertResidual extends Module<(x: Value, residual: Value) => Value> {
  readonly dense: Linear;
  readonly dropout: Dropout;
  readonly LayerNorm: LayerNorm;

  constructor(inFeatures: number, config: BertConfig) {
    super();
    this.dense = new Linear(inFeatures, config.hiddenSize, config.initializerRange);
    this.dropout = new Dropout(config.hiddenDropoutProb);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.layerNormEps);
  }

  forward(x: Value, residual: Value): Value {
    return this.LayerNorm(add(this.dropout(this.dense(x)), residual));
  }
}

class BertAttention extends Module<(hidden: Value, batch: BatchLayout, rows: Rows) => Value> {
  readonly self: BertSelfAttention;
  readonly output: BertResidual;

  constructor(config: BertConfig) {
    super();
    this.self = new BertSelfAttention(config);
    this.output = new BertResidual(config.hiddenSize, config);
  }

  forward(hidden: Value, batch: BatchLayout, rows: Rows): Value {
    return this.output(this.self(hidden, batch, rows), rows.select(hidden));
  }
}

class BertIntermediate extends Module<(x: Value) => Value> {
  readonly dense: Linear;
  readonly #activation: (x: Value) => Value;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.intermediateSize, config.initializerRange);
    this.#activation = activations[config.hiddenAct];
  }

  forward(x: Value): Value {
    return this.#activation(this.dense(x));
  }
}

/** One block: attention and a feed-forward network, each with its residual. */
export class BertLayer extends Module<(hidden: Value, batch: BatchLayout, rows: Rows) => Value> {
  readonly attention: BertAttention;
  readonly intermediate: BertIntermediate;
  readonly output: BertResidual;

  constructor(config: BertConfig) {
    super();
    this.attention = new BertAttention(config);
    this.intermediate = new BertIntermediate(config);
    this.output = new BertResidual(config.intermediateSize, config);
  }

  /** hidden: `[tokens, hiddenSize]`; result: `[rows, hiddenSize]` */
  forward(hidden: Value, batch: BatchLayout, rows: Rows): Value {
    const attended = this.attention(hidden, batch, rows);
    return this.output(this.intermediate(attended), attended);
  }
}

/** The stack of blocks. The last computes only the rows that the head reads. */
export class BertEncoder extends Module<(hidden: Value, batch: BatchLayout) => Value> {
  readonly layer: BertLayer[];

  constructor(config: BertConfig) {
    super();
    this.layer = Array.from({ length: config.numHiddenLayers }, () => new BertLayer(config));
  }

  /** hidden: `[tokens, hiddenSize]`; result: `[reads, hiddenSize]` */
  forward(hidden: Value, batch: BatchLayout): Value {
    const last = this.layer.length - 1;
    return this.layer.reduce((x, layer, i) => layer(x, batch, i === last ? batch.reads : batch.tokens), hidden);
  }
}
