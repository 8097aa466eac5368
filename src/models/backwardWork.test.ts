import { describe, expect, test } from 'vitest';
import { tinyConfig } from '../../test/testing/tiny.ts';
import { countProducts } from '../graph/cut.ts';
import { differentiate } from '../graph/differentiate.ts';
import { Graph, reachableNodes } from '../graph/graph.ts';
import { type NamedOutputs, requiredInputs, toOnnx } from '../graph/lowering.ts';
import type { Value } from '../graph/value.ts';
import { freezeAllBut, freezeMore } from '../nn/freezing.ts';
import { BatchLayout } from '../nn/layout.ts';
import { adaptLinears } from '../nn/lora.ts';
import { nameParameters } from '../nn/module.ts';
import { BertSequenceClassifier, sequenceClassificationLoss } from './bert/bertForSequenceClassification.ts';

const layers = 3;

/** Products of matrices in a training graph, forward and backward, where the named parameters are frozen. */
function work(frozen: (names: string[]) => ReadonlySet<string>, adapt: (path: string) => boolean = () => false) {
  const module = new BertSequenceClassifier(tinyConfig({ numHiddenLayers: layers }));
  adaptLinears(module, (path) => (adapt(path) ? { r: 2, scaling: 1, dropout: 0.1 } : undefined));
  const parameters = nameParameters(module);
  const fixed = frozen([...parameters.keys()]);
  const trained = [...parameters.values()].filter(({ name }) => !fixed.has(name));
  const graph = new Graph({ training: true, trained: new Set(trained) });
  const loss = sequenceClassificationLoss(
    module(new BatchLayout(graph, { reads: 'first' })),
    'single_label_classification',
  );
  const forward = countProducts(graph, [loss]);
  const gradients = differentiate(
    loss,
    trained.map((parameter) => graph.parameter(parameter)),
  );
  const outputs: NamedOutputs = Object.fromEntries(trained.map(({ name }, i) => [`gradient.${name}`, gradients[i]!]));
  const backward = countProducts(graph, [loss, ...Object.values(outputs)]) - forward;
  return { graph, loss, outputs, forward, backward };
}

// Forward, a layer has six linear layers and two products of attention; above stand pooler and classifier.
const forward = 8 * layers + 2;

describe('products of a step', () => {
  test('all trained: two for each linear layer, two for each factor of attention’s products', () => {
    const all = work(() => new Set());
    expect(all.forward).toBe(forward);
    expect(all.backward).toBe((6 * 2 + 4) * layers + 2 * 2);
  });

  test('the head alone: one', () => {
    const head = work((names) => freezeMore(names, new Set(), 'bert', 'test'));
    expect(head.backward).toBe(1);
    expect(Object.keys(head.outputs)).toEqual(['gradient.classifier.weight', 'gradient.classifier.bias']);
  });

  test.each([1, 2, 3])('with the lowest %i layers frozen nothing runs backward into or below them', (count) => {
    const { backward, outputs, graph, loss } = work((names) => freezeMore(names, new Set(), { layers: count }, 'test'));
    // The lowest layer that is trained hands nothing on from query, key and value; none is left above three layers.
    const above = layers - count;
    expect(backward).toBe(above === 0 ? 2 + 1 : (6 * 2 + 4) * above - 3 + 2 * 2);
    for (let i = 0; i < count; i++) {
      expect(Object.keys(outputs).some((name) => name.includes(`layer.${i}.`))).toBe(false);
      const all = countIn(graph, `layer.${i}`, [loss, ...Object.values(outputs)]);
      expect(all, `layer ${i}`).toBe(countIn(graph, `layer.${i}`, [loss]));
    }
  });

  test('BitFit: errors go down, no weight but the classifier’s has a gradient', () => {
    const { backward, outputs } = work((names) =>
      freezeAllBut(names, 'bias', (name) => name.startsWith('classifier'), 'test'),
    );
    expect(backward).toBe((6 + 4) * layers + 1 + 2);
    expect(Object.keys(outputs).filter((name) => !name.endsWith('bias'))).toEqual(['gradient.classifier.weight']);
  });

  test('LoRA on query and value: errors go down, and each pair costs four products', () => {
    const {
      forward: ahead,
      backward,
      outputs,
      graph,
    } = work(
      (names) => new Set(names.filter((name) => !/lora_|classifier/.test(name))),
      (path) => /(query|value)$/.test(path),
    );
    expect(ahead).toBe(forward + 2 * 2 * layers);
    // Below the lowest pairs nothing is trained: there no error goes down from query, key and value, nor to the key at all,
    // nor through the pairs' A.
    expect(backward).toBe((6 + 4 + 2 * 4) * layers - 3 - 1 - 2 + 1 + 2);
    expect(Object.keys(outputs)).toHaveLength(2 * 2 * layers + 2);
    // The masks of LoRA's dropout are there, and none below the lowest pair.
    const sites = graph.dropoutMasks.map(({ site }) => site);
    expect(sites.filter((site) => site.endsWith('lora_dropout'))).toHaveLength(2 * layers);
    expect(sites.some((site) => site.includes('embeddings'))).toBe(false);
  });
});

test('a frozen weight is an input of the compiled step and no output', () => {
  const { graph, loss, outputs } = work((names) => freezeMore(names, new Set(), { layers: 1 }, 'test'));
  const named = { loss, ...outputs };
  const inputs = requiredInputs(graph, Object.values(named)).map(({ name }) => name);
  expect(inputs).toContain('bert.encoder.layer.0.output.dense.weight');
  const text = Buffer.from(toOnnx(graph, named)).toString('latin1');
  expect(text).toContain('gradient.bert.encoder.layer.1.output.dense.weight');
  expect(text).not.toContain('gradient.bert.encoder.layer.0.');
});

/** What of one layer must run to compute `values`. */
function countIn(graph: Graph, layer: string, values: readonly Value[]): number {
  return reachableNodes(graph, values).filter((node) => node.layer.includes(`.${layer}.`)).length;
}
