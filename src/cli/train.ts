import type { Command } from 'commander';
import { baseName, joinPath, kindOf } from '#platform/files';
import { setExitCode, terminalWidth, writeError } from '#platform/process';
import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Metrics } from '../tasks/task.ts';
import { type TaskName, tasks } from '../tasks/taskFor.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { listCheckpoints } from '../training/checkpointFiles.ts';
import { describeMetrics } from '../training/eventLog.ts';
import { plotLosses } from '../training/lossPlot.ts';
import { Trainer } from '../training/trainer.ts';
import { TrainingArguments } from '../training/trainingArguments.ts';
import { attend } from './attended.ts';
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
import { Progress } from './progress.ts';
import { makeReport } from './report.ts';
import { addStreamingFlags, checkStreamingFlags, type StreamingFlags } from './streamedData.ts';
import { addTaskOptionFlags } from './taskFlags.ts';
import { plainText } from './terminal.ts';
import { writeTrainingCard } from './trainingCard.ts';
import { addTrainingDataFlags, rowsInMemory, streamedRows, type TrainingDataFlags } from './trainingData.ts';
import { addTuningFlags, applyTuning, checkTuning, type TuningFlags } from './tuningFlags.ts';

interface TrainFlags extends TrainingDataFlags, StreamingFlags, TuningFlags, MetricFlags {
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
    .option('--config <file>', 'JSON or YAML with any of these flags as names; flags on the line go before it');
  addTrainingDataFlags(command, false, 'evaluate on');
  addStreamingFlags(command);
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
  } = await (flags.streaming === true ? streamedRows : rowsInMemory)(
    data,
    flags,
    args,
    isJudged ? nothingToEvaluate : undefined,
  );
  const model = await tasks[task].model.fromPretrained(flags.model, {
    threads: flags.threads,
    seed: args.seed,
  });
  const callbacks = await applyTuning(model, flags, args.seed);
  const progress = new Progress();
  const attended = attend(() => progress.clear(), 'stopping after this step and saving a checkpoint');
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
    const { signal } = attended;
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
    attended.end();
    await model.dispose();
  }
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
