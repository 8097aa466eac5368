import {
  baseName,
  freeBytes,
  joinPath,
  removeDirectoryAtomic,
  writeAtomic,
  writeDirectoryAtomic,
} from '#platform/files';
import { EnvironmentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { TrainingProgram } from '../models/programs.ts';
import type { CallbackHandler } from './callbacks.ts';
import {
  checkpointFile,
  checkpointName,
  directoryBytes,
  formatBytes,
  listCheckpoints,
  runCallback,
  stateText,
} from './checkpointFiles.ts';
import type { TrainingPlan } from './plan.ts';
import type { Position } from './position.ts';
import type { RunRecord } from './runRecord.ts';
import type { Json, TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** What a checkpoint is made of. */
export interface CheckpointParts {
  readonly outputDir: string;
  readonly args: TrainingArguments;
  readonly plan: TrainingPlan;
  readonly state: TrainerState;
  readonly control: TrainerControl;
  readonly position: Position;
  readonly callbacks: CallbackHandler;
  readonly program: TrainingProgram;
  readonly run: RunRecord;
  /** Writes model and tokenizer into a directory. */
  readonly saveModel: (directory: string) => Promise<void>;
  readonly weightBytes: number;
}

/** A checkpoint that was written. */
export interface SavedCheckpoint {
  readonly directory: string;
  readonly bytes: number;
  /** Of all of the run's checkpoints that are there now. */
  readonly bytesOfAll: number;
  readonly checkpoints: number;
}

/** JSON, tokenizer and headers beside weights and moments. */
const slack = 8 * 2 ** 20;

/** Writes a run's checkpoints into its directory, and removes those that `saveTotalLimit` has no place for. */
export class Checkpoints {
  readonly #parts: CheckpointParts;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
  }

  /** The bytes of one, about. */
  get expectedBytes(): number {
    const { args, program, weightBytes } = this.#parts;
    return weightBytes + (args.saveOnlyModel ? 0 : program.optimizerBytes);
  }

  /**
   * Whether the disk has room for another.
   * @throws EnvironmentError ERR_DISK_SPACE that says how much is needed and how much there is.
   */
  async requireRoom(): Promise<void> {
    const { outputDir } = this.#parts;
    const free = await freeBytes(outputDir);
    const needed = this.expectedBytes + slack;
    if (free === undefined || free >= needed) return;
    throw new EnvironmentError('ERR_DISK_SPACE', {
      owner: 'Trainer',
      what: 'the disk has no room for a checkpoint; earlier ones are as they were',
      file: outputDir,
      got: `${formatBytes(free)} free`,
      expected: formatBytes(needed),
      hint: 'make room, set saveTotalLimit or saveOnlyModel, or choose another outputDir',
    });
  }

  /**
   * Writes the checkpoint of the state's step: beside its name, flushed, then renamed, so that there is never a part of one;
   * one that stands there is replaced. Then removes the oldest beyond `saveTotalLimit`, but never this one or the best.
   * @throws EnvironmentError where the disk is full; earlier checkpoints stay.
   */
  async save(): Promise<SavedCheckpoint> {
    const { outputDir, state } = this.#parts;
    await this.requireRoom();
    const directory = joinPath(outputDir, checkpointName(state.globalStep));
    if (state.bestGlobalStep === state.globalStep) state.bestModelCheckpoint = directory;
    await writeDirectoryAtomic(directory, (temporary) => this.#write(temporary), { overwrite: true });
    this.#parts.position.savedStep = state.globalStep;
    await this.#removeOld(directory);
    const all = await listCheckpoints(outputDir);
    let bytesOfAll = 0;
    for (const each of all) bytesOfAll += await directoryBytes(each.directory);
    return { directory, bytes: await directoryBytes(directory), bytesOfAll, checkpoints: all.length };
  }

  async #write(directory: string): Promise<void> {
    const { args, plan, state, position, program, saveModel } = this.#parts;
    const write = (name: string, fields: object) =>
      writeAtomic(joinPath(directory, name), `${JSON.stringify(fields, undefined, 2)}\n`);
    await saveModel(directory);
    await write(checkpointFile.args, args.toJSON());
    if (!args.saveOnlyModel) {
      await program.saveOptimizer(joinPath(directory, checkpointFile.optimizer), { step: String(state.globalStep) });
      await write(checkpointFile.scheduler, {
        lr_scheduler_type: args.lrSchedulerType,
        base_lrs: [args.learningRate],
        last_epoch: state.globalStep,
        _last_lr: [plan.learningRate(state.globalStep + 1)],
        warmup_steps: plan.warmupSteps,
        total_steps: plan.totalSteps,
        ...plan.plateau?.state(),
      });
      // There are no generators with a state: what is drawn is a pure function of these.
      await write(checkpointFile.random, {
        generator: 'philox4x32-10',
        seed: args.seed,
        data_seed: args.dataSeed ?? args.seed,
        epoch: position.epoch,
        batch: position.batch,
        step: state.globalStep,
      });
      if (position.stream !== undefined) await write(checkpointFile.stream, position.stream);
    }
    await writeAtomic(joinPath(directory, checkpointFile.state), this.stateText());
  }

  /** `trainer_state.json` as it stands. */
  stateText(): string {
    const { state, control, position, callbacks, run } = this.#parts;
    const own: Json = {
      ...run,
      saved_at: Date.now(),
      position: position.toJSON(),
    };
    return stateText({
      ...state.toJSON(),
      stateful_callbacks: {
        TrainerControl: { args: control.toJSON(), attributes: {} },
        ...callbacks.states(),
        [runCallback]: { args: {}, attributes: own },
      },
    });
  }

  async #removeOld(newest: string): Promise<void> {
    const { args, outputDir, state } = this.#parts;
    if (args.saveTotalLimit === undefined) return;
    const kept = new Set([baseName(newest), baseName(state.bestModelCheckpoint ?? newest)]);
    const all = await listCheckpoints(outputDir);
    const surplus = all
      .filter(({ directory }) => !kept.has(baseName(directory)))
      .slice(0, Math.max(0, all.length - Math.max(args.saveTotalLimit, kept.size)));
    for (const { directory } of surplus) {
      await removeDirectoryAtomic(directory);
      log.info(`removed ${directory}, as saveTotalLimit asks`);
    }
  }
}
