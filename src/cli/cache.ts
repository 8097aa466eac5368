import type { Command } from 'commander';
import { isInteractive } from '#platform/process';
import { ArgumentError } from '../core/errors.ts';
import { formatBytes } from '../hub/progress.ts';
import { type CachedRepository, type Deletion, deleteFromCache, planDeletion, scanCache } from '../hub/scan.ts';
import { cacheRoot } from '../hub/settings.ts';
import { makeReport } from './report.ts';

interface CacheFlags {
  readonly cacheDir?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

const owner = 'fettle cache';
const cacheDirFlag = ['--cache-dir <path>', 'the cache (default: as HF_HOME and HF_HUB_CACHE say)'] as const;
const jsonFlag = ['--json', 'print one JSON object on standard output, and nothing else there'] as const;

/** `fettle cache …`: what was downloaded. */
export function addCacheCommand(program: Command): void {
  const parent = program.command('cache').description('List or delete what was downloaded, by Fettle or by Python.');
  addCacheListCommand(parent);
  addCacheDeleteCommand(parent);
}

/** `fettle cache list`, also `fettle cache`: what is there, and how large. */
export function addCacheListCommand(parent: Command): void {
  parent
    .command('list', { isDefault: true })
    .description('List the models and data sets in the cache, with their sizes and commits.')
    .option(...cacheDirFlag)
    .option(...jsonFlag)
    .action(list);
}

/** `fettle cache delete`: frees room. */
export function addCacheDeleteCommand(parent: Command): void {
  parent
    .command('delete')
    .description('Delete models and data sets, or single commits of them, from the cache.')
    .argument('<what...>', "a name (all of it), 'name@revision', or a commit's hash or its beginning")
    .option('--yes', 'do not ask')
    .option(...cacheDirFlag)
    .option(...jsonFlag)
    .action(remove);
}

async function list(flags: CacheFlags): Promise<void> {
  const root = cacheRoot(flags.cacheDir);
  const repositories = await scanCache(flags.cacheDir);
  const size = repositories.reduce((sum, repository) => sum + repository.size, 0);
  makeReport(flags.json === true).result(
    { cacheDir: root, size, repositories },
    repositories.length === 0
      ? `nothing was downloaded to ${root} yet`
      : [...describe(repositories), '', `${formatBytes(size)} in ${root}`].join('\n'),
  );
}

/** A repository a line, its commits below it. */
function describe(repositories: readonly CachedRepository[]): string[] {
  const widest = Math.max(...repositories.map(({ name }) => name.length));
  return repositories.flatMap(({ kind, name, size, unfinished, modified, revisions }) => [
    [
      formatBytes(size).padStart(8),
      kind.padEnd(7),
      name.padEnd(widest),
      modified === 0 ? '' : new Date(modified).toISOString().slice(0, 10),
      unfinished === 0 ? '' : `(${formatBytes(unfinished)} of a download that was broken off)`,
    ]
      .join('  ')
      .trimEnd(),
    ...revisions.map(
      (revision) =>
        `${' '.repeat(19)}${revision.commit.slice(0, 10)}  ${formatBytes(revision.size)}, ${revision.files} file${revision.files === 1 ? '' : 's'}${revision.refs.length === 0 ? '' : `: ${revision.refs.join(', ')}`}`,
    ),
  ]);
}

async function remove(targets: readonly string[], flags: CacheFlags): Promise<void> {
  const report = makeReport(flags.json === true);
  const plan = await planDeletion(await scanCache(flags.cacheDir), targets, `${owner} delete`);
  const frees = plan.reduce((sum, deletion) => sum + deletion.frees, 0);
  if (flags.yes !== true && !(await confirmed(plan, frees))) {
    report.result({ deleted: [], freed: 0 }, 'nothing was deleted');
    return;
  }
  for (const deletion of plan) await deleteFromCache(deletion, `${owner} delete`);
  report.result(
    {
      deleted: plan.map(({ repository, commits }) => ({ kind: repository.kind, name: repository.name, commits })),
      freed: frees,
    },
    `deleted ${plan.map(say).join(', ')}: ${formatBytes(frees)} are free`,
  );
}

function say({ repository, commits, whole }: Deletion): string {
  const noun = repository.kind === 'model' ? 'model' : 'data set';
  return whole
    ? `the ${noun} ${repository.name}`
    : `${commits.map((commit) => commit.slice(0, 10)).join(', ')} of the ${noun} ${repository.name}`;
}

/** Asks the user; where nobody can answer, --yes must have been said. */
async function confirmed(plan: readonly Deletion[], frees: number): Promise<boolean> {
  if (!isInteractive()) {
    throw new ArgumentError('ERR_NOT_CONFIRMED', {
      owner: `${owner} delete`,
      what: `this would delete ${plan.map(say).join(', ')} (${formatBytes(frees)}), and nobody can be asked here`,
      hint: 'pass --yes',
    });
  }
  const { confirm } = await import('@clack/prompts');
  const answer = await confirm({
    message: `Delete ${plan.map(say).join(', ')} (${formatBytes(frees)})?`,
    initialValue: false,
  });
  return answer === true;
}
