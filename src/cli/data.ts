import type { Command } from 'commander';
import { setExitCode, terminalWidth } from '#platform/process';
import { inspectDataset } from '../data/index.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { type DataFlags, loadFlaggedDataset } from './dataFlags.ts';
import { parseCount } from './flags.ts';
import { renderInspection } from './inspectReport.ts';
import { makeReport } from './report.ts';
import { addDataSuspectsCommand } from './suspects.ts';

interface InspectFlags extends DataFlags {
  readonly model?: string;
  readonly maxLength?: number;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** `fettle data …`: what there is to do with data before training. */
export function addDataCommand(program: Command): void {
  const data = program.command('data').description('Look at data before training on it.');
  addDataInspectCommand(data);
  addDataSuspectsCommand(data);
}

/** `fettle data inspect`: what a careful person looks at first. */
export function addDataInspectCommand(parent: Command): void {
  parent
    .command('inspect')
    .description('Look at a data set as a careful person would: labels, lengths, repetitions, leaks, damage.')
    .argument('[data]', 'the data set, as --dataset of fettle train')
    .option('--dataset <path or name>', 'the data set')
    .option('--dataset-config <name>', 'the configuration of a named data set: mrpc')
    .option('--text-column <name>', 'the column with the text (default: found)')
    .option('--text-pair-column <name>', 'the column with the second text of a pair')
    .option('--label-column <name>', 'the column with the label (default: found)')
    .option('--model <path or name>', 'counts lengths in the tokens of this model; else in words')
    .option('--max-length <integer>', "tokens of a row at most (default: the model's limit)", (text: string) =>
      parseCount('--max-length', text, 3),
    )
    .option('--strict', 'exit with 1 where there is a warning, for scripts')
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(inspect);
}

async function inspect(data: string | undefined, flags: InspectFlags): Promise<void> {
  const dataset = await loadFlaggedDataset(flags, data);
  const tokenizer = flags.model === undefined ? undefined : await BertTokenizer.fromPretrained(flags.model);
  const texts = [flags.textColumn, flags.textPairColumn].filter((name) => name !== undefined);
  const inspection = await inspectDataset(dataset, {
    texts,
    label: flags.labelColumn,
    tokenizer,
    maxLength: flags.maxLength,
  });
  makeReport(flags.json === true).result({ ...inspection }, renderInspection(inspection, terminalWidth()));
  if (flags.strict === true && inspection.findings.some(({ severity }) => severity === 'warning')) setExitCode(1);
}
