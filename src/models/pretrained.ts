import { joinPath, kindOf, makeDirectory, readText, writeAtomic } from '#platform/files';
import { Callable } from '../core/callable.ts';
import { ArgumentError, ModelError, RunError } from '../core/errors.ts';
import { Tensor } from '../core/tensor.ts';
import { Arena } from '../engine/arena.ts';
import type { Engine, EngineTensor } from '../engine/engine.ts';
import { type EngineOptions, selectEngine } from '../engine/select.ts';
import { openCheckpoint } from '../formats/safetensors-checkpoint.ts';
import { writeSafetensors } from '../formats/safetensors-write.ts';
import type { Graph } from '../graph/graph.ts';
import type { Parameter } from '../graph/parameter.ts';
import { resolvePretrained } from '../hub/resolve.ts';
import { BatchLayout, type LayoutForm, type Reads } from '../nn/layout.ts';
import { nameParameters } from '../nn/module.ts';
import { type PackOptions, packBatch, type TokenSequence } from '../nn/packing.ts';
import type { BatchEncoding } from '../tokenizers/encoding.ts';
import { type BertConfig, readBertConfig, writeBertConfig } from './bert/configuration.ts';
import { ForwardProgram, type ModelBatch, type Traced, TrainingProgram } from './programs.ts';
import { initializeWeights, loadWeights } from './weights.ts';

/** How a model is made. */
export interface ModelOptions extends EngineOptions {
  /** New parameters are a pure function of this and of their names; 42 by default, as Hugging Face's Trainer. */
  readonly seed?: number | undefined;
}

/** How a pre-trained model is loaded. */
export interface PretrainedOptions extends ModelOptions {
  readonly revision?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly localFilesOnly?: boolean | undefined;
  /** Replace a head of another size by a new one instead of refusing; false by default. */
  readonly ignoreMismatchedSizes?: boolean | undefined;
}

/** What a model takes: what a tokenizer gives, or tensors of token ids `[rows, length]` with a mask where rows are padded. */
export type ModelInputs =
  | BatchEncoding
  | {
      readonly inputIds: Tensor;
      readonly attentionMask?: Tensor | undefined;
      readonly tokenTypeIds?: Tensor | undefined;
    };

/** How parameters are trained. */
export interface TrainingOptions {
  /** AdamW's decoupled weight decay; 0 by default. Biases and LayerNorm have none, as in Hugging Face's Trainer. */
  readonly weightDecay?: number;
  /** Whether several batches may go into one update. */
  readonly accumulate?: boolean;
}

/** A symbolic model with a forward over a batch, and its parameters by Hugging Face's names. */
interface Built {
  readonly module: (batch: BatchLayout) => unknown;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly arena: Arena;
}

/** What a model is put together from. */
export interface ModelParts {
  readonly head: Head;
  readonly config: BertConfig;
  readonly built: Built;
  readonly engine: Engine;
  readonly source?: string | undefined;
}

/** What a head adds to {@link PreTrainedModel}. */
export interface Head {
  /** The class's name in Python's transformers, for config.json. */
  readonly architecture: string;
  /** Which rows it reads of a batch with, or without, labels. */
  reads(labelled: boolean): Reads;
  /** Tensors that files may hold besides the parameter that they are tied to. */
  readonly tied?: readonly string[];
  /** Builds the symbolic model. */
  build(config: BertConfig): (batch: BatchLayout) => unknown;
  /** Runs it on a graph; with the loss where `labelled`. */
  trace(module: (batch: BatchLayout) => unknown, batch: BatchLayout, config: BertConfig, labelled: boolean): Traced;
}

/**
 * A model with weights and an engine to run it. It *has* a symbolic module and is none itself. Its weights stand in one
 * arena, which training updates in place: after `train()` the same object answers with the new weights.
 */
export abstract class PreTrainedModel<Output = unknown> extends Callable<(inputs: ModelInputs) => Promise<Output>> {
  readonly engine: Engine;
  /** Where the model was loaded from: a directory, which may also hold its tokenizer. */
  readonly source: string | undefined;
  readonly #head: Head;
  #config: BertConfig;
  #built: Built;
  #forward = new Map<string, Promise<ForwardProgram>>();
  #training: TrainingProgram | undefined;
  #disposed = false;

  protected constructor(parts: ModelParts) {
    super('predict');
    this.#head = parts.head;
    this.#config = parts.config;
    this.#built = parts.built;
    this.engine = parts.engine;
    this.source = parts.source;
  }

  /** What the model answers; calling the model calls this. */
  abstract predict(inputs: ModelInputs): Promise<Output>;

  get config(): BertConfig {
    return this.#config;
  }

  /** Every parameter by its name in Hugging Face's files, with its shape. */
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#built.parameters;
  }

  /** How many numbers the model has. */
  get numParameters(): number {
    let count = 0;
    for (const { shape } of this.parameters.values()) count += shape.reduce((product, dim) => product * dim, 1);
    return count;
  }

  /** A copy of one parameter's elements. */
  weight(name: string): Tensor<'float32'> {
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
        owner: this.#head.architecture,
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
          owner: this.#head.architecture,
          what: 'a token id is outside the model’s vocabulary',
          got: ids[i],
          expected: `0 to ${this.config.vocabSize - 1}`,
          hint: 'use the tokenizer that belongs to this model',
        });
      }
    }
    return packBatch(batch, { reads: this.#head.reads(true), padTokenId: this.config.padTokenId, ...options });
  }

  /** The outputs for a batch, and the loss where the batch has labels. Dropout is off. */
  async run(batch: ModelBatch, form: LayoutForm = 'packed'): Promise<Record<string, EngineTensor>> {
    this.#requireUsable();
    const labelled = Object.keys(batch.labels).length > 0;
    const key = `${form} ${labelled}`;
    let program = this.#forward.get(key);
    if (program === undefined) {
      program = ForwardProgram.create(this.#runtime, this.#tracer(form, labelled));
      this.#forward.set(key, program);
      program.catch(() => this.#forward.delete(key));
    }
    return (await program).run(batch);
  }

  /** Makes the model ready to be trained: gradients, moments (zero) and the compiled step. What an earlier training left is gone. */
  async prepareTraining(options: TrainingOptions = {}, form: LayoutForm = 'packed'): Promise<TrainingProgram> {
    this.#requireUsable();
    await this.#training?.dispose();
    const trained = new Map(
      [...this.parameters].map(([name, parameter]) => [
        parameter,
        { weightDecay: decays(name) ? (options.weightDecay ?? 0) : 0, learningRateScale: 1 },
      ]),
    );
    this.#training = await TrainingProgram.create(this.#runtime, this.#tracer(form, true), trained, {
      accumulate: options.accumulate ?? false,
    });
    return this.#training;
  }

  /**
   * Writes a directory that Python's `from_pretrained` loads: config.json and model.safetensors, each whole or not at all.
   * The tokenizer saves itself (`tokenizer.savePretrained`).
   */
  async savePretrained(directory: string): Promise<void> {
    this.#requireUsable();
    await makeDirectory(directory);
    const config = writeBertConfig(this.config, this.#head.architecture);
    await writeAtomic(joinPath(directory, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
    const tensors = [...this.parameters].map(([name, { shape }]) => ({
      name,
      dtype: 'F32' as const,
      shape,
      data: this.#built.arena.weight(name),
    }));
    await writeSafetensors(joinPath(directory, 'model.safetensors'), tensors);
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

  /** Puts another configuration in place; a head of another size is new, everything else stays. For labels that come from data. */
  protected async reconfigure(config: BertConfig, seed: number): Promise<void> {
    const before = this.#built;
    const rebuilt = await build(this.#head, config, this.engine);
    const fresh: string[] = [];
    for (const [name, { shape }] of rebuilt.parameters) {
      if (before.parameters.get(name)?.shape.join() === shape.join())
        rebuilt.arena.weight(name).set(before.arena.weight(name));
      else fresh.push(name);
    }
    initializeWeights(rebuilt.parameters, rebuilt.arena, fresh, seed);
    const programs = [...this.#forward.values()];
    const training = this.#training;
    this.#config = config;
    this.#built = rebuilt;
    this.#forward = new Map();
    this.#training = undefined;
    for (const program of programs) await (await program).dispose();
    await training?.dispose();
    await before.arena.dispose();
  }

  /** Renames labels without touching weights. */
  protected relabel(config: BertConfig): void {
    this.#config = config;
    // The loss may have changed with the problem type.
    const programs = [...this.#forward.values()];
    this.#forward = new Map();
    for (const program of programs) void program.then((made) => made.dispose());
  }

  get #runtime() {
    return { engine: this.engine, arena: this.#built.arena };
  }

  #tracer(form: LayoutForm, labelled: boolean) {
    const { module } = this.#built;
    return (graph: Graph) => {
      const layout = new BatchLayout(graph, { form, reads: this.#head.reads(labelled) });
      return this.#head.trace(module, layout, this.config, labelled);
    };
  }

  #requireUsable(): void {
    if (!this.#disposed) return;
    throw new RunError('ERR_DISPOSED', { owner: this.#head.architecture, what: 'the model was disposed' });
  }
}

/** Hugging Face's rule: no weight decay on biases and LayerNorm. */
function decays(name: string): boolean {
  return !name.endsWith('bias') && !name.includes('LayerNorm');
}

async function build(head: Head, config: BertConfig, engine: Engine): Promise<Built> {
  const module = head.build(config);
  const parameters = nameParameters(module);
  const specs = [...parameters].map(([name, { shape }]) => ({ name, shape }));
  const arena = await Arena.create(specs, { threads: engine.threads });
  return { module, parameters, arena };
}

/** A model of the given configuration with new weights. */
export async function createModel(head: Head, config: BertConfig, options: ModelOptions): Promise<ModelParts> {
  const engine = await selectEngine(options);
  const built = await build(head, config, engine);
  initializeWeights(built.parameters, built.arena, built.parameters.keys(), options.seed ?? 42);
  return { head, config, built, engine };
}

/**
 * A model with a checkpoint's weights.
 * @param adapt what the caller's options make of the checkpoint's configuration.
 */
export async function loadModel(
  head: Head,
  nameOrPath: string,
  options: PretrainedOptions,
  adapt: (config: BertConfig) => BertConfig,
) {
  const owner = `${head.architecture}.fromPretrained`;
  const directory = await resolvePretrained(nameOrPath, { ...options, owner });
  const config = adapt(await readConfigFile(directory, owner));
  const checkpoint = await openCheckpoint(directory);
  try {
    const engine = await selectEngine(options);
    const built = await build(head, config, engine);
    const { fresh } = await loadWeights(built.parameters, built.arena, checkpoint, {
      basePrefix: 'bert',
      tied: head.tied ?? [],
      ignoreMismatchedSizes: options.ignoreMismatchedSizes ?? false,
      seed: options.seed ?? 42,
    });
    return { head, config, built, engine, source: directory, fresh };
  } finally {
    await checkpoint.close();
  }
}

async function readConfigFile(directory: string, owner: string): Promise<BertConfig> {
  const file = joinPath(directory, 'config.json');
  if ((await kindOf(file)) !== 'file') {
    throw new ModelError('ERR_NO_CONFIG', {
      owner,
      what: 'there is no config.json',
      file: directory,
      hint: 'give the directory of a saved model: config.json, model.safetensors and the tokenizer’s files',
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(await readText(file));
  } catch (cause) {
    throw new ModelError('ERR_CONFIG', { owner, what: 'config.json is not JSON', file, cause });
  }
  return readBertConfig(json as Record<string, unknown>, file);
}

/** Token sequences from a model's inputs: the rows without their padding. */
export function tokenSequences(inputs: ModelInputs): TokenSequence[] {
  if ('encodings' in inputs) {
    return inputs.encodings.map((encoding) => withoutPadding(encoding.ids, encoding.typeIds, encoding.attentionMask));
  }
  const [rows, length] = inputs.inputIds.dims.length === 1 ? [1, inputs.inputIds.dims[0]] : inputs.inputIds.dims;
  const row = (tensor: Tensor | undefined, index: number, fallback: number) =>
    Array.from({ length }, (_, i) => (tensor === undefined ? fallback : Number(tensor.data[index * length + i])));
  return Array.from({ length: rows }, (_, i) =>
    withoutPadding(row(inputs.inputIds, i, 0), row(inputs.tokenTypeIds, i, 0), row(inputs.attentionMask, i, 1)),
  );
}

function withoutPadding(ids: ArrayLike<number>, typeIds: ArrayLike<number>, mask: ArrayLike<number>): TokenSequence {
  const kept = Array.from(mask, (value, i) => (value === 0 ? -1 : i)).filter((i) => i >= 0);
  if (kept.length === ids.length) return { ids, typeIds };
  return { ids: kept.map((i) => ids[i]), typeIds: kept.map((i) => typeIds[i]) };
}
