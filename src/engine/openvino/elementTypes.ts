import { addressOf, type Pointer } from '#platform/native';
import { byteSize, type DType } from '../../core/dtypes.ts';
import { EnvironmentError } from '../../core/errors.ts';
import { encodeOnnx, onnxElementType } from '../../formats/onnx.ts';
import type { OpenVinoApi, OpenVinoLibrary } from './api.ts';
import { freeAll, readModel } from './compile.ts';
import { check } from './status.ts';
import { tensorOver } from './tensors.ts';
import { installHint } from './versions.ts';

/** The numbers by which a loaded OpenVINO knows element types (`ov_element_type_e`). */
export interface ElementTypes {
  codeOf(type: DType): number;
  /** Undefined for one that has no place here (texts, float8, int4). */
  typeOf(code: number): DType | undefined;
}

const dtypes = Object.keys(onnxElementType) as DType[];

/**
 * Asks the library itself for its numbers, since they changed between releases: what it makes of a model with an input of
 * each type, and how many bytes a small tensor of that number has.
 * @throws EnvironmentError where the two do not fit together.
 */
export async function probeElementTypes({ api, path, version }: OpenVinoLibrary, core: Pointer): Promise<ElementTypes> {
  const model = await readModel(api, core, identities);
  const codes = new Map<DType, number>();
  try {
    for (const type of dtypes) codes.set(type, inputCode(api, model, type));
  } finally {
    await freeAll({ api, model });
  }
  const types = new Map([...codes].map(([type, code]) => [code, type]));
  const unfit = dtypes.find((type) => bytesOfTwo(api, codes.get(type)!) !== 2 * byteSize(type));
  if (unfit !== undefined || types.size !== dtypes.length) {
    throw new EnvironmentError('ERR_OPENVINO_UNAVAILABLE', {
      owner: 'createOpenVinoEngine',
      what: `the element types of OpenVINO ${version} are not those of its own models`,
      got: Object.fromEntries(codes),
      file: path,
      hint: installHint,
    });
  }
  return { codeOf: (type) => codes.get(type)!, typeOf: (code) => types.get(code) };
}

/** One input of each type, named as the type, and each given back. */
const identities = encodeOnnx({
  graphName: 'types',
  nodes: dtypes.map((type) => ({
    type: 'Identity',
    domain: '',
    inputs: [type],
    outputs: [`${type} again`],
    attributes: {},
    name: `identity of ${type}`,
  })),
  inputs: dtypes.map((dtype) => ({ name: dtype, dtype, shape: [2] })),
  outputs: dtypes.map((dtype) => ({ name: `${dtype} again`, dtype, shape: [2] })),
  initializers: [],
});

function inputCode(api: OpenVinoApi, model: Pointer, name: string): number {
  const out = new BigUint64Array(1);
  check(api, api.model_input_by_name(model, name, addressOf(out)), `finding the input of type ${name}`);
  const port = out[0];
  try {
    const code = new Int32Array(2);
    check(api, api.port_get_element_type(port, addressOf(code)), 'reading an element type');
    return code[0];
  } finally {
    api.port_free(port);
  }
}

function bytesOfTwo(api: OpenVinoApi, code: number): number {
  const memory = new Float64Array(2);
  const tensor = tensorOver(api, code, [2], addressOf(memory));
  try {
    const size = new BigUint64Array(1);
    check(api, api.tensor_get_byte_size(tensor, addressOf(size)), 'reading the size of a tensor');
    return Number(size[0]);
  } finally {
    api.tensor_free(tensor);
  }
}
