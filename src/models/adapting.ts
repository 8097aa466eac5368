import { ArgumentError, ModelError } from '../core/errors.ts';
import { Adapter } from './adapter.ts';
import type { Built, ModelConfig, ModelParts } from './head.ts';
import { adaptedModel, rebuildModel } from './loading.ts';
import { LoraConfig, type LoraOptions } from './loraConfig.ts';
import { readAdapterConfig } from './peftFiles.ts';

/**
 * The model with a new adapter on it; see `model.addAdapter`.
 * @param seed what the pairs are drawn from.
 */
export async function withNewAdapter<Config extends ModelConfig>(
  parts: ModelParts<Config>,
  config: LoraConfig | LoraOptions,
  seed: number,
): Promise<ModelParts<Config>> {
  const lora = config instanceof LoraConfig ? config : new LoraConfig(config);
  return await adapted(parts, new Adapter(lora, adaptedModel(parts.head, parts.name)), seed);
}

/** The model with an adapter from PEFT's files on it; see `model.loadAdapter`. */
export async function withSavedAdapter<Config extends ModelConfig>(
  parts: ModelParts<Config>,
  directory: string,
): Promise<ModelParts<Config>> {
  const saved = await readAdapterConfig(directory, 'model.loadAdapter');
  if (saved === undefined) {
    const what = 'there is no adapter_config.json';
    throw new ModelError('ERR_ADAPTER_CONFIG', { owner: 'model.loadAdapter', what, file: directory });
  }
  const adapter = new Adapter(saved.config, adaptedModel(parts.head, parts.name), saved);
  return await adapted(parts, adapter, 42, (built) => adapter.read(directory, built.parameters, built.arena));
}

/**
 * Makes an adapter's pairs part of the weights, in place, or takes them out. Programs that were traced before are wrong now.
 * @throws ArgumentError where there is no adapter.
 */
export function setMerged({ adapter, built }: ModelParts, merged: boolean, owner: string): void {
  if (adapter === undefined) {
    throw new ArgumentError('ERR_ADAPTER', {
      owner,
      what: 'the model has no adapter',
      hint: 'add or load one first',
    });
  }
  adapter.merge(built.arena, merged);
}

/** The model without its adapter, whose pairs are merged: its weights as they are. */
export async function withoutAdapter<Config extends ModelConfig>(
  parts: ModelParts<Config>,
): Promise<ModelParts<Config>> {
  return await rebuildModel(parts, { adapter: undefined }, 42);
}

async function adapted<Config extends ModelConfig>(
  parts: ModelParts<Config>,
  adapter: Adapter,
  seed: number,
  fill?: (built: Built<Config>) => Promise<void>,
): Promise<ModelParts<Config>> {
  if (parts.adapter !== undefined) {
    throw new ArgumentError('ERR_ADAPTER', {
      owner: 'model.addAdapter',
      what: 'the model has an adapter already',
      hint: 'make that one part of the weights first: mergeAndUnload()',
    });
  }
  return await rebuildModel(parts, { adapter }, seed, fill);
}
