import { describe, expect, test } from 'vitest';
import { GraphError } from '../core/errors.ts';
import { Graph } from './graph.ts';
import { lowerGraph } from './lowering.ts';
import { add, mul } from './ops/arithmetic.ts';
import { tanh } from './ops/elementwise.ts';
import { sum } from './ops/reductions.ts';
import { reshape } from './ops/shaping.ts';
import { constantInitializer, Parameter } from './parameter.ts';
import { validateGraph } from './validate.ts';
import { type Node, Value } from './value.ts';

/** tanh(x w) + x in the layer `model.block`, well formed. */
function soundGraph(name = 'model.block.weight') {
  const graph = new Graph();
  const weight = new Parameter([4], constantInitializer(1));
  weight.name = name;
  const x = graph.input('x', 'float32', ['rows', 4]);
  const result = graph.inLayer('model.block', () => add(tanh(mul(x, weight)), x));
  return { graph, weight, x, result };
}

/** Puts a node's place in the graph to another with some of its parts exchanged, as a faulty pass would. */
function tamper(graph: Graph, index: number, parts: Partial<Node>): void {
  graph.nodes[index] = Object.assign(graph.nodes[index], parts);
}

function failure(run: () => unknown): GraphError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(GraphError);
    return error as GraphError;
  }
  throw new Error('nothing was thrown');
}

describe('a graph that is well formed', () => {
  test('passes, whole and in part', () => {
    const { graph, result } = soundGraph();
    validateGraph(graph, { result, total: sum(result) });
    validateGraph(graph, { total: graph.nodes[0].outputs[0] });
    validateGraph(graph, {});
  });

  test('may have an input for an output', () => {
    const { graph, x } = soundGraph();
    validateGraph(graph, { same: x });
  });
});

describe('broken on purpose', () => {
  test('a node before what it needs', () => {
    const { graph, result } = soundGraph();
    graph.nodes.reverse();
    const error = failure(() => validateGraph(graph, { result }));
    expect(error.code).toBe('ERR_GRAPH_INVALID');
    expect(error.message).toBe(
      "[validateGraph] Add, node 0 in model.block, of (float32[rows, 4], float32[rows, 4]), 'x' is used before it is made " +
        "(broken: inputs are made before they are used), got 'float32[rows, 4] of Tanh'",
    );
  });

  test('an input that the graph does not have', () => {
    const { graph, result } = soundGraph();
    tamper(graph, 0, { inputs: [new Value(graph, 'float32', ['rows', 4], { name: 'x' }), graph.nodes[0].inputs[1]] });
    expect(failure(() => validateGraph(graph, { result })).message).toContain(
      "Mul, node 0 in model.block, of (float32[rows, 4], float32[4]), 'x' is not among the graph's inputs",
    );
  });

  test("another graph's value", () => {
    const { graph, result } = soundGraph();
    const other = soundGraph();
    tamper(graph, 0, { inputs: [other.x, graph.nodes[0].inputs[1]] });
    expect(failure(() => validateGraph(graph, { result })).message).toContain("'x' belongs to another graph");
    expect(failure(() => validateGraph(graph, { theirs: other.result })).message).toContain(
      "the output 'theirs' belongs to another graph",
    );
  });

  test('an output of another shape or type than the rule gives', () => {
    for (const wrong of [
      ['float32', ['rows', 5]],
      ['float32', [4, 'rows']],
      ['int64', ['rows', 4]],
    ] as const) {
      const { graph, result } = soundGraph();
      const node = graph.nodes[1];
      (node.outputs as Value[])[0] = new Value(graph, wrong[0], wrong[1], { node });
      tamper(graph, 2, { inputs: [node.outputs[0], graph.nodes[2].inputs[1]] });
      const { message } = failure(() => validateGraph(graph, { result }));
      expect(message).toContain('Tanh, node 1 in model.block');
      expect(message).toContain(`got '${node.outputs[0]}', expected float32[rows, 4]`);
    }
  });

  test('inputs that the rule refuses', () => {
    const { graph, result } = soundGraph();
    tamper(graph, 2, { inputs: [graph.nodes[2].inputs[0], graph.input('y', 'float32', ['rows', 3])] });
    expect(failure(() => validateGraph(graph, { result })).message).toContain(
      'Add, node 2 in model.block, of (float32[rows, 4], float32[rows, 3]), refuses its inputs: [rows, 4] and [rows, 3] do not broadcast',
    );
  });

  test('a symbolic length that no input has', () => {
    const { graph, x } = soundGraph();
    const result = graph.inLayer('model.head', () => reshape(x, { shape: ['row', 4] }));
    const { message } = failure(() => validateGraph(graph, { result }));
    expect(message).toContain("Reshape, node 3 in model.head, of (float32[rows, 4]), has a length 'row' that no input");
    expect(message).toContain('expected one of rows');
  });

  test('a symbolic length of an input that the outputs do not need', () => {
    const { graph, x } = soundGraph();
    graph.input('y', 'float32', ['row', 1]);
    const result = reshape(x, { shape: ['row', 4] });
    expect(failure(() => validateGraph(graph, { result })).message).toContain("a length 'row' that no input");
  });

  test('a node that stands twice', () => {
    const { graph, result } = soundGraph();
    graph.nodes.push(graph.nodes[1]);
    expect(failure(() => validateGraph(graph, { result })).message).toContain('stands in the graph twice');
  });

  test('a node that lists what it does not make', () => {
    const { graph, result } = soundGraph();
    (graph.nodes[1].outputs as Value[])[0] = graph.nodes[0].outputs[0];
    expect(failure(() => validateGraph(graph, { result })).message).toContain('lists an output that it does not make');
  });

  test('an output whose node is not in the graph', () => {
    const { graph, result } = soundGraph();
    graph.nodes.pop();
    expect(failure(() => validateGraph(graph, { result })).message).toContain(
      "nothing in the graph makes the output 'result'",
    );
  });

  test('a parameter without a name', () => {
    const { graph, result, weight } = soundGraph('');
    const { message } = failure(() => validateGraph(graph, { result }));
    expect(message).toContain('Mul, node 0 in model.block');
    expect(message).toContain('uses a parameter of shape [4] without a name; call nameParameters before tracing');
    weight.name = 'late';
    expect(failure(() => validateGraph(graph, { result })).message).toContain('without a name');
  });

  test('a parameter that was renamed after tracing', () => {
    const { graph, result, weight } = soundGraph();
    weight.name = 'other.weight';
    expect(failure(() => validateGraph(graph, { result })).message).toContain(
      "that was called 'model.block.weight' and is 'other.weight' now",
    );
  });

  test.each(['x', 'model.block.weight'])('an output that is named as what is fed: %s', (name) => {
    const { graph, result } = soundGraph();
    expect(failure(() => validateGraph(graph, { [name]: result })).message).toContain('have the same name');
  });

  test('a parameter that is named as an input', () => {
    const { graph, result } = soundGraph('x');
    expect(failure(() => validateGraph(graph, { result })).message).toContain(
      "an input and a parameter have the same name (broken: parameters and inputs are named, once each), got 'x'",
    );
  });

  test('is refused before it is lowered', () => {
    const { graph, result } = soundGraph();
    graph.nodes.reverse();
    expect(failure(() => lowerGraph(graph, { result })).code).toBe('ERR_GRAPH_INVALID');
  });
});
