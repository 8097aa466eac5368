import { ArgumentError } from '../core/errors.ts';
import type { Engine } from './engine.ts';
import { createOnnxRuntimeEngine } from './onnxruntime/onnxRuntimeEngine.ts';

/** How the engine that runs the graphs is chosen. */
export interface EngineOptions {
  /** `'auto'` (the default) takes the fastest engine that this machine has. */
  readonly engine?: 'auto' | 'onnxruntime' | undefined;
  /** Threads of a run; by default as many as the CPUs this process may use. */
  readonly threads?: number | undefined;
}

/** The chosen engine, ready to compile graphs. @throws EnvironmentError where its native library cannot be loaded. */
export function selectEngine({ engine = 'auto', threads }: EngineOptions = {}): Promise<Engine> {
  if (engine !== 'auto' && engine !== 'onnxruntime') {
    throw new ArgumentError('ERR_ENGINE', {
      owner: 'selectEngine',
      what: 'there is no such engine',
      got: engine,
      expected: "'auto' or 'onnxruntime'",
    });
  }
  return createOnnxRuntimeEngine(threads === undefined ? {} : { threads });
}
