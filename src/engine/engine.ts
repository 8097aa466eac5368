import type { DType, TypedArray } from '../core/dtypes.ts';
import type { GradientType } from '../kernels/calls.ts';

/**
 * A tensor at an engine's boundary. `data` is used in place, never copied: inputs are read from it and outputs written
 * into it while a run is under way, so it must not be touched until the run's promise settles.
 */
export interface EngineTensor {
  readonly type: DType;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

/** How a session is made. */
export interface SessionSettings {
  /**
   * Its threads look for work for some more milliseconds after a run: a run that comes at once begins sooner, and whatever else
   * computes meanwhile is slower. Default false: they sleep as soon as a run has ended.
   */
  readonly staysAwake?: boolean | undefined;
}

/** One compiled ONNX model, ready to run any number of times. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the model without blocking the event loop.
   * @param inputs every input by name.
   * @param outputs the outputs that are wanted: a tensor to write into (its dims must be the result's), or `'allocate'`.
   * @returns the wanted outputs by name.
   */
  run(
    inputs: Readonly<Record<string, EngineTensor>>,
    outputs: Readonly<Record<string, EngineTensor | 'allocate'>>,
  ): Promise<Record<string, EngineTensor>>;
  /** Frees what the session holds, after any run under way has ended. Safe to call twice. */
  dispose(): Promise<void>;
}

/**
 * What an engine computes in. `'bf16'` rounds the operands of products to bfloat16 and adds up in float32, as
 * TrainingArguments' `bf16` asks for; weights, moments and the loss stay float32 either way.
 */
export type Precision = 'float32' | 'bf16';

/** What one node of a compiled model took in a run. Engines fuse nodes: a name is that of one of the graph's, or made of it. */
export interface NodeTime {
  readonly name: string;
  /** The op, in the engine's own word. */
  readonly type: string;
  /** What computed it, in the engine's own word, where it tells: `brgemm_avx512_bf16`. */
  readonly kernel?: string;
  readonly microseconds: number;
}

/** What one run took, and its nodes. */
export interface RunProfile {
  readonly microseconds: number;
  readonly nodes: readonly NodeTime[];
}

/** What runs a graph: ONNX bytes in, sessions out. */
export interface Engine {
  /** `'onnxruntime'`, `'openvino'`, … */
  readonly name: string;
  /** The native library's own version. */
  readonly version: string;
  readonly precision: Precision;
  /** Threads that one run uses. */
  readonly threads: number;
  /**
   * Lengths are best rounded up to multiples of these: an engine that prepares itself for each new shape wants shapes to
   * repeat. 1 where it does not matter.
   */
  readonly shapeSteps: { readonly tokens: number; readonly longest: number };
  /** What gradients are best fetched in: an engine that computes in bfloat16 loses time where it must give float32. */
  readonly gradientType: GradientType;
  /**
   * Compiles a model.
   * @param constants what the model's nodes read besides its inputs and what is inside of it, by name. The engine may lay them
   *   out anew, once, which makes runs faster; or use them in place: they must stay as they are as long as the session is used.
   */
  createSession(
    model: Uint8Array,
    constants?: Readonly<Record<string, EngineTensor>>,
    settings?: SessionSettings,
  ): Promise<Session>;
  /**
   * What the runs of its sessions took, session by session in the order in which they were made, each session's runs in
   * order: of those that live, to be asked for once. Only where the engine was made to tell it.
   */
  readonly profile?: () => Promise<(readonly RunProfile[])[]>;
}
