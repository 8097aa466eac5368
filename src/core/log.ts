/** How much is said: each level includes those before it. */
export type LogLevel = 'silent' | 'warn' | 'info' | 'debug';

/** Where log lines go. The default writes to the console's error stream; the command and tests put in their own. */
export type LogSink = (level: Exclude<LogLevel, 'silent'>, message: string) => void;

const order: readonly LogLevel[] = ['silent', 'warn', 'info', 'debug'];

const consoleSink: LogSink = (level, message) => console.error(level === 'warn' ? `warning: ${message}` : message);

let sink: LogSink = consoleSink;
let threshold: LogLevel = 'info';

/** Replaces where log lines go and from which level on; what is left out stays. Returns a function that restores both. */
export function configureLog(options: { sink?: LogSink; level?: LogLevel }): () => void {
  const before = { sink, threshold };
  sink = options.sink ?? sink;
  threshold = options.level ?? threshold;
  return () => {
    sink = before.sink;
    threshold = before.threshold;
  };
}

/** Lets pass on only the lines that `keep` says. Returns a function that ends it. */
export function filterLog(keep: (...line: Parameters<LogSink>) => boolean): () => void {
  const before = sink;
  return configureLog({
    sink: (level, message) => {
      if (keep(level, message)) before(level, message);
    },
  });
}

/** What is said, whether it is shown or not, goes here too. */
const recorders = new Set<LogSink>();

/** Runs `work` and notes what is said meanwhile, whether it is shown or not: what is repeated in place of the work says it again. */
export async function recordLog<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly messages: (readonly [Parameters<LogSink>[0], string])[] }> {
  const messages: (readonly [Parameters<LogSink>[0], string])[] = [];
  const recorder: LogSink = (level, message) => messages.push([level, message]);
  recorders.add(recorder);
  try {
    return { result: await work(), messages };
  } finally {
    recorders.delete(recorder);
  }
}

function write(level: Exclude<LogLevel, 'silent'>, message: string): void {
  for (const recorder of recorders) recorder(level, message);
  if (order.indexOf(level) <= order.indexOf(threshold)) sink(level, message);
}

/** The library's one log: what is guessed, ignored or truncated is said here, once. */
export const log = {
  /** Something the user probably does not want. */
  warn: (message: string): void => write('warn', message),
  /** Something that was chosen for the user. */
  info: (message: string): void => write('info', message),
  debug: (message: string): void => write('debug', message),
};
