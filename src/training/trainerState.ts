import { ModelError } from '../core/errors.ts';

/** What a state file can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** One line of a run's log: numbers by Hugging Face's names, `epoch` and `step` among them. */
export type LogEntry = Readonly<Record<string, number>>;

/** How far a run is and what it has seen (Hugging Face's class of the same name). */
export class TrainerState {
  /** In epochs: 1.5 is the middle of the second. */
  epoch = 0;
  /** Optimizer steps done. */
  globalStep = 0;
  maxSteps = 0;
  numTrainEpochs = 0;
  loggingSteps = 500;
  evalSteps = 500;
  saveSteps = 500;
  /** Rows that go through the model at once. */
  trainBatchSize = 8;
  /** Real tokens trained on; nothing is padded. */
  numInputTokensSeen = 0;
  logHistory: LogEntry[] = [];
  bestMetric: number | null = null;
  bestGlobalStep: number | null = null;
  bestModelCheckpoint: string | null = null;

  /** The fields of `trainer_state.json`; operations are not counted, and there is one process and no search here. */
  toJSON(): Record<string, Json> {
    return {
      best_global_step: this.bestGlobalStep,
      best_metric: this.bestMetric,
      best_model_checkpoint: this.bestModelCheckpoint,
      epoch: this.epoch,
      eval_steps: this.evalSteps,
      global_step: this.globalStep,
      is_hyper_param_search: false,
      is_local_process_zero: true,
      is_world_process_zero: true,
      log_history: this.logHistory,
      logging_steps: this.loggingSteps,
      max_steps: this.maxSteps,
      num_input_tokens_seen: this.numInputTokensSeen,
      num_train_epochs: this.numTrainEpochs,
      save_steps: this.saveSteps,
      total_flos: 0,
      train_batch_size: this.trainBatchSize,
      trial_name: null,
      trial_params: null,
    };
  }

  /**
   * Takes up how far a run was; how long it shall be and what is due when stay as they are.
   * @param json the fields of a `trainer_state.json`, Python's too.
   * @throws ModelError where a field that is needed is absent or of another type.
   */
  restore(json: JsonObject, file: string): void {
    const number = (name: string): number => {
      const value = json[name];
      if (typeof value === 'number') return value;
      throw stateFault(file, name, value, 'a number');
    };
    const optional = (name: string): number | null => (json[name] === null ? null : number(name));
    this.globalStep = number('global_step');
    this.epoch = number('epoch');
    this.numInputTokensSeen = typeof json['num_input_tokens_seen'] === 'number' ? json['num_input_tokens_seen'] : 0;
    const history = json['log_history'];
    if (!Array.isArray(history)) throw stateFault(file, 'log_history', history, 'a list');
    this.logHistory = history as LogEntry[];
    this.bestMetric = optional('best_metric');
    // Older releases of Python's Trainer do not write it.
    this.bestGlobalStep = json['best_global_step'] === undefined ? null : optional('best_global_step');
    const best = json['best_model_checkpoint'];
    this.bestModelCheckpoint = typeof best === 'string' ? best : null;
  }
}

/** What is to happen next (Hugging Face's class of the same name); callbacks set these, the loop takes them back. */
export class TrainerControl {
  shouldTrainingStop = false;
  shouldEpochStop = false;
  shouldSave = false;
  shouldEvaluate = false;
  shouldLog = false;

  toJSON(): Record<string, boolean> {
    return {
      should_epoch_stop: this.shouldEpochStop,
      should_evaluate: this.shouldEvaluate,
      should_log: this.shouldLog,
      should_save: this.shouldSave,
      should_training_stop: this.shouldTrainingStop,
    };
  }

  restore(json: JsonObject): void {
    this.shouldEpochStop = json['should_epoch_stop'] === true;
    this.shouldEvaluate = json['should_evaluate'] === true;
    this.shouldLog = json['should_log'] === true;
    this.shouldSave = json['should_save'] === true;
    this.shouldTrainingStop = json['should_training_stop'] === true;
  }
}

function stateFault(file: string, name: string, got: unknown, expected: string): ModelError {
  return new ModelError('ERR_TRAINER_STATE', {
    owner: 'resume',
    what: `'${name}' is wrong`,
    file,
    got: got ?? 'nothing',
    expected,
    hint: 'resume from another checkpoint',
  });
}
