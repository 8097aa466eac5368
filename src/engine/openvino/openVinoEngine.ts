import type { Pointer } from '#platform/native';
import { availableThreads } from '#platform/workers';
import { ArgumentError, EnvironmentError } from '../../core/errors.ts';
import { withConstantsInside } from '../../formats/onnxConstants.ts';
import type { Engine, Precision } from '../engine.ts';
import { type CompileSettings, compileModel, createCore, freeAll, readModel } from './compile.ts';
import { loadEnvironment, type OpenVinoEnvironment } from './environment.ts';
import { readOnnxNames } from './onnxNames.ts';
import { OpenVinoSession } from './session.ts';

export interface OpenVinoOptions {
  /** `'float32'` by default; `'bf16'` is faster where the processor has instructions for it. */
  readonly precision?: Precision | undefined;
  /** Threads that one run uses; by default as many as this process may use (affinity and container limits heeded). */
  readonly threads?: number | undefined;
  /**
   * The library `libopenvino_c`, or a folder that holds it. By default what `FETTLE_OPENVINO` names, or the first that is
   * found among the Python packages, npm's `openvino-node` and the folders where systems keep libraries.
   */
  readonly libraryPath?: string | undefined;
  /**
   * A cap on what a session keeps for the shapes it has seen, counted in compiled kernels (one a node or more for each
   * shape); by default OpenVINO's own, 5,000. Smaller saves memory where shapes do not repeat, and costs time where they do.
   */
  readonly cacheCapacity?: number | undefined;
  /** Whether sessions measure what each node takes ({@link Engine.profile}); false by default. */
  readonly profile?: boolean | undefined;
}

/**
 * OpenVINO on the CPU, called through its C API: the same ONNX bytes as ONNX Runtime takes, tensors used where they stand,
 * and neither compiling a model nor running it blocks the event loop. The same bits come out run after run. The library is
 * loaded once and stays until the process ends; `process.exit` waits for a run under way.
 * @throws ArgumentError for a precision, threads or a cache capacity that are none.
 * @throws EnvironmentError `ERR_OPENVINO_UNAVAILABLE` where the library cannot be had here, `ERR_ENGINE_PRECISION` where
 *   this processor has no bfloat16; the messages say what to do.
 */
export async function createOpenVinoEngine(options: OpenVinoOptions = {}): Promise<Engine> {
  const settings: CompileSettings = {
    precision: options.precision ?? 'float32',
    threads: options.threads ?? availableThreads(),
    cacheCapacity: options.cacheCapacity,
    profile: options.profile ?? false,
  };
  checkSettings(settings);
  const environment = await loadEnvironment(options.libraryPath);
  const { api, version, processor } = environment;
  if (settings.precision === 'bf16' && !processor.capabilities.includes('BF16')) {
    throw new EnvironmentError('ERR_ENGINE_PRECISION', {
      owner: 'createOpenVinoEngine',
      what: `OpenVINO does not compute in bfloat16 on this processor (${processor.name})`,
      got: processor.capabilities.join(' '),
      expected: 'BF16 among what it can do: a processor with AVX-512 or AMX',
      hint: "take precision 'float32'",
    });
  }
  const core = coreFor(environment, settings);
  const profiled: OpenVinoSession[] = [];
  return {
    name: 'openvino',
    shapeSteps: { tokens: 32, longest: 16 },
    gradientType: settings.precision === 'bf16' ? 'bfloat16' : 'float32',
    version,
    precision: settings.precision,
    threads: settings.threads,
    async createSession(bytes, constants = {}) {
      const tensors = Object.entries(constants).map(([name, { type, dims, data }]) => ({
        name,
        dtype: type,
        dims,
        data,
      }));
      const model = await readModel(api, core, tensors.length === 0 ? bytes : withConstantsInside(bytes, tensors));
      try {
        const names = readOnnxNames(bytes);
        const compiled = await compileModel(api, core, model, settings.precision);
        const session = new OpenVinoSession(environment, compiled, names, settings);
        if (settings.profile) profiled.push(session);
        return session;
      } finally {
        await freeAll({ api, model });
      }
    },
    ...(settings.profile ? { profile: async () => profiled.splice(0).map((session) => session.runProfiles) } : {}),
  };
}

/** One core a library and settings, kept until the process ends. */
const cores = new Map<string, Pointer>();

function coreFor({ api, path }: OpenVinoEnvironment, settings: CompileSettings): Pointer {
  const key = `${path} ${settings.precision} ${settings.threads} ${settings.cacheCapacity} ${settings.profile}`;
  let core = cores.get(key);
  if (core === undefined) {
    core = createCore(api, settings);
    cores.set(key, core);
  }
  return core;
}

function checkSettings({ precision, threads, cacheCapacity = 0 }: CompileSettings): void {
  const owner = 'createOpenVinoEngine';
  if (precision !== 'float32' && precision !== 'bf16') {
    throw new ArgumentError('ERR_ENGINE_PRECISION', {
      owner,
      what: 'there is no such precision',
      got: precision,
      expected: "'float32' or 'bf16'",
    });
  }
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ArgumentError('ERR_ENGINE_THREADS', {
      owner,
      what: 'threads is not usable',
      got: threads,
      expected: 'a whole number of 1 or more',
    });
  }
  if (!Number.isInteger(cacheCapacity) || cacheCapacity < 0) {
    throw new ArgumentError('ERR_ENGINE_CACHE', {
      owner,
      what: 'cacheCapacity is not usable',
      got: cacheCapacity,
      expected: 'a whole number of 0 (keep nothing) or more',
    });
  }
}
