import { joinPath } from '#platform/files';
import { addressOf } from '#platform/native';
import { availableThreads } from '#platform/workers';
import { ArgumentError } from '../../core/errors.ts';
import { withConstantsOutside } from '../../formats/onnxConstants.ts';
import type { Engine } from '../engine.ts';
import { loadEnvironment } from './environment.ts';
import { enableProfiling } from './profiling.ts';
import { OnnxRuntimeSession } from './session.ts';
import { giveConstants, makeSessionOptions } from './sessionOptions.ts';
import { modelError, takeFailure } from './status.ts';

export interface OnnxRuntimeOptions {
  /** Threads that one run uses; by default as many as this process may use (affinity and container limits heeded). */
  readonly threads?: number;
  /** The shared library to load; by default the one that the npm package `onnxruntime-node` brings. */
  readonly libraryPath?: string;
  /** A folder for files with what each node takes, which {@link Engine.profile} reads and removes; none are written by default. */
  readonly profileFolder?: string | undefined;
}

/**
 * ONNX Runtime on the CPU, called through the C API of the library itself: tensors are used where they stand, shared
 * memory included, and neither loading a model nor running it blocks the event loop. The same bits come out run after
 * run with the same number of threads; with another number they may differ in the last place where a product's columns
 * are shared out so that a thread has fewer than 128. The library is loaded once and stays until the process ends;
 * `process.exit` waits for a run under way.
 * @throws ArgumentError for threads that are not a whole number of 1 or more.
 * @throws EnvironmentError `ERR_ONNXRUNTIME_UNAVAILABLE` where the library cannot be had here; the message says what to do.
 */
export async function createOnnxRuntimeEngine(options: OnnxRuntimeOptions = {}): Promise<Engine> {
  const threads = options.threads ?? availableThreads();
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ArgumentError('ERR_ENGINE_THREADS', {
      owner: 'createOnnxRuntimeEngine',
      what: 'threads is not usable',
      got: threads,
      expected: 'a whole number of 1 or more',
    });
  }
  const environment = await loadEnvironment(options.libraryPath);
  const { profileFolder } = options;
  const profiled: OnnxRuntimeSession[] = [];
  return {
    name: 'onnxruntime',
    shapeSteps: { tokens: 1, longest: 1 },
    gradientType: 'float32',
    version: environment.version,
    precision: 'float32',
    threads,
    async createSession(model, constants = {}, settings) {
      if (model.length === 0) {
        throw new ArgumentError('ERR_ENGINE_MODEL', {
          owner: 'OnnxRuntimeEngine.createSession',
          what: 'the model has no bytes',
          expected: "an ONNX model's bytes",
        });
      }
      const { api, env } = environment;
      const sessionOptions = makeSessionOptions(environment, threads, settings);
      const declared = Object.entries(constants).map(([name, { type, dims }]) => ({ name, dtype: type, dims }));
      const completed = declared.length === 0 ? model : withConstantsOutside(model, declared);
      const out = new BigUint64Array(1);
      try {
        if (profileFolder !== undefined)
          await enableProfiling(environment, sessionOptions, joinPath(profileFolder, `session-${profiled.length}`));
        await giveConstants(environment, sessionOptions, constants);
        const status = await api.CreateSessionFromArray.async(
          [completed, constants, out],
          env,
          addressOf(completed),
          completed.length,
          sessionOptions,
          addressOf(out),
        );
        const failure = takeFailure(api, status);
        if (failure !== undefined) throw modelError(failure);
      } finally {
        api.ReleaseSessionOptions(sessionOptions);
      }
      const session = new OnnxRuntimeSession(environment, out[0], constants);
      if (profileFolder !== undefined) profiled.push(session);
      return session;
    },
    ...(profileFolder === undefined
      ? {}
      : {
          profile: () =>
            Promise.all(profiled.splice(0).flatMap((session) => (session.isDisposed ? [] : session.endProfiling()))),
        }),
  };
}
