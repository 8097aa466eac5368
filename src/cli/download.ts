import type { Command } from 'commander';
import { onInterrupt, setExitCode, writeError } from '#platform/process';
import { obtainSnapshot, resolvePretrained } from '../hub/resolve.ts';
import { makeReport } from './report.ts';

interface DownloadFlags {
  readonly dataset?: boolean;
  readonly revision?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly all?: boolean;
  readonly cacheDir?: string;
  readonly json?: boolean;
}

const owner = 'fettle download';

/** `fettle download`: brings a model or a data set of the Hub into the cache, for use without a network. */
export function addDownloadCommand(program: Command): void {
  const several = (pattern: string, earlier: readonly string[] = []) => [...earlier, pattern];
  program
    .command('download')
    .description('Bring a model or a data set of the Hugging Face Hub into the cache, which Python uses too.')
    .argument('<name>', 'its name: bert-base-uncased, nyu-mll/glue')
    .option('--dataset', 'a data set, not a model')
    .option('--revision <name>', "a branch, a tag or a commit's hash", 'main')
    .option('--include <pattern>', "only files that this fits: 'mrpc/*'; may be given several times", several)
    .option('--exclude <pattern>', 'not files that this fits; may be given several times', several)
    .option('--all', 'all files of a model (default: those that are needed to load it)')
    .option('--cache-dir <path>', 'the cache (default: as HF_HOME and HF_HUB_CACHE say)')
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(download);
}

async function download(name: string, flags: DownloadFlags): Promise<void> {
  const abort = new AbortController();
  const stopListening = onInterrupt(() => abort.abort());
  const { revision, cacheDir, include, exclude, dataset = false } = flags;
  const from = { owner, revision, cacheDir, signal: abort.signal };
  const chosen = dataset || flags.all === true || include !== undefined || exclude !== undefined;
  try {
    const directory = chosen
      ? await obtainSnapshot(name, {
          ...from,
          repoType: dataset ? 'dataset' : 'model',
          allowPatterns: include,
          ignorePatterns: exclude,
        })
      : await resolvePretrained(name, from);
    makeReport(flags.json === true).result({ name, revision, directory }, directory);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    writeError('interrupted: what has come is kept, and the same command goes on from there\n');
    setExitCode(130);
  } finally {
    stopListening();
  }
}
