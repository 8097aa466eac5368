import { joinPath, kindOf, readText } from '#platform/files';
import { ArgumentError, ModelError } from '../core/errors.ts';
import { Arena } from '../engine/arena.ts';
import type { Engine } from '../engine/engine.ts';
import { type EngineOptions, selectEngine } from '../engine/select.ts';
import { openCheckpoint } from '../formats/safetensors-checkpoint.ts';
import { type ResolveOptions, resolvePretrained } from '../hub/resolve.ts';
import type { FreezingOptions } from '../nn/freezing.ts';
import { nameParameters } from '../nn/module.ts';
import { type AdaptedModel, Adapter } from './adapter.ts';
import type { Built, Head, ModelConfig, ModelParts } from './head.ts';
import { readAdapterConfig, type SavedAdapter } from './peftFiles.ts';
import type { InferenceQuantization } from './programs.ts';
import { initializeWeights, loadWeights } from './weights.ts';

/** How a model is made. */
export interface ModelOptions extends EngineOptions, FreezingOptions {
  /** New parameters are a pure function of this and of their names; 42 by default, as Hugging Face's Trainer. */
  readonly seed?: number | undefined;
}

/** Where a model's files come from. */
export type FromHubOptions = Pick<
  ResolveOptions,
  'revision' | 'cacheDir' | 'localFilesOnly' | 'token' | 'endpoint' | 'signal'
>;

/** How a pre-trained model is loaded. */
export interface PretrainedOptions extends ModelOptions, FromHubOptions {
  /** Replace a head of another size by a new one instead of refusing; false by default. */
  readonly ignoreMismatchedSizes?: boolean | undefined;
  /**
   * Answer with weights and operands of products as 8-bit numbers, two to four times as fast on most CPUs; answers then
   * differ a little, and the model cannot be trained. Default: what the engine computes in.
   */
  readonly quantize?: InferenceQuantization | undefined;
}

/** The symbolic model for a configuration, with room for its parameters. */
export async function build<Config extends ModelConfig>(
  head: Head<Config>,
  config: Config,
  engine: Engine,
  adapter?: Adapter,
): Promise<Built<Config>> {
  const { module, trace } = head.build(config);
  adapter?.applyTo(module);
  const parameters = nameParameters(module);
  const specs = [...parameters].map(([name, { shape }]) => ({ name, shape }));
  return { module, trace, parameters, arena: await Arena.create(specs, { threads: engine.threads }) };
}

/** A model of the given configuration with new weights. */
export async function createModel<Config extends ModelConfig>(
  head: Head<Config>,
  config: Config,
  options: ModelOptions,
): Promise<ModelParts<Config>> {
  const engine = await selectEngine(options);
  const built = await build(head, config, engine);
  initializeWeights(built.parameters, built.arena, built.parameters.keys(), options.seed ?? 42);
  return { head, config, built, engine, freezing: options };
}

/**
 * A model with a checkpoint's weights.
 * @param adapt what the caller's options make of the checkpoint's configuration.
 * @returns the model's parts, and the names of parameters that are new.
 */
export async function loadModel<Config extends ModelConfig>(
  head: Head<Config>,
  nameOrPath: string,
  options: PretrainedOptions,
  adapt: (config: Config) => Config = (config) => config,
): Promise<ModelParts<Config> & { readonly fresh: readonly string[] }> {
  const owner = `${head.className}.fromPretrained`;
  const { quantize } = options;
  if (quantize !== undefined && quantize !== 'int8') {
    throw new ArgumentError('ERR_QUANTIZE', {
      owner,
      what: 'there is no such form to answer in',
      got: quantize,
      expected: "'int8'",
    });
  }
  const directory = await resolvePretrained(nameOrPath, { ...options, owner });
  const saved = await adapterIn(directory, owner);
  const name = saved === undefined ? nameOrPath : saved.baseModel;
  const base = saved === undefined ? directory : await resolveBase(saved, options, owner);
  const ownConfig = (await kindOf(joinPath(directory, 'config.json'))) === 'file' || saved === undefined;
  const config = adapt(await readConfigFile(head, ownConfig ? directory : base, owner));
  const adapter = saved && new Adapter(saved.config, adaptedModel(head, name), saved);
  const checkpoint = await openCheckpoint(base);
  try {
    const engine = await selectEngine(options);
    const built = await build(head, config, engine, adapter);
    const { fresh } = await loadWeights(built.parameters, built.arena, checkpoint, {
      basePrefix: head.architecture.basePrefix,
      tied: head.tied ?? [],
      ignoreMismatchedSizes: options.ignoreMismatchedSizes ?? false,
      seed: options.seed ?? 42,
      elsewhere: adapter && ((parameter) => adapter.holds(parameter)),
    });
    await adapter?.read(directory, built.parameters, built.arena, true);
    const source = adapter === undefined || (await holdsTokenizer(directory)) ? directory : base;
    return { head, config, built, engine, source, name, adapter, fresh, quantize, freezing: options };
  } finally {
    await checkpoint.close();
  }
}

/**
 * The model with another configuration or adapter, its module built anew. What keeps its name and shape keeps its elements;
 * the rest is drawn from the seed. The model given stays as it is: its arena is the caller's to dispose of.
 * @param fill writes into the new parameters; where it fails nothing is left behind.
 */
export async function rebuildModel<Config extends ModelConfig>(
  before: ModelParts<Config>,
  change: Partial<Pick<ModelParts<Config>, 'config' | 'adapter'>>,
  seed: number,
  fill?: (built: Built<Config>) => Promise<void>,
): Promise<ModelParts<Config>> {
  const after = { ...before, ...change };
  const built = await build(after.head, after.config, after.engine, after.adapter);
  const fresh: string[] = [];
  for (const [name, { shape }] of built.parameters) {
    if (before.built.parameters.get(name)?.shape.join() === shape.join())
      built.arena.weight(name).set(before.built.arena.weight(name));
    else fresh.push(name);
  }
  initializeWeights(built.parameters, built.arena, fresh, seed);
  try {
    await fill?.(built);
  } catch (error) {
    await built.arena.dispose();
    throw error;
  }
  return { ...after, built };
}

/** A saved adapter, where a directory holds that and no whole model. */
async function adapterIn(directory: string, owner: string): Promise<SavedAdapter | undefined> {
  const whole = (await kindOf(joinPath(directory, 'model.safetensors'))) !== 'none';
  return whole ? undefined : await readAdapterConfig(directory, owner);
}

/** The directory of the model that an adapter was made for. */
async function resolveBase(saved: SavedAdapter, options: PretrainedOptions, owner: string): Promise<string> {
  const { baseModel, directory } = saved;
  const fault = (cause?: unknown) =>
    new ModelError('ERR_ADAPTER_BASE', {
      owner,
      what: `the directory holds an adapter, and its base model ${baseModel === undefined ? 'has no name' : `'${baseModel}' is not here`}`,
      file: directory,
      hint: `load the base model yourself, then model.loadAdapter('${directory}')`,
      cause,
    });
  if (baseModel === undefined) throw fault();
  try {
    return await resolvePretrained(baseModel, { ...options, revision: undefined, owner });
  } catch (cause) {
    throw fault(cause);
  }
}

async function holdsTokenizer(directory: string): Promise<boolean> {
  const kinds = await Promise.all(['vocab.txt', 'tokenizer.json'].map((file) => kindOf(joinPath(directory, file))));
  return kinds.includes('file');
}

/** What an adapter needs to know of a model. */
export function adaptedModel<Config extends ModelConfig>(head: Head<Config>, name: string | undefined): AdaptedModel {
  const { className, ownModules = [], architecture } = head;
  return { className, basePrefix: architecture.basePrefix, ownModules, name };
}

/**
 * The classes that a checkpoint was saved from, as its config.json says (`architectures`): the first is its head. None where
 * the file does not say.
 * @throws ModelError where there is no such checkpoint or its config.json cannot be read.
 */
export async function readArchitectures(nameOrPath: string, options: FromHubOptions = {}): Promise<readonly string[]> {
  const owner = 'fromPretrained';
  const directory = await resolvePretrained(nameOrPath, { ...options, owner });
  const file = joinPath(directory, 'config.json');
  // PEFT's adapters have none of their own.
  const saved = (await kindOf(file)) === 'file' ? undefined : await adapterIn(directory, owner);
  const taskClass = saved?.className;
  if (taskClass !== undefined) return [taskClass];
  const base = saved === undefined ? directory : await resolveBase(saved, options, owner);
  const { architectures } = await readConfigJson(joinPath(base, 'config.json'), base, owner);
  return Array.isArray(architectures) ? architectures.filter((name) => typeof name === 'string') : [];
}

async function readConfigFile<Config extends ModelConfig>(
  head: Head<Config>,
  directory: string,
  owner: string,
): Promise<Config> {
  const file = joinPath(directory, 'config.json');
  return head.architecture.readConfig(await readConfigJson(file, directory, owner), file);
}

async function readConfigJson(file: string, directory: string, owner: string): Promise<Record<string, unknown>> {
  if ((await kindOf(file)) !== 'file') {
    throw new ModelError('ERR_NO_CONFIG', {
      owner,
      what: 'there is no config.json',
      file: directory,
      hint: 'give the directory of a saved model: config.json, model.safetensors and the tokenizer’s files',
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(await readText(file));
  } catch (cause) {
    throw new ModelError('ERR_CONFIG', { owner, what: 'config.json is not JSON', file, cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ModelError('ERR_CONFIG', { owner, what: 'config.json holds no object', file, got: json });
  }
  return json as Record<string, unknown>;
}
