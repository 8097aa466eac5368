import { ModelError } from '../core/errors.ts';
import type { Arena } from '../engine/arena.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { writeSafetensors } from '../formats/safetensors-write.ts';
import type { Parameter } from '../graph/parameter.ts';

/** PyTorch's names of AdamW's two moments. */
const moments = ['exp_avg', 'exp_avg_sq'] as const;

/** The bytes of {@link writeOptimizerState}'s file, but for its header. */
export function optimizerStateBytes(arena: Arena, parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { name }) => sum + 2 * arena.weight(name).byteLength, 0);
}

/** Writes the moments of trained parameters, `<parameter>.exp_avg` and `<parameter>.exp_avg_sq`, as safetensors. */
export async function writeOptimizerState(
  path: string,
  arena: Arena,
  parameters: readonly Parameter[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const tensors = parameters.flatMap(({ name, shape }) => {
    const { first, second } = arena.moments(name);
    return [
      { name: `${name}.${moments[0]}`, dtype: 'F32' as const, shape, data: first },
      { name: `${name}.${moments[1]}`, dtype: 'F32' as const, shape, data: second },
    ];
  });
  await writeSafetensors(path, tensors, { format: 'pt', ...metadata });
}

/**
 * Reads moments back, of exactly the parameters that are trained.
 * @throws ModelError where the file has those of other parameters: something else was frozen.
 */
export async function readOptimizerState(
  path: string,
  arena: Arena,
  parameters: readonly Parameter[],
): Promise<Readonly<Record<string, string>>> {
  const file = await openSafetensors(path);
  try {
    const expected = new Set(parameters.flatMap(({ name }) => moments.map((moment) => `${name}.${moment}`)));
    const plain = (names: Iterable<string>) => [
      ...new Set([...names].map((name) => name.replace(/\.exp_avg(_sq)?$/, ''))),
    ];
    const missing = plain([...expected].filter((name) => !file.tensors.has(name)));
    const unexpected = plain([...file.tensors.keys()].filter((name) => !expected.has(name)));
    if (missing.length + unexpected.length > 0) {
      const list = (names: readonly string[]) => `${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''}`;
      throw new ModelError('ERR_OPTIMIZER_STATE', {
        owner: 'resume',
        what: [
          'the checkpoint was made with other parameters in training',
          missing.length > 0 && `trained now, not then: ${list(missing)}`,
          unexpected.length > 0 && `trained then, not now: ${list(unexpected)}`,
        ]
          .filter((part) => part !== false)
          .join('; '),
        file: path,
        hint: 'freeze what was frozen in that run',
      });
    }
    for (const { name, shape } of parameters) {
      const count = shape.reduce<number>((product, dim) => product * Number(dim), 1);
      const [first, second] = [new Float32Array(count), new Float32Array(count)];
      await file.readInto(`${name}.${moments[0]}`, first);
      await file.readInto(`${name}.${moments[1]}`, second);
      arena.setMoments(name, { first, second });
    }
    return file.metadata;
  } finally {
    await file.close();
  }
}
