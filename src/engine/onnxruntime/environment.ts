import { addressOf, nativePlatform, openLibrary, type Pointer, packageFile, packageVersion } from '#platform/native';
import { remembered } from '../../core/concurrency.ts';
import { EnvironmentError } from '../../core/errors.ts';
import { type OrtApi, type OrtLibrary, readApi } from './api.ts';
import { installHint, packagedLibrary } from './library.ts';
import { check } from './status.ts';

/** One loaded ONNX Runtime with its process-wide objects; none of them is ever released. */
export interface OrtEnvironment {
  readonly version: string;
  readonly api: OrtApi;
  readonly env: Pointer;
  /** Describes memory that belongs to us, for values over typed arrays. */
  readonly memoryInfo: Pointer;
  /** Frees the names that sessions hand out. */
  readonly allocator: Pointer;
}

/**
 * ONNX Runtime prints nothing of its own: what it reports at the levels below is in the status that a call returns,
 * and becomes the error that we throw.
 */
const fatalOnly = 4;

const environments = new Map<string, Promise<OrtEnvironment>>();

/**
 * Loads ONNX Runtime once a process and library, and makes its environment. Nothing is released at the end of the
 * process: a run may still be under way then, on threads that use it.
 * @param libraryPath the shared library; where absent, the one that the npm package brings.
 * @throws EnvironmentError `ERR_ONNXRUNTIME_UNAVAILABLE` where the library is missing, damaged, too old, or made for another system.
 */
export async function loadEnvironment(libraryPath?: string): Promise<OrtEnvironment> {
  const path = libraryPath ?? packagedLibrary(nativePlatform(), { packageFile, packageVersion });
  return remembered(environments, path, () => makeEnvironment(path));
}

async function makeEnvironment(path: string): Promise<OrtEnvironment> {
  const { version, api } = await open(path);
  const out = new BigUint64Array(1);
  check(api, await api.CreateEnv.async(out, fatalOnly, 'fettle', addressOf(out)), 'CreateEnv');
  const env = out[0];
  check(api, api.DisableTelemetryEvents(env), 'DisableTelemetryEvents');
  const deviceAllocator = 0;
  const defaultMemory = 0;
  check(api, api.CreateCpuMemoryInfo(deviceAllocator, defaultMemory, addressOf(out)), 'CreateCpuMemoryInfo');
  const memoryInfo = out[0];
  check(api, api.GetAllocatorWithDefaultOptions(addressOf(out)), 'GetAllocatorWithDefaultOptions');
  return { version, api, env, memoryInfo, allocator: out[0] };
}

async function open(path: string): Promise<OrtLibrary> {
  try {
    return readApi(await openLibrary(path));
  } catch (cause) {
    if (!(cause instanceof EnvironmentError) || cause.code !== 'ERR_NATIVE_LIBRARY') throw cause;
    const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
    throw new EnvironmentError('ERR_ONNXRUNTIME_UNAVAILABLE', {
      owner: 'createOnnxRuntimeEngine',
      what: `ONNX Runtime's library cannot be loaded: ${reason}`,
      file: path,
      hint: `${installHint} (on Alpine and other musl systems there is none: take the WebAssembly engine)`,
      cause,
    });
  }
}
