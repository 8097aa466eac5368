import { GraphError } from '../core/errors.ts';
import { encodeOnnx, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxTensor } from '../formats/onnx.ts';
import { type Graph, reachableNodes } from './graph.ts';
import { validateGraph } from './validate.ts';
import type { Node, Shape, Value } from './value.ts';

/** What an op's `lower` rule emits ONNX through. */
export interface Lowering {
  /** Whether only ONNX's own ops may be emitted: none that only some engines have. */
  readonly portable: boolean;
  /** Emits a node of one output and returns the output's name. */
  node(
    type: string,
    inputs: readonly (string | undefined)[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    domain?: string,
  ): string;
  /** Emits a node of several outputs. */
  nodes(
    type: string,
    inputs: readonly (string | undefined)[],
    outputs: number,
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    domain?: string,
  ): string[];
  /** A float32 scalar. */
  scalar(value: number): string;
  /** A one-dimensional float32 constant. */
  floats(values: readonly number[]): string;
  /** A one-dimensional int64 constant: axes, shapes. */
  integers(values: readonly number[]): string;
  /** A shape as an int64 vector that is known when the graph runs. */
  shape(shape: Shape): string;
}

/** A graph's outputs, by the names under which the engine gives them. */
export type NamedOutputs = Readonly<Record<string, Value>>;

/** How a graph is lowered. */
export interface LoweringOptions {
  /** Emit ONNX's own ops alone, for engines that are not ours. Default false: contributed ops where they are faster. */
  readonly portable?: boolean;
}

/**
 * The ONNX model that computes `outputs`; of the graph's inputs it has just those that are needed.
 * @throws GraphError where the graph is not well formed (see {@link validateGraph}).
 */
export function lowerGraph(
  graph: Graph,
  outputs: NamedOutputs,
  name = 'fettle',
  { portable = false }: LoweringOptions = {},
): OnnxModel {
  validateGraph(graph, outputs);
  return new GraphLowering(graph, outputs, name, portable).model();
}

/** The bytes of {@link lowerGraph}'s model. */
export function toOnnx(graph: Graph, outputs: NamedOutputs, name?: string): Uint8Array {
  return encodeOnnx(lowerGraph(graph, outputs, name));
}

/** The inputs, parameters and masks among `values`' ancestors, in a fixed order: what must be fed to compute them. */
export function requiredInputs(graph: Graph, values: readonly Value[]): Value[] {
  const used = new Set<Value>(values);
  for (const node of reachableNodes(graph, values)) for (const input of node.inputs) if (input) used.add(input);
  return [
    ...graph.inputs.values(),
    ...graph.parameters.values(),
    ...graph.dropoutMasks.map((mask) => mask.value),
  ].filter((value) => used.has(value));
}

class GraphLowering implements Lowering {
  readonly portable: boolean;
  readonly #graph: Graph;
  readonly #outputs: NamedOutputs;
  readonly #name: string;
  readonly #onnxNodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #names = new Map<Value, string>();
  readonly #lengths = new Map<string, string>();
  readonly #inputs: readonly Value[];
  #layer = '';
  #serial = 0;

  constructor(graph: Graph, outputs: NamedOutputs, name: string, portable: boolean) {
    this.portable = portable;
    this.#graph = graph;
    this.#outputs = outputs;
    this.#name = name;
    this.#inputs = requiredInputs(graph, Object.values(outputs));
  }

  model(): OnnxModel {
    for (const input of this.#inputs) this.#names.set(input, input.name!);
    for (const node of reachableNodes(this.#graph, Object.values(this.#outputs))) this.#lowerNode(node);
    const renamed = this.#nameOutputs();
    return {
      graphName: this.#name,
      nodes: this.#onnxNodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(renamed),
        outputs: node.outputs.map(renamed),
      })),
      inputs: this.#inputs.map((value) => ({ name: value.name!, dtype: value.dtype, shape: value.shape })),
      outputs: Object.entries(this.#outputs).map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
      initializers: [...this.#initializers.values()],
    };
  }

  /**
   * Gives what the outputs' nodes make the outputs' names. An Identity would do as well, but an engine that is handed
   * memory to write a gradient into must not be made to copy it; it is left for inputs and for values that are output twice.
   */
  #nameOutputs(): (name: string) => string {
    const made = new Set(this.#onnxNodes.flatMap((node) => node.outputs));
    const names = new Map<string, string>();
    for (const [name, value] of Object.entries(this.#outputs)) {
      const source = this.#names.get(value)!;
      if (made.has(source) && !names.has(source)) names.set(source, name);
      else this.#emit('Identity', [source], [name], {}, '');
    }
    return (name) => names.get(name) ?? name;
  }

  #lowerNode(node: Node): void {
    this.#layer = node.layer;
    const inputs = node.inputs.map((input) => (input === undefined ? undefined : this.#names.get(input)));
    const lowered = node.op.rules.lower(this, inputs as string[], node.attributes, {
      inputs: node.inputs as Value[],
      outputs: node.outputs,
    });
    const names = typeof lowered === 'string' ? [lowered] : lowered;
    node.outputs.forEach((output, i) => {
      this.#names.set(output, names[i]);
    });
  }

  node(
    type: string,
    inputs: readonly (string | undefined)[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = '',
  ): string {
    return this.nodes(type, inputs, 1, attributes, domain)[0];
  }

  nodes(
    type: string,
    inputs: readonly (string | undefined)[],
    outputs: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = '',
  ): string[] {
    const names = Array.from({ length: outputs }, () => `${this.#layer}/${type}.${this.#serial++}`);
    this.#emit(type, inputs, names, attributes, domain);
    return names;
  }

  #emit(
    type: string,
    inputs: readonly (string | undefined)[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    domain: string,
  ): void {
    const name = `${this.#layer}/${type}#${this.#onnxNodes.length}`;
    const named = inputs.map((input) => input ?? '');
    // Optional inputs at the end are left out, not named '': OpenVINO refuses these.
    while (named.at(-1) === '') named.pop();
    this.#onnxNodes.push({ type, domain, inputs: named, outputs, attributes, name });
  }

  scalar(value: number): string {
    return this.#constant(`scalar ${value}`, 'float32', [], Float32Array.of(value));
  }

  floats(values: readonly number[]): string {
    return this.#constant(`floats ${values.join(' ')}`, 'float32', [values.length], Float32Array.from(values));
  }

  integers(values: readonly number[]): string {
    return this.#constant(`integers ${values.join(' ')}`, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  #constant(
    name: string,
    dtype: 'float32' | 'int64',
    dims: readonly number[],
    data: Float32Array | BigInt64Array,
  ): string {
    if (!this.#initializers.has(name)) this.#initializers.set(name, { name, dtype, dims, data });
    return name;
  }

  shape(shape: Shape): string {
    if (shape.every((dim) => typeof dim === 'number')) return this.integers(shape);
    const parts = shape.map((dim) => (typeof dim === 'number' ? this.integers([dim]) : this.#length(dim)));
    return parts.length === 1 ? parts[0] : this.node('Concat', parts, { axis: 0 });
  }

  /** The length of a symbolic dimension, read from a graph input that has it. */
  #length(symbol: string): string {
    let name = this.#lengths.get(symbol);
    if (name === undefined) {
      const input = this.#inputs.find((value) => value.shape.includes(symbol));
      if (input === undefined) {
        throw new GraphError('ERR_LOWER_DIM', {
          owner: 'lowerGraph',
          what: `no input of the graph has the length '${symbol}'`,
          hint: 'give the graph an input of that shape, or a fixed length',
        });
      }
      const axis = input.shape.indexOf(symbol);
      name = this.node('Shape', [input.name!], { start: axis, end: axis + 1 });
      this.#lengths.set(symbol, name);
    }
    return name;
  }
}
