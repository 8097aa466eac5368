import { appendBytes, ensureWritableDirectory, hostName, joinPath } from '#platform/files';
import {
  encodeCharts,
  encodeFileVersion,
  encodeHistograms,
  encodeScalars,
  encodeTexts,
  type HistogramSummary,
} from '../formats/tensorBoard.ts';
import { type CallbackContext, TrainerCallback } from './callbacks.ts';
import { histogramOf } from './histogram.ts';
import { reportDirectory } from './reportDirectory.ts';
import type { LogEntry, TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/**
 * Writes a run as TensorBoard event files (Hugging Face's class of the same name, and its tags: `train/loss`,
 * `eval/accuracy`): every line of the log, the arguments and the model's configuration as texts, one chart with training and
 * validation loss, and, where `loggingHistograms` asks for them, histograms of gradients and weights every `loggingSteps`.
 * The argument `reportTo` makes one; a run begins a file of its own.
 */
export class TensorBoardCallback extends TrainerCallback {
  override readonly name = 'TensorBoardCallback';
  readonly #directory: string | undefined;
  #path = '';

  /** @param loggingDir default: as the arguments say. */
  constructor(loggingDir?: string) {
    super();
    this.#directory = loggingDir;
  }

  override async onTrainBegin(
    args: TrainingArguments,
    _: TrainerState,
    __: TrainerControl,
    { model }: CallbackContext,
  ): Promise<void> {
    const directory = this.#directory ?? reportDirectory(args);
    await ensureWritableDirectory(directory);
    const seconds = Date.now() / 1000;
    this.#path = joinPath(directory, `events.out.tfevents.${Math.floor(seconds)}.${hostName()}.${uniqueSuffix()}`);
    const texts = [
      { tag: 'args/text_summary', text: codeBlock(args) },
      { tag: 'model_config/text_summary', text: codeBlock(model.config) },
    ];
    const loss = {
      title: 'training and validation loss',
      tags: ['train/loss(_between_evaluations)?', 'eval/(.+_)?loss'],
    };
    await this.#append(
      encodeFileVersion(seconds),
      encodeTexts(texts, 0, seconds),
      encodeCharts('loss', [loss], seconds),
    );
  }

  override async onLog(
    _: TrainingArguments,
    state: TrainerState,
    __: TrainerControl,
    { logs = {} }: CallbackContext,
  ): Promise<void> {
    await this.#append(encodeScalars(scalarsOf(logs), logs['step'] ?? state.globalStep, Date.now() / 1000));
  }

  override async onPreOptimizerStep(
    { loggingHistograms: asked }: TrainingArguments,
    state: TrainerState,
    _: TrainerControl,
    { model, gradients }: CallbackContext,
  ): Promise<void> {
    const step = state.globalStep + 1;
    if (asked === 'no' || step % state.loggingSteps !== 0) return;
    const own = asked === 'weights' ? new Map<string, Float32Array>() : gradients?.();
    const found = [...(own ?? [])].map(([name, values]) => histogramOf(`gradients/${name}`, values));
    if (asked !== 'gradients')
      for (const name of model.parameters.keys()) found.push(histogramOf(`weights/${name}`, model.weight(name).data));
    const histograms = found.filter((each): each is HistogramSummary => each !== undefined);
    await this.#append(encodeHistograms(histograms, step, Date.now() / 1000));
  }

  async #append(...records: Uint8Array[]): Promise<void> {
    for (const record of records) await appendBytes(this.#path, record);
  }
}

/** Hugging Face's tags: `eval/loss` for `eval_loss`, all else under `train/`. */
function scalarsOf(logs: LogEntry) {
  const isEvaluation = Object.keys(logs).some((name) => name.startsWith('eval_'));
  return Object.entries(logs)
    .filter(([name, value]) => name !== 'step' && Number.isFinite(value))
    .map(([name, value]) => {
      if (name.startsWith('eval_')) return { tag: name.replace('eval_', 'eval/'), value };
      // At the end of a run it is the mean of all.
      return { tag: isEvaluation && name === 'train_loss' ? 'train/loss_between_evaluations' : `train/${name}`, value };
    });
}

function codeBlock(value: object): string {
  return JSON.stringify(value, undefined, 2)
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

function uniqueSuffix(): string {
  return Math.random().toString(36).slice(2, 8);
}
