import { addressOf, type NativeFunction, type NativeLibrary, readString, type StructTypes } from '#platform/native';
import { EnvironmentError } from '../../core/errors.ts';
import { installHint, isTested, testedRange } from './versions.ts';

/**
 * The functions of OpenVINO's C API (`openvino/c/*.h`) that are used here. All but a few return an `ov_status_e`: 0, or a
 * negative number. `Shape` is `ov_shape_t`, the one struct that is given by value.
 */
const functions = {
  get_last_err_msg: 'void *ov_get_last_err_msg()',
  get_error_info: 'const char *ov_get_error_info(int)',
  free: 'void ov_free(void *)',
  core_create: 'int ov_core_create(void *)',
  core_set_property: 'int ov_core_set_property(void *, const char *, ...)',
  core_get_property: 'int ov_core_get_property(void *, const char *, const char *, void *)',
  core_read_model: 'int ov_core_read_model_from_memory_buffer(void *, void *, size_t, void *, void *)',
  // Variadic in C; without properties there is nothing behind the named parameters.
  core_compile_model: 'int ov_core_compile_model(void *, void *, const char *, size_t, void *)',
  model_free: 'void ov_model_free(void *)',
  model_input_by_name: 'int ov_model_const_input_by_name(void *, const char *, void *)',
  compiled_model_free: 'void ov_compiled_model_free(void *)',
  compiled_model_inputs_size: 'int ov_compiled_model_inputs_size(void *, void *)',
  compiled_model_outputs_size: 'int ov_compiled_model_outputs_size(void *, void *)',
  compiled_model_input_by_index: 'int ov_compiled_model_input_by_index(void *, size_t, void *)',
  compiled_model_output_by_index: 'int ov_compiled_model_output_by_index(void *, size_t, void *)',
  compiled_model_input_by_name: 'int ov_compiled_model_input_by_name(void *, const char *, void *)',
  compiled_model_output_by_name: 'int ov_compiled_model_output_by_name(void *, const char *, void *)',
  compiled_model_get_property: 'int ov_compiled_model_get_property(void *, const char *, void *)',
  compiled_model_create_infer_request: 'int ov_compiled_model_create_infer_request(void *, void *)',
  port_get_any_name: 'int ov_port_get_any_name(void *, void *)',
  port_get_element_type: 'int ov_port_get_element_type(void *, void *)',
  port_get_partial_shape: 'int ov_port_get_partial_shape(void *, void *)',
  partial_shape_free: 'void ov_partial_shape_free(void *)',
  port_free: 'void ov_output_const_port_free(void *)',
  tensor_create_from_host_ptr: 'int ov_tensor_create_from_host_ptr(int, Shape, void *, void *)',
  tensor_get_shape: 'int ov_tensor_get_shape(void *, void *)',
  tensor_get_element_type: 'int ov_tensor_get_element_type(void *, void *)',
  tensor_get_byte_size: 'int ov_tensor_get_byte_size(void *, void *)',
  tensor_data: 'int ov_tensor_data(void *, void *)',
  tensor_free: 'void ov_tensor_free(void *)',
  shape_free: 'int ov_shape_free(void *)',
  infer_request_free: 'void ov_infer_request_free(void *)',
  infer_request_get_profiling_info: 'int ov_infer_request_get_profiling_info(void *, void *)',
  profiling_info_list_free: 'void ov_profiling_info_list_free(void *)',
  infer_request_infer: 'int ov_infer_request_infer(void *)',
  infer_request_set_input_tensor: 'int ov_infer_request_set_input_tensor_by_index(void *, size_t, void *)',
  infer_request_set_output_tensor: 'int ov_infer_request_set_output_tensor_by_index(void *, size_t, void *)',
  infer_request_get_output_tensor: 'int ov_infer_request_get_output_tensor_by_index(void *, size_t, void *)',
} as const;

const structs: StructTypes = { Shape: { rank: 'int64_t', dims: 'void *' } };

/** The functions of OpenVINO's C API that are used here, by their names without `ov_`. */
export type OpenVinoApi = { readonly [name in keyof typeof functions]: NativeFunction };

/** A loaded OpenVINO library. */
export interface OpenVinoLibrary {
  readonly path: string;
  /** `'2026.4.1'` */
  readonly version: string;
  readonly api: OpenVinoApi;
}

/**
 * Looks the functions up in an opened library.
 * @throws EnvironmentError where it is no OpenVINO, or one outside of {@link testedRange}.
 */
export function readApi(library: NativeLibrary): OpenVinoLibrary {
  const version = readVersion(library);
  if (!isTested(version)) {
    throw new EnvironmentError('ERR_OPENVINO_UNAVAILABLE', {
      owner: 'createOpenVinoEngine',
      what: 'this OpenVINO is of a version that was not tested',
      got: version,
      expected: testedRange,
      file: library.path,
      hint: installHint,
    });
  }
  const entries = Object.entries(functions).map(([name, prototype]) => [name, library.func(prototype, structs)]);
  return { path: library.path, version, api: Object.fromEntries(entries) as OpenVinoApi };
}

/** `ov_version_t` is two texts, the build's number (`2026.4.1-22982-e213a147257-releases/2026/4`) and a description. */
function readVersion(library: NativeLibrary): string {
  const version = new BigUint64Array(2);
  const status = library.func('int ov_get_openvino_version(void *)')(addressOf(version));
  if (status !== 0 || version[0] === 0n) return 'unknown';
  const build = readString(version[0]);
  library.func('void ov_version_free(void *)')(addressOf(version));
  return build.split('-')[0];
}
