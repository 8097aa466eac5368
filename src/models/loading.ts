import { joinPath, kindOf, readText } from '#platform/files';
import { ModelError } from '../core/errors.ts';
import { Arena } from '../engine/arena.ts';
import type { Engine } from '../engine/engine.ts';
import { type EngineOptions, selectEngine } from '../engine/select.ts';
import { openCheckpoint } from '../formats/safetensors-checkpoint.ts';
import { resolvePretrained } from '../hub/resolve.ts';
import { nameParameters } from '../nn/module.ts';
import type { Built, Head, ModelConfig, ModelParts } from './head.ts';
import { initializeWeights, loadWeights } from './weights.ts';

/** How a model is made. */
export interface ModelOptions extends EngineOptions {
  /** New parameters are a pure function of this and of their names; 42 by default, as Hugging Face's Trainer. */
  readonly seed?: number | undefined;
}

/** How a pre-trained model is loaded. */
export interface PretrainedOptions extends ModelOptions {
  readonly revision?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly localFilesOnly?: boolean | undefined;
  /** Replace a head of another size by a new one instead of refusing; false by default. */
  readonly ignoreMismatchedSizes?: boolean | undefined;
}

/** The symbolic model for a configuration, with room for its parameters. */
export async function build<Config extends ModelConfig>(
  head: Head<Config>,
  config: Config,
  engine: Engine,
): Promise<Built<Config>> {
  const { module, trace } = head.build(config);
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
  return { head, config, built, engine };
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
  const directory = await resolvePretrained(nameOrPath, { ...options, owner });
  const config = adapt(await readConfigFile(head, directory, owner));
  const checkpoint = await openCheckpoint(directory);
  try {
    const engine = await selectEngine(options);
    const built = await build(head, config, engine);
    const { fresh } = await loadWeights(built.parameters, built.arena, checkpoint, {
      basePrefix: head.architecture.basePrefix,
      tied: head.tied ?? [],
      ignoreMismatchedSizes: options.ignoreMismatchedSizes ?? false,
      seed: options.seed ?? 42,
    });
    return { head, config, built, engine, source: directory, fresh };
  } finally {
    await checkpoint.close();
  }
}

async function readConfigFile<Config extends ModelConfig>(
  head: Head<Config>,
  directory: string,
  owner: string,
): Promise<Config> {
  const file = joinPath(directory, 'config.json');
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
  return head.architecture.readConfig(json as Record<string, unknown>, file);
}
