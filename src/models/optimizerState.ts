import { ModelError } from '../core/errors.ts';
import type { Arena } from '../engine/arena.ts';
import type { Optimizer } from '../engine/optimizers.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { writeSafetensors } from '../formats/safetensors-write.ts';
import type { Parameter } from '../graph/parameter.ts';

/** The arena's arrays of a parameter, by an optimizer's names of what it keeps there. */
function stateOf(arena: Arena, optimizer: Optimizer, name: string): [string, Float32Array][] {
  const { first, second } = arena.moments(name);
  const arrays = [first, second];
  return optimizer.state.map((kept, i) => [`${name}.${kept}`, arrays[i]]);
}

/** The bytes of {@link writeOptimizerState}'s file, but for its header. */
export function optimizerStateBytes(arena: Arena, parameters: readonly Parameter[], optimizer: Optimizer): number {
  return parameters.reduce((sum, { name }) => sum + optimizer.state.length * arena.weight(name).byteLength, 0);
}

/**
 * Writes the state of trained parameters as safetensors, by PyTorch's names: `<parameter>.exp_avg` and
 * `<parameter>.exp_avg_sq` of AdamW, `<parameter>.momentum_buffer` of SGD with momentum, nothing of SGD without.
 */
export async function writeOptimizerState(
  path: string,
  arena: Arena,
  parameters: readonly Parameter[],
  optimizer: Optimizer,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const tensors = parameters.flatMap(({ name, shape }) =>
    stateOf(arena, optimizer, name).map(([full, data]) => ({ name: full, dtype: 'F32' as const, shape, data })),
  );
  await writeSafetensors(path, tensors, { format: 'pt', ...metadata });
}

/**
 * Reads an optimizer's state back, of exactly the parameters that are trained.
 * @throws ModelError where the file has another optimizer's, or that of other parameters: something else was frozen.
 */
export async function readOptimizerState(
  path: string,
  arena: Arena,
  parameters: readonly Parameter[],
  optimizer: Optimizer,
): Promise<Readonly<Record<string, string>>> {
  const file = await openSafetensors(path);
  try {
    const kept = [...new Set([...file.tensors.keys()].map((name) => name.slice(name.lastIndexOf('.') + 1)))];
    if (kept.some((name) => !optimizer.state.includes(name)) || (kept.length === 0 && optimizer.state.length > 0)) {
      throw new ModelError('ERR_OPTIMIZER_STATE', {
        owner: 'resume',
        what: 'the checkpoint was made with another optimizer',
        got: kept.length === 0 ? 'no state' : kept.join(', '),
        expected: optimizer.state.length === 0 ? 'no state' : optimizer.state.join(', '),
        file: path,
        hint: `train with that run's optim, or begin anew`,
      });
    }
    const expected = new Set(parameters.flatMap(({ name }) => optimizer.state.map((each) => `${name}.${each}`)));
    const plain = (names: Iterable<string>) => [
      ...new Set([...names].map((name) => name.slice(0, name.lastIndexOf('.')))),
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
    for (const { name } of parameters) {
      const read: Float32Array[] = [];
      for (const [full, { length }] of stateOf(arena, optimizer, name)) {
        const array = new Float32Array(length);
        await file.readInto(full, array);
        read.push(array);
      }
      const [first, second] = read;
      if (first !== undefined) arena.setMoments(name, { first, second });
    }
    return file.metadata;
  } finally {
    await file.close();
  }
}
