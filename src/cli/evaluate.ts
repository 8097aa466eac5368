import type { Command } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import type { EvalPrediction } from '../tasks/task.ts';
import { type TaskName, tasks } from '../tasks/taskFor.ts';
import { describeMetrics } from '../training/eventLog.ts';
import { Trainer } from '../training/trainer.ts';
import { confidenceOf, describeConfidence } from './confidence.ts';
import { addDataFlags, type DataFlags, flaggedColumns, loadFlaggedDataset, loadFlaggedSplit } from './dataFlags.ts';
import { parseCount, parseValue } from './flags.ts';
import { judgedColumns, worstRows } from './judgedRows.ts';
import {
  addMetricFlags,
  checkRequirements,
  flaggedMetrics,
  type MetricFlags,
  missedRequirements,
  readRequirements,
  reportMissed,
} from './metricFlags.ts';
import { addPreparationFlags, type PreparationFlags, prepareRows } from './preparation.ts';
import { makeReport } from './report.ts';
import { rowFormatOf, writeRows } from './rowFile.ts';
import { rowJudgeOf } from './rowJudges.ts';
import { addTaskFlag, addTaskOptionFlags, flagOfAnotherTask, taskOfCheckpoint, taskSettings } from './taskFlags.ts';

interface EvaluateFlags extends DataFlags, PreparationFlags, MetricFlags {
  readonly model: string;
  readonly task?: TaskName;
  readonly split?: string;
  readonly batchSize: number;
  readonly maxLength?: number;
  readonly confidence?: number;
  readonly errors?: string;
  readonly json?: boolean;
}

/** `fettle evaluate`: a saved model's metrics on a data set with labels. */
export function addEvaluateCommand(program: Command): void {
  const command = program
    .command('evaluate')
    .description('Judge a saved model on a data set with labels.')
    .argument('[data]', 'the data set, as --dataset')
    .requiredOption('--model <path or name>', 'a directory with a fine-tuned model, or a name: org/name');
  addTaskFlag(command, 'what the model was trained for');
  addDataFlags(command);
  command
    .option('--split <name>', 'the split to evaluate on (default: validation, test, or the only one)')
    .option('--batch-size <integer>', 'rows computed at once', (text: string) => parseCount('--batch-size', text), 8)
    .option('--max-length <integer>', "tokens of a row at most (default: the model's limit)", (text: string) =>
      parseCount('--max-length', text, 3),
    )
    .option('--json', 'print one JSON object on standard output, and nothing else there');
  addMetricFlags(command);
  command
    .option(
      '--confidence <share>',
      'say in what interval the metrics would lie for other rows of the same kind, with this confidence: 0.95',
      (text: string) => Number(parseValue('--confidence', 'number', text)),
    )
    .option(
      '--errors <file>',
      'write the rows that the model gets wrong, those it is surest of first: .csv, .jsonl or .parquet',
    );
  addPreparationFlags(command, { training: false });
  addTaskOptionFlags(command);
  command.action(evaluate);
}

async function evaluate(data: string | undefined, flags: EvaluateFlags & Record<string, unknown>): Promise<void> {
  const requirements = readRequirements(flags);
  const computeMetrics = flaggedMetrics(flags);
  checkEvaluateFlags(flags);
  const task = await taskOfCheckpoint(flags.task, flags.model);
  const taskOptions = taskSettings(task, flags);
  const judge = rowJudgeOf(task);
  if (flags.errors !== undefined && judge === undefined) throw flagOfAnotherTask('--errors', task);
  const { split, rows } = await rowsToJudge(flags, data);
  const { evaluation, columns } = await prepareRows(
    flags,
    { evaluation: rows },
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
      computeMetrics,
    });
    if (requirements.length > 0) checkRequirements(requirements, await trainer.metricNames());
    let prediction: EvalPrediction | undefined;
    const keep = (answers: EvalPrediction) => {
      prediction = answers;
    };
    const asked = flags.confidence !== undefined || flags.errors !== undefined;
    const metrics = await trainer.evaluate(undefined, { onPrediction: asked ? keep : undefined });
    const lines = [describeMetrics(metrics)];
    const found: Record<string, unknown> = { split, ...metrics };
    if (flags.confidence !== undefined && prediction !== undefined) {
      const intervals = confidenceOf(flags, flags.confidence, { task, model, metrics, prediction });
      found['confidence'] = { level: flags.confidence, ...intervals };
      lines.push(describeConfidence(flags.confidence, intervals));
    }
    if (flags.errors !== undefined && judge !== undefined && prediction !== undefined && evaluation !== undefined) {
      const worst = worstRows(judge.judge(evaluation, prediction, model, columns));
      const shape = {
        columns: judgedColumns(evaluation.columnNames, judge, model, true),
        features: evaluation.features,
      };
      await writeRows(flags.errors, rowFormatOf('--errors', flags.errors), [worst], () => shape);
      found['errors'] = flags.errors;
      lines.push(`${worst.length} of ${evaluation.length} rows in ${flags.errors}, the worst first`);
    }
    const missed = missedRequirements(requirements, metrics);
    if (requirements.length > 0) found['missed'] = missed;
    makeReport(flags.json === true).result(found, lines.join('\n'));
    reportMissed(missed);
  } finally {
    await model.dispose();
  }
}

/** The split that is asked for, alone; or of all the one that is for judging. */
async function rowsToJudge(flags: EvaluateFlags, data: string | undefined) {
  if (flags.split !== undefined) return { split: flags.split, rows: await loadFlaggedSplit(flags, data, flags.split) };
  const dataset = await loadFlaggedDataset(flags, data);
  const names = Object.keys(dataset);
  const split = ['validation', 'validation_matched', 'test'].find((name) => names.includes(name)) ?? names[0];
  return { split, rows: dataset[split] };
}

/** What can be refused before anything is read. */
function checkEvaluateFlags({ errors, confidence }: EvaluateFlags): void {
  if (errors !== undefined) rowFormatOf('--errors', errors);
  if (confidence === undefined || (confidence > 0 && confidence < 1)) return;
  throw new ArgumentError('ERR_FLAG_VALUE', {
    owner: 'fettle',
    what: '--confidence has a wrong value',
    got: confidence,
    expected: 'a number between 0 and 1, such as 0.95',
  });
}
