import { addressOf, nativePlatform, openLibrary, type Pointer, packageFile, packageVersion } from '#platform/native';
import { EnvironmentError } from '../../core/errors.ts';
import { leastVersion, type OrtApi, readApi } from './api.ts';
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

/** The package whose library is used where the caller names none. */
const packageName = 'onnxruntime-node';

/** The library's file in the package, for each platform that the package carries. */
const files: Readonly<Record<string, string>> = {
  'linux x64': 'linux/x64/libonnxruntime.so.1',
  'linux arm64': 'linux/arm64/libonnxruntime.so.1',
  'darwin arm64': 'darwin/arm64/libonnxruntime.1.dylib',
  'win32 x64': 'win32/x64/onnxruntime.dll',
  'win32 arm64': 'win32/arm64/onnxruntime.dll',
};

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
export function loadEnvironment(libraryPath?: string): Promise<OrtEnvironment> {
  const key = libraryPath ?? '';
  let environment = environments.get(key);
  if (environment === undefined) {
    environment = makeEnvironment(libraryPath ?? packagedLibrary());
    environments.set(key, environment);
    // A failure is not remembered: the user may install what was missing and try again.
    environment.catch(() => environments.delete(key));
  }
  return environment;
}

async function makeEnvironment(path: string): Promise<OrtEnvironment> {
  const { version, api } = readApi(await openOrExplain(path));
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

async function openOrExplain(path: string) {
  try {
    return await openLibrary(path);
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

const installHint = `run \`npm install ${packageName}@${leastVersion} --ignore-scripts\``;

function packagedLibrary(): string {
  const { os, arch } = nativePlatform();
  const file = files[`${os} ${arch}`];
  if (file === undefined) {
    throw new EnvironmentError('ERR_ONNXRUNTIME_UNAVAILABLE', {
      owner: 'createOnnxRuntimeEngine',
      what: 'ONNX Runtime has no library for this platform',
      got: `${os} ${arch}`,
      expected: `one of ${Object.keys(files).join(', ')}`,
      hint: 'use the WebAssembly engine, or OpenVINO where it is installed',
    });
  }
  const installed = packageVersion(packageName);
  const path = packageFile(packageName, `bin/napi-v6/${file}`);
  if (path !== undefined) return path;
  throw new EnvironmentError('ERR_ONNXRUNTIME_UNAVAILABLE', {
    owner: 'createOnnxRuntimeEngine',
    what:
      installed === undefined
        ? `the package ${packageName} is not installed`
        : `the package ${packageName} ${installed} has no bin/napi-v6/${file}`,
    hint: installHint,
  });
}
