import { addressOf, type NativeFunction, type Pointer, readInt64s } from '#platform/native';
import { GraphError } from '../../core/errors.ts';
import type { Declared } from '../checkTensors.ts';
import type { OpenVinoApi } from './api.ts';
import { readText } from './compile.ts';
import type { OpenVinoEnvironment } from './environment.ts';
import type { OnnxNames } from './onnxNames.ts';
import { check } from './status.ts';

/** The inputs and the outputs of a compiled model, each list in the order of its indices. */
export interface Signature {
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
}

/** Asks a compiled model for its inputs and outputs, and holds their order against the ONNX model's names. */
export function readSignature(environment: OpenVinoEnvironment, compiled: Pointer, names: OnnxNames): Signature {
  const { api } = environment;
  return {
    inputs: readList(environment, compiled, names.inputs, {
      size: api.compiled_model_inputs_size,
      byIndex: api.compiled_model_input_by_index,
      byName: api.compiled_model_input_by_name,
    }),
    outputs: readList(environment, compiled, names.outputs, {
      size: api.compiled_model_outputs_size,
      byIndex: api.compiled_model_output_by_index,
      byName: api.compiled_model_output_by_name,
    }),
  };
}

function readList(
  environment: OpenVinoEnvironment,
  compiled: Pointer,
  names: readonly string[],
  get: { readonly size: NativeFunction; readonly byIndex: NativeFunction; readonly byName: NativeFunction },
): Declared[] {
  const { api } = environment;
  const size = new BigUint64Array(1);
  check(api, get.size(compiled, addressOf(size)), 'counting the inputs or outputs');
  if (Number(size[0]) !== names.length) throw unfit(names.join(', '), `${size[0]} of them in OpenVINO`);
  return names.map((name, index) => {
    // Outputs of one value share their names, so that either may come back: the same one for the same value.
    const named = withPort(
      api,
      (at) => get.byName(compiled, name, at),
      name,
      (port) => anyName(api, port),
    );
    return withPort(
      api,
      (at) => get.byIndex(compiled, index, at),
      name,
      (port) => {
        const found = anyName(api, port);
        if (found !== named) throw unfit(name, `'${found}' in its place in OpenVINO`);
        return describePort(environment, name, port);
      },
    );
  });
}

function withPort<T>(api: OpenVinoApi, find: (at: Pointer) => unknown, name: string, use: (port: Pointer) => T): T {
  const out = new BigUint64Array(1);
  check(api, find(addressOf(out)), `finding '${name}'`);
  const port = out[0];
  try {
    return use(port);
  } finally {
    api.port_free(port);
  }
}

function anyName(api: OpenVinoApi, port: Pointer): string {
  return readText(api, (at) => api.port_get_any_name(port, at), 'reading a name');
}

function describePort({ api, types }: OpenVinoEnvironment, name: string, port: Pointer): Declared {
  const code = new Int32Array(2);
  check(api, api.port_get_element_type(port, addressOf(code)), 'reading a type');
  const type = types.typeOf(code[0]);
  if (type === undefined) throw unfit(name, `element type ${code[0]}`);
  return { name, type, dims: partialDims(api, port) };
}

/** `ov_partial_shape_t` is a rank and an address of dims; each of them is two int64, least and most. Free ones are −1. */
function partialDims(api: OpenVinoApi, port: Pointer): number[] {
  const shape = new BigUint64Array(3);
  check(api, api.port_get_partial_shape(port, addressOf(shape)), 'reading a shape');
  const [rank, most, address] = shape;
  const bounds = rank === most && rank > 0n ? readInt64s(address, 2 * Number(rank)) : [];
  api.partial_shape_free(addressOf(shape));
  return Array.from({ length: bounds.length / 2 }, (_, axis) =>
    bounds[2 * axis] === bounds[2 * axis + 1] ? bounds[2 * axis] : -1,
  );
}

function unfit(name: string, got: string): GraphError {
  return new GraphError('ERR_OPENVINO_MODEL', {
    owner: 'OpenVinoEngine.createSession',
    what: `'${name}' of this model cannot be fed or fetched`,
    got,
    expected: 'tensors of numbers or booleans, in the order of the ONNX model',
  });
}
