import { add } from '../../graph/ops/arithmetic.ts';
import type { Value } from '../../graph/value.ts';
import { Dropout, Embedding, LayerNorm } from '../../nn/layers.ts';
import type { BatchLayout } from '../../nn/layout.ts';
import { Module } from '../../nn/module.ts';
import type { BertConfig } from './configuration.ts';

/** Word, position and token-type embeddings, added up and normalised (Devlin et al. 2018, section 3.2). */
export class BertEmbeddings extends Module<(batch: BatchLayout) => Value> {
  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly tokenTypeEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: BertConfig) {
    super();
    const { hiddenSize, initializerRange } = config;
    this.wordEmbeddings = new Embedding(config.vocabSize, hiddenSize, initializerRange, config.padTokenId);
    this.positionEmbeddings = new Embedding(config.maxPositionEmbeddings, hiddenSize, initializerRange);
    this.tokenTypeEmbeddings = new Embedding(config.typeVocabSize, hiddenSize, initializerRange);
    this.LayerNorm = new LayerNorm(hiddenSize, config.layerNormEps);
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  /** `[tokens, hiddenSize]` */
  forward(batch: BatchLayout): Value {
    const words = this.wordEmbeddings(batch.inputIds);
    const types = this.tokenTypeEmbeddings(batch.tokenTypeIds);
    const positions = this.positionEmbeddings(batch.positionIds);
    return this.dropout(this.LayerNorm(add(add(words, types), positions)));
  }
}
