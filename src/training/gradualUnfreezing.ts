import { ArgumentError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { type ParameterGroup, parameterGroups } from '../nn/parameterGroups.ts';
import type { TrainableModel } from '../tasks/taskFor.ts';
import { type CallbackContext, TrainerCallback } from './callbacks.ts';
import type { JsonObject, TrainerControl, TrainerState } from './trainerState.ts';
import type { TrainingArguments } from './trainingArguments.ts';

/** When which part of a model begins to be trained. */
export interface GradualUnfreezingOptions {
  /** After how many epochs each time the next part thaws; 1 by default, as in the paper. */
  readonly epochsPerStage?: number | undefined;
  /** How many layers thaw at a time; 1 by default. */
  readonly layersPerStage?: number | undefined;
  /** In place of both: the epochs at which a further layer thaws, ascending: `[1, 2, 2.5, 3]`. */
  readonly epochs?: readonly number[] | undefined;
}

/**
 * Gradual unfreezing (Howard and Ruder 2018, section 3.3): first what stands above the layers is trained, then from the top
 * down a further layer each epoch, the embeddings last. What is not thawed yet costs no step anything. A function of the
 * epoch alone, so that a resumed run goes on as it would have; frozen parameters of the model stay frozen throughout.
 *
 * @example new Trainer({ model, trainDataset, callbacks: [new GradualUnfreezing()] });
 */
export class GradualUnfreezing extends TrainerCallback {
  override readonly name = 'GradualUnfreezing';
  readonly #epochs: (stage: number) => number;
  readonly #layers: number;
  #stages: readonly (readonly string[])[] = [];
  #stage = -1;
  /** The steps that were done before each stage. */
  #steps: number[] = [];

  /** @throws ArgumentError for numbers that make no schedule. */
  constructor({ epochsPerStage = 1, layersPerStage = 1, epochs }: GradualUnfreezingOptions = {}) {
    super();
    const refuse = (what: string, got: unknown, expected: string) =>
      new ArgumentError('ERR_UNFREEZING', { owner: 'GradualUnfreezing', what, got, expected });
    if (!(epochsPerStage > 0)) throw refuse('epochsPerStage does not fit', epochsPerStage, 'a number above 0');
    if (!Number.isInteger(layersPerStage) || layersPerStage < 1)
      throw refuse('layersPerStage does not fit', layersPerStage, 'a whole number of at least 1');
    if (epochs?.some((epoch, i) => !(epoch >= (epochs[i - 1] ?? 0))))
      throw refuse('epochs do not fit', epochs, 'ascending numbers from 0');
    this.#layers = epochs === undefined ? layersPerStage : 1;
    this.#epochs =
      epochs === undefined
        ? (stage) => stage * epochsPerStage
        : (stage) => (stage === 0 ? 0 : (epochs[stage - 1] ?? Number.POSITIVE_INFINITY));
  }

  override state(): JsonObject {
    return { steps: [...this.#steps] };
  }

  override loadState(state: JsonObject): void {
    this.#steps = [...(state['steps'] as number[])];
  }

  override async onTrainBegin(
    _: TrainingArguments,
    state: TrainerState,
    __: TrainerControl,
    { model }: CallbackContext,
  ): Promise<void> {
    this.#stages = stagesOf(parameterGroups(model.trainableParameters), this.#layers);
    this.#stage = -1;
    if (state.globalStep === 0) this.#steps = [];
    await this.#enter(this.#stageAt(state.epoch), state, model);
  }

  override async onStepBegin(
    _: TrainingArguments,
    state: TrainerState,
    __: TrainerControl,
    { model }: CallbackContext,
  ): Promise<void> {
    await this.#enter(this.#stageAt(state.epoch), state, model);
  }

  /** The last stage whose epoch has come. Epochs are sums of fractions: what is off by rounding counts as reached. */
  #stageAt(epoch: number): number {
    let stage = 0;
    while (stage + 1 < this.#stages.length && this.#epochs(stage + 1) <= epoch + 1e-9) stage++;
    return stage;
  }

  async #enter(stage: number, state: TrainerState, model: TrainableModel): Promise<void> {
    if (stage === this.#stage) return;
    // None is known where the run is fresh, or resumed from a checkpoint of Python's, whose moments are not taken up.
    const begun = this.#steps.length === 0 ? 0 : state.globalStep;
    while (this.#steps.length <= stage) this.#steps.push(begun);
    this.#stage = stage;
    const part = new Map<string, number>();
    for (let each = 0; each <= stage; each++) for (const name of this.#stages[each]) part.set(name, this.#steps[each]);
    // What is kept pays only where it is asked for again.
    const lasts = this.#epochs(stage + 1) - this.#epochs(stage);
    await model.trainPart(part, { cacheFrozenFeatures: stage < this.#stages.length - 1 && lasts > 1 });
    const groups = parameterGroups(this.#stages[stage]).map(({ path }) => path);
    log.info(
      `epoch ${state.epoch.toFixed(2)}: training ${stage === 0 ? '' : 'also '}${groups.join(', ')} (${part.size} of ${this.#stages.flat().length} parameters thawed)`,
    );
  }
}

/** The names that each stage adds: all above the layers, then so many layers at a time from the top, then the embeddings. */
function stagesOf(groups: readonly ParameterGroup[], layersPerStage: number): string[][] {
  const isLayer = ({ path }: ParameterGroup) => /\.layer\.\d+$/.test(path);
  const layers = groups.filter(isLayer).reverse();
  const embeddings = groups.filter(({ depth }) => depth === 0);
  const above = groups.filter((group) => !isLayer(group) && group.depth > 0);
  const runs = Array.from({ length: Math.ceil(layers.length / layersPerStage) }, (_, i) =>
    layers.slice(i * layersPerStage, (i + 1) * layersPerStage),
  );
  return [above, ...runs, embeddings]
    .map((stage) => stage.flatMap(({ names }) => [...names]))
    .filter((names) => names.length > 0);
}
