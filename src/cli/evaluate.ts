import type { Command } from 'commander';
import { type TaskName, tasks } from '../tasks/taskFor.ts';
import { describeMetrics } from '../training/eventLog.ts';
import { Trainer } from '../training/trainer.ts';
import { addDataFlags, type DataFlags, flaggedColumns, loadFlaggedDataset, splitOf } from './dataFlags.ts';
import { parseValue } from './flags.ts';
import { addPreparationFlags, type PreparationFlags, prepareRows } from './preparation.ts';
import { makeReport } from './report.ts';
import { addTaskFlag, addTaskOptionFlags, taskOfCheckpoint, taskSettings } from './taskFlags.ts';

interface EvaluateFlags extends DataFlags, PreparationFlags {
  readonly model: string;
  readonly task?: TaskName;
  readonly split?: string;
  readonly batchSize: number;
  readonly maxLength?: number;
  readonly json?: boolean;
}

/** `fettle evaluate`: a saved model's metrics on a data set with labels. */
export function addEvaluateCommand(program: Command): void {
  const command = program
    .command('evaluate')
    .description('Judge a saved model on a data set with labels.')
    .argument('[data]', 'the data set, as --dataset')
    .requiredOption('--model <path or name>', 'a directory with a fine-tuned model');
  addTaskFlag(command, 'what the model was trained for');
  addDataFlags(command);
  command
    .option('--split <name>', 'the split to evaluate on (default: validation, test, or the only one)')
    .option(
      '--batch-size <integer>',
      'rows computed at once',
      (text: string) => Number(parseValue('--batch-size', 'integer', text)),
      8,
    )
    .option('--max-length <integer>', "tokens of a row at most (default: the model's limit)", (text: string) =>
      Number(parseValue('--max-length', 'integer', text)),
    )
    .option('--json', 'print one JSON object on standard output, and nothing else there');
  addPreparationFlags(command, { training: false });
  addTaskOptionFlags(command);
  command.action(async (data: string | undefined, flags: EvaluateFlags & Record<string, unknown>) => {
    const task = await taskOfCheckpoint(flags.task, flags.model);
    const taskOptions = taskSettings(task, flags);
    const dataset = await loadFlaggedDataset(flags, data);
    const split =
      flags.split ??
      ['validation', 'validation_matched', 'test'].find((name) => name in dataset) ??
      Object.keys(dataset)[0];
    const { evaluation, columns } = await prepareRows(
      flags,
      { evaluation: splitOf(dataset, split) },
      { task, columns: flaggedColumns(flags), maxLength: flags.maxLength, tokenizer: flags.model },
    );
    const model = await tasks[task].model.fromPretrained(flags.model);
    try {
      const trainer = new Trainer({
        model,
        args: { perDeviceEvalBatchSize: flags.batchSize, maxLength: flags.maxLength },
        evalDataset: evaluation,
        columns,
        taskOptions,
      });
      const metrics = await trainer.evaluate();
      makeReport(flags.json === true).result({ split, ...metrics }, describeMetrics(metrics));
    } finally {
      await model.dispose();
    }
  });
}
