import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Tensor } from '../../src/core/tensor.ts';
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from '../../src/index.ts';
import type { ModelInputs } from '../../src/models/inputs.ts';
import type { BatchOptions } from '../../src/models/labels.ts';
import type { ModelBatch } from '../../src/models/programs.ts';
import type { LayoutForm, Reads } from '../../src/nn/layout.ts';
import { type TokenSequence, unpack } from '../../src/nn/packing.ts';
import { gatherLog, temporaryFolder } from '../testing/tiny.ts';
import {
  classesOf,
  compareGradients,
  forms,
  golden,
  goldenMasks,
  largestDifference,
  readGolden,
  sequencesOf,
  tokenClassesOf,
} from './goldenFiles.ts';
import { hasShared, skipNote } from './shared.ts';

type Model =
  | BertForMaskedLM
  | BertForMultipleChoice
  | BertForNextSentencePrediction
  | BertForPreTraining
  | BertForQuestionAnswering
  | BertForTokenClassification;

/** A loaded head and how it makes a batch with the golden's labels. */
interface Loaded {
  readonly model: Model;
  batch(options: BatchOptions): ModelBatch;
}

interface Case {
  readonly folder: string;
  readonly forms: readonly LayoutForm[];
  /** Which rows the model reads for its loss, and without. */
  readonly reads: readonly [labelled: Reads, unlabelled: Reads];
  /** By our outputs' names, the golden's tensors whose columns they are, and whether their rows are tokens. */
  readonly outputs: Readonly<Record<string, { readonly golden: readonly string[]; readonly tokens: boolean }>>;
  load(file: SafetensorsFile, sequences: readonly TokenSequence[]): Promise<Loaded>;
}

const questionAnswering: Omit<Case, 'folder' | 'forms'> = {
  reads: ['all', 'all'],
  outputs: { logits: { golden: ['out.start_logits', 'out.end_logits'], tokens: true } },
  async load(file, sequences) {
    const model = await BertForQuestionAnswering.fromPretrained(join(golden, 'qa'));
    const ends = classesOf(file, 'end_positions');
    // Hugging Face leaves out positions behind the longest row; ours are told so.
    const answers = classesOf(file, 'start_positions').map((start, row) =>
      start === 99 ? undefined : { start, end: ends[row] },
    );
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
    return { model, batch: (options) => model.batch(sequences, answers, options) };
  },
};

function tokenClassification(folder: string): Case {
  return {
    folder,
    forms,
    reads: ['some', 'all'],
    outputs: { logits: { golden: ['out.logits'], tokens: true } },
    async load(file, sequences) {
      const model = await BertForTokenClassification.fromPretrained(join(golden, folder));
      const labels = tokenClassesOf(file, sequences, 'label.labels');
      return { model, batch: (options) => model.batch(sequences, labels, options) };
    },
  };
}

const cases: readonly Case[] = [
  { ...questionAnswering, folder: 'qa', forms: ['padded'] },
  { ...questionAnswering, folder: 'qa_real_tokens', forms: ['packed'] },
  tokenClassification('tokcls'),
  tokenClassification('dropout_tokcls'),
  {
    folder: 'mlm',
    forms,
    reads: ['some', 'all'],
    outputs: { logits: { golden: ['out.logits'], tokens: true } },
    async load(file, sequences) {
      const model = await BertForMaskedLM.fromPretrained(join(golden, 'mlm'));
      const labels = tokenClassesOf(file, sequences, 'label.labels');
      return { model, batch: (options) => model.batch(sequences, labels, options) };
    },
  },
  {
    folder: 'nsp',
    forms,
    reads: ['first', 'first'],
    outputs: { logits: { golden: ['out.logits'], tokens: false } },
    async load(file, sequences) {
      const model = await BertForNextSentencePrediction.fromPretrained(join(golden, 'nsp'));
      return { model, batch: (options) => model.batch(sequences, classesOf(file), options) };
    },
  },
  {
    folder: 'pretraining',
    forms,
    reads: ['some', 'all'],
    outputs: {
      prediction_logits: { golden: ['out.prediction_logits'], tokens: true },
      seq_relationship_logits: { golden: ['out.seq_relationship_logits'], tokens: false },
    },
    async load(file, sequences) {
      const model = await BertForPreTraining.fromPretrained(join(golden, 'pretraining'));
      const labels = tokenClassesOf(file, sequences, 'label.labels');
      const nextSentenceLabel = classesOf(file, 'next_sentence_label');
      return { model, batch: (options) => model.batch(sequences, { labels, nextSentenceLabel }, options) };
    },
  },
  {
    folder: 'multichoice',
    forms,
    reads: ['first', 'first'],
    outputs: { logits: { golden: ['out.logits'], tokens: false } },
    async load(file, sequences) {
      const model = await BertForMultipleChoice.fromPretrained(join(golden, 'multichoice'));
      const samples = [sequences.slice(0, 3), sequences.slice(3)];
      return { model, batch: (options) => model.batch(samples, classesOf(file), options) };
    },
  },
];

/** Row `row`'s part of golden columns `[rows, length, …]`, for its first `count` tokens, columns side by side. */
function expectedTokens(file: SafetensorsFile, names: readonly string[], row: number, count: number): Float32Array {
  const [, length] = file.tensors.get(names[0])!.shape;
  const all = names.map((name) => file.toFloat32(name));
  const width = all[0].length / (file.tensors.get(names[0])!.shape[0] * length);
  const result = new Float32Array(count * width * names.length);
  for (let i = 0; i < count; i++) {
    all.forEach((values, column) => {
      const start = (row * length + i) * width;
      result.set(values.subarray(start, start + width), (i * names.length + column) * width);
    });
  }
  return result;
}

async function expectLogits(
  { outputs, reads }: Case,
  { model }: Loaded,
  file: SafetensorsFile,
  form: LayoutForm,
): Promise<void> {
  const sequences = sequencesOf(file);
  const packed = model.pack(sequences, { form, reads: reads[1] });
  const answered = await model.run({ packed, labels: {}, count: 1 }, form);
  for (const [name, { golden, tokens }] of Object.entries(outputs)) {
    const { data, dims } = answered[name];
    const rows = tokens ? unpack(packed, data as Float32Array, dims[1]) : [data as Float32Array];
    rows.forEach((actual, row) => {
      const expected = tokens
        ? expectedTokens(file, golden, row, sequences[row].ids.length)
        : file.toFloat32(golden[0]);
      expect(largestDifference(actual, expected), `${name} of row ${row}`).toBeLessThan(1e-5);
    });
  }
}

const rounded = { roundTokens: 16, roundLongest: 8, roundSequences: 5 };

describe.skipIf(!hasShared)(`PyTorch's numbers, head by head${skipNote}`, () => {
  for (const one of cases) {
    const { folder } = one;
    for (const form of one.forms) {
      // A padded question's loss depends on how far it is padded, as in Hugging Face.
      const layouts = folder === 'qa' ? { exact: {} } : { exact: {}, rounded };
      for (const [layout, options] of Object.entries(layouts)) {
        test(`${folder}: logits, loss and every gradient, ${form}, ${layout}`, async () => {
          const file = readGolden(folder);
          const loaded = await one.load(file, sequencesOf(file));
          const { model } = loaded;
          const batch = loaded.batch({ ...options, form });
          const expected = file.toFloat32('loss')[0];
          const withDropout = folder.startsWith('dropout');
          if (!withDropout) {
            await expectLogits(one, loaded, file, form);
            const { loss } = await model.run(batch, form);
            expect(Math.abs(Number(loss.data[0]) - expected)).toBeLessThan(1e-5);
          }
          const training = await model.prepareTraining({}, form);
          const masks = withDropout
            ? { masks: goldenMasks(file, batch, one.reads[0], 'bert.encoder.layer.1') }
            : undefined;
          const { loss } = await training.accumulate(batch, { seed: 1, step: 1, lossScale: 1 / batch.count, ...masks });
          expect(Math.abs(Number(loss.data[0]) - expected)).toBeLessThan(1e-5);
          const compared = compareGradients(`${folder} ${form}`, (name) => training.gradient(name), file);
          expect(compared.sort()).toEqual([...model.parameters.keys()].sort());
          await model.dispose();
        });
      }
    }
  }

  test('dropout_tokcls: the logits of the labelled tokens', async () => {
    const file = readGolden('dropout_tokcls');
    const sequences = sequencesOf(file);
    const model = await BertForTokenClassification.fromPretrained(join(golden, 'dropout_tokcls'));
    const labels = tokenClassesOf(file, sequences, 'label.labels');
    const batch = model.batch(sequences, labels);
    const training = await model.prepareTraining();
    const masks = goldenMasks(file, batch, 'some', 'bert.encoder.layer.1');
    const { logits } = await training.accumulate(batch, { seed: 1, step: 1, lossScale: 1, masks });
    const expected = labels.flatMap((own, row) => {
      const all = expectedTokens(file, ['out.logits'], row, own.length);
      return own.flatMap((label, i) => (label === -100 ? [] : [...all.subarray(5 * i, 5 * i + 5)]));
    });
    expect(expected.length).toBe(5 * batch.count);
    expect(largestDifference((logits.data as Float32Array).subarray(0, expected.length), expected)).toBeLessThan(1e-5);
    await model.dispose();
  });

  /** A golden's padded batch as a person gives it. */
  function inputsOf(file: SafetensorsFile): ModelInputs {
    const tensor = (name: string) =>
      new Tensor('int64', file.view(`input.${name}`) as BigInt64Array, file.tensors.get(`input.${name}`)!.shape);
    return {
      inputIds: tensor('input_ids'),
      attentionMask: tensor('attention_mask'),
      tokenTypeIds: tensor('token_type_ids'),
    };
  }

  test("answers text by text, under Hugging Face's names", async () => {
    const qa = readGolden('qa');
    const answerer = await BertForQuestionAnswering.fromPretrained(join(golden, 'qa'));
    const { startLogits, endLogits } = await answerer(inputsOf(qa));
    sequencesOf(qa).forEach(({ ids }, row) => {
      for (const [name, logits] of [
        ['out.start_logits', startLogits],
        ['out.end_logits', endLogits],
      ] as const) {
        expect(logits[row].dims).toEqual([ids.length]);
        expect(largestDifference(logits[row].data, expectedTokens(qa, [name], row, ids.length))).toBeLessThan(1e-5);
      }
    });
    await answerer.dispose();

    const tokens = readGolden('tokcls');
    const tagger = await BertForTokenClassification.fromPretrained(join(golden, 'tokcls'));
    const { logits } = await tagger(inputsOf(tokens));
    sequencesOf(tokens).forEach(({ ids }, row) => {
      expect(logits[row].dims).toEqual([ids.length, 5]);
      expect(largestDifference(logits[row].data, expectedTokens(tokens, ['out.logits'], row, ids.length))).toBeLessThan(
        1e-5,
      );
    });
    await tagger.dispose();

    const both = readGolden('pretraining');
    const pretrained = await BertForPreTraining.fromPretrained(join(golden, 'pretraining'));
    const { predictionLogits, seqRelationshipLogits } = await pretrained(inputsOf(both));
    expect(predictionLogits.map(({ dims }) => dims)).toEqual(sequencesOf(both).map(({ ids }) => [ids.length, 101]));
    expect(largestDifference(seqRelationshipLogits.data, both.toFloat32('out.seq_relationship_logits'))).toBeLessThan(
      1e-5,
    );
    await pretrained.dispose();

    const samples = readGolden('multichoice');
    const chooser = await BertForMultipleChoice.fromPretrained(join(golden, 'multichoice'));
    const chosen = await chooser(inputsOf(samples));
    expect(chosen.logits.dims).toEqual([2, 3]);
    expect(largestDifference(chosen.logits.data, samples.toFloat32('out.logits'))).toBeLessThan(1e-5);
    await chooser.dispose();
  });
});

describe.skipIf(!hasShared)(`a checkpoint of one head in another${skipNote}`, () => {
  test.each([
    {
      from: 'mlm',
      into: BertForSequenceClassification,
      fresh: ['bert.pooler.dense.weight', 'bert.pooler.dense.bias', 'classifier.weight', 'classifier.bias'],
      dropped: [
        'cls.predictions.bias',
        'cls.predictions.transform.LayerNorm.bias',
        'cls.predictions.transform.LayerNorm.weight',
        'cls.predictions.transform.dense.bias',
        'cls.predictions.transform.dense.weight',
      ],
    },
    {
      from: 'seqcls2',
      into: BertForQuestionAnswering,
      fresh: ['qa_outputs.weight', 'qa_outputs.bias'],
      dropped: ['bert.pooler.dense.bias', 'bert.pooler.dense.weight', 'classifier.bias', 'classifier.weight'],
    },
    {
      from: 'pretraining',
      into: BertForMaskedLM,
      fresh: [],
      dropped: [
        'bert.pooler.dense.bias',
        'bert.pooler.dense.weight',
        'cls.seq_relationship.bias',
        'cls.seq_relationship.weight',
      ],
    },
    {
      from: 'nsp',
      into: BertForPreTraining,
      fresh: [
        'cls.predictions.transform.dense.weight',
        'cls.predictions.transform.dense.bias',
        'cls.predictions.transform.LayerNorm.weight',
        'cls.predictions.transform.LayerNorm.bias',
        'cls.predictions.bias',
      ],
      dropped: [],
    },
  ])('$from into $into.name: says what is new and what is left out', async ({ from, into, fresh, dropped }) => {
    const log = gatherLog();
    const model = await into.fromPretrained(join(golden, from));
    const listed = (line: string | undefined) => line?.match(/: ([\w.]+(?:, [\w.]+)*)(?: \(|$)/)?.[1].split(', ') ?? [];
    expect(listed(log.find((line) => line.includes('new, and to be trained')))).toEqual(fresh);
    expect(listed(log.find((line) => line.includes('left out'))).sort()).toEqual(dropped);
    // What is not new is the checkpoint's.
    const checkpoint = readGolden(from, 'model.safetensors');
    const kept = [...model.parameters.keys()].filter((name) => !(fresh as string[]).includes(name));
    for (const name of kept) expect(model.weight(name).data, name).toEqual(checkpoint.toFloat32(name));
    await model.dispose();
  });

  test('seqcls2 into a token classifier: the head of the same name is taken over, and that is said', async () => {
    const log = gatherLog();
    const model = await BertForTokenClassification.fromPretrained(join(golden, 'seqcls2'));
    expect(log.join('\n')).toMatch(
      /BertForTokenClassification starts from the classifier of BertForSequenceClassification/,
    );
    expect(log.join('\n')).toMatch(/left out.*bert\.pooler\.dense\.weight/);
    expect(model.weight('classifier.weight').data).toEqual(
      readGolden('seqcls2', 'model.safetensors').toFloat32('classifier.weight'),
    );
    await model.dispose();
  });

  test('seqcls2 into a token classifier of another size: refused, or a new head where that is asked for', async () => {
    const directory = join(golden, 'seqcls2');
    await expect(BertForTokenClassification.fromPretrained(directory, { numLabels: 5 })).rejects.toThrow(
      /classifier\.weight: \[2, 32\] in the file, \[5, 32\] in the model.*ignoreMismatchedSizes: true/,
    );
    const log = gatherLog();
    const model = await BertForTokenClassification.fromPretrained(directory, {
      numLabels: 5,
      ignoreMismatchedSizes: true,
    });
    expect(log.join('\n')).toMatch(/new, and to be trained: classifier\.weight, classifier\.bias/);
    expect(log.join('\n')).not.toMatch(/starts from the classifier/);
    expect(model.weight('classifier.weight').dims).toEqual([5, 32]);
    await model.dispose();
  });

  test('a regression into multiple choice: so is its head, and the other way round', async () => {
    const log = gatherLog();
    const chooser = await BertForMultipleChoice.fromPretrained(join(golden, 'seqcls_regression'));
    const regression = await BertForSequenceClassification.fromPretrained(join(golden, 'multichoice'), {
      numLabels: 1,
    });
    expect(log.filter((line) => line.includes('starts from the classifier of'))).toEqual([
      expect.stringContaining('BertForMultipleChoice starts from the classifier of BertForSequenceClassification'),
      expect.stringContaining('BertForSequenceClassification starts from the classifier of BertForMultipleChoice'),
    ]);
    await chooser.dispose();
    await regression.dispose();
  });

  test('the number of entity labels comes from the data where nobody gave it', async () => {
    const model = await BertForTokenClassification.fromPretrained(join(golden, 'mlm'));
    expect(model.labelsOpen).toBe(true);
    await model.useLabels(['O', 'B-PER', 'I-PER']);
    expect(model.weight('classifier.weight').dims).toEqual([3, 32]);
    expect(model.config.id2label).toEqual(['O', 'B-PER', 'I-PER']);
    await expect(model.useLabels(['O'])).rejects.toThrow(/BertForTokenClassification.*disagree about the labels/);
    await model.dispose();
  });

  test('a checkpoint of five labels in question answering saves a head of two', async () => {
    const model = await BertForQuestionAnswering.fromPretrained(join(golden, 'tokcls'));
    const folder = await temporaryFolder();
    await model.savePretrained(folder);
    expect(model.config.id2label).toHaveLength(2);
    const again = await BertForQuestionAnswering.fromPretrained(folder);
    expect(again.weight('qa_outputs.weight').data).toEqual(model.weight('qa_outputs.weight').data);
    await model.dispose();
    await again.dispose();
  });
});
