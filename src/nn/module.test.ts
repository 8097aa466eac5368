import { describe, expect, test } from 'vitest';
import { GraphError } from '../core/errors.ts';
import { RandomStream } from '../core/random.ts';
import { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/value.ts';
import { Dropout, Embedding, LayerNorm, Linear } from './layers.ts';
import { Module, nameParameters } from './module.ts';

class Block extends Module<(x: Value) => Value> {
  readonly denseIn = new Linear(4, 4);
  readonly LayerNorm = new LayerNorm(4, 1e-12);
  readonly dropout = new Dropout(0.1);
  /** Not a module: ignored. */
  readonly size = 4;
  readonly #scale = 2;

  forward(x: Value): Value {
    return this.dropout(this.LayerNorm(this.denseIn(x)));
  }

  get scale(): number {
    return this.#scale;
  }
}

class Network extends Module<(ids: Value) => Value> {
  readonly wordEmbeddings = new Embedding(7, 4);
  readonly layer = [new Block(), new Block()];
  readonly head: Linear | undefined = undefined;
  readonly decoder = new Linear(4, 7);

  constructor() {
    super();
    (this.decoder as { weight: unknown }).weight = this.wordEmbeddings.weight;
  }

  forward(ids: Value): Value {
    return this.decoder(this.layer.reduce((x, block) => block(x), this.wordEmbeddings(ids)));
  }
}

describe('a module', () => {
  test('is called like its forward, has its class and its private fields', () => {
    const block = new Block();
    expect(typeof block).toBe('function');
    expect(block).toBeInstanceOf(Block);
    expect(block.scale).toBe(2);
    nameParameters(block);
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['n', 4]);
    const called = block(x);
    const forwarded = block.forward(x);
    expect(called.shape).toEqual(['n', 4]);
    expect(called.node!.op).toEqual(forwarded.node!.op);
  });

  test('marks what it traces with its path', () => {
    const network = new Network();
    nameParameters(network, 'model');
    const graph = new Graph();
    network(graph.input('ids', 'int64', ['n']));
    expect(graph.nodes.map(({ op, layer }) => [op.name, layer])).toEqual([
      ['Gather', 'model.word_embeddings'],
      ['Gemm', 'model.layer.0.dense_in'],
      ['LayerNormalization', 'model.layer.0.LayerNorm'],
      ['Gemm', 'model.layer.1.dense_in'],
      ['LayerNormalization', 'model.layer.1.LayerNorm'],
      ['Gemm', 'model.decoder'],
    ]);
    expect(graph.layer).toBe('');
  });

  test('leaves the layer as it was where forward throws', () => {
    const block = new Block();
    nameParameters(block, 'block');
    const graph = new Graph();
    const wrong = graph.input('x', 'float32', ['n', 5]);
    expect(() => block(wrong)).toThrow('(in block.dense_in)');
    expect(graph.layer).toBe('');
  });
});

describe('names', () => {
  test("are the paths of fields in snake_case, numbers for lists, a parameter's first for tied ones", () => {
    const parameters = nameParameters(new Network(), 'model');
    expect([...parameters.keys()]).toEqual([
      'model.word_embeddings.weight',
      'model.layer.0.dense_in.weight',
      'model.layer.0.dense_in.bias',
      'model.layer.0.LayerNorm.weight',
      'model.layer.0.LayerNorm.bias',
      'model.layer.1.dense_in.weight',
      'model.layer.1.dense_in.bias',
      'model.layer.1.LayerNorm.weight',
      'model.layer.1.LayerNorm.bias',
      'model.decoder.bias',
    ]);
    for (const [name, parameter] of parameters) expect(parameter.name).toBe(name);
  });

  test('of a module found twice are those of its first place', () => {
    class Twice extends Module<(x: Value) => Value> {
      readonly first = new Linear(4, 4);
      readonly second = this.first;
      forward(x: Value): Value {
        return this.second(this.first(x));
      }
    }
    const twice = new Twice();
    expect([...nameParameters(twice).keys()]).toEqual(['first.weight', 'first.bias']);
    expect(twice.second.path).toBe('first');
  });

  test('need a parameter', () => {
    expect(() => nameParameters(new Dropout(0.5))).toThrow(GraphError);
  });
});

describe('dropout', () => {
  const shape = ['n', 4] as const;
  const traced = (module: (x: Value) => Value, training: boolean) => {
    const graph = new Graph({ training });
    const x = graph.input('x', 'float32', shape);
    return { graph, x, result: module(x) };
  };

  test('is the identity without training, and with probability 0', () => {
    const { x, result } = traced(new Dropout(0.5), false);
    expect(result).toBe(x);
    const never = traced(new Dropout(0), true);
    expect(never.result).toBe(never.x);
    expect(never.graph.dropoutMasks).toEqual([]);
  });

  test('in training takes a mask that says where it is from, one for each call', () => {
    class Twice extends Module<(x: Value) => Value> {
      readonly dropout = new Dropout(0.25);
      readonly dense = new Linear(4, 4);
      readonly dropoutOut = new Dropout(0.5);
      forward(x: Value): Value {
        return this.dropoutOut(this.dropout(this.dense(this.dropout(x))));
      }
    }
    const twice = new Twice();
    nameParameters(twice, 'model');
    const { graph } = traced(twice, true);
    expect(graph.dropoutMasks.map(({ name, site, probability }) => [name, site, probability])).toEqual([
      ['dropout_mask.model.dropout', 'model.dropout', 0.25],
      ['dropout_mask.model.dropout#1', 'model.dropout#1', 0.25],
      ['dropout_mask.model.dropout_out', 'model.dropout_out', 0.5],
    ]);
    expect(graph.dropoutMasks[0].value.shape).toEqual(shape);
  });
});

describe('new parameters', () => {
  const filled = (parameter: { shape: readonly number[]; initializer: Linear['weight']['initializer'] }) => {
    const target = new Float32Array(parameter.shape.reduce((a, b) => a * b, 1)).fill(9);
    parameter.initializer(target, new RandomStream(1, 'test'));
    return target;
  };

  test('of a Linear are normal with the given deviation, the bias 0', () => {
    const linear = new Linear(50, 40, 0.1);
    expect(linear.weight.shape).toEqual([40, 50]);
    const weights = filled(linear.weight);
    const mean = weights.reduce((a, b) => a + b, 0) / weights.length;
    const deviation = Math.sqrt(weights.reduce((a, b) => a + (b - mean) ** 2, 0) / weights.length);
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(deviation).toBeGreaterThan(0.095);
    expect(deviation).toBeLessThan(0.105);
    expect(filled(linear.bias).every((value) => value === 0)).toBe(true);
  });

  test('of a LayerNorm are 1 and 0', () => {
    const norm = new LayerNorm(3, 1e-12);
    expect(filled(norm.weight)).toEqual(Float32Array.of(1, 1, 1));
    expect(filled(norm.bias)).toEqual(Float32Array.of(0, 0, 0));
  });
});
