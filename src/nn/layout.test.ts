import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { largestDifference } from '../../test/testing/arrays.ts';
import { batchFeeds } from '../../test/testing/batchFeeds.ts';
import { hashName } from '../core/random.ts';
import { differentiate } from '../graph/differentiate.ts';
import { Graph } from '../graph/graph.ts';
import { interpret } from '../graph/interpret.ts';
import { type NdArray, ndarray } from '../graph/ndarray.ts';
import { mul } from '../graph/ops/arithmetic.ts';
import { sum } from '../graph/ops/reductions.ts';
import type { Value } from '../graph/value.ts';
import { BertSequenceClassifier, sequenceClassificationLoss } from '../models/bert/bertForSequenceClassification.ts';
import { bertConfig } from '../models/bert/configuration.ts';
import { Bert } from '../models/bert/model.ts';
import { BatchLayout, type LayoutForm, type Reads } from './layout.ts';
import { nameParameters } from './module.ts';
import { type PackedBatch, type PackOptions, packBatch, type TokenSequence } from './packing.ts';

/*
 * The property that holds packing: however a batch is laid out (packed or padded, rounded up or not, in any order of rows,
 * the last layer on all rows or on those that are read), loss and gradients are the same. In float64, with dropout on.
 */

const config = bertConfig({
  vocabSize: 9,
  hiddenSize: 8,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 6,
  maxPositionEmbeddings: 12,
  hiddenDropoutProb: 0.3,
  attentionProbsDropoutProb: 0.3,
});
const tolerance = 1e-9;

interface Sample extends TokenSequence {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
  readonly label: number;
}

const samples = fc.array(
  fc
    .array(fc.record({ id: fc.nat(8), typeId: fc.nat(1) }), { minLength: 1, maxLength: 4 })
    .chain((tokens) =>
      fc
        .nat(1)
        .map(
          (label): Sample => ({ ids: tokens.map(({ id }) => id), typeIds: tokens.map(({ typeId }) => typeId), label }),
        ),
    ),
  { minLength: 1, maxLength: 3 },
);
const roundings = fc.record({
  roundTokens: fc.integer({ min: 1, max: 5 }),
  roundLongest: fc.integer({ min: 1, max: 4 }),
  roundSequences: fc.integer({ min: 1, max: 3 }),
  firstSample: fc.nat(9),
});
const forms = fc.constantFrom<LayoutForm>('packed', 'padded');
/** Where a batch's rows stand in another order: a shuffled list of numbers as long as needed. */
const orders = fc.shuffledSubarray([0, 1, 2], { minLength: 3 });

/** Outputs and the gradients of all parameters that get one, by name. */
type Results = Readonly<Record<string, NdArray>>;

function traced(outputs: (graph: Graph) => Record<string, Value> & { loss: Value }) {
  const graph = new Graph({ training: true });
  const named = outputs(graph);
  const parameters = [...graph.parameters.values()];
  for (const [i, gradient] of differentiate(named.loss, parameters).entries()) {
    if (gradient !== undefined) named[parameters[i].name!] = gradient;
  }
  return { graph, named };
}

type Traced = ReturnType<typeof traced>;

function compute(
  { graph, named }: Traced,
  batch: PackedBatch,
  { order, firstSample = 0 }: { order: readonly number[]; firstSample?: number },
  others: Readonly<Record<string, NdArray>>,
): Results {
  const feeds = batchFeeds(graph, batch, (number) => order[number - firstSample] ?? -1, others);
  const arrays = interpret(graph, Object.values(named), feeds);
  return Object.fromEntries(Object.keys(named).map((name, i) => [name, arrays[i]]));
}

function expectSame(actual: Results, expected: Results): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const name of Object.keys(expected)) {
    expect(largestDifference(actual[name], expected[name]), name).toBeLessThan(tolerance);
  }
}

function once<K extends string, T>(make: (key: K) => T): (key: K) => T {
  const made = new Map<K, T>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key)!;
  };
}

describe('a classifier', () => {
  const model = new BertSequenceClassifier(config);
  nameParameters(model);
  const graphOf = once((form: LayoutForm) =>
    traced((graph) => {
      const logits = model(new BatchLayout(graph, { form, reads: 'first' }));
      return { loss: sequenceClassificationLoss(logits, 'single_label_classification') };
    }),
  );

  function classify(form: LayoutForm, batch: readonly Sample[], order: readonly number[], options: PackOptions) {
    const rows = order.map((index) => batch[index]);
    const packed = packBatch(rows, { ...options, form, reads: 'first' });
    const { sequences } = packed.lengths;
    return compute(
      graphOf(form),
      packed,
      { ...options, order },
      {
        labels: ndarray([sequences], (i) => rows[i]?.label ?? 0),
        label_weights: ndarray([sequences], (i) => Number(i < rows.length)),
        loss_scale: ndarray([], () => 1 / rows.length),
      },
    );
  }

  test('has one loss and one set of gradients, however its batch is laid out', () => {
    fc.assert(
      fc.property(samples, roundings, forms, orders, (batch, options, form, permutation) => {
        const identity = batch.map((_, i) => i);
        const order = permutation.filter((index) => index < batch.length);
        const plain = classify('packed', batch, identity, {});
        expect(Object.keys(plain).length).toBe(42);
        expectSame(classify(form, batch, order, options), plain);
      }),
      { numRuns: 80, seed: 2 },
    );
  });

  test('has gradients in every parameter, through the masks', () => {
    const batch: Sample[] = [
      { ids: [1, 2, 3, 4], typeIds: [0, 0, 1, 1], label: 1 },
      { ids: [5, 6], typeIds: [0, 1], label: 0 },
    ];
    const results = classify('packed', batch, [0, 1], {});
    const still = Object.keys(results).filter((name) => results[name].data.every((value) => Math.abs(value) < 1e-12));
    // Softmax does not see what is added to every score of a row, so the keys' bias has no gradient in exact numbers.
    expect(still.filter((name) => !name.endsWith('key.bias'))).toEqual([]);
  });
});

describe('the rows that are read', () => {
  const model = new Bert(config, { pooler: false });
  nameParameters(model, 'bert');
  const graphOf = once((key: `${LayoutForm} ${Reads}`) =>
    traced((graph) => {
      const [form, reads] = key.split(' ') as [LayoutForm, Reads];
      const hidden = model(new BatchLayout(graph, { form, reads }));
      return { loss: sum(mul(hidden, graph.input('weights', 'float32', hidden.shape))) };
    }),
  );

  /** Σ weights ⊙ hidden over the rows that are read; the weights go by sample, position and unit, and are 0 elsewhere. */
  function read(
    form: LayoutForm,
    reads: Reads,
    batch: readonly Sample[],
    positions: readonly (readonly number[])[],
    options: PackOptions,
  ) {
    const packed = packBatch(batch, { ...options, form, reads, readPositions: positions });
    const rowsName = reads === 'all' ? 'tokens' : reads === 'first' ? 'sequences' : 'reads';
    const { sample, position } = packed.places[rowsName];
    const firstSample = options.firstSample ?? 0;
    // Rows as they are read the first time: filler rows say (0, 0), and come after all real ones.
    const left = new Set(positions.flatMap((list, i) => list.map((at) => `${i + firstSample} ${at}`)));
    const weightOfRow = Array.from(sample, (s, row) => left.delete(`${s} ${position[row]}`));
    expect(left.size).toBe(0);
    return compute(
      graphOf(`${form} ${reads}`),
      packed,
      { ...options, order: batch.map((_, i) => i) },
      {
        weights: ndarray([sample.length, 8], (i) => {
          const row = Math.floor(i / 8);
          return weightOfRow[row] ? hashName(`${sample[row] - firstSample} ${position[row]} ${i % 8}`) / 2 ** 32 : 0;
        }),
      },
    );
  }

  test('equal those of the full computation, whichever and however many they are', () => {
    const subsets = fc.array(fc.array(fc.nat(3), { maxLength: 4 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(samples, subsets, roundings, forms, (batch, wanted, options, form) => {
        const positions = batch.map(({ ids }, i) => [...new Set(wanted[i].map((at) => at % ids.length))]);
        const expected = read('packed', 'all', batch, positions, {});
        expectSame(read(form, 'some', batch, positions, options), expected);
      }),
      { numRuns: 80, seed: 3 },
    );
  });

  test("equal the full computation's first rows where those are read", () => {
    fc.assert(
      fc.property(samples, roundings, forms, (batch, options, form) => {
        const positions = batch.map(() => [0]);
        const expected = read('packed', 'all', batch, positions, {});
        expectSame(read(form, 'first', batch, positions, options), expected);
      }),
      { numRuns: 40, seed: 4 },
    );
  });
});
