import { ModelError } from '../../core/errors.ts';
import { activations } from '../../graph/ops/activations.ts';
import { linear } from '../../graph/ops/products.ts';
import { constantInitializer, Parameter } from '../../graph/parameter.ts';
import type { Value } from '../../graph/value.ts';
import { LayerNorm, Linear } from '../../nn/layers.ts';
import { Module } from '../../nn/module.ts';
import type { BertConfig } from './configuration.ts';

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

/** The score of every word for each row of hidden states: what says which word was masked (Devlin et al. 2018, section 3.1). */
export class BertLanguageModelHead extends Module<(hidden: Value, embedding: Parameter) => Value> {
  readonly transform: BertPredictionHeadTransform;
  readonly bias: Parameter;

  /** @throws ModelError where the configuration says that the decoder is not the word embedding. */
  constructor(config: BertConfig) {
    super();
    if (config.rest['tie_word_embeddings'] === false) {
      throw new ModelError('ERR_UNTIED', {
        owner: 'BertConfig',
        what: 'a decoder of its own is not supported',
        got: 'tie_word_embeddings: false',
        expected: 'true: the decoder is the word embedding, as in BERT',
      });
    }
    this.transform = new BertPredictionHeadTransform(config);
    this.bias = new Parameter([config.vocabSize], constantInitializer(0));
  }

  /** hidden: `[rows, hiddenSize]`; result: `[rows, vocabSize]`. The decoder's weight is the word embedding itself (tied). */
  forward(hidden: Value, embedding: Parameter): Value {
    return linear(this.transform(hidden), embedding, this.bias);
  }
}

/** Tensors that files may hold besides those that they are tied to. */
export const tiedDecoder = ['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias'] as const;
