import { Command, CommanderError } from 'commander';
import { packageVersion } from '#platform/native';
import { setExitCode, writeError, writeOutput } from '#platform/process';
import { applyConfig } from './configFile.ts';
import { showDownloads } from './downloadBar.ts';
import { shortHelp } from './firstSteps.ts';
import { normalizeFlags } from './flags.ts';
import { reportError } from './report.ts';

/** What adds each command; its module is loaded when it is wanted, since a command needs few of them. In help's order. */
const commands: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  init: async () => (await import('./init.ts')).addInitCommand,
  train: async () => (await import('./train.ts')).addTrainCommand,
  evaluate: async () => (await import('./evaluate.ts')).addEvaluateCommand,
  search: async () => (await import('./search.ts')).addSearchCommand,
  predict: async () => (await import('./predict.ts')).addPredictCommand,
  serve: async () => (await import('./serve.ts')).addServeCommand,
  export: async () => (await import('./export.ts')).addExportCommand,
  tokenizer: async () => (await import('./tokenizer.ts')).addTokenizerCommand,
  data: async () => (await import('./data.ts')).addDataCommand,
  download: async () => (await import('./download.ts')).addDownloadCommand,
  cache: async () => (await import('./cache.ts')).addCacheCommand,
  doctor: async () => (await import('./doctor.ts')).addDoctorCommand,
};

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
  // Of a word that is no command's, all are looked at: for help, and for what may have been meant.
  const wanted = Object.hasOwn(commands, words[0]) ? [commands[words[0]]] : Object.values(commands);
  for (const load of wanted) (await load())(program);
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
