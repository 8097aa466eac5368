import { addressOf, type Pointer, readString } from '#platform/native';
import { ArgumentError, EnvironmentError } from '../../core/errors.ts';
import type { Precision } from '../engine.ts';
import type { OpenVinoApi } from './api.ts';
import { check, modelError, takeFailure } from './status.ts';

/** The one device that is used. */
const device = 'CPU';

/** How models are compiled. */
export interface CompileSettings {
  readonly precision: Precision;
  readonly threads: number;
  /** How many compiled kernels a session keeps for the shapes it has seen; undefined leaves it to OpenVINO (5,000). */
  readonly cacheCapacity?: number | undefined;
  /** Whether runs measure what each node takes. */
  readonly profile: boolean;
}

/** OpenVINO's word for each precision (`ov::element::Type`). */
const hints: { readonly [precision in Precision]: string } = { float32: 'f32', bf16: 'bf16' };

function properties({ precision, threads, cacheCapacity, profile }: CompileSettings): Record<string, string> {
  return {
    // Always said: left to itself, OpenVINO takes bfloat16 wherever the processor has fast instructions for it.
    INFERENCE_PRECISION_HINT: hints[precision],
    INFERENCE_NUM_THREADS: String(threads),
    PERFORMANCE_HINT: 'LATENCY',
    NUM_STREAMS: '1',
    // The optimizer's threads take the same processors between runs.
    ENABLE_CPU_PINNING: 'NO',
    PERF_COUNT: profile ? 'YES' : 'NO',
    ...(cacheCapacity === undefined ? {} : { CPU_RUNTIME_CACHE_CAPACITY: String(cacheCapacity) }),
  };
}

/**
 * Makes an `ov_core_t` all of whose models are compiled with these settings: they are set once, since the call that
 * takes them with each model is variadic, and cannot run on a thread of its own. Without settings it only reads models.
 */
export function createCore(api: OpenVinoApi, settings?: CompileSettings): Pointer {
  const out = new BigUint64Array(1);
  check(api, api.core_create(addressOf(out)), 'making a core');
  const core = out[0];
  if (settings === undefined) return core;
  for (const [key, value] of Object.entries(properties(settings))) {
    const status = api.core_set_property(core, device, 'const char *', key, 'const char *', value);
    check(api, status, `the setting ${key}`);
  }
  return core;
}

/** What OpenVINO says of the processor: its name, and the precisions it computes in (`FP32`, `BF16`, …). */
export function describeProcessor(api: OpenVinoApi, core: Pointer): { name: string; capabilities: string[] } {
  const property = (key: string) =>
    readText(api, (at) => api.core_get_property(core, device, key, at), `reading ${key}`);
  return { name: property('FULL_DEVICE_NAME'), capabilities: property('OPTIMIZATION_CAPABILITIES').split(' ') };
}

/** Reads an ONNX model, without blocking the event loop; the caller frees it. @throws GraphError where it is refused. */
export async function readModel(api: OpenVinoApi, core: Pointer, bytes: Uint8Array): Promise<Pointer> {
  if (bytes.length === 0) {
    throw new ArgumentError('ERR_ENGINE_MODEL', {
      owner: 'OpenVinoEngine.createSession',
      what: 'the model has no bytes',
      expected: "an ONNX model's bytes",
    });
  }
  const out = new BigUint64Array(1);
  const keep = [bytes, out];
  const failure = takeFailure(
    api,
    await api.core_read_model.async(keep, core, addressOf(bytes), bytes.length, null, addressOf(out)),
  );
  if (failure !== undefined) throw modelError(failure);
  return out[0];
}

/** Compiles a model that was read, without blocking the event loop; the caller frees the result. */
export async function compileModel(
  api: OpenVinoApi,
  core: Pointer,
  model: Pointer,
  precision: Precision,
): Promise<Pointer> {
  const out = new BigUint64Array(1);
  const failure = takeFailure(api, await api.core_compile_model.async(out, core, model, device, 0, addressOf(out)));
  if (failure !== undefined) throw modelError(failure);
  const compiled = out[0];
  const key = 'INFERENCE_PRECISION_HINT';
  const taken = readText(api, (at) => api.compiled_model_get_property(compiled, key, at), `reading ${key}`);
  if (taken !== hints[precision]) {
    await freeAll({ api, compiled });
    throw new EnvironmentError('ERR_ENGINE_PRECISION', {
      owner: 'OpenVinoEngine.createSession',
      what: 'OpenVINO computes in another precision on this processor',
      got: taken,
      expected: hints[precision],
      hint: "take precision 'float32'",
    });
  }
  return compiled;
}

/** Frees what is given, off this thread: ending a model's threads takes a moment. */
export async function freeAll(owned: {
  readonly api: OpenVinoApi;
  readonly request?: Pointer | undefined;
  readonly compiled?: Pointer | undefined;
  readonly model?: Pointer | undefined;
}): Promise<void> {
  const { api, request, compiled, model } = owned;
  if (request !== undefined) await api.infer_request_free.async(undefined, request);
  if (compiled !== undefined) await api.compiled_model_free.async(undefined, compiled);
  if (model !== undefined) await api.model_free.async(undefined, model);
}

/** A text that OpenVINO hands out, which is freed. */
export function readText(api: OpenVinoApi, call: (at: Pointer) => unknown, what: string): string {
  const out = new BigUint64Array(1);
  check(api, call(addressOf(out)), what);
  const text = readString(out[0]);
  api.free(out[0]);
  return text;
}
