import { join } from 'node:path';
import type { Tensor } from '../../src/core/tensor.ts';
import { writeSafetensors } from '../../src/formats/safetensors-write.ts';
import { temporaryFolder } from './tiny.ts';

/** A model whose weights can be told and loaded. */
interface WeightedModel {
  readonly parameters: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  weight(name: string): Tensor<'float32'>;
  loadWeights(directory: string): Promise<void>;
}

/** Changes a model's weights in place, so that a test knows what it will say. `edit` is called with each parameter's numbers. */
export async function editWeights(
  model: WeightedModel,
  edit: (name: string, values: Float32Array) => void,
): Promise<void> {
  const folder = await temporaryFolder();
  const tensors = [...model.parameters].map(([name, { shape }]) => {
    const data = Float32Array.from(model.weight(name).data);
    edit(name, data);
    return { name, dtype: 'F32' as const, shape, data };
  });
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
  await model.loadWeights(folder);
}
