import { mul } from '../graph/ops/arithmetic.ts';
import { layerNorm } from '../graph/ops/normalization.ts';
import { linear } from '../graph/ops/products.ts';
import { gatherRows } from '../graph/ops/rows.ts';
import { constantInitializer, normalInitializer, Parameter } from '../graph/parameter.ts';
import type { Value } from '../graph/value.ts';
import { Module } from './module.ts';

/** y = x Wᵀ + b. x: `[rows, inFeatures]`, y: `[rows, outFeatures]`. Weight `[outFeatures, inFeatures]` from N(0, deviation²), bias 0. */
export class Linear extends Module<(x: Value) => Value> {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(inFeatures: number, outFeatures: number, deviation = 0.02) {
    super();
    this.weight = new Parameter([outFeatures, inFeatures], normalInitializer(deviation));
    this.bias = new Parameter([outFeatures], constantInitializer(0));
  }

  forward(x: Value): Value {
    return linear(x, this.weight, this.bias);
  }
}

/**
 * Row `ids[i]` of a table. ids: int64 `[n]`, result `[n, dimension]`. Weight `[count, dimension]` from N(0, deviation²).
 * The row `paddingIndex` starts as zeros and gets no gradient here (PyTorch's `padding_idx`).
 */
export class Embedding extends Module<(ids: Value) => Value> {
  readonly weight: Parameter;
  readonly #paddingIndex: number | undefined;

  constructor(count: number, dimension: number, deviation = 0.02, paddingIndex?: number) {
    super();
    const draw = normalInitializer(deviation);
    this.weight = new Parameter([count, dimension], (elements, random) => {
      draw(elements, random);
      if (paddingIndex !== undefined) elements.fill(0, paddingIndex * dimension, (paddingIndex + 1) * dimension);
    });
    this.#paddingIndex = paddingIndex;
  }

  forward(ids: Value): Value {
    return gatherRows(this.weight, ids, this.#paddingIndex === undefined ? {} : { paddingIndex: this.#paddingIndex });
  }
}

/** Layer normalisation over the last axis (Ba et al. 2016). BERT's epsilon is 1e-12. */
export class LayerNorm extends Module<(x: Value) => Value> {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #epsilon: number;

  constructor(dimension: number, epsilon: number) {
    super();
    this.weight = new Parameter([dimension], constantInitializer(1));
    this.bias = new Parameter([dimension], constantInitializer(0));
    this.#epsilon = epsilon;
  }

  forward(x: Value): Value {
    return layerNorm(x, this.weight, this.bias, { epsilon: this.#epsilon });
  }
}

/**
 * Sets each element to 0 with the given probability and scales the rest by 1 / (1 − probability), while the graph is made
 * for training; else the identity (Srivastava et al. 2014). The mask is an input of the graph, so that its bits do not
 * depend on the engine. Below everything that is trained it is the identity too: a frozen part runs as it does when it is
 * asked, so that its results can be kept (Hugging Face leaves dropout on there).
 */
export class Dropout extends Module<(x: Value) => Value> {
  readonly #probability: number;
  readonly #layer: { readonly weight: Parameter } | undefined;

  /** @param layer the layer whose input this is, where that layer's training keeps the dropout on, whatever lies below. */
  constructor(probability: number, layer?: { readonly weight: Parameter }) {
    super();
    this.#probability = probability;
    this.#layer = layer;
  }

  forward(x: Value): Value {
    const { graph } = x;
    if (!graph.training || this.#probability === 0) return x;
    if (!graph.isTrained(x) && !(this.#layer !== undefined && graph.isTrained(graph.parameter(this.#layer.weight))))
      return x;
    return mul(x, x.graph.dropoutMask(x.shape, this.#probability));
  }
}
