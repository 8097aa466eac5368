/// <reference lib="esnext.disposable" preserve="true" />
import { joinPath, makeDirectory, writeAtomic } from '#platform/files';
import { Callable } from '../core/callable.ts';
import { ArgumentError, ModelError, RunError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import { Tensor } from '../core/tensor.ts';
import type { Engine, EngineTensor, Precision } from '../engine/engine.ts';
import type { Optimizer } from '../engine/optimizers.ts';
import { selectEngine } from '../engine/select.ts';
import { openCheckpoint } from '../formats/safetensors-checkpoint.ts';
import { writeSafetensors } from '../formats/safetensors-write.ts';
import { Graph } from '../graph/graph.ts';
import { lowerGraph } from '../graph/lowering.ts';
import { elementCount } from '../graph/ndarray.ts';
import type { Parameter } from '../graph/parameter.ts';
import { type PushedCommit, type PushOptions, pushSaved } from '../hub/upload.ts';
import {
  type FreezingChoice,
  freezeAllBut,
  freezeMore,
  type ParameterPattern,
  selectParameters,
} from '../nn/freezing.ts';
import { BatchLayout, type LayoutForm } from '../nn/layout.ts';
import { type PackOptions, packBatch, type TokenSequence } from '../nn/packing.ts';
import { parameterTable } from '../nn/parameterGroups.ts';
import { Adapter } from './adapter.ts';
import { weightFeeds } from './feeds.ts';
import type { Built, Head, ModelConfig, ModelParts } from './head.ts';
import type { ModelInputs } from './inputs.ts';
import { adaptedModel, build } from './loading.ts';
import { isUnder, LoraConfig, type LoraOptions } from './loraConfig.ts';
import { type LossFunction, withLoss } from './loss.ts';
import type { LoweredModel, LowerOptions } from './lowered.ts';
import { readAdapterConfig } from './peftFiles.ts';
import { ForwardProgram, type InferenceQuantization, type ModelBatch, TrainingProgram } from './programs.ts';
import { assignWeights, initializeWeights } from './weights.ts';

/** How one parameter is trained. */
export interface ParameterSettings {
  readonly weightDecay: number;
  /** Multiplies the step's learning rate. */
  readonly learningRateScale: number;
}

/** How parameters are trained. */
export interface TrainingOptions {
  /** What updates the weights; AdamW with PyTorch's defaults by default. */
  readonly optimizer?: Optimizer | undefined;
  /** Weight decay; 0 by default. Biases and LayerNorm have none, as in Hugging Face's Trainer. */
  readonly weightDecay?: number;
  /** How single parameters are trained, by name, in place of what `weightDecay` says. */
  readonly parameters?: ReadonlyMap<string, ParameterSettings> | undefined;
  /** The loss, in place of the head's own. */
  readonly loss?: LossFunction | undefined;
  /** Whether several batches may go into one update; false by default. */
  readonly accumulate?: boolean;
  /** What the step is computed in; weights and moments are float32 in any case. Default: what the model answers in. */
  readonly precision?: Precision;
  /** The native library of the engine for that precision, where it shall not be looked for. */
  readonly libraryPath?: string | undefined;
  /** Whether what frozen parameters give is computed once a row and kept; true by default. */
  readonly cacheFrozenFeatures?: boolean;
}

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
  readonly #head: Head<Config>;
  #config: Config;
  #built: Built<Config>;
  #forward = new Map<string, Promise<ForwardProgram>>();
  /** Losses that programs were made with: their places tell the programs apart. */
  readonly #losses: LossFunction[] = [];
  #training: TrainingProgram | undefined;
  /** What trains, where it is not what answers. */
  #trainingEngine: Engine | undefined;
  #frozen: ReadonlySet<string> = new Set();
  readonly #name: string | undefined;
  readonly #quantize: InferenceQuantization | undefined;
  #adapter: Adapter | undefined;
  #disposed = false;

  protected constructor(parts: ModelParts<Config>) {
    super('predict');
    this.#head = parts.head;
    this.#config = parts.config;
    this.#built = parts.built;
    this.engine = parts.engine;
    this.source = parts.source;
    this.#name = parts.name;
    this.#quantize = parts.quantize;
    this.#adapter = parts.adapter;
    if (parts.adapter !== undefined) this.#frozen = frozenUnder(parts.adapter, this.parameters.keys());
    const { freeze, freezeLayers, trainOnly } = parts.freezing ?? {};
    if (trainOnly !== undefined) this.trainOnly(trainOnly);
    if (freeze !== undefined) this.freeze(freeze);
    if (freezeLayers !== undefined) this.freeze({ layers: freezeLayers });
  }

  /** What the model answers; calling the model calls this. */
  abstract predict(inputs: ModelInputs): Promise<Output>;

  get config(): Config {
    return this.#config;
  }

  /** Every parameter by its name in Hugging Face's files, with its shape. */
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#built.parameters;
  }

  /** How many numbers the model has. */
  get numParameters(): number {
    return this.#count(this.parameters.keys());
  }

  /** How many of them training changes. */
  get numTrainableParameters(): number {
    return this.#count(this.trainableParameters);
  }

  #count(names: Iterable<string>): number {
    let count = 0;
    for (const name of names) count += elementCount(this.parameters.get(name)!.shape);
    return count;
  }

  /** The names of the parameters that training changes, in order. */
  get trainableParameters(): string[] {
    return [...this.parameters.keys()].filter((name) => !this.#frozen.has(name));
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
    this.#frozen = freezeMore(this.parameters.keys(), this.#frozen, choice, 'model.freeze');
  }

  /** The opposite of {@link freeze}. @throws ArgumentError where an adapter is on that would not save what is named. */
  unfreeze(pattern: ParameterPattern): void {
    const names = new Set(selectParameters(this.parameters.keys(), pattern, 'model.unfreeze'));
    this.#requireHeld(names, 'model.unfreeze');
    this.#frozen = new Set([...this.#frozen].filter((name) => !names.has(name)));
  }

  /**
   * Freezes everything but what is named and the task's own head, which is new and so must learn.
   * @param options.head false: the head is frozen too, where it is not named.
   * @throws ArgumentError where the pattern means no parameter, or all.
   * @example model.trainOnly('bias'); // BitFit (Ben Zaken et al. 2021): biases and the classifier
   */
  trainOnly(pattern: ParameterPattern, { head = true }: { readonly head?: boolean } = {}): void {
    const own = head ? (this.#head.ownModules ?? []) : [];
    const names = this.parameters.keys();
    const frozen = freezeAllBut(names, pattern, (name) => isUnder(name, own), 'model.trainOnly');
    this.#requireHeld(
      [...this.parameters.keys()].filter((name) => !frozen.has(name)),
      'model.trainOnly',
    );
    this.#frozen = frozen;
  }

  /** A table of what training changes: a line for each part of the model, with numbers of elements and shares. */
  describeTrainableParameters(): string {
    const counts = new Map([...this.parameters].map(([name, { shape }]) => [name, elementCount(shape)]));
    return parameterTable(counts, new Set(this.trainableParameters));
  }

  /** The low-rank adaptation that the model has; undefined where it has none. */
  get adapter(): LoraConfig | undefined {
    return this.#adapter?.config;
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
    const lora = config instanceof LoraConfig ? config : new LoraConfig(config);
    await this.#adapt(new Adapter(lora, adaptedModel(this.#head, this.#name)), seed);
  }

  /**
   * Puts an adapter from PEFT's files on the model: `adapter_config.json` and `adapter_model.safetensors`.
   * @throws ModelError where the files are missing, of another kind than LoRA, or made for another base model.
   */
  async loadAdapter(directory: string): Promise<void> {
    const saved = await readAdapterConfig(directory, 'model.loadAdapter');
    if (saved === undefined) {
      const what = 'there is no adapter_config.json';
      throw new ModelError('ERR_ADAPTER_CONFIG', { owner: 'model.loadAdapter', what, file: directory });
    }
    const adapter = new Adapter(saved.config, adaptedModel(this.#head, this.#name), saved);
    await this.#adapt(adapter, 42, (built) => adapter.read(directory, built.parameters, built.arena));
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
    this.#adapter = undefined;
    await this.reconfigure(this.#config, 42);
    this.#frozen = new Set();
  }

  async #adapt(
    adapter: Adapter,
    seed: number,
    fill: (built: Built<Config>) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    this.#requireUsable();
    if (this.#adapter !== undefined) {
      throw new ArgumentError('ERR_ADAPTER', {
        owner: 'model.addAdapter',
        what: 'the model has an adapter already',
        hint: 'make that one part of the weights first: mergeAndUnload()',
      });
    }
    await this.#rebuild(this.#config, seed, adapter, fill);
    this.#adapter = adapter;
    this.#frozen = frozenUnder(adapter, this.parameters.keys());
  }

  async #setMerged(merged: boolean, owner: string): Promise<void> {
    this.#requireUsable();
    if (this.#adapter === undefined) {
      throw new ArgumentError('ERR_ADAPTER', {
        owner,
        what: 'the model has no adapter',
        hint: 'add or load one first',
      });
    }
    this.#adapter.merge(this.#built.arena, merged);
    // Traced with the pairs or without them.
    await this.#dropForward();
  }

  #requireHeld(names: Iterable<string>, owner: string): void {
    const outside = this.#adapter && [...names].filter((name) => !this.#adapter!.holds(name));
    if (outside === undefined || outside.length === 0) return;
    throw new ArgumentError('ERR_ADAPTER', {
      owner,
      what: `an adapter saves its own parameters alone, and ${outside[0]} is not one of them`,
      hint: 'name the module in modulesToSave, or set bias, when the adapter is added',
    });
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
    return new Tensor('float32', this.#built.arena.weight(name).slice(), parameter.shape);
  }

  /** Lays token sequences out as this model's graphs take them. */
  pack(batch: readonly TokenSequence[], options: PackOptions = {}): ReturnType<typeof packBatch> {
    const longest = batch.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    if (longest > this.config.maxPositionEmbeddings) {
      throw new ArgumentError('ERR_TOO_LONG', {
        owner: this.#head.className,
        what: 'a text has more tokens than the model has positions',
        got: longest,
        expected: `at most ${this.config.maxPositionEmbeddings}`,
        hint: 'pass truncation: true and maxLength to the tokenizer',
      });
    }
    for (const { ids } of batch) {
      for (let i = 0; i < ids.length; i++) {
        if (ids[i] >= 0 && ids[i] < this.config.vocabSize) continue;
        throw new ArgumentError('ERR_TOKEN_ID', {
          owner: this.#head.className,
          what: 'a token id is outside the model’s vocabulary',
          got: ids[i],
          expected: `0 to ${this.config.vocabSize - 1}`,
          hint: 'use the tokenizer that belongs to this model',
        });
      }
    }
    return packBatch(batch, { ...this.#packing, ...options });
  }

  /**
   * The outputs for a batch, and the loss where the batch has labels. Dropout is off.
   * @param loss in place of the head's own; the same function each time, since a program is kept for each.
   */
  async run(
    batch: ModelBatch,
    form: LayoutForm = 'packed',
    loss?: LossFunction | undefined,
  ): Promise<Record<string, EngineTensor>> {
    this.#requireUsable();
    const labelled = Object.keys(batch.labels).length > 0;
    const own = labelled ? loss : undefined;
    if (own !== undefined && !this.#losses.includes(own)) this.#losses.push(own);
    const key = `${form} ${labelled} ${own === undefined ? '' : this.#losses.indexOf(own)}`;
    let program = this.#forward.get(key);
    if (program === undefined) {
      program = ForwardProgram.create(this.#runtime, this.#tracer(form, labelled, own), this.#quantize);
      this.#forward.set(key, program);
      program.catch(() => this.#forward.delete(key));
    }
    return (await program).run(batch);
  }

  /** Makes the model ready to be trained: gradients, moments (zero) and the compiled step. What an earlier training left is gone. */
  async prepareTraining(options: TrainingOptions = {}, form: LayoutForm = 'packed'): Promise<TrainingProgram> {
    this.#requireUsable();
    if (this.#quantize !== undefined) {
      throw new ArgumentError('ERR_QUANTIZED', {
        owner: this.#head.className,
        what: `a model that was loaded with quantize: '${this.#quantize}' cannot be trained`,
        hint: 'load it without',
      });
    }
    await this.#training?.dispose();
    const trained = new Map(
      this.trainableParameters.map((name) => [
        this.parameters.get(name)!,
        options.parameters?.get(name) ?? {
          weightDecay: decays(name) ? (options.weightDecay ?? 0) : 0,
          learningRateScale: 1,
        },
      ]),
    );
    const { precision = this.engine.precision } = options;
    this.#trainingEngine =
      precision === this.engine.precision
        ? undefined
        : await selectEngine({ precision, threads: this.engine.threads, libraryPath: options.libraryPath });
    const engine = this.#trainingEngine ?? this.engine;
    if (engine !== this.engine) log.info(`training in ${precision} on ${engine.name} ${engine.version}`);
    const runtime = { engine, arena: this.#built.arena };
    this.#training = await TrainingProgram.create(runtime, this.#tracer(form, true, options.loss), trained, {
      ...options,
      packing: { ...this.#packing, form },
    });
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
  lower(form: LayoutForm = 'padded', { outputs: wanted, portable = true }: LowerOptions = {}): LoweredModel {
    this.#requireUsable();
    const adapter = this.#adapter;
    const graph = new Graph();
    const trace = () => this.#tracer(form, false)(graph);
    const { outputs } = adapter === undefined ? trace() : adapter.traceMerged(trace);
    const named = Object.fromEntries(Object.entries(outputs).filter(([name]) => wanted?.(name) ?? true));
    const merged = adapter?.mergedWeights(this.#built.arena);
    const weights = new Map(
      Object.entries(weightFeeds(graph, Object.values(named), this.#built.arena)).map(([name, { dims, data }]) => [
        name,
        { dims, data: merged?.get(name) ?? (data as Float32Array) },
      ]),
    );
    const { architecture, className } = this.#head;
    const config = architecture.writeConfig(this.config, className);
    return { className, onnx: lowerGraph(graph, named, className, { portable }), weights, config };
  }

  /**
   * Writes a directory that Python's `from_pretrained` loads: config.json and model.safetensors, each whole or not at all;
   * with an adapter, config.json and PEFT's files, which hold the adapter alone. The tokenizer saves itself
   * (`tokenizer.savePretrained`).
   */
  async savePretrained(directory: string): Promise<void> {
    this.#requireUsable();
    await this.#adapter?.write(directory, this.parameters, this.#built.arena);
    await makeDirectory(directory);
    const { architecture, className } = this.#head;
    const config = architecture.writeConfig(this.config, className);
    await writeAtomic(joinPath(directory, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
    if (this.#adapter !== undefined) return;
    const tensors = [...this.parameters].map(([name, { shape }]) => ({
      name,
      dtype: 'F32' as const,
      shape,
      data: this.#built.arena.weight(name),
    }));
    await writeSafetensors(joinPath(directory, 'model.safetensors'), tensors);
  }

  /**
   * Saves the model into a repository of the Hub, which is made where there is none, in one commit. The tokenizer is pushed by
   * itself (`tokenizer.pushToHub`); a directory that holds both, by `uploadFolder`. The token must be allowed to write.
   * Throws what `uploadFolder` throws.
   * @param repo `org/name`, or a name alone, which is then the token's owner's.
   */
  async pushToHub(repo: string, options: PushOptions = {}): Promise<PushedCommit> {
    this.#requireUsable();
    const { className } = this.#head;
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
    // Programs with the weights inside would go on with the old ones.
    if (this.#quantize !== undefined) await this.#dropForward();
    if (this.#adapter !== undefined) {
      await this.#adapter.read(directory, this.parameters, this.#built.arena);
      return;
    }
    const checkpoint = await openCheckpoint(directory);
    try {
      const options = {
        basePrefix: this.#head.architecture.basePrefix,
        tied: this.#head.tied ?? [],
        ignoreMismatchedSizes: false,
      };
      const { sources, fresh } = assignWeights(this.parameters, checkpoint, options);
      if (fresh.length > 0) {
        throw new ModelError('ERR_WEIGHTS', {
          owner: 'model.loadWeights',
          what: `these parameters are not there: ${fresh.join(', ')}`,
          file: checkpoint.file,
          hint: 'give the directory of a model with the same head',
        });
      }
      for (const [name, source] of sources) await checkpoint.readInto(source, this.#built.arena.weight(name));
    } finally {
      await checkpoint.close();
    }
  }

  /** The bytes of all weights that {@link savePretrained} writes: the adapter's alone, where there is one. */
  get weightBytes(): number {
    const names = [...this.parameters.keys()];
    return 4 * this.#count(this.#adapter === undefined ? names : names.filter((name) => this.#adapter!.holds(name)));
  }

  /** Frees weights and compiled graphs. Safe to call twice; a disposed model refuses to work. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const programs = await Promise.allSettled(this.#forward.values());
    await Promise.all(
      programs.map((program) => (program.status === 'fulfilled' ? program.value.dispose() : undefined)),
    );
    await this.#training?.dispose();
    await this.#built.arena.dispose();
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Puts another configuration in place; a head of another size is new, everything else stays. For labels that come from data. */
  protected async reconfigure(config: Config, seed: number): Promise<void> {
    await this.#rebuild(config, seed, this.#adapter);
  }

  /**
   * Builds the module anew. What keeps its name and shape keeps its elements; the rest is drawn from the seed.
   * @param fill writes into the new parameters before they take the place of the old; where it fails the model is as it was.
   */
  async #rebuild(
    config: Config,
    seed: number,
    adapter: Adapter | undefined,
    fill?: (built: Built<Config>) => Promise<void>,
  ): Promise<void> {
    const before = this.#built;
    const rebuilt = await build(this.#head, config, this.engine, adapter);
    const fresh: string[] = [];
    for (const [name, { shape }] of rebuilt.parameters) {
      if (before.parameters.get(name)?.shape.join() === shape.join())
        rebuilt.arena.weight(name).set(before.arena.weight(name));
      else fresh.push(name);
    }
    initializeWeights(rebuilt.parameters, rebuilt.arena, fresh, seed);
    try {
      await fill?.(rebuilt);
    } catch (error) {
      await rebuilt.arena.dispose();
      throw error;
    }
    const training = this.#training;
    this.#config = config;
    this.#built = rebuilt;
    this.#training = undefined;
    await this.#dropForward();
    await training?.dispose();
    await before.arena.dispose();
  }

  async #dropForward(): Promise<void> {
    const programs = [...this.#forward.values()];
    this.#forward = new Map();
    for (const program of programs) await (await program).dispose();
  }

  /** Renames labels without touching weights. */
  protected relabel(config: Config): void {
    this.#config = config;
    // The loss may have changed with the problem type.
    const programs = [...this.#forward.values()];
    this.#forward = new Map();
    for (const program of programs) void program.then((made) => made.dispose());
  }

  /** How batches are laid out for this model's graphs, on the engine that trains or else on the one that answers. */
  get #packing(): PackOptions {
    const { tokens, longest } = (this.#trainingEngine ?? this.engine).shapeSteps;
    const { padTokenId } = this.config;
    return { reads: this.#head.reads(true), padTokenId, roundTokens: tokens, roundLongest: longest };
  }

  get #runtime() {
    return { engine: this.engine, arena: this.#built.arena };
  }

  #tracer(form: LayoutForm, labelled: boolean, loss?: LossFunction | undefined) {
    const { trace } = this.#built;
    return (graph: Graph) => {
      const layout = new BatchLayout(graph, { form, reads: this.#head.reads(labelled) });
      const traced = trace(layout, this.config, labelled);
      return loss === undefined ? traced : withLoss(traced, loss);
    };
  }

  #requireUsable(): void {
    if (!this.#disposed) return;
    throw new RunError('ERR_DISPOSED', {
      owner: this.#head.className,
      what: 'the model was disposed',
      hint: 'load it again, or dispose it later',
    });
  }
}

/** What is frozen under an adapter: all that it does not hold. */
function frozenUnder(adapter: Adapter, names: Iterable<string>): ReadonlySet<string> {
  return new Set([...names].filter((name) => !adapter.holds(name)));
}

/** Hugging Face's rule: no weight decay on biases and LayerNorm. */
export function decays(name: string): boolean {
  return !name.endsWith('bias') && !name.includes('LayerNorm');
}
