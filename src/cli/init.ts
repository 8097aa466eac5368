import { type Command, Option } from 'commander';
import { kindOf, writeAtomic } from '#platform/files';
import { isInteractive, setExitCode, writeError } from '#platform/process';
import { ArgumentError, FettleError } from '../core/errors.ts';
import type { Dataset, DatasetDict } from '../data/index.ts';
import { type TaskName, taskNames } from '../tasks/taskFor.ts';
import { loadFlaggedDataset } from './dataFlags.ts';
import { flagOf, parseValue } from './flags.ts';
import { type Answers, askingPerson, Cancelled, type PromptStreams, takingDefaults } from './initAnswers.ts';
import {
  findColumns,
  holdBack,
  type InitColumns,
  labelCandidates,
  likelyTask,
  textCandidates,
  trainingSplit,
} from './initData.ts';
import { composeConfig, type InitChoices } from './initFile.ts';
import { makeReport } from './report.ts';
import { suggestedModels } from './suggestedModels.ts';
import { flagOfAnotherTask } from './taskFlags.ts';

interface InitFlags {
  readonly dataset?: string;
  readonly task?: TaskName;
  readonly textColumn?: string;
  readonly textPairColumn?: string;
  readonly labelColumn?: string;
  readonly model?: string;
  readonly numTrainEpochs?: number;
  readonly outputDir?: string;
  readonly file: string;
  readonly overwrite?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const owner = 'fettle init';
const another = 'another: a directory, or a name on the Hub';

/** `fettle init`: asks what is to be trained on what, and writes the configuration that `fettle train --config` takes. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('Ask five questions and write the configuration of a training run.')
    .argument('[data]', 'the data set, as --dataset')
    .option(
      '--dataset <path or name>',
      'a file with the rows to learn from (CSV, TSV, JSON Lines), a folder, or a name',
    )
    .addOption(new Option('--task <name>', 'what the model is to do (default: by the data)').choices([...taskNames]))
    .option('--text-column <name>', 'the column with the text (default: found)')
    .option('--text-pair-column <name>', 'the column with the second text of a pair')
    .option('--label-column <name>', 'the column with the label (default: found)')
    .option('--model <path or name>', `the model to begin with (default: ${suggestedModels[0].name})`)
    .option('--num-train-epochs <number>', 'times that all rows are learned from (default: 3)', (text: string) =>
      Number(parseValue('--num-train-epochs', 'number', text)),
    )
    .option('--output-dir <path>', 'where the trained model goes (default: results)')
    .option('--file <path>', 'the file to write', 'fettle.yaml')
    .option('--overwrite', 'write over a file that is there')
    .option('--yes', 'ask nothing: take the defaults for what no flag says')
    .option('--json', 'print one JSON object on standard output, and nothing else there (with --yes)')
    .action(async (data: string | undefined, flags: InitFlags) => {
      await init({ ...flags, ...(data === undefined ? {} : { dataset: flags.dataset ?? data }) });
    });
}

/**
 * Asks what no flag says, and writes the file.
 * @param streams where a person is asked; default: the terminal.
 * @throws ArgumentError ERR_NOT_INTERACTIVE where nobody can be asked, ERR_OUTPUT_EXISTS, ERR_NO_ANSWER with --yes.
 */
export async function init(flags: InitFlags, streams?: PromptStreams): Promise<void> {
  const asks = flags.yes !== true && flags.json !== true;
  if (asks && streams === undefined && !isInteractive()) throw nobodyToAsk();
  const answers = asks ? await askingPerson(streams) : takingDefaults((message) => writeError(`${message}\n`));
  try {
    const { file } = flags;
    if (!(await mayWrite(flags, answers))) throw new Cancelled();
    const choices = await choose(flags, answers);
    await writeAtomic(file, composeConfig(choices, file));
    const next = `npx fettle train --config ${file}`;
    makeReport(flags.json === true).result(
      { file, task: choices.task, dataset: choices.dataset, model: choices.model, outputDir: choices.outputDir },
      `${file} is written. To train:\n\n  ${next}\n`,
    );
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    writeError('nothing was written\n');
    setExitCode(130);
  }
}

async function mayWrite(flags: InitFlags, answers: Answers): Promise<boolean> {
  if (flags.overwrite === true || (await kindOf(flags.file)) === 'none') return true;
  if (flags.yes === true || flags.json === true) {
    throw new ArgumentError('ERR_OUTPUT_EXISTS', {
      owner,
      what: 'the file is there already',
      file: flags.file,
      hint: 'pass --overwrite, or another name with --file',
    });
  }
  return answers.confirm({
    flag: '--overwrite',
    message: `${flags.file} is there already. Write over it?`,
    fallback: false,
  });
}

async function choose(flags: InitFlags, answers: Answers): Promise<InitChoices> {
  const { dataset, splits } = await askData(flags.dataset, answers);
  const { name: split, rows } = trainingSplit(splits);
  const task =
    flags.task ??
    ((await answers.choose(
      { flag: '--task', message: 'What is the model to do?', fallback: guessTask(flags, rows) },
      taskNames.map((value) => ({ value, hint: taskHints[value] })),
    )) as TaskName);
  const columns = await askColumns(flags, task, splits, answers);
  const model = flags.model ?? (await askModel(answers));
  const numTrainEpochs = flags.numTrainEpochs ?? (await askEpochs(answers));
  const outputDir =
    flags.outputDir ??
    (await answers.text({ flag: '--output-dir', message: 'Where is the trained model to go?', fallback: 'results' }));
  const labels =
    columns.label === undefined || task !== 'text-classification' ? undefined : labelsIn(splits, columns.label);
  return {
    task,
    dataset,
    rows: rows.length,
    columnNames: Object.keys(rows.features),
    columns,
    labels,
    heldBack: holdBack(splits, split, task === 'text-classification' ? columns.label : undefined),
    model,
    numTrainEpochs,
    outputDir,
  };
}

/** Who names a column of labels has texts to classify. */
function guessTask({ labelColumn, textPairColumn }: InitFlags, rows: Dataset): TaskName {
  const likely = likelyTask(rows);
  return likely === 'fill-mask' && (labelColumn ?? textPairColumn) !== undefined ? 'text-classification' : likely;
}

const taskHints: Readonly<Record<TaskName, string>> = {
  'text-classification': 'a label, or a number, for each text or pair of texts',
  'question-answering': 'find the answer to a question in a text',
  'token-classification': 'a label for each word: names, places',
  'fill-mask': 'learn the language of texts that have no labels',
};

/** Asks until there is data. */
async function askData(
  given: string | undefined,
  answers: Answers,
): Promise<{ readonly dataset: string; readonly splits: DatasetDict }> {
  for (let dataset = given; ; dataset = undefined) {
    dataset ??= await answers.text({
      flag: '--dataset',
      message: 'Which file has the rows to learn from? (CSV whose first line names its columns: text,label)',
    });
    try {
      return { dataset, splits: await loadFlaggedDataset({ dataset }) };
    } catch (error) {
      if (!(error instanceof FettleError)) throw error;
      answers.refuse(error);
    }
  }
}

/** The columns that a task has a flag for here. */
const columnKinds: Readonly<Record<TaskName, readonly string[]>> = {
  'text-classification': ['text', 'textPair', 'label'],
  'question-answering': [],
  'token-classification': ['text', 'label'],
  'fill-mask': ['text'],
};

/** The columns: as they are named, as they are found, or as they are chosen where neither tells them. */
async function askColumns(
  { textColumn, textPairColumn, labelColumn }: InitFlags,
  task: TaskName,
  splits: DatasetDict,
  answers: Answers,
): Promise<InitColumns> {
  const { rows } = trainingSplit(splits);
  const named: InitColumns = {
    ...(textColumn === undefined ? {} : { text: textColumn }),
    ...(textPairColumn === undefined ? {} : { textPair: textPairColumn }),
    ...(labelColumn === undefined ? {} : { label: labelColumn }),
  };
  const useless = Object.keys(named).find((kind) => !columnKinds[task].includes(kind));
  if (useless !== undefined) throw flagOfAnotherTask(flagOf(`${useless}Column`), task);
  const found = findColumns(rows, task, named);
  if (task === 'question-answering') return found;
  let { text, label } = found;
  if (task === 'text-classification' && label === undefined) {
    const candidates = labelCandidates(rows);
    label = await answers.choose(
      { flag: '--label-column', message: 'Which column has the labels?' },
      (candidates.length > 0 ? candidates : Object.keys(rows.features)).map((value) => ({ value })),
    );
  }
  let { textPair } = found;
  if (text === undefined) {
    const candidates = textCandidates(rows, label);
    const both = task === 'text-classification' && candidates.length === 2 ? candidates.join(' and ') : undefined;
    const chosen = await answers.choose(
      {
        flag: '--text-column',
        message: 'Which column has the texts?',
        fallback: candidates.length === 1 ? candidates[0] : candidates.find((name) => name === 'text'),
      },
      [
        ...candidates.map((value) => ({ value, hint: example(rows.column(value).at(0)) })),
        ...(both === undefined ? [] : [{ value: both, hint: 'both, as a pair' }]),
      ],
    );
    [text, textPair] = chosen === both ? candidates : [chosen];
  }
  const second = textPair === undefined ? '' : ` and '${textPair}'`;
  answers.say(`texts: column '${text}'${second}${label === undefined ? '' : `; labels: column '${label}'`}`);
  return { text, ...(textPair === undefined ? {} : { textPair }), ...(label === undefined ? {} : { label }) };
}

async function askModel(answers: Answers): Promise<string> {
  const chosen = await answers.choose(
    { flag: '--model', message: 'Which model to begin with?', fallback: suggestedModels[0].name },
    [...suggestedModels.map(({ name, says }) => ({ value: name, hint: says })), { value: another }],
  );
  return chosen === another ? answers.text({ flag: '--model', message: 'Its directory, or its name?' }) : chosen;
}

async function askEpochs(answers: Answers): Promise<number> {
  const question = { flag: '--num-train-epochs', message: 'How many times are all rows to be learned from?' };
  const check = (answer: string) => (Number(answer) > 0 ? undefined : 'A number above 0, please: 3');
  return Number(await answers.text({ ...question, fallback: '3' }, check));
}

function labelsIn(splits: DatasetDict, label: string): string[] | undefined {
  const { rows } = trainingSplit(splits);
  const feature = rows.features[label];
  if (typeof feature === 'object' && 'names' in feature) return [...feature.names];
  if (feature !== 'string' && feature !== 'bool' && feature !== 'int64') return undefined;
  return rows
    .unique(label)
    .filter((value) => value !== null && value !== '')
    .map(String)
    .sort();
}

function example(value: unknown): string {
  const text = String(value).replace(/\s+/g, ' ');
  return text.length > 50 ? `${text.slice(0, 49)}…` : text;
}

function nobodyToAsk(): ArgumentError {
  return new ArgumentError('ERR_NOT_INTERACTIVE', {
    owner,
    what: 'there is no terminal to ask questions on',
    hint: `pass --yes and what is not to be guessed: fettle init --yes --dataset data.csv --task text-classification --model ${suggestedModels[0].name} --num-train-epochs 3 --output-dir results`,
  });
}
