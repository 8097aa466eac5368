import { EnvironmentError } from '../core/errors.ts';

/**
 * The words in which ONNX Runtime, OpenVINO and C++ say that an allocation was refused. A system that overcommits memory, as
 * Linux does, often refuses nothing and ends the process instead; that nobody can catch.
 */
const refusals =
  /failed to allocate memory|bad_alloc|bad allocation|not enough memory|cannot allocate memory|out of memory/i;

/** The error for a run that had no memory; undefined where the message speaks of something else. */
export function outOfMemoryError(owner: string, message: string): EnvironmentError | undefined {
  if (!refusals.test(message)) return undefined;
  return new EnvironmentError('ERR_ENGINE_MEMORY', {
    owner,
    what: `there was not enough memory: ${message}`,
    hint: 'run smaller batches or shorter rows',
  });
}
