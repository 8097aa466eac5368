import { type Command, Option } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type IterableDataset, type IterableDatasetDict, loadDataset } from '../data/index.ts';
import { type DataFlags, flaggedSource } from './dataFlags.ts';
import { parseCount } from './flags.ts';

/** The flags of rows that are read as they are needed. */
export interface StreamingFlags {
  readonly streaming?: boolean;
  readonly shuffleBuffer?: number;
}

const defaultBuffer = 1000;

/** Gives a command the flags of {@link StreamingFlags}. */
export function addStreamingFlags(command: Command): void {
  command
    .option(
      '--streaming',
      'read rows as they are needed: files may be larger than memory, and --max-steps may end before them',
    )
    .addOption(
      new Option(
        '--shuffle-buffer <integer>',
        `for --streaming: rows from which the next is drawn at random; 0 keeps their order (default: ${defaultBuffer})`,
      ).argParser((text: string) => parseCount('--shuffle-buffer', text, 0)),
    );
}

/** What training reads as streams. */
export interface StreamedData {
  readonly train: IterableDataset;
  readonly evaluation: IterableDataset | undefined;
  /** The name of the split that is evaluated on. */
  readonly evalSplit: string | undefined;
}

/**
 * The splits that the flags name, as streams; that of training shuffled in a buffer, which is said.
 * @param names.evaluation the first of these that there is, where no flag names one.
 * @throws DataError that lists the splits; ArgumentError for a share of a split, whose rows a stream cannot count.
 */
export async function loadStreamedData(
  flags: DataFlags & StreamingFlags & { readonly trainSplit: string; readonly evalSplit?: string },
  positional: string | undefined,
  how: { readonly seed: number; readonly inOrder: boolean; readonly evaluationSplits: readonly string[] },
): Promise<StreamedData> {
  const [name, config, options] = flaggedSource(flags, positional);
  const splits: IterableDatasetDict = await loadDataset(name, config, { ...options, streaming: true });
  const take = async (split: string): Promise<IterableDataset> =>
    Object.hasOwn(splits, split) ? splits[split] : loadDataset(name, config, { ...options, split, streaming: true });
  const rows = await take(flags.trainSplit);
  const evalSplit = flags.evalSplit ?? how.evaluationSplits.find((each) => Object.hasOwn(splits, each));
  const evaluation = evalSplit === undefined ? undefined : await take(evalSplit);
  const bufferSize = how.inOrder ? 0 : (flags.shuffleBuffer ?? defaultBuffer);
  if (bufferSize === 0) return { train: rows, evaluation, evalSplit };
  log.info(
    `training rows are mixed in a buffer of ${bufferSize}${flags.shuffleBuffer === undefined ? '; --shuffle-buffer takes a larger one' : ''}`,
  );
  return { train: rows.shuffle({ seed: how.seed, bufferSize }), evaluation, evalSplit };
}

/** @throws ArgumentError where --shuffle-buffer is given without --streaming. */
export function checkStreamingFlags(flags: StreamingFlags): void {
  if (flags.shuffleBuffer === undefined || flags.streaming === true) return;
  throw new ArgumentError('ERR_STREAM', {
    owner: 'fettle',
    what: '--shuffle-buffer is for --streaming; without it all rows are mixed',
    hint: 'leave it out, or pass --streaming',
  });
}
