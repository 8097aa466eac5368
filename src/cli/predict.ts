import { type Command, Option } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { type ModelOf, type TaskName, type TrainableModel, tasks } from '../tasks/taskFor.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { addDataFlags } from './dataFlags.ts';
import { flagOf, parseCount } from './flags.ts';
import { answerPredictor } from './predictAnswers.ts';
import { checkDatasetFlags, type DatasetFlags, predictDataset } from './predictDataset.ts';
import { entityPredictor } from './predictEntities.ts';
import { hiddenWordPredictor } from './predictHiddenWords.ts';
import { labelPredictor } from './predictLabels.ts';
import { type Predictor, type QuestionFlags, refuseQuestion } from './predictor.ts';
import { makeReport } from './report.ts';
import { rowJudgeOf } from './rowJudges.ts';
import { addTaskFlag, addTaskOptionFlags, flagOfAnotherTask, taskOfCheckpoint, taskSettings } from './taskFlags.ts';

/** How each task's models are asked about texts. */
const predictors: { readonly [Name in TaskName]?: Predictor<ModelOf<Name>> } = {
  'text-classification': labelPredictor,
  'question-answering': answerPredictor,
  'token-classification': entityPredictor,
  'fill-mask': hiddenWordPredictor,
};

const questionFlags = ['text', 'textPair', 'question', 'context'] as const satisfies readonly (keyof QuestionFlags)[];

interface PredictFlags extends QuestionFlags, DatasetFlags {
  readonly model: string;
  readonly task?: TaskName;
  readonly quantize?: 'int8';
}

/** `fettle predict`: what a saved model says of texts. */
export function addPredictCommand(program: Command): void {
  const collect = (text: string, earlier: readonly string[] = []) => [...earlier, text];
  const command = program
    .command('predict')
    .description('Ask a saved model about texts, or about all rows of a data set.')
    .argument('[data]', 'the data set, as --dataset')
    .requiredOption('--model <path or name>', 'a directory with a fine-tuned model, or a name: org/name');
  addTaskFlag(command, 'what the model was trained for');
  command
    .option('--text <text>', 'a text; may be given several times', collect)
    .option('--text-pair <text>', 'the second text of a pair, one for each --text', collect)
    .option('--question <text>', 'a question about a context; may be given several times', collect)
    .option('--context <text>', 'the text that holds the answer: one for each --question, or one for all', collect)
    .option(
      '--json',
      'print one JSON object on standard output, and nothing else there; of a data set without --output, one for each row',
    );
  addDataFlags(command);
  command
    .option(
      '--split <name>',
      "the split to predict, or a part of one, 'test[:100]' (default: test, validation, or the first)",
    )
    .option('--output <file>', 'write the rows with what the model says of them: .csv, .jsonl or .parquet')
    .option('--errors <file>', 'write the rows that the model gets wrong, those it is surest of first')
    .option('--batch-size <integer>', 'rows computed at once', (text: string) => parseCount('--batch-size', text), 8)
    .option('--max-length <integer>', "tokens of a row at most (default: the model's limit)", (text: string) =>
      parseCount('--max-length', text, 3),
    );
  command.addOption(
    new Option('--quantize <form>', 'compute with weights of 8 bits: smaller and faster, a little less exact').choices([
      'int8',
    ]),
  );
  addTaskOptionFlags(command);
  command.action(async (data: string | undefined, flags: PredictFlags & Record<string, unknown>) => {
    if (flags.dataset !== undefined || data !== undefined) return predictRows(data, flags);
    for (const flag of ['output', 'errors', 'split'] as const) {
      if (flags[flag] !== undefined)
        throw refuseQuestion(`--${flag} is for a data set`, 'pass --dataset, or leave it out');
    }
    const name = await taskOfCheckpoint(flags.task, flags.model);
    const predictor = predictors[name] as Predictor<TrainableModel> | undefined;
    if (predictor === undefined) throw notAsked(name);
    for (const flag of questionFlags)
      if (flags[flag] !== undefined && !predictor.takes.includes(flag)) throw flagOfAnotherTask(flagOf(flag), name);
    const ask = predictor.prepare(flags, taskSettings(name, flags));
    const model = await tasks[name].model.fromPretrained(flags.model, { quantize: flags.quantize });
    try {
      const { predictions, lines } = await ask(model, await BertTokenizer.fromPretrained(model.source ?? flags.model));
      makeReport(flags.json === true).result({ predictions }, lines.join('\n'));
    } finally {
      await model.dispose();
    }
  });
}

async function predictRows(data: string | undefined, flags: PredictFlags & Record<string, unknown>): Promise<void> {
  const asked = questionFlags.find((flag) => flags[flag] !== undefined);
  if (asked !== undefined) throw refuseQuestion(`there is a data set and ${flagOf(asked)}`, 'leave one of them out');
  checkDatasetFlags(flags);
  const name = await taskOfCheckpoint(flags.task, flags.model);
  const taskOptions = taskSettings(name, flags);
  const judge = rowJudgeOf(name);
  if (judge === undefined) {
    throw new ArgumentError('ERR_NOT_PREDICTED', {
      owner: 'fettle predict',
      what: `data sets are not predicted with models for ${name}`,
      hint: 'pass single texts, or call trainer.predict in a program',
    });
  }
  const model = await tasks[name].model.fromPretrained(flags.model, { quantize: flags.quantize });
  try {
    await predictDataset({ model, judge, taskOptions }, flags, data);
  } finally {
    await model.dispose();
  }
}

function notAsked(task: TaskName): ArgumentError {
  return new ArgumentError('ERR_NOT_PREDICTED', {
    owner: 'fettle predict',
    what: `models for ${task} are not asked on the command line`,
    hint: 'call the model in a program',
  });
}
