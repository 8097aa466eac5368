/// <reference lib="esnext.disposable" preserve="true" />
import { Callable } from '../core/callable.ts';
import { ArgumentError, RunError } from '../core/errors.ts';
import { Tensor } from '../core/tensor.ts';
import type { Engine, EngineTensor } from '../engine/engine.ts';
import type { Parameter } from '../graph/parameter.ts';
import { type PushedCommit, type PushOptions, pushSaved } from '../hub/upload.ts';
import type { FreezingChoice, ParameterPattern } from '../nn/freezing.ts';
import type { LayoutForm } from '../nn/layout.ts';
import { type PackOptions, packBatch, type TokenSequence } from '../nn/packing.ts';
import { setMerged, withNewAdapter, withoutAdapter, withSavedAdapter } from './adapting.ts';
import { ForwardPrograms } from './forwardPrograms.ts';
import type { ModelConfig, ModelParts } from './head.ts';
import { checkSequences, type ModelInputs } from './inputs.ts';
import { rebuildModel } from './loading.ts';
import type { LoraConfig, LoraOptions } from './loraConfig.ts';
import type { LossFunction } from './loss.ts';
import { type LoweredModel, type LowerOptions, lowerModel } from './lowered.ts';
import type { ModelBatch, TrainingProgram } from './programs.ts';
import { readWeightsInto, savedBytes, saveModel } from './saving.ts';
import { packingFor } from './tracing.ts';
import {
  countElements,
  describeTrainable,
  frozenAtFirst,
  frozenBut,
  frozenLess,
  frozenMore,
  frozenUnder,
  trainableNames,
} from './trainableParts.ts';
import { makeTrainingProgram, requireTrainable, type TrainingOptions } from './trainingOptions.ts';

/**
 * A model with weights and an engine to run it. It *has* a symbolic module and is none itself. Its weights stand in one
 * arena, which training updates in place: after `train()` the same object answers with the new weights.
 */
export abstract class PreTrainedModel<Config extends ModelConfig, Output> extends Callable<
  (inputs: ModelInputs) => Promise<Output>
> {
  readonly engine: Engine;
  /** Where the model was loaded from: a directory, which may also hold its tokenizer. */
  readonly source: string | undefined;
  /** What the model is made of now; another head or adapter puts other parts in place. */
  #parts: ModelParts<Config>;
  #frozen: ReadonlySet<string>;
  readonly #forward = new ForwardPrograms();
  #training: TrainingProgram | undefined;
  #disposed = false;

  protected constructor(parts: ModelParts<Config>) {
    super('predict');
    this.engine = parts.engine;
    this.source = parts.source;
    this.#parts = parts;
    this.#frozen = frozenAtFirst(parts);
  }

  /** What the model answers; calling the model calls this. */
  abstract predict(inputs: ModelInputs): Promise<Output>;

  get config(): Config {
    return this.#parts.config;
  }

  /** Every parameter by its name in Hugging Face's files, with its shape. */
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#parts.built.parameters;
  }

  /** How many numbers the model has. */
  get numParameters(): number {
    return countElements(this.#parts, this.parameters.keys());
  }

  /** How many of them training changes. */
  get numTrainableParameters(): number {
    return countElements(this.#parts, this.trainableParameters);
  }

  /** The names of the parameters that training changes, in order. */
  get trainableParameters(): string[] {
    return trainableNames(this.#parts, this.#frozen);
  }

  /**
   * Leaves parameters as they are in training: no gradient, no moments, and nothing runs backward below the lowest trained
   * one. Dropout is off below it too.
   * @param choice a path (`'encoder'`, `'bert.encoder.layer.0'`), a glob, a RegExp or a function over names, see
   *   {@link ParameterPattern}; or `{ layers: 4 }`: the embeddings and the lowest four layers.
   * @throws ArgumentError where it means no parameter, or would leave none to train.
   * @example model.freeze('bert'); // trains the head alone
   */
  freeze(choice: FreezingChoice): void {
    this.#frozen = frozenMore(this.#parts, this.#frozen, choice);
  }

  /** The opposite of {@link freeze}. @throws ArgumentError where an adapter is on that would not save what is named. */
  unfreeze(pattern: ParameterPattern): void {
    this.#frozen = frozenLess(this.#parts, this.#frozen, pattern);
  }

  /**
   * Freezes everything but what is named and the task's own head, which is new and so must learn.
   * @param options.head false: the head is frozen too, where it is not named.
   * @throws ArgumentError where the pattern means no parameter, or all.
   * @example model.trainOnly('bias'); // BitFit (Ben Zaken et al. 2021): biases and the classifier
   */
  trainOnly(pattern: ParameterPattern, { head = true }: { readonly head?: boolean } = {}): void {
    this.#frozen = frozenBut(this.#parts, pattern, head);
  }

  /** A table of what training changes: a line for each part of the model, with numbers of elements and shares. */
  describeTrainableParameters(): string {
    return describeTrainable(this.#parts, this.#frozen);
  }

  /** The low-rank adaptation that the model has; undefined where it has none. */
  get adapter(): LoraConfig | undefined {
    return this.#parts.adapter?.config;
  }

  /**
   * Gives linear layers a pair of thin matrices each, and freezes all but those and the task's own head (LoRA, Hu et al.
   * 2021; PEFT's `get_peft_model`). The model answers as before until it is trained; saving it then writes the adapter alone.
   * @param options.seed what the pairs are drawn from; 42 by default.
   * @throws ArgumentError where the configuration means no layer, or there is an adapter already.
   * @example await model.addAdapter({ r: 8, loraAlpha: 16, loraDropout: 0.1 });
   */
  async addAdapter(
    config: LoraConfig | LoraOptions = {},
    { seed = 42 }: { readonly seed?: number } = {},
  ): Promise<void> {
    this.#requireUsable();
    const parts = await withNewAdapter(this.#parts, config, seed);
    await this.#become(parts, frozenUnder(parts));
  }

  /**
   * Puts an adapter from PEFT's files on the model: `adapter_config.json` and `adapter_model.safetensors`.
   * @throws ModelError where the files are missing, of another kind than LoRA, or made for another base model.
   */
  async loadAdapter(directory: string): Promise<void> {
    this.#requireUsable();
    const parts = await withSavedAdapter(this.#parts, directory);
    await this.#become(parts, frozenUnder(parts));
  }

  /** Makes the pairs part of the weights: answers take no longer than without an adapter. {@link unmergeAdapter} undoes it. */
  async mergeAdapter(): Promise<void> {
    await this.#setMerged(true, 'model.mergeAdapter');
  }

  /** Takes the pairs out of the weights again, to be trained or saved apart. */
  async unmergeAdapter(): Promise<void> {
    await this.#setMerged(false, 'model.unmergeAdapter');
  }

  /** Makes the pairs part of the weights for good: a model as if it had been trained whole, which saves as one. */
  async mergeAndUnload(): Promise<void> {
    await this.#setMerged(true, 'model.mergeAndUnload');
    const parts = await withoutAdapter(this.#parts);
    await this.#become(parts, frozenUnder(parts));
  }

  async #setMerged(merged: boolean, owner: string): Promise<void> {
    this.#requireUsable();
    setMerged(this.#parts, merged, owner);
    // Traced with the pairs or without them.
    await this.#forward.drop();
  }

  /** A copy of one parameter's elements. */
  weight(name: string): Tensor<'float32'> {
    this.#requireUsable();
    const parameter = this.parameters.get(name);
    if (parameter === undefined) {
      throw new ArgumentError('ERR_PARAMETER', {
        owner: 'model.weight',
        what: 'there is no such parameter',
        got: name,
      });
    }
    return new Tensor('float32', this.#parts.built.arena.weight(name).slice(), parameter.shape);
  }

  /** Lays token sequences out as this model's graphs take them. */
  pack(batch: readonly TokenSequence[], options: PackOptions = {}): ReturnType<typeof packBatch> {
    checkSequences(this.#parts.head.className, batch, this.config);
    // As the engine likes it that trains, or else the one that answers.
    const packing = packingFor(this.#parts, this.#training?.engine ?? this.engine);
    return packBatch(batch, { ...packing, ...options });
  }

  /**
   * The outputs for a batch, and the loss where the batch has labels. Dropout is off.
   * @param loss in place of the head's own; the same function each time: another one is compiled anew, and takes its place.
   */
  async run(
    batch: ModelBatch,
    form: LayoutForm = 'packed',
    loss?: LossFunction | undefined,
  ): Promise<Record<string, EngineTensor>> {
    this.#requireUsable();
    return await this.#forward.run(this.#parts, batch, form, loss);
  }

  /** Makes the model ready to be trained: gradients, moments (zero) and the compiled step. What an earlier training left is gone. */
  async prepareTraining(options: TrainingOptions = {}, form: LayoutForm = 'packed'): Promise<TrainingProgram> {
    this.#requireUsable();
    requireTrainable(this.#parts);
    await this.#training?.dispose();
    this.#training = await makeTrainingProgram(this.#parts, this.trainableParameters, options, form);
    return this.#training;
  }

  /**
   * Goes on with the training that {@link prepareTraining} made ready, on a part of its parameters: the step is compiled
   * anew, and what the optimizer knows is kept. See `TrainingProgram.trainPart`.
   * @throws RunError where no training was made ready.
   */
  async trainPart(...part: Parameters<TrainingProgram['trainPart']>): Promise<void> {
    this.#requireUsable();
    if (this.#training === undefined) {
      throw new RunError('ERR_NOT_TRAINING', { owner: 'model.trainPart', what: 'the model is not being trained' });
    }
    await this.#training.trainPart(...part);
  }

  /**
   * The model's answers as one ONNX graph, and its weights: what an export is made of. An adapter is part of the weights in
   * it. The model itself stays as it is. Dropout is off.
   * @throws GraphError where a part of the model has no ONNX form.
   */
  lower(form: LayoutForm = 'padded', options: LowerOptions = {}): LoweredModel {
    this.#requireUsable();
    return lowerModel(this.#parts, form, options);
  }

  /**
   * Writes a directory that Python's `from_pretrained` loads: config.json and model.safetensors, each whole or not at all;
   * with an adapter, config.json and PEFT's files, which hold the adapter alone. The tokenizer saves itself
   * (`tokenizer.savePretrained`).
   */
  async savePretrained(directory: string): Promise<void> {
    this.#requireUsable();
    await saveModel(this.#parts, directory);
  }

  /**
   * Saves the model into a repository of the Hub, which is made where there is none, in one commit. The tokenizer is pushed by
   * itself (`tokenizer.pushToHub`); a directory that holds both, by `uploadFolder`. The token must be allowed to write.
   * Throws what `uploadFolder` throws.
   * @param repo `org/name`, or a name alone, which is then the token's owner's.
   */
  async pushToHub(repo: string, options: PushOptions = {}): Promise<PushedCommit> {
    this.#requireUsable();
    const { className } = this.#parts.head;
    const commitMessage = options.commitMessage ?? `Upload ${className}`;
    const owner = `${className}.pushToHub`;
    return pushSaved(repo, (directory) => this.savePretrained(directory), { ...options, commitMessage, owner });
  }

  /**
   * Reads a saved model's weights into this one, in place; answers and a training under way go on with them.
   * @throws ModelError where one is missing, of another shape, or of no parameter of this model.
   */
  async loadWeights(directory: string): Promise<void> {
    this.#requireUsable();
    // Programs with the weights inside would go on with the old ones, or with half of each.
    this.#forward.weightsChange();
    await readWeightsInto(this.#parts, directory).finally(this.#forward.weightsChange);
  }

  /** The bytes of all weights that {@link savePretrained} writes: the adapter's alone, where there is one. */
  get weightBytes(): number {
    return savedBytes(this.#parts);
  }

  /** Frees weights and compiled graphs. Safe to call twice; a disposed model refuses to work. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#forward.drop();
    await this.#training?.dispose();
    await this.#parts.built.arena.dispose();
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Puts another configuration in place; a head of another size is new, everything else stays. For labels that come from data. */
  protected async reconfigure(config: Config, seed: number): Promise<void> {
    await this.#become(await rebuildModel(this.#parts, { config }, seed), this.#frozen);
  }

  /** Renames labels without touching weights. */
  protected relabel(config: Config): void {
    this.#parts = { ...this.#parts, config };
    // The loss may have changed with the problem type.
    void this.#forward.drop();
  }

  /** Takes rebuilt parts; what was compiled for those before goes, and their arena. */
  async #become(parts: ModelParts<Config>, frozen: ReadonlySet<string>): Promise<void> {
    const { arena } = this.#parts.built;
    const training = this.#training;
    this.#parts = parts;
    this.#frozen = frozen;
    this.#training = undefined;
    await this.#forward.drop();
    await training?.dispose();
    await arena.dispose();
  }

  #requireUsable(): void {
    if (!this.#disposed) return;
    throw new RunError('ERR_DISPOSED', {
      owner: this.#parts.head.className,
      what: 'the model was disposed',
      hint: 'load it again, or dispose it later',
    });
  }
}
