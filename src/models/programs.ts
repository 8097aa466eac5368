import { RunError } from '../core/errors.ts';
import { hashName } from '../core/random.ts';
import type { Arena, OptimizerStep } from '../engine/arena.ts';
import type { Engine, EngineTensor, Session } from '../engine/engine.ts';
import { adamW, type Optimizer } from '../engine/optimizers.ts';
import { encodeOnnx } from '../formats/onnx.ts';
import { int8Range, quantizeWeights } from '../formats/onnxInt8.ts';
import { type DropoutMask, Graph } from '../graph/graph.ts';
import { lowerGraph, toOnnx } from '../graph/lowering.ts';
import type { Parameter } from '../graph/parameter.ts';
import type { DropoutJob } from '../kernels/dropout.ts';
import type { PackedBatch, PackOptions, TokenSequence } from '../nn/packing.ts';
import {
  type CompiledStep,
  type Compiler,
  compileStep,
  disposeStep,
  gradientType,
  type ProgramOptions,
  type Trace,
  type TrainedParameters,
} from './compiledStep.ts';
import { allFinite, firstNotFiniteLayer, type NotFinite } from './diagnosis.ts';
import { pick, type Runtime, scalar, weightFeeds } from './feeds.ts';
import { hasExactInt8Products } from './int8Products.ts';
import { optimizerStateBytes, readOptimizerState, writeOptimizerState } from './optimizerState.ts';

export type { Traced } from './compiledStep.ts';

/** A batch as a model's graph takes it. */
export interface ModelBatch {
  readonly packed: PackedBatch;
  /** The loss's inputs by name (`labels`, `label_weights`); none where only outputs are asked for. */
  readonly labels: Readonly<Record<string, EngineTensor>>;
  /** What the loss averages over: the real rows, or the labelled tokens. */
  readonly count: number;
}

/** What a model may answer in besides its engine's precision: weights and operands of products as 8-bit numbers. */
export type InferenceQuantization = 'int8';

/** Of programs that only answer, one text after another: no kernels of a training come between. */
const answering = { staysAwake: true } as const;

/** A compiled forward computation: outputs, and the loss where it was traced. Dropout is off. */
export class ForwardProgram {
  readonly #session: Session;
  readonly #weights: Readonly<Record<string, EngineTensor>>;

  private constructor(session: Session, weights: Readonly<Record<string, EngineTensor>>) {
    this.#session = session;
    this.#weights = weights;
  }

  /**
   * @param options.fixed whether the weights become part of the program as they are now, laid out as the engine likes them
   *   best; else it reads them at every run. Default false.
   * @param options.quantize 'int8': they become part of it in any case, as 8-bit numbers.
   */
  static async create(
    runtime: Runtime,
    trace: Trace,
    { fixed = false, quantize }: { fixed?: boolean; quantize?: InferenceQuantization | undefined } = {},
  ): Promise<ForwardProgram> {
    const graph = new Graph();
    const { outputs, loss } = trace(graph);
    const all = loss === undefined ? outputs : { ...outputs, loss };
    const feeds = weightFeeds(graph, Object.values(all), runtime.arena);
    if (quantize === undefined && fixed) {
      const model = lowerGraph(graph, all);
      const inputs = model.inputs.filter(({ name }) => !Object.hasOwn(feeds, name));
      return new ForwardProgram(
        await runtime.engine.createSession(encodeOnnx({ ...model, inputs }), feeds, answering),
        {},
      );
    }
    if (quantize === undefined) {
      return new ForwardProgram(await runtime.engine.createSession(toOnnx(graph, all)), feeds);
    }
    const weights = new Map(
      Object.entries(feeds).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }]),
    );
    const range = (await hasExactInt8Products(runtime.engine)) ? int8Range.full : int8Range.reduced;
    const quantized = quantizeWeights(lowerGraph(graph, all), weights, range);
    return new ForwardProgram(await runtime.engine.createSession(encodeOnnx(quantized), {}, answering), {});
  }

  /** The outputs by name, `loss` among them (the mean over what the batch counts) where it was traced. */
  run(batch: ModelBatch): Promise<Record<string, EngineTensor>> {
    const feeds = { ...batch.packed.feeds, ...batch.labels, loss_scale: scalar(1 / batch.count), ...this.#weights };
    return this.#session.run(
      pick(feeds, this.#session.inputNames),
      Object.fromEntries(this.#session.outputNames.map((name) => [name, 'allocate' as const])),
    );
  }

  dispose(): Promise<void> {
    return this.#session.dispose();
  }
}

/** What one pass forward and backward is for: dropout's bits are a function of it. */
export interface PassOptions {
  readonly seed: number;
  /** The optimizer step, from 1. */
  readonly step: number;
  /** What the loss's sum is multiplied by: 1 / what the whole batch of the optimizer step counts. */
  readonly lossScale: number;
  /** Gives dropout masks by site and dims in place of those drawn, to compare with other implementations. */
  readonly masks?: (site: string, dims: readonly number[]) => Float32Array;
}

/** What one update is told. */
export interface UpdateOptions extends Omit<OptimizerStep, 'optimizer' | 'steps'> {
  /** Steps done before those that `step` counts: of a run whose optimizer began anew. 0 by default. */
  readonly stepsBefore?: number | undefined;
}

/**
 * A compiled training step: forward, backward and update of some of a model's parameters. Gradients of micro-batches add up
 * (`accumulate`) until `update` uses them.
 */
export class TrainingProgram {
  /** What runs the step. */
  readonly engine: Engine;
  /** What updates the weights. */
  readonly optimizer: Optimizer;
  readonly #compiler: Compiler;
  readonly #arena: Arena;
  readonly #packing: PackOptions;
  /** Those with a gradient, in the model's order. */
  readonly #optimized: readonly Parameter[];
  #step: CompiledStep;
  /** The parameters that are trained now and the steps before each began to be; all from the first on where undefined. */
  #part: ReadonlyMap<string, number> | undefined;
  /** The rows that frozen features were asked for. */
  #rows: readonly TokenSequence[] = [];
  #passes = 0;
  #ended = false;

  private constructor(compiler: Compiler, optimized: readonly Parameter[], step: CompiledStep) {
    const { runtime, options } = compiler;
    this.#compiler = compiler;
    this.engine = runtime.engine;
    this.#arena = runtime.arena;
    this.optimizer = options.optimizer ?? adamW();
    this.#packing = options.packing ?? {};
    this.#optimized = optimized;
    this.#step = step;
  }

  /**
   * Traces, differentiates and compiles. Only `trained` parameters get gradients and moments (the latter zero); what lies
   * below all of them is a program of its own, which runs once a row.
   */
  static async create(
    runtime: Runtime,
    trace: Trace,
    trained: TrainedParameters,
    options: ProgramOptions = {},
  ): Promise<TrainingProgram> {
    const compiler = { runtime, trace, trained, options };
    const { step, gradients } = await compileStep(compiler, [...trained.keys()], async (found) => {
      const optimized = found.map(({ parameter, ids }) => ({
        name: parameter.name,
        rowGradient: ids !== undefined,
        ...trained.get(parameter)!,
      }));
      await runtime.arena.prepareTraining(optimized, {
        accumulate: options.accumulate ?? false,
        gradientType: gradientType(runtime.engine, options),
        stateArrays: (options.optimizer ?? adamW()).state.length,
      });
    });
    return new TrainingProgram(
      compiler,
      gradients.map(({ parameter }) => parameter),
      step,
    );
  }

  /**
   * Compiles the step anew for a part of the parameters. The rest stays as it is, with its state, until it is trained again:
   * nothing that belongs to it is computed. Between two steps, not within one.
   * @param part the names of what is trained from now on, and for each the steps that had been done before it was trained:
   *   the optimizer counts its own.
   * @param options.cacheFrozenFeatures whether what is frozen now is computed ahead for all rows.
   */
  async trainPart(
    part: ReadonlyMap<string, number>,
    { cacheFrozenFeatures = true }: { readonly cacheFrozenFeatures?: boolean } = {},
  ): Promise<void> {
    const { options } = this.#compiler;
    const keep = cacheFrozenFeatures && options.cacheFrozenFeatures !== false;
    const { step } = await compileStep(
      { ...this.#compiler, options: { ...options, cacheFrozenFeatures: keep } },
      this.#optimized.filter(({ name }) => part.has(name)),
    );
    const before = this.#step;
    this.#step = step;
    this.#part = part;
    await disposeStep(before);
    await step.features?.compute(this.#rows, this.#packing);
  }

  /** Computes ahead what the frozen part makes of these rows; without a frozen part nothing happens. */
  async computeFrozenFeatures(rows: readonly TokenSequence[]): Promise<void> {
    this.#rows = rows;
    await this.#step.features?.compute(rows, this.#packing);
  }

  /**
   * Forward and backward over one (micro-)batch; its gradients are added to those since the last `update`.
   * @returns the model's outputs, and `loss`: this batch's part of the whole batch's mean.
   */
  async accumulate(batch: ModelBatch, pass: PassOptions): Promise<Record<string, EngineTensor>> {
    this.#requireUnderWay();
    const { session, weights, features, outputNames, rowOutputs, first, further } = this.#step;
    const isFurther = this.#passes++ > 0;
    if (isFurther && further === undefined) {
      throw new RangeError('a second pass before an update needs a program made with accumulate: true');
    }
    const masks = await this.#dropoutMasks(batch.packed, pass);
    const frozen = await features?.feeds(batch.packed, this.#packing);
    const feeds: Record<string, EngineTensor> = {
      ...batch.packed.feeds,
      ...batch.labels,
      loss_scale: scalar(pass.lossScale),
      ...weights,
      ...masks,
      ...frozen,
    };
    const results = await session.run(pick(feeds, session.inputNames), {
      ...Object.fromEntries(outputNames.map((name) => [name, 'allocate' as const])),
      ...Object.fromEntries(rowOutputs.map(({ output }) => [output, 'allocate' as const])),
      ...(isFurther ? further : first),
    });
    for (const { parameter, ids, output } of rowOutputs) {
      await this.#arena.addRows(parameter, feeds[ids].data as BigInt64Array, results[output].data as Float32Array);
    }
    if (isFurther) await this.#arena.addIncoming();
    return pick(results, outputNames);
  }

  /** The gradient of a trained parameter since the last update: in place, or a copy where the engine gives bfloat16. */
  gradient(name: string): Float32Array {
    return this.#arena.gradient(name);
  }

  /** The gradients since the last update of all that is trained now, by name; as {@link gradient} gives them. */
  gradients(): ReadonlyMap<string, Float32Array> {
    const trained = this.#optimized.filter(({ name }) => this.#part?.has(name) ?? true);
    return new Map(trained.map(({ name }) => [name, this.gradient(name)]));
  }

  /** Clips and applies the gradients since the last update. Where their norm is not finite nothing is changed. */
  async update({ stepsBefore = 0, ...options }: UpdateOptions): Promise<{ gradientNorm: number }> {
    this.#requireUnderWay();
    this.#passes = 0;
    const steps =
      this.#part &&
      new Map([...this.#part].map(([name, before]) => [name, options.step - Math.max(0, before - stepsBefore)]));
    return await this.#arena.step({ ...options, optimizer: this.optimizer, steps });
  }

  /** Throws away the passes since the last update, so that a step can be begun again. */
  async discard(): Promise<void> {
    this.#passes = 0;
    await this.#arena.discard();
  }

  /** The size of what {@link saveOptimizer} writes, in bytes, but for a header. */
  get optimizerBytes(): number {
    return optimizerStateBytes(this.#arena, this.#optimized, this.optimizer);
  }

  /** Writes the optimizer's state of the trained parameters, under PyTorch's names, as safetensors. */
  async saveOptimizer(path: string, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
    await writeOptimizerState(path, this.#arena, this.#optimized, this.optimizer, metadata);
  }

  /**
   * Takes up the state that {@link saveOptimizer} wrote.
   * @returns the file's metadata.
   * @throws ModelError where it is another optimizer's, or of other parameters than those in training.
   */
  async loadOptimizer(path: string): Promise<Readonly<Record<string, string>>> {
    return await readOptimizerState(path, this.#arena, this.#optimized, this.optimizer);
  }

  /**
   * Finds where NaN or infinity comes from after a pass over `batch` gave one: the first weight, else the first layer
   * forward, else the first gradient backward, that holds it. Asked for before anything changes the weights.
   */
  async diagnose(batch: ModelBatch, pass: PassOptions): Promise<NotFinite | undefined> {
    const { graph, loss } = this.#step.retrace();
    for (const { name } of graph.parameters.keys())
      if (!allFinite(this.#arena.weight(name))) return { name, where: 'the weight' };
    const feeds: Record<string, EngineTensor> = {
      ...batch.packed.feeds,
      ...batch.labels,
      loss_scale: scalar(pass.lossScale),
      ...weightFeeds(graph, [loss], this.#arena),
      ...(await this.#dropoutMasks(batch.packed, pass)),
    };
    const layer = await firstNotFiniteLayer({ engine: this.engine, arena: this.#arena }, graph, loss, feeds);
    if (layer !== undefined) return layer;
    // Backward, the head's gradients come first.
    const trained = this.#optimized.filter(({ name }) => this.#part?.has(name) ?? true);
    const last = trained.findLast(({ name }) => !allFinite(this.#arena.gradient(name)));
    return last === undefined ? undefined : { name: last.name, where: 'the gradient of the parameter' };
  }

  async #dropoutMasks(packed: PackedBatch, pass: PassOptions): Promise<Record<string, EngineTensor>> {
    const { masks: sites } = this.#step;
    if (sites.length === 0) return {};
    const shapes = sites.map(({ value }) =>
      value.shape.map((dim) => (typeof dim === 'number' ? dim : packed.lengths[dim])),
    );
    const given = pass.masks;
    const masks =
      given === undefined
        ? await this.#arena.dropoutMasks(
            { seed: pass.seed, step: pass.step },
            sites.map((mask, i) => dropoutJob(mask, packed, shapes[i])),
          )
        : sites.map(({ site }, i) => given(site, shapes[i]));
    return Object.fromEntries(
      sites.map(({ name }, i) => [name, { type: 'float32' as const, dims: shapes[i], data: masks[i] }]),
    );
  }

  async dispose(): Promise<void> {
    this.#ended = true;
    await disposeStep(this.#step);
  }

  /** Gradients and moments belong to the model's latest training: an earlier one must not write there. */
  #requireUnderWay(): void {
    if (!this.#ended) return;
    throw new RunError('ERR_TRAINING_ENDED', {
      owner: 'TrainingProgram',
      what: 'this training was ended: its model was disposed, rebuilt, or made ready for another training',
      hint: 'let one training of a model end before the next begins',
    });
  }
}

/** A mask over rows, `[tokens, width]`, or over attention weights, `[sequences, heads, queries, keys]`. */
function dropoutJob(mask: DropoutMask, packed: PackedBatch, dims: readonly number[]): DropoutJob {
  const { value, probability } = mask;
  const site = hashName(mask.site);
  if (dims.length === 2) {
    const { sample, position } = packed.places[value.shape[0]];
    return { kind: 'rows', site, probability, samples: sample, positions: position, width: dims[1] };
  }
  const [, heads, queries, keys] = dims;
  const positions = packed.queryPositions[value.shape[2]];
  return { kind: 'attention', site, probability, samples: packed.samples, positions, heads, queries, keys };
}
