import { ArgumentError, didYouMean } from '../core/errors.ts';
import type { LoraSettings } from '../nn/lora.ts';

/** How a low-rank adaptation is made: PEFT's `LoraConfig`, its names and defaults. */
export interface LoraOptions {
  /** The rank of each pair; 8 by default. */
  readonly r?: number | undefined;
  /** α: a pair's product is multiplied by α / r; 8 by default. */
  readonly loraAlpha?: number | undefined;
  /** The probability of dropout on what goes into a pair; 0 by default. */
  readonly loraDropout?: number | undefined;
  /**
   * The linear layers that get a pair: the last steps of their paths (`'query'`, `'attention.output.dense'`), a single
   * string as an expression over whole paths, or `'all-linear'`. Default: query and value, as in the paper.
   */
  readonly targetModules?: string | readonly string[] | undefined;
  /** Layers that get none although `targetModules` means them. */
  readonly excludeModules?: string | readonly string[] | undefined;
  /** Which biases are trained and saved besides: none (the default), all, or those of the layers with a pair. */
  readonly bias?: 'none' | 'all' | 'lora_only' | undefined;
  /** Modules that are trained and saved whole, besides the task's own head, such as the classifier, which always is. */
  readonly modulesToSave?: readonly string[] | undefined;
  /** Multiplies by α / √r instead (rank-stabilised LoRA, Kalajdzievski 2023); false by default. */
  readonly useRslora?: boolean | undefined;
  /** How A begins: uniform as a linear layer of PyTorch's (true, the default), or from N(0, 1 / r²). */
  readonly initLoraWeights?: true | 'gaussian' | undefined;
  /** Other ranks for some layers, by the last steps of their paths. */
  readonly rankPattern?: Readonly<Record<string, number>> | undefined;
  /** Other values of α for some layers. */
  readonly alphaPattern?: Readonly<Record<string, number>> | undefined;
  /** Only these layers of the encoder, from 0. */
  readonly layersToTransform?: number | readonly number[] | undefined;
}

const optionNames: readonly (keyof LoraOptions)[] = [
  'r',
  'loraAlpha',
  'loraDropout',
  'targetModules',
  'excludeModules',
  'bias',
  'modulesToSave',
  'useRslora',
  'initLoraWeights',
  'rankPattern',
  'alphaPattern',
  'layersToTransform',
];

/** The layers that LoRA adapts where nothing is said: Hu et al. 2021, section 4.2, and PEFT's default for BERT. */
const defaultTargets = ['query', 'value'];

/**
 * A checked {@link LoraOptions} (PEFT's class of the same name).
 * @throws ArgumentError for an option that there is not, and for values that make no adapter.
 */
export class LoraConfig {
  readonly r: number;
  readonly loraAlpha: number;
  readonly loraDropout: number;
  readonly targetModules: string | readonly string[];
  readonly excludeModules: string | readonly string[] | undefined;
  readonly bias: 'none' | 'all' | 'lora_only';
  readonly modulesToSave: readonly string[] | undefined;
  readonly useRslora: boolean;
  readonly initLoraWeights: true | 'gaussian';
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  readonly layersToTransform: readonly number[] | undefined;

  constructor(options: LoraOptions = {}) {
    for (const name of Object.keys(options)) {
      if ((optionNames as readonly string[]).includes(name)) continue;
      const near = didYouMean(name, optionNames);
      throw new ArgumentError('ERR_UNKNOWN_OPTION', {
        owner: 'LoraConfig',
        what: `there is no option '${name}'`,
        hint: near === undefined ? `the options are ${optionNames.join(', ')}` : `did you mean '${near}'?`,
      });
    }
    this.r = options.r ?? 8;
    this.loraAlpha = options.loraAlpha ?? 8;
    this.loraDropout = options.loraDropout ?? 0;
    this.targetModules = options.targetModules ?? defaultTargets;
    this.excludeModules = options.excludeModules;
    this.bias = options.bias ?? 'none';
    this.modulesToSave = options.modulesToSave;
    this.useRslora = options.useRslora ?? false;
    this.initLoraWeights = options.initLoraWeights ?? true;
    this.rankPattern = options.rankPattern ?? {};
    this.alphaPattern = options.alphaPattern ?? {};
    const { layersToTransform: layers } = options;
    this.layersToTransform = typeof layers === 'number' ? [layers] : layers;
    const isRank = (r: number) => Number.isInteger(r) && r > 0;
    for (const [name, r] of [['r', this.r] as const, ...Object.entries(this.rankPattern)])
      if (!isRank(r)) throw wrong(name, r, 'a whole number of at least 1');
    for (const [name, alpha] of [['loraAlpha', this.loraAlpha] as const, ...Object.entries(this.alphaPattern)])
      if (!(Number.isFinite(alpha) && alpha > 0)) throw wrong(name, alpha, 'a number above 0');
    if (!(this.loraDropout >= 0 && this.loraDropout < 1))
      throw wrong('loraDropout', this.loraDropout, 'a probability from 0 to below 1');
    if (!['none', 'all', 'lora_only'].includes(this.bias))
      throw wrong('bias', this.bias, "'none', 'all' or 'lora_only'");
    if (this.initLoraWeights !== true && this.initLoraWeights !== 'gaussian')
      throw wrong('initLoraWeights', this.initLoraWeights, "true or 'gaussian'");
    if (typeof this.targetModules === 'string' && this.layersToTransform !== undefined) {
      throw new ArgumentError('ERR_LORA_OPTION', {
        owner: 'LoraConfig',
        what: 'layersToTransform goes with a list of targetModules, and not with one string (as in PEFT)',
        got: this.targetModules,
        hint: 'give an array of the last steps of paths',
      });
    }
    for (const name of ['targetModules', 'excludeModules'] as const) {
      const given = this[name];
      if (typeof given !== 'string' || given === 'all-linear') continue;
      try {
        new RegExp(given);
      } catch {
        throw wrong(name, given, 'an expression; for the last steps of paths give an array');
      }
    }
  }

  /** The pair that a linear layer gets; undefined where it gets none. */
  settingsFor(path: string, modulesToSave: readonly string[]): LoraSettings | undefined {
    if (!this.#targets(path, modulesToSave)) return undefined;
    const r = patternValue(this.rankPattern, path) ?? this.r;
    const alpha = patternValue(this.alphaPattern, path) ?? this.loraAlpha;
    return {
      r,
      scaling: alpha / (this.useRslora ? Math.sqrt(r) : r),
      dropout: this.loraDropout,
      init: this.initLoraWeights === true ? 'uniform' : 'gaussian',
    };
  }

  #targets(path: string, modulesToSave: readonly string[]): boolean {
    if (isUnder(path, modulesToSave)) return false;
    if (this.excludeModules !== undefined && means(this.excludeModules, path)) return false;
    if (this.targetModules !== 'all-linear' && !means(this.targetModules, path)) return false;
    if (this.layersToTransform === undefined) return true;
    const layer = /\.layer\.(\d+)\./.exec(path);
    return layer !== null && this.layersToTransform.includes(Number(layer[1]));
  }
}

/** Whether a path is, or lies below, one of the modules that are named by the last steps of their paths. */
export function isUnder(path: string, modules: readonly string[]): boolean {
  return modules.some((module) => `.${path}.`.includes(`.${module}.`));
}

/** PEFT's rule: a list holds last steps of paths, a string is an expression that the whole path must match. */
function means(modules: string | readonly string[], path: string): boolean {
  if (typeof modules === 'string') return new RegExp(`^(?:${modules})$`).test(path);
  return modules.some((module) => path === module || path.endsWith(`.${module}`));
}

/** PEFT's rule for `rank_pattern` and `alpha_pattern`: a key is an expression for the last steps of a path. */
function patternValue(pattern: Readonly<Record<string, number>>, path: string): number | undefined {
  return Object.entries(pattern).find(([key]) => new RegExp(`^(?:.*\\.)?(?:${key})$`).test(path))?.[1];
}

function wrong(name: string, got: unknown, expected: string): ArgumentError {
  return new ArgumentError('ERR_LORA_OPTION', {
    owner: 'LoraConfig',
    what: `${name} has a value that it cannot have`,
    got,
    expected,
  });
}
