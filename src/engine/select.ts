import { ArgumentError, EnvironmentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Engine, Precision } from './engine.ts';
import { createOnnxRuntimeEngine } from './onnxruntime/onnxRuntimeEngine.ts';
import { createOpenVinoEngine } from './openvino/openVinoEngine.ts';

const engineNames = ['auto', 'onnxruntime', 'openvino'] as const;

/** `'auto'` or an engine's own name. */
export type EngineName = (typeof engineNames)[number];

/** How the engine that runs the graphs is chosen. */
export interface EngineOptions {
  /**
   * `'auto'` (the default) takes the fastest engine that this machine has in the precision that is asked for: ONNX Runtime
   * in float32, OpenVINO in bfloat16. It never changes the precision.
   */
  readonly engine?: EngineName | undefined;
  /** `'float32'` by default; `'bf16'` needs OpenVINO. */
  readonly precision?: Precision | undefined;
  /** Threads of a run; by default as many as the CPUs this process may use. */
  readonly threads?: number | undefined;
  /** The native library of the chosen engine, where it shall not be looked for: a file, for OpenVINO a folder too. */
  readonly libraryPath?: string | undefined;
  /** A folder: the engine measures what each node takes ({@link Engine.profile}), and may write there. It runs a little slower. */
  readonly profileFolder?: string | undefined;
}

/**
 * The chosen engine, ready to compile graphs.
 * @throws ArgumentError for an engine or a precision that there is none of, and for bfloat16 on ONNX Runtime.
 * @throws EnvironmentError where the engine's native library cannot be loaded: the message says what to install.
 */
export async function selectEngine(options: EngineOptions = {}): Promise<Engine> {
  const { engine = 'auto', precision = 'float32', threads, libraryPath, profileFolder } = options;
  if (!engineNames.includes(engine)) {
    throw new ArgumentError('ERR_ENGINE', {
      owner: 'selectEngine',
      what: 'there is no such engine',
      got: engine,
      expected: engineNames.map((name) => `'${name}'`).join(' or '),
    });
  }
  if (precision !== 'float32' && precision !== 'bf16') {
    throw new ArgumentError('ERR_ENGINE_PRECISION', {
      owner: 'selectEngine',
      what: 'there is no such precision',
      got: precision,
      expected: "'float32' or 'bf16'",
    });
  }
  const onnxRuntime = () =>
    createOnnxRuntimeEngine({
      ...(threads === undefined ? {} : { threads }),
      ...(libraryPath === undefined ? {} : { libraryPath }),
      profileFolder,
    });
  const openVino = () =>
    createOpenVinoEngine({ precision, threads, libraryPath, profile: profileFolder !== undefined });
  if (engine === 'openvino' || (engine === 'auto' && precision === 'bf16')) return openVino();
  if (precision === 'bf16') {
    throw new ArgumentError('ERR_ENGINE_PRECISION', {
      owner: 'selectEngine',
      what: 'ONNX Runtime computes in float32 only',
      got: precision,
      hint: "take engine 'openvino', or 'auto'",
    });
  }
  if (engine === 'onnxruntime') return onnxRuntime();
  try {
    return await onnxRuntime();
  } catch (error) {
    if (!(error instanceof EnvironmentError) || libraryPath !== undefined) throw error;
    // There is none for some systems; what it says is what helps where OpenVINO is not there either.
    const instead = await openVino().catch(() => undefined);
    if (instead === undefined) throw error;
    log.info(`ONNX Runtime cannot be used here, so OpenVINO ${instead.version} runs instead: ${error.message}`);
    return instead;
  }
}
