import type { RandomStream } from '../core/random.ts';

/** Fills a new parameter's elements. */
export type Initializer = (target: Float32Array, random: RandomStream) => void;

/** N(0, deviation²): BERT's initialisation of weights (`initializer_range`). */
export function normalInitializer(deviation: number): Initializer {
  return (target, random) => {
    for (let i = 0; i < target.length; i++) target[i] = deviation * random.normal();
  };
}

/** Evenly spread over [−bound, bound). */
export function uniformInitializer(bound: number): Initializer {
  return (target, random) => {
    for (let i = 0; i < target.length; i++) target[i] = bound * (2 * random.uniform() - 1);
  };
}

/** Every element the same: 0 for biases, 1 for LayerNorm's weights. */
export function constantInitializer(value: number): Initializer {
  return (target) => {
    target.fill(value);
  };
}

/** A tensor that training changes. Symbolic like all of a module: its elements live in the engine's store, under its name. */
export class Parameter {
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** Its path in the model, as in Hugging Face's files; given when the model is put together (`nameParameters`). */
  name = '';

  constructor(shape: readonly number[], initializer: Initializer) {
    this.shape = shape;
    this.initializer = initializer;
  }
}
