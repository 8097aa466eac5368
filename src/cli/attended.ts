import { exitNow, onInterrupt, writeError } from '#platform/process';
import { configureLog } from '../core/log.ts';

/** A run that somebody watches. */
export interface Attended {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Log and Ctrl-C do what they did before. */
  end(): void;
}

/**
 * Lets somebody watch a run and stop it: lines of the log take the progress bar's place, Ctrl-C asks the run to stop, and
 * once more ends the process.
 * @param clear takes the progress bar away.
 * @param stopping what a first Ctrl-C does, for the one who pressed it.
 */
export function attend(clear: () => void, stopping: string): Attended {
  const restoreLog = configureLog({
    sink: (level, message) => {
      clear();
      writeError(`${level === 'warn' ? 'warning: ' : ''}${message}\n`);
    },
  });
  const interrupt = new AbortController();
  let interruptions = 0;
  const stopListening = onInterrupt(() => {
    if (++interruptions > 1) exitNow(130);
    clear();
    writeError(`interrupted: ${stopping}; once more stops at once\n`);
    interrupt.abort();
  });
  return {
    signal: interrupt.signal,
    end: () => {
      stopListening();
      restoreLog();
    },
  };
}
