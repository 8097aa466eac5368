import { addressOf, copyFrom, type Pointer, readInt64s } from '#platform/native';
import { allocate } from '../../core/dtypes.ts';
import { RunError } from '../../core/errors.ts';
import type { EngineTensor } from '../engine.ts';
import type { OpenVinoApi } from './api.ts';
import type { ElementTypes } from './elementTypes.ts';
import { check, invalidParameter } from './status.ts';

/** Makes an `ov_tensor_t` over memory that stays ours; the caller frees the tensor. Empty tensors need an address too. */
export function tensorOver(api: OpenVinoApi, code: number, dims: readonly number[], address: Pointer): Pointer {
  // One place more, so that the dims of a scalar have an address.
  const shape = BigInt64Array.from([...dims, 0], BigInt);
  const out = new BigUint64Array(1);
  const status = api.tensor_create_from_host_ptr(
    code,
    { rank: dims.length, dims: addressOf(shape) },
    address,
    addressOf(out),
  );
  check(api, status, 'making a tensor');
  return out[0];
}

/** The dims of an `ov_tensor_t`. */
export function dimsOf(api: OpenVinoApi, tensor: Pointer): number[] {
  const shape = new BigUint64Array(2);
  const status = api.tensor_get_shape(tensor, addressOf(shape));
  // The C API makes no shape of rank 0 (`ov_shape_create` refuses it), so a scalar has none to give.
  if (status === invalidParameter) return [];
  check(api, status, "reading a tensor's shape");
  const dims = shape[0] === 0n ? [] : readInt64s(shape[1], Number(shape[0]));
  api.shape_free(addressOf(shape));
  return dims;
}

/** The elements of a tensor that OpenVINO allocated, in an array of our own. */
export function copyOut(api: OpenVinoApi, types: ElementTypes, name: string, tensor: Pointer): EngineTensor {
  const code = new Int32Array(2);
  check(api, api.tensor_get_element_type(tensor, addressOf(code)), "reading a tensor's element type");
  const type = types.typeOf(code[0]);
  if (type === undefined) {
    throw new RunError('ERR_OPENVINO_RUN', {
      owner: 'OpenVinoSession.run',
      what: `output '${name}' has an element type that cannot be fetched`,
      got: code[0],
    });
  }
  const dims = dimsOf(api, tensor);
  const data = allocate(
    type,
    dims.reduce((product, dim) => product * dim, 1),
  );
  if (data.length > 0) {
    const out = new BigUint64Array(1);
    check(api, api.tensor_data(tensor, addressOf(out)), "reading a tensor's memory");
    copyFrom(out[0], data);
  }
  return { type, dims, data };
}
