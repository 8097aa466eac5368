import { describe, expect, test } from 'vitest';
import { BertSequenceClassifier, sequenceClassificationLoss } from '../models/bert/bertForSequenceClassification.ts';
import { bertConfig } from '../models/bert/configuration.ts';
import { BatchLayout, type LayoutForm } from '../nn/layout.ts';
import { nameParameters } from '../nn/module.ts';
import { differentiate } from './differentiate.ts';
import { Graph } from './graph.ts';
import { lowerGraph, requiredInputs, toOnnx } from './lowering.ts';
import { add } from './ops/arithmetic.ts';
import { tanh } from './ops/elementwise.ts';
import { sum } from './ops/reductions.ts';
import { expand } from './ops/shaping.ts';
import type { Value } from './value.ts';

/** A tiny BERT classifier with its loss and every gradient, as a training step computes them. */
function trainingGraph(form: LayoutForm = 'packed') {
  const model = new BertSequenceClassifier(
    bertConfig({
      vocabSize: 11,
      hiddenSize: 8,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      intermediateSize: 12,
      maxPositionEmbeddings: 7,
    }),
  );
  const parameters = [...nameParameters(model).values()];
  const graph = new Graph({ training: true });
  const logits = model(new BatchLayout(graph, { form, reads: 'first' }));
  const loss = sequenceClassificationLoss(logits, 'single_label_classification');
  const gradients = differentiate(
    loss,
    parameters.map((parameter) => graph.parameter(parameter)),
  );
  const outputs: Record<string, Value> = { loss, logits };
  parameters.forEach(({ name }, i) => {
    outputs[`gradient.${name}`] = gradients[i]!;
  });
  return { graph, outputs };
}

describe.each(['packed', 'padded'] as const)('a training step, %s', (form) => {
  const { graph, outputs } = trainingGraph(form);
  const model = lowerGraph(graph, outputs);

  test('copies nothing to name an output', () => {
    expect(model.nodes.filter(({ type }) => type === 'Identity')).toEqual([]);
    const made = new Set(model.nodes.flatMap((node) => node.outputs));
    expect(Object.keys(outputs).filter((name) => !made.has(name))).toEqual([]);
  });

  test('names every node and every value once, and uses nothing before it is made', () => {
    const names = model.nodes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const known = new Set([...model.inputs, ...model.initializers].map(({ name }) => name));
    expect(known.size).toBe(model.inputs.length + model.initializers.length);
    for (const node of model.nodes) {
      expect(node.inputs.filter((name) => name !== '' && !known.has(name))).toEqual([]);
      for (const name of node.outputs) {
        expect(known.has(name)).toBe(false);
        known.add(name);
      }
    }
  });

  test('has the layer in every name', () => {
    expect(model.nodes.filter(({ name }) => name.startsWith('bert.encoder.layer.1.')).length).toBeGreaterThan(100);
  });

  test('holds no weights', () => {
    const elements = model.initializers.reduce((total, { data }) => total + data.length, 0);
    expect(elements).toBeLessThan(200);
    expect(model.inputs.map(({ name }) => name)).toContain('bert.embeddings.word_embeddings.weight');
  });

  test('lowers to the same bytes each time it is traced', () => {
    const again = trainingGraph(form);
    expect(toOnnx(again.graph, again.outputs)).toEqual(toOnnx(graph, outputs));
  });
});

describe('outputs', () => {
  const graph = new Graph();
  const x = graph.input('x', 'float32', ['n']);
  const unused = graph.input('unused', 'float32', ['n']);
  const y = tanh(x);

  test('that are inputs, constants or given twice are copied, and only those', () => {
    const model = lowerGraph(graph, { first: y, second: y, same: x });
    expect(model.nodes.map(({ type, outputs }) => [type, ...outputs])).toEqual([
      ['Tanh', 'first'],
      ['Identity', 'second'],
      ['Identity', 'same'],
    ]);
    expect(model.nodes[1].inputs).toEqual(['first']);
  });

  test('that an op passes on as they are keep their names', () => {
    const model = lowerGraph(graph, { expanded: expand(y, { shape: ['n'] }), y });
    expect(model.nodes.map(({ type, inputs, outputs }) => [type, inputs, outputs])).toEqual([
      ['Tanh', ['x'], ['expanded']],
      ['Identity', ['expanded'], ['y']],
    ]);
  });

  test('need only the inputs among their ancestors', () => {
    add(y, unused);
    expect(requiredInputs(graph, [y])).toEqual([x]);
    expect(lowerGraph(graph, { y }).inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['n'] }]);
  });

  test('of dead nodes are not computed', () => {
    add(y, unused);
    sum(y);
    expect(lowerGraph(graph, { y }).nodes.length).toBe(1);
  });
});
