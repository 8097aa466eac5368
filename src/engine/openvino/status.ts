import { type Pointer, readString } from '#platform/native';
import { type EnvironmentError, GraphError, RunError } from '../../core/errors.ts';
import { outOfMemoryError } from '../outOfMemory.ts';
import type { OpenVinoApi } from './api.ts';

/** `INVALID_C_PARAM` of `ov_status_e`: the C layer itself refused, before it asked OpenVINO. */
export const invalidParameter = -14;

/**
 * What a failed call said; undefined where all went well (status 0). OpenVINO keeps one last message a process, so where
 * two sessions fail at the same moment one may get the other's words.
 */
export function takeFailure(api: OpenVinoApi, status: unknown): string | undefined {
  if (status === 0) return undefined;
  const message = api.get_last_err_msg() as Pointer | null;
  // The C layer's own refusals leave no message, so the last one is of an earlier failure.
  if (message === null || status === invalidParameter) return String(api.get_error_info(status as number));
  const text = tidy(readString(message));
  api.free(message);
  return text;
}

/** Throws a RunError where a call failed that no input of the user's can make fail. */
export function check(api: OpenVinoApi, status: unknown, what: string): void {
  const failure = takeFailure(api, status);
  if (failure === undefined) return;
  throw new RunError('ERR_OPENVINO_CALL', {
    owner: 'OpenVinoEngine',
    what: `${what} failed: ${failure}`,
    hint: 'please report this with the model that was run',
  });
}

/** A model that OpenVINO refuses to read or to compile. */
export function modelError(failure: string): GraphError {
  return new GraphError('ERR_OPENVINO_MODEL', {
    owner: 'OpenVinoEngine.createSession',
    what: `OpenVINO does not take this model: ${failure}`,
    hint: 'check the ONNX bytes: opset 20 and com.microsoft 1 are what this engine is tested with',
  });
}

/** A run that OpenVINO gave up, for want of memory or for what it says. */
export function runError(failure: string): RunError | EnvironmentError {
  const noMemory = outOfMemoryError('OpenVinoSession.run', failure);
  if (noMemory !== undefined) return noMemory;
  return new RunError('ERR_OPENVINO_RUN', {
    owner: 'OpenVinoSession.run',
    what: `the run failed: ${failure}`,
    hint: 'check the shapes of what is fed, and of the outputs to write into, against the model',
  });
}

/** A message on one line, without where in OpenVINO's own source it arose. */
function tidy(message: string): string {
  return message
    .replace(/(?:Exception from|Check '.*?' failed at) \S+\.(?:cpp|hpp|h):\d+:/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.$/, '');
}
