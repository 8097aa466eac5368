import { baseName, joinPath, kindOf, listDirectory, openFile, readText } from '#platform/files';
import { ModelError } from '../core/errors.ts';
import type { Json, JsonObject } from './trainerState.ts';

/** The names of a checkpoint's files besides the model's and the tokenizer's. */
export const checkpointFile = {
  state: 'trainer_state.json',
  args: 'training_args.json',
  optimizer: 'optimizer.safetensors',
  scheduler: 'scheduler.json',
  random: 'rng_state.json',
  stream: 'train_dataset_state.json',
} as const;

/** Where a run's own record stands in the state file: there, because Python refuses fields that it does not know. */
export const runCallback = 'FettleRun';

/** Python's files that are pickles: never executed here. */
const pickles = ['optimizer.pt', 'scheduler.pt', 'rng_state.pth', 'training_args.bin'];

/** A checkpoint as it is read. */
export interface Checkpoint {
  readonly directory: string;
  /** The fields of `trainer_state.json`. */
  readonly state: JsonObject;
  /** What Fettle wrote beside Hugging Face's fields; undefined in a checkpoint of Python's. */
  readonly run: JsonObject | undefined;
  /** The resolved arguments of its run by their snake_case names. */
  readonly args: JsonObject | undefined;
  /** The place in a stream of training rows, where the run stands in the middle of one. */
  readonly stream: JsonObject | undefined;
  /** The state of the schedule, where there is one. */
  readonly scheduler: JsonObject | undefined;
  /** The optimizer's file, where there is one. */
  readonly optimizer: string | undefined;
  /** Python's files that cannot be read. */
  readonly pickles: readonly string[];
}

/** `checkpoint-500` */
export function checkpointName(step: number): string {
  return `checkpoint-${step}`;
}

/** A checkpoint's place: its directory, and when it was written, for the order. */
export interface CheckpointPlace {
  readonly directory: string;
  readonly step: number;
  /** In milliseconds; 0 where it does not say (Python's). */
  readonly savedAt: number;
}

/** The checkpoints in a run's directory, the one that was written last at the end. None where there is no directory. */
export async function listCheckpoints(outputDir: string): Promise<CheckpointPlace[]> {
  const names = (await kindOf(outputDir)) === 'directory' ? await listDirectory(outputDir) : [];
  const found: CheckpointPlace[] = [];
  for (const name of names) {
    const [, digits] = /^checkpoint-(\d+)$/.exec(name) ?? [];
    const directory = joinPath(outputDir, name);
    if (digits === undefined || (await kindOf(joinPath(directory, checkpointFile.state))) !== 'file') continue;
    const state = await readJson(joinPath(directory, checkpointFile.state));
    found.push({ directory, step: Number(digits), savedAt: Number(runPart(state)?.['saved_at'] ?? 0) });
  }
  return found.sort((a, b) => a.savedAt - b.savedAt || a.step - b.step);
}

/**
 * Reads what a checkpoint says about its run; weights and moments are read by model and program.
 * @throws ModelError where there is no checkpoint, or none that a run can go on from.
 */
export async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const path = (name: string) => joinPath(directory, name);
  if ((await kindOf(path(checkpointFile.state))) !== 'file') {
    const inside = await listCheckpoints(directory);
    throw new ModelError('ERR_NO_CHECKPOINT', {
      owner: 'resume',
      what: `there is no checkpoint: no ${checkpointFile.state}`,
      file: directory,
      hint:
        inside.length > 0
          ? `give one of those in it, such as ${inside.at(-1)!.directory}`
          : `give a directory that training has written, such as ${checkpointName(500)}`,
    });
  }
  const state = await readJson(path(checkpointFile.state));
  const hasArgs = (await kindOf(path(checkpointFile.args))) === 'file';
  const hasScheduler = (await kindOf(path(checkpointFile.scheduler))) === 'file';
  const hasStream = (await kindOf(path(checkpointFile.stream))) === 'file';
  const hasOptimizer = (await kindOf(path(checkpointFile.optimizer))) === 'file';
  const names = await listDirectory(directory);
  return {
    directory,
    state,
    run: runPart(state),
    args: hasArgs ? await readJson(path(checkpointFile.args)) : undefined,
    scheduler: hasScheduler ? await readJson(path(checkpointFile.scheduler)) : undefined,
    stream: hasStream ? await readJson(path(checkpointFile.stream)) : undefined,
    optimizer: hasOptimizer ? path(checkpointFile.optimizer) : undefined,
    pickles: pickles.filter((name) => names.includes(name)),
  };
}

function runPart(state: JsonObject): JsonObject | undefined {
  const callbacks = state['stateful_callbacks'] as JsonObject | null | undefined;
  const own = callbacks?.[runCallback] as JsonObject | undefined;
  return own?.['attributes'] as JsonObject | undefined;
}

/** The state file's text: keys sorted, as Python writes it. */
export function stateText(fields: JsonObject): string {
  return `${JSON.stringify(sorted(fields), undefined, 2)}\n`;
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  // What knows its own JSON gives it first.
  const plain = JSON.parse(JSON.stringify(value)) as JsonObject;
  return Object.fromEntries(
    Object.keys(plain)
      .sort()
      .map((name) => [name, sorted(plain[name])]),
  );
}

/** Python writes NaN and infinities, which are no JSON: they are read as null. */
async function readJson(file: string): Promise<JsonObject> {
  const text = (await readText(file)).replace(/([:[,]\s*)(?:NaN|-?Infinity)(?=\s*[,}\]])/g, '$1null');
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch (cause) {
    throw damaged(file, cause);
  }
  throw damaged(file);
}

function damaged(file: string, cause?: unknown): ModelError {
  return new ModelError('ERR_CHECKPOINT', {
    owner: 'resume',
    what: `${baseName(file)} holds no JSON object`,
    file,
    hint: 'resume from another checkpoint',
    cause,
  });
}

/** The bytes of a directory's files. */
export async function directoryBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await listDirectory(directory)) {
    const path = joinPath(directory, name);
    if ((await kindOf(path)) !== 'file') continue;
    const file = await openFile(path);
    bytes += file.size;
    await file.close();
  }
  return bytes;
}

/** `1.31 GB`, `47 KB` */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${power === 0 ? bytes : Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
