import { ArgumentError } from '../core/errors.ts';
import { configureLog, type LogLevel } from '../core/log.ts';
import type { TrainerCallback } from './callbacks.ts';
import { CsvCallback, JsonLinesCallback } from './logFiles.ts';
import { reportDirectory, reportTargets } from './reportDirectory.ts';
import { TensorBoardCallback } from './tensorBoardCallback.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** Where the reports of a run go; undefined where none are wanted. @throws ArgumentError where there is no place for them. */
export function directoryOfReports(args: TrainingArguments): string | undefined {
  return reportTargets(args).length === 0 ? undefined : reportDirectory(args);
}

const reporters = {
  tensorboard: TensorBoardCallback,
  csv: CsvCallback,
  jsonl: JsonLinesCallback,
} as const;

/**
 * The callbacks that `reportTo` asks for.
 * @throws ArgumentError where there is no place for their files, or nobody to take `loggingHistograms`.
 */
export function reportersOf(args: TrainingArguments): TrainerCallback[] {
  const targets = reportTargets(args);
  if (args.loggingHistograms !== 'no' && !targets.includes('tensorboard')) {
    throw new ArgumentError('ERR_OPTION_VALUE', {
      owner: 'Trainer',
      what: `loggingHistograms '${args.loggingHistograms}' is for TensorBoard, which is not told of the run`,
      hint: "set loggingDir, or reportTo: 'tensorboard'",
    });
  }
  directoryOfReports(args);
  return targets.map((target) => new reporters[target]());
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
