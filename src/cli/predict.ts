import type { Command } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { type ModelOf, type TaskName, type TrainableModel, tasks } from '../tasks/taskFor.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { flagOf } from './flags.ts';
import { answerPredictor } from './predictAnswers.ts';
import { entityPredictor } from './predictEntities.ts';
import { hiddenWordPredictor } from './predictHiddenWords.ts';
import { labelPredictor } from './predictLabels.ts';
import type { Predictor, QuestionFlags } from './predictor.ts';
import { makeReport } from './report.ts';
import { addTaskFlag, addTaskOptionFlags, flagOfAnotherTask, taskOfCheckpoint, taskSettings } from './taskFlags.ts';

/** How each task's models are asked. */
const predictors: { readonly [Name in TaskName]?: Predictor<ModelOf<Name>> } = {
  'text-classification': labelPredictor,
  'question-answering': answerPredictor,
  'token-classification': entityPredictor,
  'fill-mask': hiddenWordPredictor,
};

const questionFlags = ['text', 'textPair', 'question', 'context'] as const satisfies readonly (keyof QuestionFlags)[];

interface PredictFlags extends QuestionFlags {
  readonly model: string;
  readonly task?: TaskName;
  readonly json?: boolean;
}

/** `fettle predict`: what a saved model says of texts. */
export function addPredictCommand(program: Command): void {
  const collect = (text: string, earlier: readonly string[] = []) => [...earlier, text];
  const command = program
    .command('predict')
    .description('Ask a saved model about texts.')
    .requiredOption('--model <path or name>', 'a directory with a fine-tuned model');
  addTaskFlag(command, 'what the model was trained for');
  command
    .option('--text <text>', 'a text; may be given several times', collect)
    .option('--text-pair <text>', 'the second text of a pair, one for each --text', collect)
    .option('--question <text>', 'a question about a context; may be given several times', collect)
    .option('--context <text>', 'the text that holds the answer: one for each --question, or one for all', collect)
    .option('--json', 'print one JSON object on standard output, and nothing else there');
  addTaskOptionFlags(command);
  command.action(async (flags: PredictFlags & Record<string, unknown>) => {
    const name = await taskOfCheckpoint(flags.task, flags.model);
    const predictor = predictors[name] as Predictor<TrainableModel> | undefined;
    if (predictor === undefined) throw notAsked(name);
    for (const flag of questionFlags)
      if (flags[flag] !== undefined && !predictor.takes.includes(flag)) throw flagOfAnotherTask(flagOf(flag), name);
    const ask = predictor.prepare(flags, taskSettings(name, flags));
    const model = await tasks[name].model.fromPretrained(flags.model);
    try {
      const { predictions, lines } = await ask(model, await BertTokenizer.fromPretrained(model.source ?? flags.model));
      makeReport(flags.json === true).result({ predictions }, lines.join('\n'));
    } finally {
      await model.dispose();
    }
  });
}

function notAsked(task: TaskName): ArgumentError {
  return new ArgumentError('ERR_NOT_PREDICTED', {
    owner: 'fettle predict',
    what: `models for ${task} are not asked on the command line`,
    hint: 'call the model in a program',
  });
}
