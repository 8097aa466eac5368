import type { Command } from 'commander';
import { baseName, joinPath, kindOf } from '#platform/files';
import { exitNow, onInterrupt, setExitCode, terminalWidth, writeError } from '#platform/process';
import { ArgumentError } from '../core/errors.ts';
import { configureLog, log } from '../core/log.ts';
import type { DatasetDict } from '../data/index.ts';
import type { Metrics, TaskSettings } from '../tasks/task.ts';
import { type TaskName, tasks } from '../tasks/taskFor.ts';
import type { ColumnNames } from '../tasks/textColumns.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { listCheckpoints } from '../training/checkpointFiles.ts';
import { describeMetrics } from '../training/eventLog.ts';
import { plotLosses } from '../training/lossPlot.ts';
import { Trainer, type TrainerDataset } from '../training/trainer.ts';
import { TrainingArguments } from '../training/trainingArguments.ts';
import { addDataFlags, type DataFlags, flaggedColumns, loadFlaggedDataset, splitOf } from './dataFlags.ts';
import { requireDataAndModel } from './firstSteps.ts';
import { addThreadsFlag, addTrainingFlags, trainingValues } from './flags.ts';
import {
  addMetricFlags,
  checkRequirements,
  flaggedMetrics,
  type MetricFlags,
  missedRequirements,
  readRequirements,
  reportMissed,
} from './metricFlags.ts';
import { addPreparationFlags, type PreparationFlags, prepareRows, refusePreparation } from './preparation.ts';
import { Progress } from './progress.ts';
import { makeReport } from './report.ts';
import { addStreamingFlags, checkStreamingFlags, loadStreamedData, type StreamingFlags } from './streamedData.ts';
import { addTaskFlag, addTaskOptionFlags, taskOfDataset, taskSettings } from './taskFlags.ts';
import { plainText } from './terminal.ts';
import { writeTrainingCard } from './trainingCard.ts';
import { addTuningFlags, applyTuning, checkTuning, type TuningFlags } from './tuningFlags.ts';

interface TrainFlags extends DataFlags, StreamingFlags, PreparationFlags, TuningFlags, MetricFlags {
  readonly model: string;
  readonly task?: TaskName;
  readonly tokenizer?: string;
  readonly trainSplit: string;
  readonly evalSplit?: string;
  readonly threads?: number;
  readonly resume?: string | true;
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
    .option('--model <path or name>', 'the model to begin with: a directory, or a name: bert-base-uncased')
    .option('--tokenizer <path or name>', 'the tokenizer, where it does not stand with the model');
  addTaskFlag(command, 'by the columns of the data');
  addDataFlags(command);
  command
    .option('--train-split <name>', 'the split to train on', 'train')
    .option('--eval-split <name>', 'the split to evaluate on (default: validation, or else test)');
  addStreamingFlags(command);
  addPreparationFlags(command, { training: true });
  addTuningFlags(command);
  addTrainingFlags(command);
  addMetricFlags(command);
  addTaskOptionFlags(command);
  addThreadsFlag(command);
  command
    .option(
      '--resume [checkpoint]',
      'go on from a checkpoint as if the run had never stopped (default: the newest in the output directory)',
    )
    .option('--overwrite', 'begin anew where a run stands in the output directory; its checkpoints go')
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(async (data: string | undefined, flags: TrainFlags & Record<string, unknown>) => {
      requireDataAndModel('fettle train', { dataset: flags.dataset ?? data, model: flags.model });
      await train(data, flags);
    });
}

async function train(data: string | undefined, flags: TrainFlags & Record<string, unknown>): Promise<void> {
  const report = makeReport(flags.json === true);
  const args = new TrainingArguments({
    ...trainingValues(flags),
    ...(flags.overwrite === true ? { overwriteOutputDir: true } : {}),
  });
  const output = args.outputDir;
  if (output === undefined) {
    throw new ArgumentError('ERR_NO_OUTPUT_DIR', {
      owner: 'fettle train',
      what: 'there is no output directory',
      hint: 'pass --output-dir',
    });
  }
  checkTuning(flags);
  checkStreamingFlags(flags);
  const requirements = readRequirements(flags);
  const computeMetrics = flaggedMetrics(flags);
  const isJudged = requirements.length > 0 || computeMetrics !== undefined;
  const resume = flags.resume ?? args.resumeFromCheckpoint ?? false;
  const resumeFromCheckpoint = await checkOutput(output, resume, args.overwriteOutputDir);
  const {
    task,
    train: trainDataset,
    evaluation: evalDataset,
    columns,
    evalSplit,
    trainRows,
    taskOptions,
  } = await (flags.streaming === true ? streamedRows : rowsInMemory)(data, flags, args, isJudged);
  const model = await tasks[task].model.fromPretrained(flags.model, {
    threads: flags.threads,
    seed: args.seed,
  });
  const callbacks = await applyTuning(model, flags, args.seed);
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
    writeError('interrupted: stopping after this step and saving a checkpoint; once more stops at once\n');
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
      callbacks,
      computeMetrics,
      onEvent: args.disableTqdm ? undefined : progress.show,
    });
    // Before the first step: an unknown metric, and one that takes other answers than the model's.
    if (isJudged) checkRequirements(requirements, await trainer.metricNames());
    const { signal } = interrupt;
    const done = await finish(trainer, evalDataset !== undefined, { signal, resumeFromCheckpoint }).catch(
      (error: unknown) => {
        if (signal.aborted && error === signal.reason) return undefined;
        throw error;
      },
    );
    progress.clear();
    if (!args.disableTqdm) {
      const width = Math.min(80, terminalWidth() ?? 80);
      writeError(plotLosses(trainer.state.logHistory, { ascii: plainText(), width }));
    }
    if (done === undefined) {
      setExitCode(130);
      const { globalStep } = trainer.state;
      const saved = (await listCheckpoints(output)).findLast(({ step }) => step === globalStep)?.directory;
      report.result(
        { interrupted: true, globalStep, checkpoint: saved ?? null },
        describeInterruption(globalStep, saved),
      );
      return;
    }
    const { trained, metrics } = done;
    if (flags.loraMerge === true) await model.mergeAndUnload();
    await trainer.saveModel();
    await writeTrainingCard(output, {
      task,
      model,
      baseModel: flags.model,
      dataset: flags.dataset ?? data ?? '',
      datasetConfig: flags.datasetConfig,
      evalSplit: evalDataset && evalSplit,
      trainRows,
      metrics,
      args,
    });
    if (args.saveStrategy !== 'no') await trainer.saveState();
    const missed = missedRequirements(requirements, metrics);
    report.result(
      {
        outputDir: output,
        globalStep: trained.globalStep,
        trainingLoss: trained.trainingLoss,
        ...trained.metrics,
        ...metrics,
        ...(requirements.length === 0 ? {} : { missed }),
      },
      [
        ...(evalDataset === undefined ? [] : [describeMetrics(metrics)]),
        ...nextSteps(output, task, model.adapter !== undefined ? flags.model : undefined),
      ].join('\n'),
    );
    reportMissed(missed);
  } finally {
    stopListening();
    restoreLog();
    await model.dispose();
  }
}

/** What is trained and evaluated on. */
interface TrainData {
  readonly task: TaskName;
  readonly taskOptions: TaskSettings;
  readonly train: TrainerDataset | undefined;
  readonly evaluation: TrainerDataset | undefined;
  readonly columns: ColumnNames;
  readonly evalSplit: string | undefined;
  /** How many rows are trained on, where that is known. */
  readonly trainRows: number | undefined;
}

/** @param isJudged whether there must be rows to evaluate on. */
async function rowsInMemory(
  data: string | undefined,
  flags: TrainFlags & Record<string, unknown>,
  args: TrainingArguments,
  isJudged: boolean,
): Promise<TrainData> {
  const dataset = await loadFlaggedDataset(flags, data);
  const rows = { train: splitOf(dataset, flags.trainSplit), evaluation: evaluationSplit(dataset, flags.evalSplit) };
  const task = taskOfDataset(flags.task, rows.train);
  const taskOptions = taskSettings(task, flags);
  if (isJudged && rows.evaluation === undefined) throw nothingToEvaluate();
  const prepared = await prepareRows(flags, rows, {
    task,
    columns: flaggedColumns(flags),
    seed: args.dataSeed ?? args.seed,
    maxLength: args.maxLength,
    tokenizer: flags.tokenizer ?? flags.model,
  });
  const evalSplit = flags.evalSplit ?? evaluationSplits.find((name) => name in dataset);
  return { task, taskOptions, ...prepared, evalSplit, trainRows: prepared.train?.length };
}

async function streamedRows(
  data: string | undefined,
  flags: TrainFlags & Record<string, unknown>,
  args: TrainingArguments,
  isJudged: boolean,
): Promise<TrainData> {
  refusePreparation(flags);
  const inOrder = args.trainSamplingStrategy === 'sequential';
  const streams = await loadStreamedData(flags, data, { seed: args.dataSeed ?? args.seed, inOrder, evaluationSplits });
  const task = taskOfDataset(flags.task, { features: streams.train.features ?? {} });
  const taskOptions = taskSettings(task, flags);
  if (isJudged && streams.evaluation === undefined) throw nothingToEvaluate();
  return { task, taskOptions, ...streams, columns: flaggedColumns(flags), trainRows: undefined };
}

/** Trains, and evaluates at the end. */
async function finish(
  trainer: Trainer,
  evaluated: boolean,
  options: { readonly signal: AbortSignal; readonly resumeFromCheckpoint: boolean | string },
) {
  const trained = await trainer.train(options);
  const metrics: Metrics = evaluated ? await trainer.evaluate(undefined, { signal: options.signal }) : {};
  return { trained, metrics };
}

/**
 * Lets no run be written over unasked.
 * @returns what to resume from: nothing where the newest is asked for and there is none yet, as when a run was killed early.
 */
async function checkOutput(output: string, resume: boolean | string, overwrite: boolean): Promise<boolean | string> {
  const checkpoints = await listCheckpoints(output);
  if (resume !== false) {
    if (resume !== true || checkpoints.length > 0) return resume;
    log.warn(`there is no checkpoint in ${output} to resume from: training begins at the beginning`);
    return false;
  }
  const files = ['model.safetensors', 'adapter_model.safetensors'];
  const kinds = await Promise.all(files.map((file) => kindOf(joinPath(output, file))));
  const hasModel = kinds.some((kind) => kind !== 'none');
  if (overwrite || (!hasModel && checkpoints.length === 0)) return false;
  const found =
    checkpoints.length === 0
      ? 'a model'
      : `a run (its newest checkpoint is ${baseName(checkpoints.at(-1)!.directory)})`;
  throw new ArgumentError('ERR_OUTPUT_EXISTS', {
    owner: 'fettle train',
    what: `there is ${found} in the output directory`,
    file: output,
    hint:
      checkpoints.length === 0
        ? 'choose another directory, or pass --overwrite'
        : 'pass --resume to go on with it, --overwrite to begin anew, or choose another directory',
  });
}

function nothingToEvaluate(): ArgumentError {
  return new ArgumentError('ERR_NO_DATASET', {
    owner: 'fettle train',
    what: '--metrics and --require need rows to evaluate on',
    hint: "give the data a split 'validation' or 'test', or name one with --eval-split",
  });
}

function describeInterruption(step: number, checkpoint: string | undefined): string {
  if (step === 0) return 'interrupted before the first step; there was nothing to save';
  return checkpoint === undefined
    ? `interrupted at step ${step}; nothing was saved, as --save-strategy asks`
    : `interrupted at step ${step}, which is saved in ${checkpoint}; to go on, give the same command with --resume`;
}

const evaluationSplits = ['validation', 'validation_matched', 'test'];

/** The split that the flag names, or the first of those that are for judging. */
export function evaluationSplit(dataset: DatasetDict, named: string | undefined) {
  if (named !== undefined) return splitOf(dataset, named);
  const found = evaluationSplits.find((name) => name in dataset);
  return found === undefined ? undefined : dataset[found];
}

/** @param base the model that an adapter was trained on, where one is saved. */
function nextSteps(directory: string, task: TaskName, base: string | undefined): string[] {
  const { name } = tasks[task].model;
  return [
    '',
    base === undefined
      ? `The model is in ${directory}. To use it:`
      : `The adapter is in ${directory}; it needs its base model, ${base}, beside it (--lora-merge saves a whole model). To use it:`,
    `  on the command line   fettle predict --model ${directory} ${task === 'question-answering' ? '--question "…" --context "…"' : '--text "…"'}`,
    `  over HTTP             fettle serve ${directory}`,
    `  in a page             fettle export ${directory} (ONNX, for transformers.js)`,
    `  in Node               const model = await ${name}.fromPretrained('${directory}');`,
    base === undefined
      ? `  in Python             ${name}.from_pretrained("${directory}")`
      : `  in Python             PeftModel.from_pretrained(${name}.from_pretrained("${base}", num_labels=…), "${directory}")`,
  ];
}
