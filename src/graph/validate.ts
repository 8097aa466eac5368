import { GraphError } from '../core/errors.ts';
import { type Graph, reachableNodes } from './graph.ts';
import { outputTypes } from './op.ts';
import { formatShape, type Node, sameShape, type Value } from './value.ts';

/** What is wrong with a graph, and at which node. */
interface Fault {
  readonly what: string;
  readonly node?: Node;
  readonly got?: string;
  readonly expected?: string;
}

/** What the invariants look at. */
interface Subject {
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Value>>;
  /** The nodes that the outputs need, in their order. */
  readonly nodes: readonly Node[];
  /** Inputs, parameters and masks. */
  readonly sources: readonly Value[];
}

/** What holds for every graph between any two passes; each yields the faults it finds, the first of which is thrown. */
const invariants: Readonly<Record<string, (subject: Subject) => Iterable<Fault>>> = {
  *'outputs belong to the graph'({ graph, outputs }) {
    for (const [name, value] of Object.entries(outputs)) {
      if (value.graph !== graph) yield { what: `the output '${name}' belongs to another graph`, got: `${value}` };
    }
  },

  *'every node stands once, and makes its outputs'({ graph }) {
    const seen = new Set<Node>();
    for (const node of graph.nodes) {
      if (seen.has(node)) yield { node, what: 'stands in the graph twice' };
      seen.add(node);
      const stranger = node.outputs.find((output) => output.node !== node || output.graph !== graph);
      if (stranger !== undefined) yield { node, what: 'lists an output that it does not make', got: `${stranger}` };
    }
  },

  *'inputs are made before they are used'({ graph, nodes, outputs, sources }) {
    const made = new Set<Value>(sources);
    for (const node of nodes) {
      for (const [i, input] of node.inputs.entries()) {
        const name = `'${node.op.rules.inputs[i]}'`;
        if (input === undefined || made.has(input)) continue;
        if (input.graph !== graph) yield { node, what: `${name} belongs to another graph`, got: `${input}` };
        else if (input.node === undefined) yield { node, what: `${name} is not among the graph's inputs` };
        else yield { node, what: `${name} is used before it is made`, got: `${input} of ${input.node.op.name}` };
      }
      for (const output of node.outputs) made.add(output);
    }
    for (const [name, value] of Object.entries(outputs)) {
      if (!made.has(value)) yield { what: `nothing in the graph makes the output '${name}'`, got: `${value}` };
    }
  },

  *'shapes and types are what the rules say'({ nodes }) {
    for (const node of nodes) {
      let types: ReturnType<typeof outputTypes>;
      try {
        types = outputTypes(node.op, node.inputs, node.attributes);
      } catch (error) {
        if (!(error instanceof GraphError)) throw error;
        yield { node, what: `refuses its inputs: ${error.message.replace(/^\[[^\]]*\] /, '')}` };
        continue;
      }
      const { shapes, dtype } = types;
      const fits =
        shapes.length === node.outputs.length &&
        node.outputs.every((output, i) => output.dtype === dtype && sameShape(output.shape, shapes[i]));
      if (fits) continue;
      const expected = shapes.map((shape) => `${dtype}${formatShape(shape)}`).join(', ');
      yield { node, what: 'has outputs that its rules do not give', got: node.outputs.join(', '), expected };
    }
  },

  *'symbolic lengths are those of inputs'({ nodes, outputs, sources }) {
    const used = new Set<Value | undefined>([...nodes.flatMap((node) => node.inputs), ...Object.values(outputs)]);
    const known = new Set(sources.filter((source) => used.has(source)).flatMap(({ shape }) => shape));
    for (const node of nodes) {
      for (const dim of node.outputs.flatMap(({ shape }) => shape)) {
        if (typeof dim !== 'string' || known.has(dim)) continue;
        yield {
          node,
          what: `has a length '${dim}' that no input of the graph has`,
          got: node.outputs.join(', '),
          expected: `one of ${[...known].filter((name) => typeof name === 'string').join(', ') || 'none'}`,
        };
      }
    }
  },

  *'parameters and inputs are named, once each'({ graph, outputs, nodes }) {
    for (const [parameter, value] of graph.parameters) {
      if (value.name !== '' && value.name === parameter.name) continue;
      const user = nodes.find((node) => node.inputs.includes(value));
      const fault =
        value.name === '' ? 'without a name' : `that was called '${value.name}' and is '${parameter.name}' now`;
      const what = `uses a parameter of shape ${formatShape(parameter.shape)} ${fault}; call nameParameters before tracing`;
      yield user === undefined ? { what: `the graph ${what}` } : { node: user, what };
    }
    const taken = new Map<string, string>();
    const named: [name: string, what: string][] = [
      ...[...graph.inputs.keys()].map((name): [string, string] => [name, 'an input']),
      ...[...graph.parameters.keys()].map(({ name }): [string, string] => [name, 'a parameter']),
      ...graph.dropoutMasks.map(({ name }): [string, string] => [name, 'a dropout mask']),
      ...Object.keys(outputs).map((name): [string, string] => [name, 'an output']),
    ];
    for (const [name, what] of named) {
      if (name === '') yield { what: `${what} has no name` };
      const other = taken.get(name);
      if (other !== undefined) yield { what: `${other} and ${what} have the same name`, got: name };
      taken.set(name, what);
    }
  },
};

/**
 * Checks what must hold for a graph between any two passes over it, at the cost of running every shape rule once more.
 * @param outputs what is to be computed, by the names under which it is given.
 * @throws GraphError `ERR_GRAPH_INVALID` that names the broken invariant, the node's op, its layer and its inputs.
 */
export function validateGraph(graph: Graph, outputs: Readonly<Record<string, Value>>): void {
  const subject: Subject = {
    graph,
    outputs,
    nodes: reachableNodes(graph, Object.values(outputs)),
    sources: [...graph.inputs.values(), ...graph.parameters.values(), ...graph.dropoutMasks.map(({ value }) => value)],
  };
  for (const [invariant, check] of Object.entries(invariants)) {
    for (const fault of check(subject)) throw graphError(invariant, fault, subject);
  }
}

function graphError(invariant: string, { node, what, got, expected }: Fault, { graph }: Subject): GraphError {
  const place =
    node === undefined
      ? ''
      : `${node.op.name}, node ${graph.nodes.indexOf(node)} in ${node.layer || 'the graph'}, of ` +
        `(${node.inputs.map((input) => `${input ?? '–'}`).join(', ')}), `;
  return new GraphError('ERR_GRAPH_INVALID', {
    owner: 'validateGraph',
    what: `${place}${what} (broken: ${invariant})`,
    got,
    expected,
  });
}
