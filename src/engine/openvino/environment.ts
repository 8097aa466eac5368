import { returnLargeBlocks } from '#platform/memory';
import { openLibrary } from '#platform/native';
import { remembered } from '../../core/concurrency.ts';
import { EnvironmentError } from '../../core/errors.ts';
import { encodeOnnx } from '../../formats/onnx.ts';
import { type OpenVinoLibrary, readApi } from './api.ts';
import { compileModel, createCore, describeProcessor, freeAll, readModel } from './compile.ts';
import { type ElementTypes, probeElementTypes } from './elementTypes.ts';
import { findLibraries } from './find.ts';
import { InferRequest } from './request.ts';
import { takeFailure } from './status.ts';
import { copyOut } from './tensors.ts';
import { installHint, isTested, testedRange, versionInName } from './versions.ts';

/** One loaded OpenVINO, whose numbers for element types are known. */
export interface OpenVinoEnvironment extends OpenVinoLibrary {
  readonly types: ElementTypes;
  readonly processor: { readonly name: string; readonly capabilities: readonly string[] };
}

const environments = new Map<string, Promise<OpenVinoEnvironment>>();

/**
 * Loads OpenVINO once a process and library, and tries it out. Nothing is released at the end of the process: a run may
 * still be under way then, on threads that use it.
 * @param libraryPath the library or a folder with it; where absent, the first that is found and fits.
 * @throws EnvironmentError `ERR_OPENVINO_UNAVAILABLE` where there is none, or none that fits: the message names them.
 */
export async function loadEnvironment(libraryPath?: string): Promise<OpenVinoEnvironment> {
  const refused: string[] = [];
  const found = await findLibraries(libraryPath);
  for (const { path, chosen } of found) {
    try {
      return await loadAt(path);
    } catch (error) {
      // What was asked for by name is not replaced by another one.
      if (chosen || !(error instanceof EnvironmentError)) throw error;
      refused.push(error.message);
    }
  }
  throw new EnvironmentError('ERR_OPENVINO_UNAVAILABLE', {
    owner: 'createOpenVinoEngine',
    what: refused.length === 0 ? 'OpenVINO is not found' : `no OpenVINO that is found fits: ${refused.join('. ')}`,
    hint: installHint,
  });
}

/** Loads the library at a path, see {@link loadEnvironment}. */
export function loadAt(path: string): Promise<OpenVinoEnvironment> {
  return remembered(environments, path, () => makeEnvironment(path));
}

async function makeEnvironment(path: string): Promise<OpenVinoEnvironment> {
  const library = await open(path);
  // It takes scratch of another size for each new shape.
  await returnLargeBlocks();
  const core = createCore(library.api);
  const types = await probeElementTypes(library, core);
  const environment = { ...library, types, processor: describeProcessor(library.api, core) };
  await tryOut(environment);
  return environment;
}

async function open(path: string): Promise<OpenVinoLibrary> {
  const version = versionInName(path);
  if (version !== undefined && !isTested(version)) {
    throw new EnvironmentError('ERR_OPENVINO_UNAVAILABLE', {
      owner: 'createOpenVinoEngine',
      what: 'this OpenVINO is of a version that was not tested',
      got: version,
      expected: testedRange,
      file: path,
      hint: installHint,
    });
  }
  try {
    return readApi(await openLibrary(path));
  } catch (cause) {
    if (!(cause instanceof EnvironmentError) || cause.code !== 'ERR_NATIVE_LIBRARY') throw cause;
    const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
    throw new EnvironmentError('ERR_OPENVINO_UNAVAILABLE', {
      owner: 'createOpenVinoEngine',
      what: `OpenVINO's library cannot be loaded: ${reason}`,
      file: path,
      hint: installHint,
      cause,
    });
  }
}

/** Numbers of several types, halves among them, must come back from a compiled model as they went in. */
async function tryOut(environment: OpenVinoEnvironment): Promise<void> {
  const { api, path, version } = environment;
  const core = createCore(api, { precision: 'float32', threads: 1, profile: false });
  const model = await readModel(api, core, echo);
  const compiled = await compileModel(api, core, model, 'float32');
  const request = new InferRequest(environment, compiled);
  try {
    for (const [index, { type, data }] of sent.entries())
      request.place('input', index, { type, dims: [data.length], data });
    const failure = takeFailure(api, await api.infer_request_infer.async(sent, request.handle));
    const came = sent.map(({ type }, index) =>
      failure === undefined
        ? request.output(index, (tensor) => copyOut(api, environment.types, type, tensor))
        : undefined,
    );
    const same = sent.every(({ type, data }, i) => came[i]?.type === type && String(came[i].data) === String(data));
    if (same) return;
    throw new EnvironmentError('ERR_OPENVINO_UNAVAILABLE', {
      owner: 'createOpenVinoEngine',
      what: `OpenVINO ${version} does not give back what it was given${failure === undefined ? '' : `: ${failure}`}`,
      file: path,
      hint: installHint,
    });
  } finally {
    await freeAll({ api, request: request.handle, compiled, model });
  }
}

const sent = [
  { type: 'float32', data: Float32Array.of(1.5, -2e-3) },
  { type: 'bfloat16', data: Uint16Array.of(0x3fc0, 0xbb03) },
  { type: 'int64', data: BigInt64Array.of(2n ** 31n - 1n, -7n) },
  { type: 'uint8', data: Uint8Array.of(0, 200) },
] as const;

const echo = encodeOnnx({
  graphName: 'echo',
  nodes: sent.map(({ type }) => ({
    type: 'Identity',
    domain: '',
    inputs: [type],
    outputs: [`${type} again`],
    attributes: {},
    name: `echo of ${type}`,
  })),
  inputs: sent.map(({ type }) => ({ name: type, dtype: type, shape: ['n'] })),
  outputs: sent.map(({ type }) => ({ name: `${type} again`, dtype: type, shape: ['n'] })),
  initializers: [],
});
