/** The command's own process: its arguments, streams and signals. */
export const commandLine: readonly string[] = process.argv.slice(2);

/** Writes to standard output: results, and nothing else. */
export function writeOutput(text: string): void {
  process.stdout.write(text);
}

/**
 * What a reader that goes away means (`fettle predict … | head`): without one of results the process ends quietly, with the
 * code 141 of a program that SIGPIPE ends; without one of messages (`2>&1 | head`) a run goes on.
 * Returns a function that takes this back.
 */
export function toleratePipes(): () => void {
  const onOutput = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(141);
    throw error;
  };
  const onError = () => undefined;
  process.stdout.on('error', onOutput);
  process.stderr.on('error', onError);
  return () => {
    process.stdout.off('error', onOutput);
    process.stderr.off('error', onError);
  };
}

/** Writes to standard error: progress and messages. */
export function writeError(text: string): void {
  process.stderr.write(text);
}

/**
 * The width of the terminal that messages go to; undefined where they go elsewhere, or where the terminal does not say how
 * wide it is (some report 0 columns).
 */
export function terminalWidth(): number | undefined {
  return process.stderr.isTTY && process.stderr.columns > 0 ? process.stderr.columns : undefined;
}

/** Whether a person can be asked: both the input and the messages are a terminal, and there is room to draw a question. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && terminalWidth() !== undefined;
}

/** Sets the code with which the process will end by itself. */
export function setExitCode(code: number): void {
  process.exitCode = code;
}

/** Ends the process at once. */
export function exitNow(code: number): never {
  process.exit(code);
}

/** Calls `handler` on each Ctrl-C (or SIGTERM) until the returned function is called. */
export function onInterrupt(handler: () => void): () => void {
  process.on('SIGINT', handler);
  process.on('SIGTERM', handler);
  return () => {
    process.off('SIGINT', handler);
    process.off('SIGTERM', handler);
  };
}
