import { joinPath } from '#platform/files';
import { ArgumentError } from '../core/errors.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** Who is told of a run, as `reportTo` says, or else `loggingDir`; none is an empty list. */
export function reportTargets({
  reportTo,
  loggingDir,
}: TrainingArguments): readonly ('tensorboard' | 'csv' | 'jsonl')[] {
  const asked = reportTo ?? (loggingDir === undefined ? [] : ['tensorboard' as const]);
  return asked.filter((target) => target !== 'none');
}

/**
 * Where a run's reports go: `loggingDir`, or `runs` in `outputDir`; in it a folder of the run's name, where it has one.
 * @throws ArgumentError where there is no place for them.
 */
export function reportDirectory(args: TrainingArguments): string {
  const { loggingDir, outputDir, runName } = args;
  const directory = loggingDir ?? (outputDir === undefined ? undefined : joinPath(outputDir, 'runs'));
  if (directory === undefined) {
    throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
      owner: 'Trainer',
      what: `reportTo '${reportTargets(args).join(', ') || 'tensorboard'}' needs a place for its files`,
      hint: 'set loggingDir or outputDir',
    });
  }
  return runName === undefined ? directory : joinPath(directory, runName);
}
