import { appendBytes, ensureWritableDirectory, hostName, joinPath } from '#platform/files';
import { encodeFileVersion, encodeScalars, type ScalarSummary } from '../formats/tensorBoard.ts';
import type { TrainingEvent } from './events.ts';

/** Writes a run's scalars as TensorBoard event files, under Hugging Face's tags: `train/loss`, `eval/accuracy`. */
export class TensorBoardLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Begins a new event file in a directory. @throws EnvironmentError where it cannot be written. */
  static async open(directory: string): Promise<TensorBoardLog> {
    await ensureWritableDirectory(directory);
    const seconds = Date.now() / 1000;
    const path = joinPath(directory, `events.out.tfevents.${Math.floor(seconds)}.${hostName()}.${uniqueSuffix()}`);
    await appendBytes(path, encodeFileVersion(seconds));
    return new TensorBoardLog(path);
  }

  /** Appends what an event has to plot. */
  async write(event: TrainingEvent): Promise<void> {
    const scalars = scalarsOf(event);
    if (scalars.length === 0 || !('step' in event)) return;
    await appendBytes(this.#path, encodeScalars(scalars, event.step, Date.now() / 1000));
  }
}

function scalarsOf(event: TrainingEvent): ScalarSummary[] {
  if (event.type === 'log') {
    return [
      { tag: 'train/loss', value: event.loss },
      { tag: 'train/grad_norm', value: event.gradientNorm },
      { tag: 'train/learning_rate', value: event.learningRate },
      { tag: 'train/epoch', value: event.epoch },
      ...(event.tokensSeen === undefined ? [] : [{ tag: 'train/num_input_tokens_seen', value: event.tokensSeen }]),
    ];
  }
  if (event.type !== 'evaluation') return [];
  return Object.entries(event.metrics).map(([name, value]) => ({ tag: name.replace(/^eval_/, 'eval/'), value }));
}

function uniqueSuffix(): string {
  return Math.random().toString(36).slice(2, 8);
}
