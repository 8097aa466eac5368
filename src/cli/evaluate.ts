import type { Command } from 'commander';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import { describeMetrics } from '../training/eventLog.ts';
import { Trainer } from '../training/trainer.ts';
import { addDataFlags, type DataFlags, flaggedColumns, loadFlaggedDataset, splitOf } from './dataFlags.ts';
import { parseValue } from './flags.ts';
import { makeReport } from './report.ts';

interface EvaluateFlags extends DataFlags {
  readonly model: string;
  readonly split?: string;
  readonly batchSize: number;
  readonly json?: boolean;
}

/** `fettle evaluate`: a saved model's metrics on a data set with labels. */
export function addEvaluateCommand(program: Command): void {
  const command = program
    .command('evaluate')
    .description('Judge a saved model on a data set with labels.')
    .argument('[data]', 'the data set, as --dataset')
    .requiredOption('--model <path or name>', 'a directory with a fine-tuned model');
  addDataFlags(command);
  command
    .option('--split <name>', 'the split to evaluate on (default: validation, test, or the only one)')
    .option(
      '--batch-size <integer>',
      'rows computed at once',
      (text: string) => Number(parseValue('--batch-size', 'integer', text)),
      8,
    )
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(async (data: string | undefined, flags: EvaluateFlags) => {
      const dataset = await loadFlaggedDataset(flags, data);
      const split =
        flags.split ??
        ['validation', 'validation_matched', 'test'].find((name) => name in dataset) ??
        Object.keys(dataset)[0];
      const model = await BertForSequenceClassification.fromPretrained(flags.model);
      try {
        const trainer = new Trainer({
          model,
          args: { perDeviceEvalBatchSize: flags.batchSize },
          evalDataset: splitOf(dataset, split),
          columns: flaggedColumns(flags),
        });
        const metrics = await trainer.evaluate();
        makeReport(flags.json === true).result({ split, ...metrics }, describeMetrics(metrics));
      } finally {
        await model.dispose();
      }
    });
}
