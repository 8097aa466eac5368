import { Command, CommanderError } from 'commander';
import { packageVersion } from '#platform/native';
import { setExitCode, writeError, writeOutput } from '#platform/process';
import { addCacheCommand } from './cache.ts';
import { applyConfig } from './configFile.ts';
import { addDataCommand } from './data.ts';
import { addDoctorCommand } from './doctor.ts';
import { addDownloadCommand } from './download.ts';
import { showDownloads } from './downloadBar.ts';
import { addEvaluateCommand } from './evaluate.ts';
import { addExportCommand } from './export.ts';
import { shortHelp } from './firstSteps.ts';
import { normalizeFlags } from './flags.ts';
import { addInitCommand } from './init.ts';
import { addPredictCommand } from './predict.ts';
import { reportError } from './report.ts';
import { addSearchCommand } from './search.ts';
import { addServeCommand } from './serve.ts';
import { addTokenizerCommand } from './tokenizer.ts';
import { addTrainCommand } from './train.ts';

/** Runs the command with the words after its name. Errors are said, not thrown; the exit code says what kind they are. */
export async function runCommand(line: readonly string[]): Promise<void> {
  const words = normalizeFlags(line);
  if (words.length === 0) {
    writeOutput(shortHelp);
    return;
  }
  const json = words.includes('--json');
  const program = new Command('fettle')
    .description('Fine-tune BERT in TypeScript.')
    .version(packageVersion('fettle') ?? 'unknown')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: writeOutput, writeErr: json ? () => undefined : writeError });
  addInitCommand(program);
  addTrainCommand(program);
  addEvaluateCommand(program);
  addSearchCommand(program);
  addPredictCommand(program);
  addServeCommand(program);
  addExportCommand(program);
  addTokenizerCommand(program);
  addDataCommand(program);
  addDownloadCommand(program);
  addCacheCommand(program);
  addDoctorCommand(program);
  const stopShowing = showDownloads();
  try {
    const named = program.commands.find((command) => command.name() === words[0]);
    if (named?.options.some(({ long }) => long === '--config')) await applyConfig(named, words.slice(1));
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) reportError(error, json);
    else if (error.exitCode !== 0) {
      // Commander has said what is wrong with the words; as JSON it is said here.
      if (json)
        writeOutput(
          `${JSON.stringify({ error: { code: 'ERR_USAGE', message: error.message.replace(/^error: /, '') } })}\n`,
        );
      setExitCode(2);
    }
  } finally {
    stopShowing();
  }
}
