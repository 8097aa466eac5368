import { setExitCode, writeError, writeOutput } from '#platform/process';
import { FettleError } from '../core/errors.ts';

/** How a command says what came of it: for people, or one JSON object on standard output. */
export interface Report {
  readonly json: boolean;
  /** The result: `human` lines, or the object. */
  result(object: Readonly<Record<string, unknown>>, human: string): void;
}

/** A report to standard output. */
export function makeReport(json: boolean): Report {
  return {
    json,
    result: (object, human) => writeOutput(json ? `${JSON.stringify(object)}\n` : `${human}\n`),
  };
}

/** Says an error and sets the exit code: 1 the run failed, 2 usage, 3 data or model files, 4 environment. */
export function reportError(error: unknown, json: boolean): void {
  const known = error instanceof FettleError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const { code = 'ERR_INTERNAL', hint, file, row, column } = known ?? {};
    writeOutput(`${JSON.stringify({ error: { code, message, hint, file, row, column } })}\n`);
  } else if (known !== undefined) writeError(`error: ${message}\n`);
  // What nobody foresaw is a bug: its stack helps to find it.
  else writeError(`error: ${error instanceof Error ? (error.stack ?? message) : message}\n`);
  setExitCode(known?.exitCode ?? 1);
}
