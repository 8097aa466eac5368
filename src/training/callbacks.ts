import { ArgumentError } from '../core/errors.ts';
import type { Metrics } from '../tasks/task.ts';
import type { TrainableModel } from '../tasks/taskFor.ts';
import type { Json, JsonObject, LogEntry, TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** What else a callback is given. */
export interface CallbackContext {
  readonly model: TrainableModel;
  /** In `onEvaluate` and `onPredict`. */
  readonly metrics?: Metrics;
  /** In `onLog`: what is logged. */
  readonly logs?: LogEntry;
  /** In `onPreOptimizerStep`: the gradients of what is trained, by name, before they are clipped; not to be kept. */
  readonly gradients?: () => ReadonlyMap<string, Float32Array>;
}

/**
 * What each moment of a run is told: it may look at the state, and set in `control` what is to happen next. A promise is
 * waited for.
 */
type Told = [args: TrainingArguments, state: TrainerState, control: TrainerControl, context: CallbackContext];
type Answer = void | Promise<void>;

/** A moment's name, in Hugging Face's words. */
const moments = [
  'onTrainBegin',
  'onEpochBegin',
  'onStepBegin',
  'onSubstepEnd',
  'onPreOptimizerStep',
  'onOptimizerStep',
  'onStepEnd',
  'onEpochEnd',
  'onLog',
  'onEvaluate',
  'onSave',
  'onTrainEnd',
  'onPredictionStep',
  'onPredict',
] as const;

/** The name of a moment of a run. */
export type MomentName = (typeof moments)[number];

/**
 * What looks in on a run (Hugging Face's class of the same name): an object with some of these methods, or a subclass. A
 * callback that keeps something of its own gives it in `state()`, as JSON, and takes it back in `loadState`; a resumed run
 * goes on with it.
 */
export interface TrainerCallback {
  /** Before the first step, of a resumed run too. */
  onTrainBegin?(...told: Told): Answer;
  /** An epoch that is resumed in its midst does not begin again. */
  onEpochBegin?(...told: Told): Answer;
  /** Before an optimizer step. */
  onStepBegin?(...told: Told): Answer;
  /** After each batch of a step but the last, where gradients are accumulated. */
  onSubstepEnd?(...told: Told): Answer;
  /** The step's gradients are there; the update comes next. */
  onPreOptimizerStep?(...told: Told): Answer;
  /** The weights are updated. */
  onOptimizerStep?(...told: Told): Answer;
  onStepEnd?(...told: Told): Answer;
  /** Before what the epoch's last step has due. */
  onEpochEnd?(...told: Told): Answer;
  /** After a line of the log, `context.logs`. */
  onLog?(...told: Told): Answer;
  /** After an evaluation, `context.metrics`; the state's best is still that of those before. */
  onEvaluate?(...told: Told): Answer;
  /** After a checkpoint. */
  onSave?(...told: Told): Answer;
  onTrainEnd?(...told: Told): Answer;
  /** After each batch of an evaluation or a prediction. */
  onPredictionStep?(...told: Told): Answer;
  /** After `trainer.predict`, with `context.metrics`. */
  onPredict?(...told: Told): Answer;
  /** What its state is kept under; the class's name where left out. */
  readonly name?: string;
  state?(): JsonObject;
  loadState?(state: JsonObject): void;
}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: every method may be left out, so there is nothing to initialise
export abstract class TrainerCallback {}

/** Calls a run's callbacks in their order, and keeps the states of those that have one. */
export class CallbackHandler {
  readonly #callbacks: readonly TrainerCallback[];
  readonly #parts: readonly [TrainingArguments, TrainerState, TrainerControl];
  readonly #model: TrainableModel;

  constructor(
    callbacks: readonly TrainerCallback[],
    parts: {
      args: TrainingArguments;
      state: TrainerState;
      control: TrainerControl;
      model: TrainableModel;
    },
  ) {
    this.#callbacks = callbacks;
    this.#parts = [parts.args, parts.state, parts.control];
    this.#model = parts.model;
  }

  async call(moment: MomentName, more: Omit<CallbackContext, 'model'> = {}): Promise<void> {
    for (const callback of this.#callbacks) await callback[moment]?.(...this.#parts, { model: this.#model, ...more });
  }

  /** The states by name, in Hugging Face's form; of several of one name, a list. */
  states(): Record<string, Json> {
    const states: Record<string, Json> = {};
    for (const [name, own] of this.#stateful()) {
      const written = own.map((callback) => ({ args: {}, attributes: callback.state!() }));
      states[name] = written.length === 1 ? written[0] : written;
    }
    return states;
  }

  /** Gives states back. @returns the names of states whose callbacks are not there. */
  restore(states: JsonObject): string[] {
    const present = this.#stateful();
    for (const [name, own] of present) {
      const saved = states[name];
      const list = Array.isArray(saved) ? saved : [saved];
      own.forEach((callback, i) => {
        const entry = list[i] as JsonObject | undefined;
        if (entry?.['attributes'] !== undefined) callback.loadState?.(entry['attributes'] as JsonObject);
      });
    }
    return Object.keys(states).filter((name) => name !== 'TrainerControl' && !present.has(name));
  }

  #stateful(): Map<string, TrainerCallback[]> {
    const byName = new Map<string, TrainerCallback[]>();
    for (const callback of this.#callbacks) {
      if (callback.state === undefined) continue;
      const name = nameOf(callback);
      byName.set(name, [...(byName.get(name) ?? []), callback]);
    }
    return byName;
  }
}

function nameOf(callback: TrainerCallback): string {
  return callback.name ?? callback.constructor.name;
}

/** @throws ArgumentError for what is no callback, such as a class in place of its instance or Python's spelling of a name. */
export function checkCallback(callback: unknown): void {
  const refuse = (what: string, hint: string) =>
    new ArgumentError('ERR_CALLBACK', { owner: 'Trainer', what, got: String(callback).slice(0, 60), hint });
  if (typeof callback === 'function') throw refuse('a callback is a class', 'pass an instance: new MyCallback()');
  if (typeof callback !== 'object' || callback === null)
    throw refuse('a callback is no object', `give it ${moments[0]} or another method`);
  const names = new Set<string>();
  for (
    let at: object | null = callback;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  )
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  for (const name of names) {
    if (!/^on[_A-Z]/.test(name) || (moments as readonly string[]).includes(name)) continue;
    throw new ArgumentError('ERR_CALLBACK', {
      owner: 'Trainer',
      what: 'a callback has a method of no moment of a run',
      got: name,
      expected: moments.join(', '),
    });
  }
}
