import { type NativeFunction, type NativeLibrary, type Pointer, readPointer } from '#platform/native';
import { EnvironmentError } from '../../core/errors.ts';

/**
 * The version of the C API that is asked for: the one all functions below stand in. Every later ONNX Runtime still
 * hands it out, since functions are only ever added at the table's end.
 */
const apiVersion = 17;

/**
 * The functions used here: where each stands in the table `OrtApi` of `onnxruntime_c_api.h` (counted from 0), and its
 * prototype. A status is NULL or a pointer to an `OrtStatus`. On every 64-bit system `ORT_API_CALL` is the C convention.
 */
const functions = {
  GetErrorCode: [1, 'int GetErrorCode(void *)'],
  GetErrorMessage: [2, 'const char *GetErrorMessage(void *)'],
  CreateEnv: [3, 'void *CreateEnv(int, const char *, void *)'],
  DisableTelemetryEvents: [6, 'void *DisableTelemetryEvents(void *)'],
  CreateSessionFromArray: [8, 'void *CreateSessionFromArray(void *, void *, size_t, void *, void *)'],
  Run: [9, 'void *Run(void *, void *, void *, void *, size_t, void *, size_t, void *)'],
  CreateSessionOptions: [10, 'void *CreateSessionOptions(void *)'],
  SetSessionExecutionMode: [13, 'void *SetSessionExecutionMode(void *, int)'],
  EnableProfiling: [14, 'void *EnableProfiling(void *, void *)'],
  DisableMemPattern: [17, 'void *DisableMemPattern(void *)'],
  EnableCpuMemArena: [18, 'void *EnableCpuMemArena(void *)'],
  SetSessionLogSeverityLevel: [22, 'void *SetSessionLogSeverityLevel(void *, int)'],
  SetSessionGraphOptimizationLevel: [23, 'void *SetSessionGraphOptimizationLevel(void *, int)'],
  SetIntraOpNumThreads: [24, 'void *SetIntraOpNumThreads(void *, int)'],
  SetInterOpNumThreads: [25, 'void *SetInterOpNumThreads(void *, int)'],
  SessionGetInputCount: [30, 'void *SessionGetInputCount(void *, void *)'],
  SessionGetOutputCount: [31, 'void *SessionGetOutputCount(void *, void *)'],
  SessionGetInputTypeInfo: [33, 'void *SessionGetInputTypeInfo(void *, size_t, void *)'],
  SessionGetOutputTypeInfo: [34, 'void *SessionGetOutputTypeInfo(void *, size_t, void *)'],
  SessionGetInputName: [36, 'void *SessionGetInputName(void *, size_t, void *, void *)'],
  SessionGetOutputName: [37, 'void *SessionGetOutputName(void *, size_t, void *, void *)'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void *CreateTensorWithDataAsOrtValue(void *, void *, size_t, void *, size_t, int, void *)',
  ],
  GetTensorMutableData: [51, 'void *GetTensorMutableData(void *, void *)'],
  CastTypeInfoToTensorInfo: [55, 'void *CastTypeInfoToTensorInfo(void *, void *)'],
  GetTensorElementType: [60, 'void *GetTensorElementType(void *, void *)'],
  GetDimensionsCount: [61, 'void *GetDimensionsCount(void *, void *)'],
  GetDimensions: [62, 'void *GetDimensions(void *, void *, size_t)'],
  GetTensorTypeAndShape: [65, 'void *GetTensorTypeAndShape(void *, void *)'],
  CreateCpuMemoryInfo: [69, 'void *CreateCpuMemoryInfo(int, int, void *)'],
  AllocatorFree: [76, 'void *AllocatorFree(void *, void *)'],
  GetAllocatorWithDefaultOptions: [78, 'void *GetAllocatorWithDefaultOptions(void *)'],
  ReleaseStatus: [93, 'void ReleaseStatus(void *)'],
  ReleaseSession: [95, 'void ReleaseSession(void *)'],
  ReleaseValue: [96, 'void ReleaseValue(void *)'],
  ReleaseTypeInfo: [98, 'void ReleaseTypeInfo(void *)'],
  ReleaseTensorTypeAndShapeInfo: [99, 'void ReleaseTensorTypeAndShapeInfo(void *)'],
  ReleaseSessionOptions: [100, 'void ReleaseSessionOptions(void *)'],
  SessionEndProfiling: [110, 'void *SessionEndProfiling(void *, void *, void *)'],
  AddSessionConfigEntry: [130, 'void *AddSessionConfigEntry(void *, const char *, const char *)'],
  AddExternalInitializers: [210, 'void *AddExternalInitializers(void *, void *, void *, size_t)'],
  GetSessionConfigEntry: [238, 'void *GetSessionConfigEntry(void *, const char *, void *, void *)'],
  GetBuildInfoString: [254, 'const char *GetBuildInfoString()'],
} as const;

/** The functions of ONNX Runtime's C API that are used here, by their own names. */
export type OrtApi = { readonly [name in keyof typeof functions]: NativeFunction };

/** The oldest ONNX Runtime that this engine was tested with. */
export const leastVersion = '1.30.0';

/** A loaded ONNX Runtime library's version and function table. */
export interface OrtLibrary {
  readonly version: string;
  readonly api: OrtApi;
}

/**
 * Reads the function table out of an opened library.
 * @throws EnvironmentError where it is no ONNX Runtime, or older than {@link leastVersion}.
 */
export function readApi(library: NativeLibrary): OrtLibrary {
  const base = library.func('void *OrtGetApiBase()')() as Pointer;
  const getApi = library.functionAt(readPointer(base, 0) as Pointer, 'void *GetApi(uint32_t)');
  const getVersionString = library.functionAt(readPointer(base, 1) as Pointer, 'const char *GetVersionString()');
  const version = getVersionString() as string;
  // The table is asked for only from a library that is new enough: an older one would print a line of its own.
  if (!isAtLeast(version, leastVersion)) {
    throw new EnvironmentError('ERR_ONNXRUNTIME_UNAVAILABLE', {
      owner: 'createOnnxRuntimeEngine',
      what: 'this ONNX Runtime is too old',
      got: version,
      expected: `${leastVersion} or later`,
      file: library.path,
      hint: `run \`npm install onnxruntime-node@${leastVersion} --ignore-scripts\``,
    });
  }
  const table = getApi(apiVersion) as Pointer;
  const entries = Object.entries(functions).map(([name, [index, prototype]]) => [
    name,
    library.functionAt(readPointer(table, index) as Pointer, prototype),
  ]);
  return { version, api: Object.fromEntries(entries) as OrtApi };
}

function isAtLeast(version: string, least: string): boolean {
  const parts = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [have, want] = [parts(version), parts(least)];
  for (let i = 0; i < want.length; i++) {
    if ((have[i] ?? 0) !== want[i]) return (have[i] ?? 0) > want[i];
  }
  return true;
}
