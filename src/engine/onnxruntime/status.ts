import type { Pointer } from '#platform/native';
import { type EnvironmentError, GraphError, RunError } from '../../core/errors.ts';
import { outOfMemoryError } from '../outOfMemory.ts';
import type { OrtApi } from './api.ts';

/** What a failed call of the C API says: `OrtErrorCode` and the message; the status itself is freed. */
export interface Failure {
  readonly code: number;
  readonly message: string;
}

/** Reads and frees an `OrtStatus`; undefined where all went well (a NULL status). */
export function takeFailure(api: OrtApi, status: unknown): Failure | undefined {
  if (status === null || status === undefined) return undefined;
  const pointer = status as Pointer;
  const message = api.GetErrorMessage(pointer);
  const failure = {
    code: Number(api.GetErrorCode(pointer)),
    message: typeof message === 'string' ? tidy(message) : '',
  };
  api.ReleaseStatus(pointer);
  return failure;
}

/** Throws a RunError where a call failed that no input of the user's can make fail. */
export function check(api: OrtApi, status: unknown, what: string): void {
  const failure = takeFailure(api, status);
  if (failure === undefined) return;
  throw new RunError('ERR_ONNXRUNTIME_CALL', {
    owner: 'OnnxRuntimeEngine',
    what: `${what} failed: ${failure.message}`,
    hint: 'please report this with the model that was run',
  });
}

/** A model that ONNX Runtime refuses to load. */
export function modelError({ message }: Failure): GraphError {
  const node = nodeOf(message);
  return new GraphError('ERR_ONNXRUNTIME_MODEL', {
    owner: 'OnnxRuntimeEngine.createSession',
    what: `ONNX Runtime does not take this model${node === undefined ? '' : `, at node '${node}'`}: ${message}`,
    hint: 'check the ONNX bytes: opset 20 and com.microsoft 1 are what this engine is tested with',
  });
}

/** A run that ONNX Runtime gave up: for want of memory, or else at the node that it names. */
export function runError({ message }: Failure): RunError | EnvironmentError {
  const noMemory = outOfMemoryError('OnnxRuntimeSession.run', message);
  if (noMemory !== undefined) return noMemory;
  const node = nodeOf(message);
  return new RunError('ERR_ONNXRUNTIME_RUN', {
    owner: 'OnnxRuntimeSession.run',
    what: `the run failed${node === undefined ? '' : ` at node '${node}'`}: ${message}`,
    hint: 'check the shapes of what is fed, and of the outputs to write into, against the model',
  });
}

/**
 * The node that a message speaks of: `… while running MatMul node. Name:'scores' Status Message: …`, `Node (scores) Op …`,
 * `… in node (scores)`, `In Node, ("scores", MatMul, …`.
 */
function nodeOf(message: string): string | undefined {
  const match = /Name:'([^']+)'/.exec(message) ?? /\bnode,? (?:name )?\("?([^")]+)/i.exec(message);
  return match?.[1];
}

/** A message without where in ONNX Runtime's own source it arose, and without its last full stop. */
function tidy(message: string): string {
  return message
    .replace(/\S+\.(?:cc|h):\d+ .*?\[ONNXRuntimeError\] : \d+ : \w+ : /s, '')
    .trim()
    .replace(/\.$/, '');
}
