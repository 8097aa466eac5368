import type { DType } from '../core/dtypes.ts';
import { GraphError } from '../core/errors.ts';
import type { Parameter } from './parameter.ts';
import { formatShape, type Node, type Shape, sameShape, Value } from './value.ts';

/** A dropout mask that the graph is fed: 0 where an element is dropped, 1 / (1 − probability) where it stays. */
export interface DropoutMask {
  /** The graph input's name. */
  readonly name: string;
  readonly value: Value;
  readonly probability: number;
  /** The dropout layer's path; the mask's bits depend on it. */
  readonly site: string;
}

/** What a graph is made for. */
export interface GraphOptions {
  /** Whether dropout is on. */
  readonly training?: boolean;
  /** The parameters that are trained; where absent, every value counts as trained. */
  readonly trained?: ReadonlySet<Parameter> | undefined;
}

/**
 * A traced computation: the inputs it is fed and the nodes in the order in which they were made, which is an order in
 * which they can run. Running a model's `forward` on a graph's inputs fills it; ops append to it and change nothing else.
 */
export class Graph {
  readonly training: boolean;
  readonly nodes: Node[] = [];
  /** What is fed besides parameters and masks: token ids, labels. */
  readonly inputs = new Map<string, Value>();
  readonly parameters = new Map<Parameter, Value>();
  readonly dropoutMasks: DropoutMask[] = [];
  readonly #trained: ReadonlySet<Parameter> | undefined;
  readonly #depends = new Map<Value, boolean>();
  #layer = '';

  constructor({ training = false, trained }: GraphOptions = {}) {
    this.training = training;
    this.#trained = trained;
  }

  /** The path of the layer that is being traced. */
  get layer(): string {
    return this.#layer;
  }

  /** An input to be fed by name; asked for twice it is the same value, and must be of the same type and shape. */
  input(name: string, dtype: DType, shape: Shape): Value {
    const known = this.inputs.get(name);
    if (known !== undefined) {
      if (known.dtype !== dtype || !sameShape(known.shape, shape)) {
        throw new GraphError('ERR_GRAPH_INPUT', {
          owner: 'Graph.input',
          what: `the input '${name}' is already there with another type or shape`,
          got: `${dtype}${formatShape(shape)}`,
          expected: `${known}`,
        });
      }
      return known;
    }
    const value = new Value(this, dtype, shape, { name });
    this.inputs.set(name, value);
    return value;
  }

  /** The value of a parameter; one and the same however often it is used, so that tied weights are tied. */
  parameter(parameter: Parameter): Value {
    let value = this.parameters.get(parameter);
    if (value === undefined) {
      value = new Value(this, 'float32', parameter.shape, { name: parameter.name });
      this.parameters.set(parameter, value);
    }
    return value;
  }

  /** Whether a value depends on a parameter that is trained; what does not is the same every time the same rows come. */
  isTrained(value: Value): boolean {
    if (this.#trained === undefined) return true;
    let answer = this.#depends.get(value);
    if (answer === undefined) {
      const { node } = value;
      answer =
        node === undefined
          ? [...this.parameters].some(([parameter, own]) => own === value && this.#trained!.has(parameter))
          : node.inputs.some((input) => input !== undefined && this.isTrained(input));
      this.#depends.set(value, answer);
    }
    return answer;
  }

  /** A mask for the dropout layer that is being traced. A layer called twice has two sites. */
  dropoutMask(shape: Shape, probability: number): Value {
    const calls = this.dropoutMasks.filter((mask) => mask.site.split('#')[0] === this.#layer).length;
    const site = calls === 0 ? this.#layer : `${this.#layer}#${calls}`;
    const name = `dropout_mask.${site}`;
    const value = new Value(this, 'float32', shape, { name });
    this.dropoutMasks.push({ name, value, probability, site });
    return value;
  }

  /** Runs `trace` with `layer` as the path that nodes are marked with. */
  inLayer<T>(layer: string, trace: () => T): T {
    const outer = this.#layer;
    this.#layer = layer;
    try {
      return trace();
    } finally {
      this.#layer = outer;
    }
  }
}

/** The nodes on which `outputs` depend, in their order: what must run to make them. */
export function reachableNodes(graph: Graph, outputs: readonly Value[]): Node[] {
  const needed = new Set<Node>();
  const pending = outputs.flatMap((value) => (value.node === undefined ? [] : [value.node]));
  while (pending.length > 0) {
    const node = pending.pop()!;
    if (needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) if (input?.node !== undefined) pending.push(input.node);
  }
  return graph.nodes.filter((node) => needed.has(node));
}
