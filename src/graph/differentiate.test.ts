import { describe, expect, test } from 'vitest';
import { finiteDifferences, largestDifference, randomArray } from '../../test/testing/arrays.ts';
import { BertSequenceClassifier, sequenceClassificationLoss } from '../models/bert/bertForSequenceClassification.ts';
import { bertConfig } from '../models/bert/configuration.ts';
import { Embedding, Linear } from '../nn/layers.ts';
import { BatchLayout } from '../nn/layout.ts';
import { Module, nameParameters } from '../nn/module.ts';
import { differentiate, gradientRows } from './differentiate.ts';
import { Graph, reachableNodes } from './graph.ts';
import { interpret } from './interpret.ts';
import { ndarray } from './ndarray.ts';
import { defineOp } from './op.ts';
import { add, mul } from './ops/arithmetic.ts';
import { tanh } from './ops/elementwise.ts';
import { sum } from './ops/reductions.ts';
import { slice, transpose } from './ops/shaping.ts';
import type { Value } from './value.ts';

const tiny = bertConfig({
  vocabSize: 11,
  hiddenSize: 8,
  numHiddenLayers: 3,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 7,
});

function tracedClassifier() {
  const model = new BertSequenceClassifier(tiny);
  const parameters = nameParameters(model);
  const graph = new Graph({ training: true });
  const logits = model(new BatchLayout(graph, { reads: 'first' }));
  const loss = sequenceClassificationLoss(logits, 'single_label_classification');
  const trainedValue = (name: string) => graph.parameter(parameters.get(name)!);
  return { parameters, graph, loss, trainedValue };
}

describe('where differentiation stops', () => {
  test('with the lower layers frozen it makes no node for them', () => {
    const { parameters, graph, loss, trainedValue } = tracedClassifier();
    const forward = graph.nodes.length;
    const trained = [...parameters.keys()].filter((name) => /layer\.2\.|pooler|classifier/.test(name));
    const gradients = differentiate(loss, trained.map(trainedValue));
    expect(gradients.every((gradient) => gradient !== undefined)).toBe(true);
    const layers = graph.nodes.slice(forward).map(({ layer }) => layer);
    expect(layers.filter((layer) => /layer\.2\./.test(layer)).length).toBeGreaterThan(50);
    expect(layers.filter((layer) => /layer\.[01]\.|embeddings/.test(layer))).toEqual([]);
  });

  test('with all but the classifier frozen it makes no node for the encoder', () => {
    const { graph, loss, trainedValue } = tracedClassifier();
    const forward = graph.nodes.length;
    differentiate(loss, [trainedValue('classifier.weight'), trainedValue('classifier.bias')]);
    const layers = graph.nodes.slice(forward).map(({ layer }) => layer);
    expect(layers.length).toBeGreaterThan(5);
    expect(layers.filter((layer) => layer.startsWith('bert'))).toEqual([]);
  });

  test('a frozen weight above a trained one has no product for its own gradient among what runs', () => {
    const { graph, loss, trainedValue } = tracedClassifier();
    const forward = graph.nodes.length;
    const dense = 'bert.encoder.layer.2.intermediate.dense';
    const productsFor = (names: string[]) => {
      const run = new Set(reachableNodes(graph, differentiate(loss, names.map(trainedValue)) as Value[]));
      return graph.nodes.slice(forward).filter((n) => run.has(n) && n.layer === dense && n.op.name === 'Gemm').length;
    };
    const below = 'bert.encoder.layer.0.output.dense.weight';
    // One product for the gradient of x, one for that of the weight.
    const frozen = productsFor([below]);
    const trained = productsFor([below, `${dense}.weight`]);
    expect(frozen).toBe(1);
    expect(trained).toBe(2);
  });

  test('what the loss does not depend on has no gradient', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['n']);
    const other = graph.input('other', 'float32', ['n']);
    const loss = sum(tanh(x));
    const [dx, dother] = differentiate(loss, [x, other]);
    expect(dx).toBeDefined();
    expect(dother).toBeUndefined();
  });

  test('the gradient of the loss itself is 1', () => {
    const graph = new Graph();
    const loss = sum(graph.input('x', 'float32', ['n']));
    const [one] = differentiate(loss, [loss]);
    expect(interpret(graph, [one!], new Map())[0].data).toEqual(Float64Array.of(1));
  });
});

describe('what a value is used for more than once', () => {
  test('tied parameters add up their gradients', () => {
    class Tied extends Module<(ids: Value) => Value> {
      readonly embedding = new Embedding(5, 3);
      readonly decoder = new Linear(3, 5);
      constructor() {
        super();
        (this.decoder as { weight: unknown }).weight = this.embedding.weight;
      }
      forward(ids: Value): Value {
        return this.decoder(tanh(this.embedding(ids)));
      }
    }
    const model = new Tied();
    const parameters = nameParameters(model);
    expect([...parameters.keys()]).toEqual(['embedding.weight', 'decoder.bias']);
    const graph = new Graph();
    const ids = graph.input('ids', 'int64', ['n']);
    const weights = graph.input('weights', 'float32', ['n', 5]);
    const loss = sum(mul(model(ids), weights));
    const table = graph.parameter(model.embedding.weight);
    const feeds = new Map([
      [ids, ndarray([4], [1, 3, 1, 0])],
      [weights, randomArray([4, 5], 'weights')],
      [table, randomArray([5, 3], 'table')],
      [graph.parameter(model.decoder.bias), randomArray([5], 'bias')],
    ]);
    const [gradient] = differentiate(loss, [table]);
    expect(gradientRows(gradient!)).toBeUndefined(); // a sum of a look-up's rows and a product is dense
    const expected = finiteDifferences(graph, loss, feeds, table);
    expect(largestDifference(interpret(graph, [gradient!], feeds)[0], expected)).toBeLessThan(1e-8);
  });

  test('a look-up alone gives ids and rows', () => {
    const embedding = new Embedding(5, 3);
    nameParameters(embedding, 'embedding');
    const graph = new Graph();
    const ids = graph.input('ids', 'int64', ['n']);
    const [gradient] = differentiate(sum(tanh(embedding(ids))), [graph.parameter(embedding.weight)]);
    const rows = gradientRows(gradient!);
    expect(rows?.ids).toBe(ids);
    expect(rows?.rows.shape).toEqual(['n', 3]);
  });

  test('a value that meets itself again far down', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3]);
    let y: Value = x;
    for (let i = 0; i < 4; i++) y = mul(tanh(add(y, x)), x);
    const loss = sum(mul(y, y));
    const feeds = new Map([[x, randomArray([3], 'x')]]);
    const [gradient] = differentiate(loss, [x]);
    expect(
      largestDifference(interpret(graph, [gradient!], feeds)[0], finiteDifferences(graph, loss, feeds, x)),
    ).toBeLessThan(1e-8);
  });
});

describe('what is refused', () => {
  test('a loss that is not a scalar', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['n', 2]);
    expect(() => differentiate(tanh(x), [x])).toThrow(
      "[differentiate] the loss is not a scalar, got 'float32[n, 2]'; sum or average it over its axes",
    );
  });

  const opaque = defineOp('Opaque', {
    inputs: ['x'],
    shape: ([x]) => x.shape,
    gradient: null,
    lower: (onnx, [x]) => onnx.node('Identity', [x]),
    reference: ([x]) => x,
  });

  test('an op without a gradient, by name and layer, where it lies on the way', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [2]);
    const y = graph.inLayer('model.odd', () => opaque(x));
    expect(() => differentiate(sum(y), [x])).toThrow(
      '[differentiate] Opaque has no gradient (in model.odd); compute the loss without it, or freeze the parameters below it',
    );
    const z = graph.input('z', 'float32', [2]);
    expect(differentiate(sum(add(y, z)), [z])[0]).toBeDefined();
  });

  test('a gradient rule that gives what does not broadcast to its input', () => {
    const wrong = defineOp('Wrong', {
      inputs: ['x'],
      shape: ([x]) => x.shape,
      gradient: ({ cotangents: [dy] }) => [slice(dy, { axis: 0, start: 0, end: 2 })],
      lower: (onnx, [x]) => onnx.node('Identity', [x]),
      reference: ([x]) => x,
    });
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3]);
    const loss = graph.inLayer('model.odd', () => sum(wrong(x)));
    expect(() => differentiate(loss, [x])).toThrow(
      "[Wrong] the gradient rule gave a shape that its input does not broadcast to, got '[2]', expected [3] or what it broadcasts to (in model.odd)",
    );
  });

  test('a gradient that needs a fixed length, with op, layer and shape', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [2, 'n']);
    const loss = graph.inLayer('model.odd', () =>
      sum(slice(transpose(x, { order: [1, 0] }), { axis: 0, start: 0, end: 1 })),
    );
    expect(() => differentiate(loss, [x])).toThrow(
      "[Slice] the gradient of a slice needs an axis of fixed length (in model.odd), got 'float32[n, 2]'",
    );
  });
});
