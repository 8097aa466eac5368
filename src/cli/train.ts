import type { Command } from 'commander';
import { joinPath, kindOf } from '#platform/files';
import { exitNow, onInterrupt, writeError } from '#platform/process';
import { ArgumentError } from '../core/errors.ts';
import { configureLog } from '../core/log.ts';
import type { DatasetDict } from '../data/index.ts';
import type { Metrics } from '../tasks/task.ts';
import { type TaskName, tasks } from '../tasks/taskFor.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { describeMetrics } from '../training/eventLog.ts';
import { Trainer } from '../training/trainer.ts';
import { TrainingArguments } from '../training/trainingArguments.ts';
import { addDataFlags, type DataFlags, flaggedColumns, loadFlaggedDataset, splitOf } from './dataFlags.ts';
import { addTrainingFlags, parseValue, trainingValues } from './flags.ts';
import { Progress } from './progress.ts';
import { makeReport } from './report.ts';
import { addTaskFlag, addTaskOptionFlags, taskOfDataset, taskSettings } from './taskFlags.ts';

interface TrainFlags extends DataFlags {
  readonly model: string;
  readonly task?: TaskName;
  readonly tokenizer?: string;
  readonly freeze?: readonly string[];
  readonly trainSplit: string;
  readonly evalSplit?: string;
  readonly threads?: number;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** `fettle train`: fine-tunes a model on a data set, evaluates it and saves it. */
export function addTrainCommand(program: Command): void {
  const command = program
    .command('train')
    .description('Fine-tune a model on a data set, evaluate it and save it.')
    .argument('[data]', 'the data set, as --dataset')
    .option('--config <file>', 'JSON or YAML with any of these flags as names; flags on the line go before it')
    .optionsGroup('Model:')
    .requiredOption('--model <path or name>', 'a directory with a model, or a name in the cache: bert-base-uncased')
    .option('--tokenizer <path or name>', 'the tokenizer, where it does not stand with the model')
    .option(
      '--freeze <path or glob>',
      "parameters to leave as they are: 'bert', 'bert.encoder.layer.{0,1}.**'; may be given several times",
      (pattern: string, earlier: readonly string[] = []) => [...earlier, pattern],
    );
  addTaskFlag(command, 'by the columns of the data');
  addDataFlags(command);
  command
    .option('--train-split <name>', 'the split to train on', 'train')
    .option('--eval-split <name>', 'the split to evaluate on (default: validation, or else test)');
  addTrainingFlags(command);
  addTaskOptionFlags(command);
  command
    .optionsGroup('Machine:')
    .option('--threads <integer>', 'threads to compute with (default: the CPUs this process may use)', (text: string) =>
      Number(parseValue('--threads', 'integer', text)),
    )
    .option('--overwrite', 'write over a model that stands in the output directory')
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(async (data: string | undefined, flags: TrainFlags & Record<string, unknown>) => {
      await train(data, flags);
    });
}

async function train(data: string | undefined, flags: TrainFlags & Record<string, unknown>): Promise<void> {
  const report = makeReport(flags.json === true);
  const args = new TrainingArguments(trainingValues(flags));
  const output = args.outputDir;
  if (output === undefined) {
    throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
      owner: 'fettle train',
      what: 'there is no output directory',
      hint: 'pass --output-dir',
    });
  }
  if (flags.overwrite !== true && (await kindOf(joinPath(output, 'model.safetensors'))) !== 'none') {
    throw new ArgumentError('ERR_OUTPUT_EXISTS', {
      owner: 'fettle train',
      what: 'there is a model in the output directory',
      file: output,
      hint: 'choose another directory, or pass --overwrite',
    });
  }
  const dataset = await loadFlaggedDataset(flags, data);
  const trainDataset = splitOf(dataset, flags.trainSplit);
  const evalDataset = evaluationSplit(dataset, flags.evalSplit);
  const columns = flaggedColumns(flags);
  const task = taskOfDataset(flags.task, trainDataset);
  const taskOptions = taskSettings(task, flags);
  const model = await tasks[task].model.fromPretrained(flags.model, {
    threads: flags.threads,
    seed: args.seed,
  });
  if (flags.freeze !== undefined) model.freeze(flags.freeze);
  const progress = new Progress();
  const restoreLog = configureLog({
    sink: (level, message) => {
      progress.clear();
      writeError(`${level === 'warn' ? 'warning: ' : ''}${message}\n`);
    },
  });
  const interrupt = new AbortController();
  let interruptions = 0;
  const stopListening = onInterrupt(() => {
    if (++interruptions > 1) exitNow(130);
    progress.clear();
    writeError('interrupted: stopping after this step and saving; once more stops at once\n');
    interrupt.abort();
  });
  try {
    const tokenizer = flags.tokenizer === undefined ? undefined : await BertTokenizer.fromPretrained(flags.tokenizer);
    const trainer = new Trainer({
      model,
      args,
      trainDataset,
      evalDataset,
      columns,
      taskOptions,
      tokenizer,
      onEvent: args.disableTqdm ? undefined : progress.show,
    });
    const trained = await trainer.train({ signal: interrupt.signal }).catch((error: unknown) => {
      if (interrupt.signal.aborted && error === interrupt.signal.reason) return undefined;
      throw error;
    });
    progress.clear();
    const metrics: Metrics = trained === undefined || evalDataset === undefined ? {} : await trainer.evaluate();
    await trainer.saveModel();
    if (trained === undefined) {
      report.result({ interrupted: true, outputDir: output }, `interrupted; the model as it was is saved in ${output}`);
      exitNow(130);
    }
    report.result(
      {
        outputDir: output,
        globalStep: trained.globalStep,
        trainingLoss: trained.trainingLoss,
        ...trained.metrics,
        ...metrics,
      },
      [...(evalDataset === undefined ? [] : [describeMetrics(metrics)]), ...nextSteps(output, task)].join('\n'),
    );
  } finally {
    stopListening();
    restoreLog();
    await model.dispose();
  }
}

function evaluationSplit(dataset: DatasetDict, named: string | undefined) {
  if (named !== undefined) return splitOf(dataset, named);
  return dataset['validation'] ?? dataset['validation_matched'] ?? dataset['test'];
}

function nextSteps(directory: string, task: TaskName): string[] {
  const { name } = tasks[task].model;
  return [
    '',
    `The model is in ${directory}. To use it:`,
    `  on the command line   fettle predict --model ${directory} --text "…"`,
    `  in Node               const model = await ${name}.fromPretrained('${directory}');`,
    `  in Python             ${name}.from_pretrained("${directory}")`,
  ];
}
