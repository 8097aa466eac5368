import { addressOf, type NativeFunction, type Pointer, readString } from '#platform/native';
import type { DType } from '../../core/dtypes.ts';
import { GraphError } from '../../core/errors.ts';
import type { Declared } from '../checkTensors.ts';
import { elementType } from './elementTypes.ts';
import type { OrtEnvironment } from './environment.ts';
import { check } from './status.ts';

/** The inputs and the outputs of a loaded model, in its order. */
export interface Signature {
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
}

/** Asks a session for its inputs and outputs. */
export function readSignature(environment: OrtEnvironment, session: Pointer): Signature {
  const { api } = environment;
  return {
    inputs: readList(environment, session, {
      count: api.SessionGetInputCount,
      name: api.SessionGetInputName,
      typeInfo: api.SessionGetInputTypeInfo,
    }),
    outputs: readList(environment, session, {
      count: api.SessionGetOutputCount,
      name: api.SessionGetOutputName,
      typeInfo: api.SessionGetOutputTypeInfo,
    }),
  };
}

function readList(
  { api, allocator }: OrtEnvironment,
  session: Pointer,
  get: { readonly count: NativeFunction; readonly name: NativeFunction; readonly typeInfo: NativeFunction },
): Declared[] {
  const out = new BigUint64Array(1);
  const at = addressOf(out);
  check(api, get.count(session, at), 'counting the inputs or outputs');
  return Array.from({ length: Number(out[0]) }, (_, index) => {
    check(api, get.name(session, index, allocator, at), 'reading a name');
    const name = readString(out[0]);
    check(api, api.AllocatorFree(allocator, out[0]), 'AllocatorFree');
    check(api, get.typeInfo(session, index, at), 'reading a type');
    const typeInfo = out[0];
    try {
      check(api, api.CastTypeInfoToTensorInfo(typeInfo, at), 'CastTypeInfoToTensorInfo');
      if (out[0] === 0n) throw unfit(name, 'a sequence, map or optional');
      const { type, code, dims } = readTypeAndShape(api, out[0]);
      if (type === undefined) throw unfit(name, `element type ${code}`);
      return { name, type, dims };
    } finally {
      api.ReleaseTypeInfo(typeInfo);
    }
  });
}

function unfit(name: string, got: string): GraphError {
  return new GraphError('ERR_ONNXRUNTIME_MODEL', {
    owner: 'OnnxRuntimeEngine.createSession',
    what: `'${name}' of this model is of a kind that cannot be fed or fetched`,
    got,
    expected: 'a tensor of numbers or booleans',
  });
}

/** Reads an `OrtTensorTypeAndShapeInfo`: its element type (undefined where it has no place here) and dims. */
export function readTypeAndShape(
  api: OrtEnvironment['api'],
  info: Pointer,
): { readonly type: DType | undefined; readonly code: number; readonly dims: number[] } {
  const element = new Int32Array(2);
  check(api, api.GetTensorElementType(info, addressOf(element)), 'GetTensorElementType');
  const rank = new BigUint64Array(1);
  check(api, api.GetDimensionsCount(info, addressOf(rank)), 'GetDimensionsCount');
  const dims = new BigInt64Array(Number(rank[0]));
  if (dims.length > 0) check(api, api.GetDimensions(info, addressOf(dims), dims.length), 'GetDimensions');
  return { type: elementType(element[0]), code: element[0], dims: Array.from(dims, Number) };
}
