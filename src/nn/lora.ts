import { add, mul } from '../graph/ops/arithmetic.ts';
import { linear } from '../graph/ops/products.ts';
import {
  constantInitializer,
  type Initializer,
  normalInitializer,
  Parameter,
  uniformInitializer,
} from '../graph/parameter.ts';
import type { Value } from '../graph/value.ts';
import { Dropout, Linear } from './layers.ts';
import { Module, namedModules } from './module.ts';

/** What one adapted layer is. */
export interface LoraSettings {
  /** The rank r: how many rows A and columns B have. */
  readonly r: number;
  /** What BA is multiplied by: α / r, or α / √r (rank-stabilised, Kalajdzievski 2023). */
  readonly scaling: number;
  /** The probability of dropout on what goes into A. */
  readonly dropout: number;
  /** How A begins; B begins as zeros. Default: uniform within 1 / √inFeatures, as PEFT does. */
  readonly init?: 'uniform' | 'gaussian';
}

/** A product with a matrix alone. x: `[rows, in]`, result `[rows, out]`. */
class Factor extends Module<(x: Value) => Value> {
  readonly weight: Parameter;

  constructor(inFeatures: number, outFeatures: number, initializer: Initializer) {
    super();
    this.weight = new Parameter([outFeatures, inFeatures], initializer);
  }

  forward(x: Value): Value {
    return linear(x, this.weight, undefined);
  }
}

/**
 * A linear layer whose weight W₀ stays as it is and to which a product of two thin matrices is learned (Hu et al. 2021,
 * equation 3): h = W₀ x + b + (α / r) · B A x, with A `[r, inFeatures]` and B `[outFeatures, r]`. B begins as zeros, so
 * that the layer begins as what it was.
 */
export class LoraLinear extends Module<(x: Value) => Value> {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly loraDropout: Dropout;
  readonly lora_A: Factor;
  readonly lora_B: Factor;
  readonly scaling: number;
  /** Whether BA is part of W₀ for now, and so left out here. */
  merged = false;

  constructor(base: Linear, { r, scaling, dropout, init = 'uniform' }: LoraSettings) {
    super();
    const [outFeatures, inFeatures] = base.weight.shape;
    this.weight = base.weight;
    this.bias = base.bias;
    // Kaiming's uniform with a = √5, which is PyTorch's for a Linear, has this bound; PEFT's 'gaussian' this deviation.
    const draw = init === 'gaussian' ? normalInitializer(1 / r) : uniformInitializer(1 / Math.sqrt(inFeatures));
    this.lora_A = new Factor(inFeatures, r, draw);
    this.lora_B = new Factor(r, outFeatures, constantInitializer(0));
    this.loraDropout = new Dropout(dropout, this.lora_A);
    this.scaling = scaling;
  }

  /** x: `[rows, inFeatures]`; result: `[rows, outFeatures]` */
  forward(x: Value): Value {
    const h = linear(x, this.weight, this.bias);
    if (this.merged) return h;
    // Scaled between the two, where the rows are only r wide.
    return add(h, this.lora_B(mul(this.lora_A(this.loraDropout(x)), this.scaling)));
  }
}

/** The paths of all linear layers below a module. */
export function linearPaths(root: object): string[] {
  return namedModules(root).flatMap(({ path, module }) => (module instanceof Linear ? [path] : []));
}

/**
 * Puts a {@link LoraLinear} in the place of every linear layer below `root` that `choose` gives settings for. Before
 * `nameParameters`: names of what was there stay, `….lora_A.weight` and `….lora_B.weight` are new.
 */
export function adaptLinears(
  root: object,
  choose: (path: string) => LoraSettings | undefined,
): Map<string, LoraLinear> {
  const adapted = new Map<string, LoraLinear>();
  for (const { path, module, replace } of namedModules(root)) {
    const settings = module instanceof Linear ? choose(path) : undefined;
    if (settings === undefined) continue;
    const layer = new LoraLinear(module as Linear, settings);
    replace(layer);
    adapted.set(path, layer);
  }
  return adapted;
}

/** weight += factor · B A, in place, each element's sum in float64. weight `[out, in]`, a `[r, in]`, b `[out, r]`, row-major. */
export function addProduct(weight: Float32Array, b: Float32Array, a: Float32Array, r: number, factor: number): void {
  const inFeatures = a.length / r;
  const row = new Float64Array(inFeatures);
  for (let out = 0; out < b.length / r; out++) {
    row.fill(0);
    for (let k = 0; k < r; k++) {
      const scale = factor * b[out * r + k];
      if (scale === 0) continue;
      for (let i = 0; i < inFeatures; i++) row[i] += scale * a[k * inFeatures + i];
    }
    for (let i = 0; i < inFeatures; i++) weight[out * inFeatures + i] += row[i];
  }
}
