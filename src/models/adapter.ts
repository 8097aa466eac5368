import { joinPath, kindOf, makeDirectory, writeAtomic } from '#platform/files';
import { ArgumentError, ModelError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Arena } from '../engine/arena.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { writeSafetensors } from '../formats/safetensors-write.ts';
import type { Parameter } from '../graph/parameter.ts';
import { adaptLinears, addProduct, type LoraLinear, linearPaths } from '../nn/lora.ts';
import { namedModules } from '../nn/module.ts';
import { isUnder, type LoraConfig } from './loraConfig.ts';
import {
  adapterConfigFile,
  adapterWeightsFile,
  parameterOfKey,
  peftKey,
  type SavedAdapter,
  writeAdapterConfig,
} from './peftFiles.ts';

/** What an adapter needs to know of the model that it is put on. */
export interface AdaptedModel {
  readonly className: string;
  /** The field of the base model: `bert`. */
  readonly basePrefix: string;
  /** The modules that the model's task brings: what is saved where the configuration does not say. */
  readonly ownModules: readonly string[];
  /** What the base model was loaded as: a name or a path. */
  readonly name: string | undefined;
}

type Parameters = ReadonlyMap<string, Parameter>;

/** The metadata's field that tells base models apart whose shapes are alike. Python passes over it. */
const fingerprintField = 'base_model_fingerprint';

/**
 * A low-rank adaptation of a model (Hu et al. 2021): which of its linear layers have a pair of thin matrices, and what is
 * trained and saved beside those. Its numbers stand in the model's arena, like all parameters.
 */
export class Adapter {
  readonly config: LoraConfig;
  readonly modulesToSave: readonly string[];
  readonly #model: AdaptedModel;
  readonly #saved: SavedAdapter | undefined;
  #layers: ReadonlyMap<string, LoraLinear> = new Map();
  #merged = false;

  /** @param saved the files that it is to be read from, for errors. */
  constructor(config: LoraConfig, model: AdaptedModel, saved?: SavedAdapter) {
    this.config = config;
    // A new head must learn, whatever else is named; a saved adapter has what it has.
    const own = saved === undefined ? model.ownModules : [];
    this.modulesToSave = [...new Set([...own, ...(config.modulesToSave ?? [])])];
    this.#model = model;
    this.#saved = saved;
  }

  /** Whether BA is part of the base weights for now. */
  get merged(): boolean {
    return this.#merged;
  }

  /**
   * Puts the pairs into a module that was just built, before its parameters get their names.
   * @throws ArgumentError where no layer is meant, with the layers that there are.
   */
  applyTo(module: object): void {
    const paths = linearPaths(module);
    const { className, basePrefix } = this.#model;
    // PEFT sees a headless model without the prefix.
    const peftPath = (path: string) => (className === 'BertModel' ? path.replace(`${basePrefix}.`, '') : path);
    this.#layers = adaptLinears(module, (path) => this.config.settingsFor(peftPath(path), this.modulesToSave));
    for (const layer of this.#layers.values()) layer.merged = this.#merged;
    if (this.#layers.size === 0) {
      if (this.#saved !== undefined) throw this.#otherBase('its layers are not there', this.#saved);
      throw new ArgumentError('ERR_LORA_TARGETS', {
        owner: 'model.addAdapter',
        what: 'targetModules means no linear layer',
        got: this.config.targetModules,
        expected: `last steps of ${[...new Set(paths.map((path) => path.replace(/\d+/g, 'N')))].join(', ')}`,
      });
    }
    const modules = namedModules(module).map(({ path }) => path);
    const unknown = (this.config.modulesToSave ?? []).filter(
      (name) => !modules.some((path) => path === name || path.endsWith(`.${name}`)),
    );
    // A saved adapter may name the heads of several architectures, as PEFT's do.
    if (unknown.length === 0 || this.#saved !== undefined) return;
    throw new ArgumentError('ERR_LORA_TARGETS', {
      owner: 'model.addAdapter',
      what: 'modulesToSave names what the model does not have',
      got: unknown.join(', '),
      hint: `${this.#model.className}'s own modules are ${this.#model.ownModules.join(', ') || 'none'}`,
    });
  }

  /** Whether a parameter is the adapter's: trained, and saved with it. */
  holds(name: string): boolean {
    if (/\.lora_[AB]\.weight$/.test(name)) return true;
    const path = name.slice(0, name.lastIndexOf('.'));
    if (isUnder(path, this.modulesToSave)) return true;
    const { bias } = this.config;
    return name.endsWith('.bias') && (bias === 'all' || (bias === 'lora_only' && this.#layers.has(path)));
  }

  /** Makes BA part of the base weights (`true`), or takes it out again. What rounding loses is below 1e-6 of a weight. */
  merge(arena: Arena, merged: boolean): void {
    if (merged === this.#merged) return;
    for (const [path, layer] of this.#layers) {
      const b = arena.weight(`${path}.lora_B.weight`);
      const a = arena.weight(`${path}.lora_A.weight`);
      const factor = merged ? layer.scaling : -layer.scaling;
      addProduct(arena.weight(`${path}.weight`), b, a, layer.lora_A.weight.shape[0], factor);
      layer.merged = merged;
    }
    this.#merged = merged;
  }

  /**
   * What the adapted layers' weights are with BA in them, by name; the arena stays as it is. None where BA is in them already.
   */
  mergedWeights(arena: Arena): ReadonlyMap<string, Float32Array> {
    const weights = new Map<string, Float32Array>();
    if (this.#merged) return weights;
    for (const [path, layer] of this.#layers) {
      const weight = arena.weight(`${path}.weight`).slice();
      const b = arena.weight(`${path}.lora_B.weight`);
      addProduct(weight, b, arena.weight(`${path}.lora_A.weight`), layer.lora_A.weight.shape[0], layer.scaling);
      weights.set(`${path}.weight`, weight);
    }
    return weights;
  }

  /** Traces the layers as if BA were part of their weights. */
  traceMerged<T>(trace: () => T): T {
    for (const layer of this.#layers.values()) layer.merged = true;
    try {
      return trace();
    } finally {
      for (const layer of this.#layers.values()) layer.merged = this.#merged;
    }
  }

  /**
   * Writes PEFT's two files, which Python's `PeftModel.from_pretrained` loads onto the same base model.
   * @throws ArgumentError where the adapter is merged: its base is not the base then.
   */
  async write(directory: string, parameters: Parameters, arena: Arena): Promise<void> {
    const { className, name } = this.#model;
    if (this.#merged) {
      throw new ArgumentError('ERR_ADAPTER_MERGED', {
        owner: 'model.savePretrained',
        what: 'the adapter is merged into the weights',
        hint: 'call unmergeAdapter() to save the adapter, or mergeAndUnload() to save the whole model',
      });
    }
    await makeDirectory(directory);
    const adapted = new Set(this.#layers.keys());
    const tensors = [...parameters]
      .filter(([parameter]) => this.holds(parameter))
      .map(([parameter, { shape }]) => ({
        name: peftKey(parameter, { ...this.#model, adapted }),
        dtype: 'F32' as const,
        shape,
        data: arena.weight(parameter),
      }));
    await writeSafetensors(joinPath(directory, adapterWeightsFile), tensors, {
      format: 'pt',
      [fingerprintField]: this.#fingerprint(parameters, arena),
    });
    const json = writeAdapterConfig(this.config, { className, modulesToSave: this.modulesToSave, baseModel: name });
    await writeAtomic(joinPath(directory, adapterConfigFile), `${JSON.stringify(json, undefined, 2)}\n`);
  }

  /**
   * Reads an adapter's tensors into the arena.
   * @param knownBase whether the base model is the one that the adapter itself names.
   * @throws ModelError where the adapter belongs to another base model, naming both.
   */
  async read(directory: string, parameters: Parameters, arena: Arena, knownBase = false): Promise<void> {
    const file = joinPath(directory, adapterWeightsFile);
    if ((await kindOf(file)) !== 'file') {
      throw new ModelError('ERR_ADAPTER_WEIGHTS', {
        owner: 'loadAdapter',
        what: `there is no ${adapterWeightsFile}`,
        file: directory,
        hint: 'an adapter_model.bin is a Python pickle, which is never run here: save it as safetensors',
      });
    }
    const reader = await openSafetensors(file);
    try {
      const sources = new Map<string, string>();
      const unexpected: string[] = [];
      const misshapen: string[] = [];
      for (const [key, { shape }] of reader.tensors) {
        const name = parameterOfKey(key, (candidate) => parameters.has(candidate), this.#model.basePrefix);
        if (name === undefined) continue;
        const own = parameters.get(name)?.shape;
        if (own === undefined || !this.holds(name)) unexpected.push(key);
        else if (own.join() !== shape.join())
          misshapen.push(`${name} is [${shape.join(', ')}] in the file and [${own.join(', ')}] in the model`);
        else sources.set(name, key);
      }
      const missing = [...parameters.keys()].filter(
        (name) => this.holds(name) && !sources.has(name) && !misshapen.some((line) => line.startsWith(`${name} `)),
      );
      const faults = [
        missing.length > 0 && `missing: ${shorten(missing)}`,
        unexpected.length > 0 && `unexpected: ${shorten(unexpected)}`,
        misshapen.length > 0 && `of another shape: ${shorten(misshapen)}`,
      ].filter((fault) => fault !== false);
      const saved = this.#saved ?? { directory, config: this.config, baseModel: undefined };
      if (faults.length > 0) throw this.#otherBase(faults.join('; '), saved);
      const fingerprint = reader.metadata[fingerprintField];
      if (fingerprint !== undefined && fingerprint !== this.#fingerprint(parameters, arena))
        throw this.#otherBase('the base model has the same shapes but other weights', saved);
      if (
        fingerprint === undefined &&
        !knownBase &&
        saved.baseModel !== undefined &&
        saved.baseModel !== this.#model.name
      )
        log.warn(
          `the adapter in ${directory} was made for '${saved.baseModel}', and is put on '${this.#model.name ?? 'a new model'}', whose shapes are the same`,
        );
      for (const [name, key] of sources) await reader.readInto(key, arena.weight(name));
    } finally {
      await reader.close();
    }
  }

  #otherBase(what: string, saved: SavedAdapter): ModelError {
    return new ModelError('ERR_ADAPTER_BASE', {
      owner: 'loadAdapter',
      what: `the adapter does not fit the model; ${what}`,
      file: saved.directory,
      got: `an adapter for '${saved.baseModel ?? 'an unnamed model'}'`,
      expected: `one for ${this.#model.className} '${this.#model.name ?? 'an unnamed model'}'`,
      hint: 'load the base model that the adapter names, with as many labels as its head has (numLabels)',
    });
  }

  /** A hash of a sample of the base weights that the adapter leaves as they are: 64 elements of each (FNV-1a). */
  #fingerprint(parameters: Parameters, arena: Arena): string {
    let hash = 0x811c9dc5;
    for (const name of parameters.keys()) {
      if (this.holds(name) || !/\.(embeddings|encoder)\./.test(name)) continue;
      const weight = arena.weight(name);
      const bits = new Uint32Array(weight.buffer, weight.byteOffset, weight.length);
      const stride = Math.max(1, Math.floor(bits.length / 64));
      for (let i = 0; i < bits.length; i += stride) hash = Math.imul(hash ^ bits[i], 0x01000193) >>> 0;
    }
    return hash.toString(16).padStart(8, '0');
  }
}

function shorten(names: readonly string[]): string {
  return `${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`;
}
