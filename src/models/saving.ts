import { joinPath, makeDirectory, writeAtomic } from '#platform/files';
import { ModelError } from '../core/errors.ts';
import { openCheckpoint } from '../formats/safetensors-checkpoint.ts';
import { writeSafetensors } from '../formats/safetensors-write.ts';
import type { ModelParts } from './head.ts';
import { countElements } from './trainableParts.ts';
import { assignWeights, readSources } from './weights.ts';

/** Writes a model's directory; see `model.savePretrained`. */
export async function saveModel(
  { head: { architecture, className }, config, built, adapter }: ModelParts,
  directory: string,
): Promise<void> {
  await adapter?.write(directory, built.parameters, built.arena);
  await makeDirectory(directory);
  const json = architecture.writeConfig(config, className);
  await writeAtomic(joinPath(directory, 'config.json'), `${JSON.stringify(json, undefined, 2)}\n`);
  if (adapter !== undefined) return;
  const tensors = [...built.parameters].map(([name, { shape }]) => ({
    name,
    dtype: 'F32' as const,
    shape,
    data: built.arena.weight(name),
  }));
  await writeSafetensors(joinPath(directory, 'model.safetensors'), tensors);
}

/** Reads a saved model's weights into a model, in place; see `model.loadWeights`. */
export async function readWeightsInto({ head, built, adapter }: ModelParts, directory: string): Promise<void> {
  if (adapter !== undefined) {
    await adapter.read(directory, built.parameters, built.arena);
    return;
  }
  const checkpoint = await openCheckpoint(directory);
  try {
    const options = {
      basePrefix: head.architecture.basePrefix,
      tied: head.tied ?? [],
      ignoreMismatchedSizes: false,
    };
    const { sources, fresh } = assignWeights(built.parameters, checkpoint, options);
    if (fresh.length > 0) {
      throw new ModelError('ERR_WEIGHTS', {
        owner: 'model.loadWeights',
        what: `these parameters are not there: ${fresh.join(', ')}`,
        file: checkpoint.file,
        hint: 'give the directory of a model with the same head',
      });
    }
    await readSources(sources, built.arena, checkpoint);
  } finally {
    await checkpoint.close();
  }
}

/** The bytes of all weights that {@link saveModel} writes: the adapter's alone, where there is one. */
export function savedBytes(parts: ModelParts): number {
  const { adapter, built } = parts;
  const names = [...built.parameters.keys()];
  return 4 * countElements(parts, adapter === undefined ? names : names.filter((name) => adapter.holds(name)));
}
