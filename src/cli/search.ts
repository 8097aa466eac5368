import { type Command, Option } from 'commander';
import { setExitCode } from '#platform/process';
import { ArgumentError, didYouMean } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { DatasetDict } from '../data/index.ts';
import { readArchitectures } from '../models/loading.ts';
import { tasks } from '../tasks/taskFor.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { GradualUnfreezing } from '../training/gradualUnfreezing.ts';
import { camelCase } from '../training/optionRules.ts';
import { readNamedValues } from '../training/optionValues.ts';
import type { BestRun } from '../training/search/hyperparameterSearch.ts';
import { ashaPruner, medianPruner, type Pruner } from '../training/search/pruners.ts';
import { describeValue } from '../training/search/runTrials.ts';
import { type Distribution, describeDistribution } from '../training/search/space.ts';
import { parseSpace } from '../training/search/spaceText.ts';
import { checkTrainingSpace, defaultHpSpace } from '../training/search/trainingSpace.ts';
import type { Direction } from '../training/search/trial.ts';
import { Trainer } from '../training/trainer.ts';
import { TrainingArguments } from '../training/trainingArguments.ts';
import { attend } from './attended.ts';
import { addThreadsFlag, addTrainingFlags, parseValue, trainingValues } from './flags.ts';
import { Progress } from './progress.ts';
import { makeReport, type Report } from './report.ts';
import { addTaskOptionFlags } from './taskFlags.ts';
import { addTrainingDataFlags, rowsInMemory, type TrainingDataFlags } from './trainingData.ts';
import { trainLine } from './trainLine.ts';
import { addTuningFlags, applyTuning, checkTuning, type TuningFlags } from './tuningFlags.ts';

/** The flags that only a search has. */
interface OwnFlags {
  readonly space?: readonly string[];
  readonly nTrials?: number;
  readonly sampler: 'tpe' | 'random' | 'grid';
  readonly pruner?: Pruner;
  readonly study?: string;
  readonly direction?: Direction;
  readonly timeout?: number;
  readonly json?: boolean;
}

const ownNames: readonly (keyof OwnFlags)[] = [
  'space',
  'nTrials',
  'sampler',
  'pruner',
  'study',
  'direction',
  'timeout',
  'json',
];

interface SearchFlags extends OwnFlags, TrainingDataFlags, TuningFlags {
  readonly threads?: number;
}

const owner = 'fettle search';

/** `fettle search`: trains many models with other options and says which are best. */
export function addSearchCommand(program: Command): void {
  const command = program
    .command('search')
    .description('Search for the best training options: many trials, and what mattered.')
    .argument('[data]', 'the data set, as --dataset')
    .option('--config <file>', 'JSON or YAML with any of these flags as names; flags on the line go before it')
    .optionsGroup('Search:')
    .option(
      '--space <name=distribution>',
      "an option and its values: 'learning_rate=loguniform(1e-5,1e-4)', also choice(8,16), uniform(0,0.3), int(1,5), logint(1,64); may be given several times",
      (text: string, earlier: readonly string[] = []) => [...earlier, text],
    )
    .option(
      '--n-trials <integer>',
      'trials that the study is to have in all (default: 20; of a grid, all)',
      (text: string) => Number(parseValue('--n-trials', 'integer', text)),
    )
    .addOption(
      new Option('--sampler <name>', 'what chooses the values').choices(['tpe', 'random', 'grid']).default('tpe'),
    )
    .option(
      '--pruner <name>',
      "what ends trials early that are no good: 'none', 'median', 'asha', also with options: 'asha(reduction_factor=2)' (default: none)",
      readPruner,
    )
    .option(
      '--study <file>',
      'keep the trials in a JSON Lines file; one that is there is gone on with, also by several processes at once',
    )
    .addOption(
      new Option(
        '--direction <name>',
        'which way --metric-for-best-model is better (default: as its name says)',
      ).choices(['minimize', 'maximize']),
    )
    .option('--timeout <seconds>', 'begin no trial after so many seconds', (text: string) =>
      Number(parseValue('--timeout', 'number', text)),
    );
  addTrainingDataFlags(command, true, 'judge trials by');
  addTuningFlags(command);
  addTrainingFlags(command);
  addTaskOptionFlags(command);
  addThreadsFlag(command);
  command
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(async (data: string | undefined, flags: SearchFlags & Record<string, unknown>) => {
      // What the program could not read itself: the line after the command's name.
      const words = command.parent?.args.slice(1) ?? [];
      await search(data, flags, (best) => trainLine(command, words, ownNames, best.hyperparameters));
    });
}

async function search(
  data: string | undefined,
  flags: SearchFlags & Record<string, unknown>,
  lineOf: (best: BestRun) => string,
): Promise<void> {
  const report = makeReport(flags.json === true);
  checkTuning(flags);
  const args = searchArguments(flags);
  const hpSpace = readSpace(args, flags.space);
  // Before the data, which may take long.
  await readArchitectures(flags.model);
  const {
    task,
    taskOptions,
    train: trainDataset,
    evaluation: evalDataset,
    columns,
  } = await rowsInMemory(data, flags, args, nothingToJudgeBy);
  const tokenizer = flags.tokenizer === undefined ? undefined : await BertTokenizer.fromPretrained(flags.tokenizer);
  const { gradualUnfreezing: epochs, ...tuning } = flags;
  const thawing = epochs === true ? {} : { epochsPerStage: epochs };
  let progress = new Progress();
  const attended = attend(() => progress.clear(), 'stopping after this step');
  let ended = 0;
  try {
    const trainer = new Trainer({
      modelInit: async (trial) => {
        const seed = trial?.args.seed ?? args.seed;
        const model = await tasks[task].model.fromPretrained(flags.model, { threads: flags.threads, seed });
        await applyTuning(model, tuning, seed);
        return model;
      },
      args,
      trainDataset,
      evalDataset,
      columns,
      taskOptions,
      tokenizer,
      callbacks: epochs === undefined ? [] : [new GradualUnfreezing(thawing)],
      onEvent: (event) => {
        if (event.type === 'begin') progress = new Progress();
        if (!args.disableTqdm) progress.show(event);
      },
    });
    const best = await trainer.hyperparameterSearch({
      hpSpace,
      nTrials: flags.nTrials,
      sampler: flags.sampler,
      pruner: flags.pruner,
      study: flags.study,
      direction: flags.direction,
      timeout: flags.timeout,
      signal: attended.signal,
      onTrial: () => {
        ended++;
      },
    });
    progress.clear();
    reportBest(report, best, lineOf(best), flags.study);
  } catch (error) {
    progress.clear();
    if (!attended.signal.aborted || error !== attended.signal.reason) throw error;
    setExitCode(130);
    const kept =
      flags.study === undefined
        ? 'nothing is kept of them, as --study names no file'
        : `they are in ${flags.study}; the same command goes on`;
    report.result(
      { interrupted: true, trials: ended, study: flags.study ?? null },
      `interrupted; trials that ended: ${ended}; ${kept}`,
    );
  } finally {
    attended.end();
  }
}

function nothingToJudgeBy(dataset: DatasetDict): ArgumentError {
  return new ArgumentError('ERR_NO_DATASET', {
    owner,
    what: 'there is no split to judge trials by',
    got: Object.keys(dataset).join(', '),
    hint: "name one, or a part: --train-split 'train[:80%]' --eval-split 'train[80%:]'",
  });
}

/** The arguments that trials share. A pruner needs evaluations: where nothing is said, one each epoch. */
function searchArguments(flags: SearchFlags & Record<string, unknown>): TrainingArguments {
  const args = new TrainingArguments(trainingValues(flags));
  if (flags.pruner === undefined || args.evalStrategy !== 'no') return args;
  log.info(`--pruner ${flags.pruner.name}: trials are evaluated each epoch, as --eval-strategy epoch says`);
  return new TrainingArguments({ ...args, evalStrategy: 'epoch' });
}

function readSpace(
  args: TrainingArguments,
  texts: readonly string[] | undefined,
): Readonly<Record<string, Distribution>> {
  const describe = (space: Readonly<Record<string, Distribution>>) =>
    Object.entries(space)
      .map(([name, distribution]) => `${name}=${describeDistribution(distribution)}`)
      .join(', ');
  if (texts === undefined) {
    log.info(`no --space: the one of Hugging Face's Trainer is searched: ${describe(defaultHpSpace)}`);
    return defaultHpSpace;
  }
  const space: Record<string, Distribution> = {};
  for (const text of texts) {
    const [name, distribution] = parseSpace(owner, text);
    if (Object.hasOwn(space, name)) {
      throw new ArgumentError('ERR_OPTION_TWICE', {
        owner,
        what: `--space has '${name}' twice`,
        hint: 'leave one of them out',
      });
    }
    space[name] = distribution;
  }
  return checkTrainingSpace(owner, args, space);
}

/** A pruner from a flag's text: `median`, `asha(reduction_factor=2)`. */
function readPruner(text: string): Pruner | undefined {
  const parts = /^\s*(\w+)\s*(?:\(([^()]*)\))?\s*$/.exec(text);
  const [, name = text, inside = ''] = parts ?? [];
  const values = readNamedValues(inside);
  const makers: Readonly<
    Record<string, { readonly options: readonly string[]; make(options: object): Pruner | undefined }>
  > = {
    none: { options: [], make: () => undefined },
    median: { options: ['nStartupTrials', 'nWarmupSteps', 'intervalSteps'], make: medianPruner },
    asha: { options: ['minResource', 'reductionFactor', 'minEarlyStoppingRate'], make: ashaPruner },
  };
  const wrong = (expected: string, near: string | undefined) =>
    new ArgumentError('ERR_FLAG_VALUE', {
      owner: 'fettle',
      what: '--pruner has a wrong value',
      got: text,
      expected,
      hint: near === undefined ? undefined : `did you mean '${near}'?`,
    });
  if (parts === null || values === undefined || !Object.hasOwn(makers, name))
    throw wrong(
      'none, median or asha, with or without options: asha(reduction_factor=2)',
      didYouMean(name, Object.keys(makers)),
    );
  const { options, make } = makers[name];
  const stray = Object.keys(values).find((each) => !options.includes(camelCase(each)));
  if (stray !== undefined)
    throw wrong(`options of ${name}: ${options.join(', ') || 'none'}`, didYouMean(stray, options));
  return make(values);
}

function reportBest(report: Report, best: BestRun, line: string, study: string | undefined): void {
  const { direction, objective, trials, importances } = best.runSummary;
  report.result(
    {
      objective,
      direction,
      best: { trial: Number(best.runId), value: best.objective, params: best.hyperparameters },
      command: line,
      study: study ?? null,
      importances,
      trials,
    },
    [
      String(best.runSummary),
      '',
      `Best: trial ${best.runId}, ${objective} ${describeValue(best.objective)}. To train with its options:`,
      `  ${line}`,
    ].join('\n'),
  );
}
