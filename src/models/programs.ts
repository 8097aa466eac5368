import { hashName } from '../core/random.ts';
import type { Arena, OptimizedParameter, OptimizerStep } from '../engine/arena.ts';
import type { Engine, EngineTensor, Session } from '../engine/engine.ts';
import { adamW, type Optimizer } from '../engine/optimizers.ts';
import { differentiate, gradientRows } from '../graph/differentiate.ts';
import { type DropoutMask, Graph } from '../graph/graph.ts';
import { toOnnx } from '../graph/lowering.ts';
import type { Parameter } from '../graph/parameter.ts';
import type { Value } from '../graph/value.ts';
import type { DropoutJob } from '../kernels/dropout.ts';
import type { PackedBatch, PackOptions, TokenSequence } from '../nn/packing.ts';
import { allFinite, firstNotFiniteLayer, type NotFinite } from './diagnosis.ts';
import { pick, type Runtime, scalar, weightFeeds } from './feeds.ts';
import { FrozenFeatures } from './frozenFeatures.ts';
import { optimizerStateBytes, readOptimizerState, writeOptimizerState } from './optimizerState.ts';

/** A batch as a model's graph takes it. */
export interface ModelBatch {
  readonly packed: PackedBatch;
  /** The loss's inputs by name (`labels`, `label_weights`); none where only outputs are asked for. */
  readonly labels: Readonly<Record<string, EngineTensor>>;
  /** What the loss averages over: the real rows, or the labelled tokens. */
  readonly count: number;
}

/** What tracing a model gives: outputs by name, and the loss where labels are part of it. */
export interface Traced {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly loss?: Value;
}

/** Traces a model's forward on a fresh graph. */
export type Trace = (graph: Graph) => Traced;

/** A compiled forward computation: outputs, and the loss where it was traced. Dropout is off. */
export class ForwardProgram {
  readonly #session: Session;
  readonly #weights: Readonly<Record<string, EngineTensor>>;

  private constructor(session: Session, weights: Readonly<Record<string, EngineTensor>>) {
    this.#session = session;
    this.#weights = weights;
  }

  static async create(runtime: Runtime, trace: Trace): Promise<ForwardProgram> {
    const graph = new Graph();
    const { outputs, loss } = trace(graph);
    const all = loss === undefined ? outputs : { ...outputs, loss };
    const session = await runtime.engine.createSession(toOnnx(graph, all));
    return new ForwardProgram(session, weightFeeds(graph, Object.values(all), runtime.arena));
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

/** How a training program is made. */
export interface ProgramOptions {
  /** Whether several passes may go into one update; false by default. */
  readonly accumulate?: boolean;
  /** Whether what the frozen part gives is computed once and kept; true by default, and only in packed layout. */
  readonly cacheFrozenFeatures?: boolean;
  /** How batches are packed, as the graph is traced. */
  readonly packing?: PackOptions;
  /** What updates the weights; AdamW with PyTorch's defaults by default. */
  readonly optimizer?: Optimizer | undefined;
}

/** What one update is told. */
export type UpdateOptions = Omit<OptimizerStep, 'optimizer'>;

/** A gradient that the engine gives as rows of a table. */
interface RowOutput {
  readonly parameter: string;
  /** The name of the input that holds the ids. */
  readonly ids: string;
  readonly output: string;
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
  readonly #arena: Arena;
  readonly #session: Session;
  readonly #weights: Readonly<Record<string, EngineTensor>>;
  readonly #masks: readonly DropoutMask[];
  readonly #outputNames: readonly string[];
  readonly #rowOutputs: readonly RowOutput[];
  readonly #first: Readonly<Record<string, EngineTensor>>;
  readonly #further: Readonly<Record<string, EngineTensor>> | undefined;
  readonly #features: FrozenFeatures | undefined;
  readonly #packing: PackOptions;
  /** Those with a gradient, in the model's order. */
  readonly #optimized: readonly Parameter[];
  readonly #retrace: () => { graph: Graph; loss: Value };
  #passes = 0;

  private constructor(parts: {
    engine: Engine;
    arena: Arena;
    session: Session;
    weights: Readonly<Record<string, EngineTensor>>;
    masks: readonly DropoutMask[];
    outputNames: readonly string[];
    rowOutputs: readonly RowOutput[];
    denseOutputs: readonly Parameter[];
    accumulate: boolean;
    features: FrozenFeatures | undefined;
    packing: PackOptions;
    optimized: readonly Parameter[];
    retrace: () => { graph: Graph; loss: Value };
    optimizer: Optimizer;
  }) {
    this.optimizer = parts.optimizer;
    this.#optimized = parts.optimized;
    this.#retrace = parts.retrace;
    this.#features = parts.features;
    this.#packing = parts.packing;
    this.engine = parts.engine;
    this.#arena = parts.arena;
    this.#session = parts.session;
    this.#weights = parts.weights;
    this.#masks = parts.masks;
    this.#outputNames = parts.outputNames;
    this.#rowOutputs = parts.rowOutputs;
    const buffers = (view: (name: string) => Float32Array) =>
      Object.fromEntries(
        parts.denseOutputs.map(({ name, shape }) => [
          gradientName(name),
          { type: 'float32' as const, dims: shape, data: view(name) },
        ]),
      );
    this.#first = buffers((name) => parts.arena.gradient(name));
    this.#further = parts.accumulate ? buffers((name) => parts.arena.incoming(name)) : undefined;
  }

  /**
   * Traces, differentiates and compiles. Only `trained` parameters get gradients and moments (the latter zero); what lies
   * below all of them is a program of its own, which runs once a row.
   */
  static async create(
    runtime: Runtime,
    trace: Trace,
    trained: ReadonlyMap<Parameter, Omit<OptimizedParameter, 'name' | 'rowGradient'>>,
    options: ProgramOptions = {},
  ): Promise<TrainingProgram> {
    const { accumulate = false } = options;
    const retrace = () => {
      const graph = new Graph({ training: true, trained: new Set(trained.keys()) });
      const { outputs, loss } = trace(graph);
      return { graph, outputs, loss: loss! };
    };
    const { graph: traced, outputs, loss } = retrace();
    const all = { ...outputs, loss };
    const keep = options.cacheFrozenFeatures !== false && options.packing?.form !== 'padded';
    const changing = new Set([...trained.keys()].flatMap((parameter) => traced.parameters.get(parameter) ?? []));
    const split = keep ? await FrozenFeatures.split(runtime, traced, all, changing) : undefined;
    const graph = split?.graph ?? traced;
    const named: Record<string, Value> = { ...(split?.outputs ?? all) };
    const reached = [...trained.keys()].filter((parameter) => graph.parameters.has(parameter));
    const gradients = differentiate(
      named['loss'],
      reached.map((parameter) => graph.parameter(parameter)),
    );
    const outputNames = Object.keys(named);
    const rowOutputs: RowOutput[] = [];
    const denseOutputs: Parameter[] = [];
    const optimized: OptimizedParameter[] = [];
    reached.forEach((parameter, i) => {
      const { name } = parameter;
      const gradient = gradients[i];
      if (gradient === undefined) return;
      const sparse = gradientRows(gradient);
      // The ids must be known outside the graph; those of an embedding are the batch's.
      const rows = sparse?.ids.name === undefined ? undefined : sparse;
      if (rows === undefined) denseOutputs.push(parameter);
      else rowOutputs.push({ parameter: name, ids: rows.ids.name!, output: gradientName(name) });
      named[gradientName(name)] = rows?.rows ?? gradient;
      optimized.push({ name, rowGradient: rows !== undefined, ...trained.get(parameter)! });
    });
    const session = await runtime.engine.createSession(toOnnx(graph, named));
    await runtime.arena.prepareTraining(optimized, { accumulate });
    return new TrainingProgram({
      ...runtime,
      session,
      weights: weightFeeds(graph, Object.values(named), runtime.arena),
      masks: graph.dropoutMasks,
      outputNames,
      rowOutputs,
      denseOutputs,
      accumulate,
      features: split?.features,
      packing: options.packing ?? {},
      optimized: reached.filter((_, i) => gradients[i] !== undefined),
      retrace,
      optimizer: options.optimizer ?? adamW(),
    });
  }

  /** Computes ahead what the frozen part makes of these rows; without a frozen part nothing happens. */
  async computeFrozenFeatures(rows: readonly TokenSequence[]): Promise<void> {
    await this.#features?.compute(rows, this.#packing);
  }

  /**
   * Forward and backward over one (micro-)batch; its gradients are added to those since the last `update`.
   * @returns the model's outputs, and `loss`: this batch's part of the whole batch's mean.
   */
  async accumulate(batch: ModelBatch, pass: PassOptions): Promise<Record<string, EngineTensor>> {
    const further = this.#passes++ > 0;
    if (further && this.#further === undefined) {
      throw new RangeError('a second pass before an update needs a program made with accumulate: true');
    }
    const masks = await this.#dropoutMasks(batch.packed, pass);
    const frozen = await this.#features?.feeds(batch.packed, this.#packing);
    const feeds: Record<string, EngineTensor> = {
      ...batch.packed.feeds,
      ...batch.labels,
      loss_scale: scalar(pass.lossScale),
      ...this.#weights,
      ...masks,
      ...frozen,
    };
    const results = await this.#session.run(pick(feeds, this.#session.inputNames), {
      ...Object.fromEntries(this.#outputNames.map((name) => [name, 'allocate' as const])),
      ...Object.fromEntries(this.#rowOutputs.map(({ output }) => [output, 'allocate' as const])),
      ...(further ? this.#further : this.#first),
    });
    for (const { parameter, ids, output } of this.#rowOutputs) {
      await this.#arena.addRows(parameter, feeds[ids].data as BigInt64Array, results[output].data as Float32Array);
    }
    if (further) await this.#arena.addIncoming();
    return pick(results, this.#outputNames);
  }

  /** The gradient of a trained parameter since the last update, in place. */
  gradient(name: string): Float32Array {
    return this.#arena.gradient(name);
  }

  /** Clips and applies the gradients since the last update. Where their norm is not finite nothing is changed. */
  async update(options: UpdateOptions): Promise<{ gradientNorm: number }> {
    this.#passes = 0;
    return await this.#arena.step({ ...options, optimizer: this.optimizer });
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
    const { graph, loss } = this.#retrace();
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
    const last = this.#optimized.findLast(({ name }) => !allFinite(this.#arena.gradient(name)));
    return last === undefined ? undefined : { name: last.name, where: 'the gradient of the parameter' };
  }

  async #dropoutMasks(packed: PackedBatch, pass: PassOptions): Promise<Record<string, EngineTensor>> {
    if (this.#masks.length === 0) return {};
    const shapes = this.#masks.map(({ value }) =>
      value.shape.map((dim) => (typeof dim === 'number' ? dim : packed.lengths[dim])),
    );
    const given = pass.masks;
    const masks =
      given === undefined
        ? await this.#arena.dropoutMasks(
            { seed: pass.seed, step: pass.step },
            this.#masks.map((mask, i) => dropoutJob(mask, packed, shapes[i])),
          )
        : this.#masks.map(({ site }, i) => given(site, shapes[i]));
    return Object.fromEntries(
      this.#masks.map(({ name }, i) => [name, { type: 'float32' as const, dims: shapes[i], data: masks[i] }]),
    );
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
    await this.#features?.dispose();
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

function gradientName(parameter: string): string {
  return `gradient.${parameter}`;
}
