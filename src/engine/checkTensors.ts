import { byteSize, type DType } from '../core/dtypes.ts';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import type { EngineTensor } from './engine.ts';

/** What a model declares of one input or output; a dimension that is free is −1. */
export interface Declared {
  readonly name: string;
  readonly type: DType;
  /** Empty for a scalar, and where nothing is known of the shape. */
  readonly dims: readonly number[];
}

/** What a list of tensors is for, as messages name it. */
type Role = 'input' | 'output';

/**
 * Holds a tensor that is fed, or written into, against what the model declares.
 * @throws ArgumentError where its type, rank, a fixed dimension or the number of its elements does not fit.
 */
function checkTensor(owner: string, role: Role, declared: Declared, { type, dims, data }: EngineTensor): void {
  const { name } = declared;
  if (type !== declared.type) {
    throw new ArgumentError('ERR_ENGINE_TYPE', {
      owner,
      what: `${role} '${name}' is of the wrong element type`,
      got: type,
      expected: declared.type,
    });
  }
  if (data.BYTES_PER_ELEMENT !== byteSize(type)) {
    throw new ArgumentError('ERR_ENGINE_TYPE', {
      owner,
      what: `${role} '${name}' is ${type}, but its array has elements of another size`,
      got: data.BYTES_PER_ELEMENT,
      expected: `${byteSize(type)} bytes`,
    });
  }
  // A tensor declared without any shape looks like a scalar here; the native library knows better and checks by itself.
  const fits =
    declared.dims.length === 0 ||
    (dims.length === declared.dims.length && declared.dims.every((dim, axis) => dim < 0 || dim === dims[axis]));
  if (!fits) {
    throw new ArgumentError('ERR_ENGINE_SHAPE', {
      owner,
      what: `${role} '${name}' has a shape that the model does not take`,
      got: dims,
      expected: `[${declared.dims.map((dim) => (dim < 0 ? 'any' : dim)).join(', ')}]`,
    });
  }
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || data.length !== length) {
    throw new ArgumentError('ERR_ENGINE_SHAPE', {
      owner,
      what: `${role} '${name}' has dims [${dims.join(', ')}] that its data does not fill`,
      got: data.length,
      expected: `${length} elements`,
    });
  }
}

/**
 * Holds the names of what is given against those of the model: outputs may be any of them, inputs must be all.
 * @throws ArgumentError for a name that the model does not have, an input that is not given, and no output at all.
 */
function checkNames(
  owner: string,
  role: Role,
  declared: ReadonlyMap<string, Declared>,
  given: readonly string[],
): void {
  for (const name of given) {
    if (declared.has(name)) continue;
    const meant = didYouMean(name, declared.keys());
    throw new ArgumentError('ERR_ENGINE_NAME', {
      owner,
      what: `the model has no ${role} of this name`,
      got: name,
      expected: `one of ${[...declared.keys()].join(', ')}`,
      hint: meant === undefined ? undefined : `did you mean '${meant}'?`,
    });
  }
  if (role === 'output') {
    if (given.length > 0) return;
    throw new ArgumentError('ERR_ENGINE_NAME', {
      owner,
      what: 'no output is asked for',
      hint: `name at least one of ${[...declared.keys()].join(', ')}`,
    });
  }
  // Names are unique and all known by now, so as many as the model's are all of them.
  if (given.length === declared.size) return;
  const missing = [...declared.keys()].filter((name) => !given.includes(name));
  throw new ArgumentError('ERR_ENGINE_NAME', {
    owner,
    what: `${missing.length === 1 ? 'an input is' : 'inputs are'} missing`,
    got: given.join(', '),
    expected: `${missing.join(', ')} as well`,
  });
}

/**
 * Holds all that a run is given against the model's inputs and outputs.
 * @param owner who refuses: `'OnnxRuntimeSession.run'`.
 * @throws ArgumentError as {@link checkNames} and {@link checkTensor} say.
 */
export function checkRun(
  owner: string,
  declared: {
    readonly inputs: ReadonlyMap<string, Declared>;
    readonly outputs: ReadonlyMap<string, Declared>;
  },
  inputs: Readonly<Record<string, EngineTensor>>,
  outputs: Readonly<Record<string, EngineTensor | 'allocate'>>,
): void {
  checkNames(owner, 'input', declared.inputs, Object.keys(inputs));
  checkNames(owner, 'output', declared.outputs, Object.keys(outputs));
  for (const [name, input] of declared.inputs) checkTensor(owner, 'input', input, inputs[name]);
  for (const [name, output] of Object.entries(outputs)) {
    if (output !== 'allocate') checkTensor(owner, 'output', declared.outputs.get(name)!, output);
  }
}
