import { joinPath } from '#platform/files';
import { ArgumentError } from '../core/errors.ts';
import { configureLog, type LogLevel } from '../core/log.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/**
 * Where TensorBoard's files of a run go, as `reportTo`, `loggingDir` and `runName` say; undefined where none are wanted.
 * @throws ArgumentError where they are asked for and there is no place for them.
 */
export function tensorBoardDirectory({
  reportTo,
  loggingDir,
  outputDir,
  runName,
}: TrainingArguments): string | undefined {
  const asked = reportTo ?? (loggingDir === undefined ? ['none'] : ['tensorboard']);
  if (!asked.includes('tensorboard')) return undefined;
  const directory = loggingDir ?? (outputDir === undefined ? undefined : joinPath(outputDir, 'runs'));
  if (directory === undefined) {
    throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
      owner: 'Trainer',
      what: "reportTo 'tensorboard' needs a place for TensorBoard's files",
      hint: 'set loggingDir or outputDir',
    });
  }
  return runName === undefined ? directory : joinPath(directory, runName);
}

const levels: Readonly<Record<Exclude<TrainingArguments['logLevel'], 'passive'>, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  // What fails is thrown; below it there is nothing to say.
  error: 'silent',
};

/** Sets from which level on the log speaks, where the arguments say it. */
export function applyLogLevel({ logLevel }: TrainingArguments): void {
  if (logLevel !== 'passive') configureLog({ level: levels[logLevel] });
}
