import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { largestDifference } from '../../../test/testing/arrays.ts';
import { batchFeeds } from '../../../test/testing/batchFeeds.ts';
import { tinyConfig } from '../../../test/testing/tiny.ts';
import { Tensor } from '../../core/tensor.ts';
import { differentiate } from '../../graph/differentiate.ts';
import { Graph } from '../../graph/graph.ts';
import { interpret } from '../../graph/interpret.ts';
import { type NdArray, ndarray } from '../../graph/ndarray.ts';
import { BatchLayout, type LayoutForm } from '../../nn/layout.ts';
import { nameParameters } from '../../nn/module.ts';
import { type PackOptions, packBatch, type TokenSequence } from '../../nn/packing.ts';
import type { ModelBatch } from '../programs.ts';
import { BertForMaskedLM } from './bertForMaskedLM.ts';
import { BertForMultipleChoice, choiceFeeds, multipleChoiceLoss } from './bertForMultipleChoice.ts';
import { BertForNextSentencePrediction } from './bertForNextSentencePrediction.ts';
import { BertForPreTraining } from './bertForPreTraining.ts';
import { BertForQuestionAnswering, BertQuestionAnswerer, questionAnsweringLoss } from './bertForQuestionAnswering.ts';
import { BertForTokenClassification } from './bertForTokenClassification.ts';
import { bertConfig } from './configuration.ts';

/** Disposed of when the test ends. */
async function made<M extends { dispose(): Promise<void> }>(model: Promise<M>): Promise<M> {
  const it = await model;
  onTestFinished(() => it.dispose());
  return it;
}

const still = tinyConfig({ hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 });

describe('the loss of question answering', () => {
  const config = bertConfig({
    vocabSize: 9,
    hiddenSize: 8,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 6,
    maxPositionEmbeddings: 12,
  });
  const model = new BertQuestionAnswerer(config);
  nameParameters(model);

  const traced = (form: LayoutForm) => {
    const graph = new Graph({ training: true });
    const layout = new BatchLayout(graph, { form });
    const loss = questionAnsweringLoss(model(layout), layout);
    const parameters = [...graph.parameters.values()];
    const named = new Map([['loss', loss]]);
    differentiate(loss, parameters).forEach((gradient, i) => {
      if (gradient !== undefined) named.set(parameters[i].name!, gradient);
    });
    return { graph, named };
  };
  const graphs = { packed: traced('packed'), padded: traced('padded') };

  interface Question extends TokenSequence {
    readonly start: number;
    readonly end: number;
  }

  function compute(form: LayoutForm, rows: readonly Question[], order: readonly number[], options: PackOptions) {
    const { graph, named } = graphs[form];
    const packed = packBatch(rows, { ...options, form });
    const { sequences } = packed.lengths;
    const feeds = batchFeeds(graph, packed, (number) => order[number] ?? -1, {
      start_positions: ndarray([sequences], (i) => rows[i]?.start ?? 0),
      end_positions: ndarray([sequences], (i) => rows[i]?.end ?? 0),
      label_weights: ndarray([sequences], (i) => Number(i < rows.length)),
      loss_scale: ndarray([], () => 1 / rows.length),
    });
    const arrays = interpret(graph, [...named.values()], feeds);
    return new Map([...named.keys()].map((name, i) => [name, arrays[i]]));
  }

  function expectSame(actual: ReadonlyMap<string, NdArray>, expected: ReadonlyMap<string, NdArray>): void {
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [name, array] of expected) expect(largestDifference(actual.get(name)!, array), name).toBeLessThan(1e-9);
  }

  const questions = fc.array(
    fc
      .array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 })
      .chain((ids) => fc.record({ ids: fc.constant(ids), start: fc.nat(ids.length - 1), end: fc.nat(ids.length - 1) })),
    { minLength: 1, maxLength: 3 },
  );
  const roundings = fc.record({
    roundTokens: fc.integer({ min: 1, max: 5 }),
    roundLongest: fc.integer({ min: 1, max: 4 }),
    roundSequences: fc.integer({ min: 1, max: 3 }),
  });

  test('packed is one, with one set of gradients, however the batch is rounded up and ordered', () => {
    const orders = fc.shuffledSubarray([0, 1, 2], { minLength: 3 });
    fc.assert(
      fc.property(questions, roundings, orders, (rows, options, permutation) => {
        const order = permutation.filter((row) => row < rows.length);
        const identity = rows.map((_, i) => i);
        const expected = compute('packed', rows, identity, {});
        const moved = order.map((row) => rows[row]);
        expectSame(compute('packed', moved, order, options), expected);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  test('padded is the same where nothing is padded, and larger where something is', () => {
    const full: Question[] = [
      { ids: [1, 2, 3], start: 1, end: 2 },
      { ids: [4, 5, 6], start: 0, end: 0 },
    ];
    const order = [0, 1];
    expectSame(compute('padded', full, order, {}), compute('packed', full, order, {}));
    const lossOf = (options: PackOptions) => compute('padded', full, order, options).get('loss')!.data[0];
    expect(lossOf({ roundLongest: 6 })).toBeGreaterThan(lossOf({}) + 0.1);
    // Padding is scored there, but [PAD] itself is not trained (PyTorch's padding_idx).
    const words = compute('padded', full, order, { roundLongest: 6 }).get('bert.embeddings.word_embeddings.weight')!;
    expect([...words.data.subarray(0, 8)].every((value) => value === 0)).toBe(true);
    expect(words.data.some((value) => value !== 0)).toBe(true);
  });
});

test('the loss of multiple choice is a softmax over each sample, and filler rows get no gradient', () => {
  const graph = new Graph();
  const scores = graph.input('scores', 'float32', ['sequences', 1]);
  const loss = multipleChoiceLoss(scores);
  const [gradient] = differentiate(loss, [scores]);
  const values = [1, -2, 0.5, 3, 0, 0.25];
  const labels = [2, 0];
  for (const fillers of [0, 1, 4]) {
    const rows = 6 + fillers;
    const feeds = choiceFeeds(2, 3, rows);
    const laidOut = feeds['row_of_choice'].dims[0];
    const numbers = (name: string) => {
      const { data, dims } = feeds[name];
      return ndarray(dims, (i) => Number(data[i]));
    };
    const given: Readonly<Record<string, NdArray>> = {
      // What fillers score must not matter.
      scores: ndarray([rows, 1], (i) => values[i] ?? 7 + i),
      row_of_choice: numbers('row_of_choice'),
      choice_of_row: numbers('choice_of_row'),
      labels: ndarray([laidOut], (i) => labels[i] ?? 0),
      label_weights: ndarray([laidOut], (i) => Number(i < 2)),
      loss_scale: ndarray([], () => 0.5),
    };
    const [made, slope] = interpret(
      graph,
      [loss, gradient!],
      new Map([...graph.inputs].map(([name, v]) => [v, given[name]])),
    );
    // −log softmax, and softmax − one hot, by hand.
    let expected = 0;
    for (const sample of [0, 1]) {
      const own = values.slice(3 * sample, 3 * sample + 3).map(Math.exp);
      const total = own.reduce((a, b) => a + b);
      expected -= 0.5 * Math.log(own[labels[sample]] / total);
      own.forEach((value, choice) => {
        const wanted = 0.5 * (value / total - Number(choice === labels[sample]));
        expect(slope.data[3 * sample + choice]).toBeCloseTo(wanted, 12);
      });
    }
    expect(made.data[0]).toBeCloseTo(expected, 12);
    expect([...slope.data.subarray(6)].map(Math.abs)).toEqual(new Array(fillers).fill(0));
  }
});

const rows: readonly TokenSequence[] = [{ ids: [2, 5, 6, 7, 3] }, { ids: [2, 8, 3] }, { ids: [2, 9, 10, 3] }];
const words = [
  [-100, 11, -100, 12, -100],
  [7, -100, -100],
  [-100, 9, -100, -100],
];

describe('pre-training', () => {
  test('a batch in pieces has the loss and the gradients of the whole', async () => {
    const model = await made(BertForPreTraining.fromConfig(still, { threads: 1 }));
    const nextSentenceLabel = [1, 0, 1];
    const whole = model.batch(rows, { labels: words, nextSentenceLabel });
    expect(whole.count).toBe(4);
    const pieces = [
      [0, 1],
      [1, 3],
    ].map(([from, to]) =>
      model.batch(
        rows.slice(from, to),
        { labels: words.slice(from, to), nextSentenceLabel: nextSentenceLabel.slice(from, to) },
        { wordsPerSequence: 4 / 3 },
      ),
    );
    const run = async (batches: readonly ModelBatch[]) => {
      const training = await model.prepareTraining({ accumulate: true });
      let total = 0;
      for (const batch of batches) {
        const { loss } = await training.accumulate(batch, { seed: 1, step: 1, lossScale: 1 / 4 });
        total += loss.data[0] as number;
      }
      const gradients = [...model.parameters.keys()].map((name) => training.gradient(name).slice());
      return { total, gradients };
    };
    const expected = await run([whole]);
    const actual = await run(pieces);
    expect(actual.total).toBeCloseTo(expected.total, 5);
    expected.gradients.forEach((gradient, i) => {
      for (let k = 0; k < gradient.length; k++) expect(actual.gradients[i][k]).toBeCloseTo(gradient[k], 5);
    });
    // The two losses, each a mean, as the model's answers have them.
    const { predictionLogits, seqRelationshipLogits } = await model({
      inputIds: padded(rows),
      attentionMask: mask(rows),
    });
    const wordLoss = mean(
      words.flatMap((own, row) =>
        own.flatMap((label, at) =>
          label < 0 ? [] : [minusLog(predictionLogits[row].softmax().slice(at, at + 1).data[label])],
        ),
      ),
    );
    const followLoss = mean(
      nextSentenceLabel.map((label, row) => minusLog(seqRelationshipLogits.softmax().data[2 * row + label])),
    );
    expect(expected.total).toBeCloseTo(wordLoss + followLoss, 4);
  });
});

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
const minusLog = (probability: number) => -Math.log(probability);

function padded(sequences: readonly TokenSequence[]) {
  const data = sequences.flatMap(({ ids }) => Array.from({ length: 5 }, (_, i) => BigInt(ids[i] ?? 0)));
  return new Tensor('int64', BigInt64Array.from(data), [sequences.length, 5]);
}

function mask(sequences: readonly TokenSequence[]) {
  const data = sequences.flatMap(({ ids }) => Array.from({ length: 5 }, (_, i) => (i < ids.length ? 1n : 0n)));
  return new Tensor('int64', BigInt64Array.from(data), [sequences.length, 5]);
}

/** A batch of each head. */
const heads = {
  BertForMaskedLM: async () => {
    const model = await made(BertForMaskedLM.fromConfig(still, { threads: 1 }));
    return { model, batch: model.batch(rows, words) };
  },
  BertForTokenClassification: async () => {
    const model = await made(BertForTokenClassification.fromConfig(still, { threads: 1 }));
    return {
      model,
      batch: model.batch(
        rows,
        words.map((own) => own.map((label) => (label < 0 ? label : label % 2))),
      ),
    };
  },
  BertForQuestionAnswering: async () => {
    const model = await made(BertForQuestionAnswering.fromConfig(still, { threads: 1 }));
    return { model, batch: model.batch(rows, [{ start: 1, end: 2 }, undefined, { start: 0, end: 0 }]) };
  },
  BertForNextSentencePrediction: async () => {
    const model = await made(BertForNextSentencePrediction.fromConfig(still, { threads: 1 }));
    return { model, batch: model.batch(rows, [0, 1, 1]) };
  },
  BertForMultipleChoice: async () => {
    const model = await made(BertForMultipleChoice.fromConfig(still, { threads: 1 }));
    return { model, batch: model.batch([rows.slice(0, 2), rows.slice(1)], [1, 0]) };
  },
  BertForPreTraining: async () => {
    const model = await made(BertForPreTraining.fromConfig(still, { threads: 1 }));
    return { model, batch: model.batch(rows, { labels: words, nextSentenceLabel: [0, 1, 1] }) };
  },
};

describe.each(Object.entries(heads))('%s', (_, make) => {
  test.each([['bert.embeddings', 'bert.encoder.layer.0'], ['bert']])(
    'trains with %s and so on frozen, on kept features as without',
    async (...pattern) => {
      const run = async (cacheFrozenFeatures: boolean) => {
        const { model, batch } = await make();
        model.freeze(pattern);
        const training = await model.prepareTraining({ cacheFrozenFeatures });
        await training.computeFrozenFeatures(batch.packed.rows);
        const losses: number[] = [];
        for (let step = 1; step <= 5; step++) {
          const { loss } = await training.accumulate(batch, { seed: 1, step, lossScale: 1 / batch.count });
          losses.push(loss.data[0] as number);
          await training.update({
            learningRate: 1e-2,
            maxGradNorm: 1,
            step,
          });
        }
        return losses;
      };
      const losses = await run(true);
      expect(losses[4]).toBeLessThan(losses[0]);
      const computed = await run(false);
      for (const [i, loss] of computed.entries()) expect(loss).toBeCloseTo(losses[i], 5);
    },
  );
});

test("a new model's [PAD] is zeros, as Hugging Face's", async () => {
  const model = await made(BertForMaskedLM.fromConfig(still, { threads: 1 }));
  const { data } = model.weight('bert.embeddings.word_embeddings.weight');
  const width = still.hiddenSize;
  expect(data.subarray(0, width).every((value) => value === 0)).toBe(true);
  expect(data.subarray(width).every((value) => value !== 0)).toBe(true);
});

describe('batches that cannot be', () => {
  test('name the row whose labels do not fit', async () => {
    const tagger = await made(BertForTokenClassification.fromConfig(still, { threads: 1 }));
    expect(() => tagger.batch(rows, words.slice(1))).toThrow(
      /rows and their labels are not equally many, got 2, expected 3/,
    );
    expect(() =>
      tagger.batch(rows, [
        [0, 0, 0, 0, 0],
        [0, 0],
        [0, 0, 0, 0],
      ]),
    ).toThrow(/a label for each token \(row 2\), got 2, expected 3/);
    expect(() => tagger.batch(rows, words)).toThrow(/no class of the model \(row 1\), got 11, expected 0 to 1/);

    const follower = await made(BertForNextSentencePrediction.fromConfig(still, { threads: 1 }));
    expect(() => follower.batch(rows, [0, 1, 0.5])).toThrow(/\(row 3\), got 0.5, expected 0 to 1/);
  });

  test('name the row whose answer lies outside its tokens', async () => {
    const answerer = await made(BertForQuestionAnswering.fromConfig(still, { threads: 1 }));
    const fine = { start: 0, end: 1 };
    for (const [start, end] of [
      [0, 3],
      [-1, 1],
      [2, 1],
    ]) {
      expect(() => answerer.batch(rows, [fine, { start, end }, fine])).toThrow(
        new RegExp(`no span of its row’s tokens \\(row 2\\), got '${start} to ${end}', expected 0 to 2`),
      );
    }
  });

  test('name the sample with other choices, and rows that make no samples', async () => {
    const chooser = await made(BertForMultipleChoice.fromConfig(still, { threads: 1 }));
    expect(() => chooser.batch([rows, rows.slice(1)], [0, 0])).toThrow(
      /different numbers of choices \(row 2\), got 2, expected 3/,
    );
    expect(() => chooser.batch([rows], [3])).toThrow(/\(row 1\), got 3, expected 0 to 2/);
    const inputs = { inputIds: padded(rows), attentionMask: mask(rows) };
    await expect(chooser.predict(inputs, { numChoices: 2 })).rejects.toThrow(/3 rows do not split.*got 2/);
    expect((await chooser(inputs)).logits.dims).toEqual([1, 3]);
  });

  test('an untied decoder is refused', async () => {
    const config = { ...still, rest: { tie_word_embeddings: false } };
    await expect(BertForMaskedLM.fromConfig(config, { threads: 1 })).rejects.toThrow(/tie_word_embeddings: false/);
  });
});
