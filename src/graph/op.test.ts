import { describe, expect, test } from 'vitest';
import { GraphError } from '../core/errors.ts';
import { Linear } from '../nn/layers.ts';
import { Module, nameParameters } from '../nn/module.ts';
import { Graph } from './graph.ts';
import { interpret } from './interpret.ts';
import { ndarray } from './ndarray.ts';
import { add, mul, sub } from './ops/arithmetic.ts';
import { softmax } from './ops/normalization.ts';
import { linear, matmul } from './ops/products.ts';
import { mean, sum } from './ops/reductions.ts';
import { gatherRows, pickColumns } from './ops/rows.ts';
import { concat, expand, reshape, slice, transpose } from './ops/shaping.ts';
import { constantInitializer, Parameter } from './parameter.ts';
import type { Value } from './value.ts';

const graph = new Graph();
const x = graph.input('x', 'float32', ['rows', 4]);
const y = graph.input('y', 'float32', ['rows', 3]);
const ids = graph.input('ids', 'int64', ['rows']);

describe('shapes that do not fit', () => {
  test('are refused with the op, the layer and the shapes', () => {
    class Head extends Module<(x: Value) => Value> {
      readonly dense = new Linear(5, 2);
      forward(hidden: Value): Value {
        return this.dense(hidden);
      }
    }
    const head = new Head();
    nameParameters(head, 'model.head');
    let thrown: unknown;
    try {
      head(x);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(GraphError);
    expect((thrown as GraphError).code).toBe('ERR_OP_SHAPES');
    expect((thrown as GraphError).message).toBe(
      "[Gemm] x's width and the weight's second length must be equal, but are 4 and 5 (in model.head.dense), " +
        "got 'float32[rows, 4], float32[2, 5], float32[2]'",
    );
  });

  const cases: readonly (readonly [name: string, call: () => Value, message: string])[] = [
    [
      'add',
      () => add(x, y),
      "[Add] [rows, 4] and [rows, 3] do not broadcast, got 'float32[rows, 4], float32[rows, 3]'",
    ],
    ['matmul', () => matmul(x, y), '[MatMul] the lengths that are summed over must be equal, but are 4 and rows'],
    ['matmul of a vector', () => matmul(x, sum(y, { axes: [0] })), '[MatMul] both factors need two axes'],
    ['linear', () => linear(x, y, undefined), "[Gemm] x's width and the weight's second length must be equal"],
    ['softmax of a scalar', () => softmax(sum(x)), '[Softmax] x must have an axis'],
    ['sum', () => sum(x, { axes: [2] }), '[ReduceSum] there is no axis 2 among 2'],
    [
      'mean',
      () => mean(x, { axes: [0] }),
      "[ReduceMean] a mean needs axes of fixed length; divide a sum by what it counts where it is 'rows'",
    ],
    ['reshape', () => reshape(x, { shape: [3, 'rows'] }), '[Reshape] [rows, 4] has not as many elements as [3, rows]'],
    [
      'transpose',
      () => transpose(x, { order: [0, 0] }),
      '[Transpose] the order [0, 0] does not name every axis of [rows, 4] once',
    ],
    ['expand', () => expand(x, { shape: [4] }), '[Expand] [rows, 4] does not broadcast to [4]'],
    ['slice', () => slice(x, { axis: -1, start: 2, end: 5 }), '[Slice] 2 to 5 is not within axis -1 of [rows, 4]'],
    ['concat', () => concat(x, y, { axis: 0 }), '[Concat] the joined axis must be fixed'],
    ['concat of other ranks', () => concat(x, sum(x), { axis: 1 }), '[Concat] y must have 2 axes, but is []'],
    [
      'pickColumns',
      () => pickColumns(x, graph.input('other_ids', 'int64', ['others'])),
      '[GatherElements] the numbers of rows of x and of ids must be equal, but are rows and others',
    ],
  ];
  test.each(cases)('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test('and leave no node behind', () => {
    const before = graph.nodes.length;
    expect(() => add(x, y)).toThrow();
    expect(graph.nodes.length).toBe(before);
  });
});

describe('operands', () => {
  test('of types that do not go together are refused', () => {
    expect(() => sub(x, graph.input('labels', 'int64', ['rows', 4]))).toThrow(
      "[Sub] inputs of types float32 and int64 do not go together, got 'float32[rows, 4], int64[rows, 4]'",
    );
    expect(() => mul(ids, 2)).toThrow('inputs of types int64 and float32 do not go together');
    expect(() => gatherRows(x, sum(x, { axes: [1] }))).toThrow("[Gather] 'ids' must be int64");
  });

  test('of another graph are refused', () => {
    const stranger = new Graph().input('x', 'float32', ['rows', 4]);
    expect(() => add(x, stranger)).toThrow("[Add] 'y' belongs to another graph");
  });

  test('need one value of a graph among them', () => {
    expect(() => add(1, 2)).toThrow('[Add] no operand is a value of a graph; call it inside a traced forward');
    expect(() => add(x, undefined as unknown as Value)).toThrow("[Add] 'y' is not an operand");
  });

  test('may be parameters and numbers', () => {
    const weight = new Parameter([4], constantInitializer(1));
    const result = add(mul(x, weight), 0.5);
    const [array] = interpret(
      graph,
      [result],
      new Map([
        [x, ndarray([1, 4], [1, 2, 3, 4])],
        [graph.parameter(weight), ndarray([4], [2, 2, 3, 3])],
      ]),
    );
    expect(array).toEqual({ shape: [1, 4], data: Float64Array.of(2.5, 4.5, 9.5, 12.5) });
  });
});

describe('inputs of a graph', () => {
  test('are the same value when asked for twice, and refuse another shape', () => {
    expect(graph.input('x', 'float32', ['rows', 4])).toBe(x);
    expect(() => graph.input('x', 'float32', ['rows', 5])).toThrow(
      "[Graph.input] the input 'x' is already there with another type or shape, got 'float32[rows, 5]', expected float32[rows, 4]",
    );
  });
});

describe('the interpreter refuses feeds', () => {
  const result = add(x, 1);
  const run = (...feeds: [Value, ReturnType<typeof ndarray>][]) => interpret(graph, [result], new Map(feeds));
  test('that are missing', () => {
    expect(() => run()).toThrow("[interpret] the input 'x' (float32[rows, 4]) is not fed");
  });
  test('that do not fit', () => {
    expect(() => run([x, ndarray([2, 3], () => 0)])).toThrow("the input 'x' does not fit, got '[2, 3]'");
    expect(() => run([x, ndarray([4], () => 0)])).toThrow("the input 'x' does not fit, got '[4]'");
  });
  test('that disagree about a length', () => {
    expect(() => run([x, ndarray([2, 4], () => 0)], [ids, ndarray([3], () => 0)])).toThrow(
      "the input 'ids' does not fit, got '[3]', expected int64[rows] with rows = 2",
    );
  });
  test('of a value whose shape is a scalar', () => {
    const scale = graph.input('scale', 'float32', []);
    expect(() => interpret(graph, [mul(scale, 2)], new Map([[scale, ndarray([3], () => 0)]]))).toThrow('does not fit');
  });
});
