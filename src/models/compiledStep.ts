import type { OptimizedParameter } from '../engine/arena.ts';
import type { Engine, EngineTensor, Session } from '../engine/engine.ts';
import type { Optimizer } from '../engine/optimizers.ts';
import { differentiate, gradientRows } from '../graph/differentiate.ts';
import { type DropoutMask, Graph } from '../graph/graph.ts';
import { type NamedOutputs, toOnnx } from '../graph/lowering.ts';
import { cast } from '../graph/ops/elementwise.ts';
import type { Parameter } from '../graph/parameter.ts';
import type { Value } from '../graph/value.ts';
import type { PackOptions } from '../nn/packing.ts';
import { type Runtime, weightFeeds } from './feeds.ts';
import { FrozenFeatures } from './frozenFeatures.ts';

/** What tracing a model gives: outputs by name, and the loss where labels are part of it. */
export interface Traced {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly loss?: Value;
}

/** Traces a model's forward on a fresh graph. */
export type Trace = (graph: Graph) => Traced;

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

/** A gradient that the engine gives as rows of a table. */
interface RowOutput {
  readonly parameter: string;
  /** The name of the input that holds the ids. */
  readonly ids: string;
  readonly output: string;
}

/** What a step runs: compiled for the parameters that are trained now. */
export interface CompiledStep {
  readonly session: Session;
  readonly weights: Readonly<Record<string, EngineTensor>>;
  readonly masks: readonly DropoutMask[];
  readonly outputNames: readonly string[];
  readonly rowOutputs: readonly RowOutput[];
  readonly first: Readonly<Record<string, EngineTensor>>;
  readonly further: Readonly<Record<string, EngineTensor>> | undefined;
  readonly features: FrozenFeatures | undefined;
  readonly retrace: () => TrainedGraph;
}

/** A traced training graph, before it is differentiated. */
interface TrainedGraph {
  readonly graph: Graph;
  readonly outputs: NamedOutputs;
  readonly loss: Value;
}

/** A parameter's gradient in a graph: as a whole, or as rows of a table with their ids. */
interface ParameterGradient {
  readonly parameter: Parameter;
  readonly value: Value;
  readonly ids: string | undefined;
}

/** How each parameter is trained. */
export type TrainedParameters = ReadonlyMap<Parameter, Omit<OptimizedParameter, 'name' | 'rowGradient'>>;

/** What compiles steps: for all that may ever be trained, or a part of it. */
export interface Compiler {
  readonly runtime: Runtime;
  readonly trace: Trace;
  readonly trained: TrainedParameters;
  readonly options: ProgramOptions;
}

/** Frees a step's compiled graphs. */
export async function disposeStep({ session, features }: CompiledStep): Promise<void> {
  await session.dispose();
  await features?.dispose();
}

/**
 * Traces and compiles a step that trains some parameters.
 * @param prepare called with the gradients that there are, before they are compiled or anything refers to where they go.
 */
export async function compileStep(
  { runtime, trace, options }: Compiler,
  trained: readonly Parameter[],
  prepare: (gradients: readonly ParameterGradient[]) => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly step: CompiledStep; readonly gradients: readonly ParameterGradient[] }> {
  const { arena, engine } = runtime;
  const retrace = (): TrainedGraph => {
    const graph = new Graph({ training: true, trained: new Set(trained) });
    const { outputs, loss } = trace(graph);
    return { graph, outputs, loss: loss! };
  };
  const { graph: traced, outputs, loss } = retrace();
  const all = { ...outputs, loss };
  const keep = options.cacheFrozenFeatures !== false && options.packing?.form !== 'padded';
  const changing = new Set(trained.flatMap((parameter) => traced.parameters.get(parameter) ?? []));
  const split = keep ? await FrozenFeatures.split(runtime, traced, all, changing) : undefined;
  const graph = split?.graph ?? traced;
  const named: Record<string, Value> = { ...(split?.outputs ?? all) };
  const outputNames = Object.keys(named);
  const gradients = gradientsOf(graph, named['loss'], trained);
  const rounded = gradientType(engine, options) === 'bfloat16';
  for (const { parameter, value, ids } of gradients) {
    named[gradientName(parameter.name)] = rounded && ids === undefined ? cast(value, { to: 'bfloat16' }) : value;
  }
  await prepare(gradients);
  const session = await engine.createSession(toOnnx(graph, named));
  const dense = gradients.filter(({ ids }) => ids === undefined);
  const buffers = (target: (name: string) => Omit<EngineTensor, 'dims'>) =>
    Object.fromEntries(
      dense.map(({ parameter: { name, shape } }) => [gradientName(name), { ...target(name), dims: shape }]),
    );
  const step = {
    session,
    weights: weightFeeds(graph, Object.values(named), arena),
    masks: graph.dropoutMasks,
    outputNames,
    rowOutputs: gradients.flatMap(({ parameter: { name }, ids }) =>
      ids === undefined ? [] : [{ parameter: name, ids, output: gradientName(name) }],
    ),
    first: buffers((name) => arena.gradientTarget(name)),
    further:
      options.accumulate === true ? buffers((name) => ({ type: 'float32', data: arena.incoming(name) })) : undefined,
    features: split?.features,
    retrace,
  };
  return { step, gradients };
}

/** What the engine gives gradients in: what is to be added up is not rounded before. */
export function gradientType(engine: Engine, { accumulate }: ProgramOptions): Engine['gradientType'] {
  return accumulate === true ? 'float32' : engine.gradientType;
}

/** The gradients of those parameters on which the loss depends; an embedding's as rows, where the ids are known outside. */
function gradientsOf(graph: Graph, loss: Value, trained: readonly Parameter[]): ParameterGradient[] {
  const reached = trained.filter((parameter) => graph.parameters.has(parameter));
  const values = differentiate(
    loss,
    reached.map((parameter) => graph.parameter(parameter)),
  );
  return reached.flatMap((parameter, i) => {
    const value = values[i];
    if (value === undefined) return [];
    const sparse = gradientRows(value);
    const ids = sparse?.ids.name;
    return [{ parameter, ids, value: ids === undefined ? value : sparse!.rows }];
  });
}

/** The graph output that holds a parameter's gradient. */
function gradientName(parameter: string): string {
  return `gradient.${parameter}`;
}
