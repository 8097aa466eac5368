import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPython, PythonProcess } from '../../benchmarks/python.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForTokenClassification,
  Tensor,
} from '../../src/index.ts';
import type { ModelInputs } from '../../src/models/inputs.ts';
import type { ModelBatch } from '../../src/models/programs.ts';
import { temporaryFolder } from '../testing/tiny.ts';
import { classesOf, golden, largestDifference, readGolden, sequencesOf, tokenClassesOf } from './goldenFiles.ts';
import { hasShared } from './shared.ts';

interface Answered {
  readonly modelClass: string;
  readonly misfits: Readonly<Record<string, string[]>>;
  readonly warnings: readonly string[];
  readonly outputs: Readonly<Record<string, number[][] | number[][][]>>;
}

type Outputs = Readonly<Record<string, Tensor<'float32'> | readonly Tensor<'float32'>[]>>;

interface HeadCase {
  readonly folder: string;
  readonly auto: string;
  readonly modelClass: string;
  /** Python's names of our outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  load(directory: string): Promise<{
    readonly model: {
      predict(inputs: ModelInputs): Promise<object>;
      savePretrained(directory: string): Promise<void>;
      dispose(): Promise<void>;
    } & Pick<BertForMaskedLM, 'prepareTraining' | 'weight'>;
    readonly batch: ModelBatch;
  }>;
}

const skipNote = [
  findPython() === undefined ? ' (SKIPPED: no Python; npm run bench:setup makes one)' : '',
  hasShared ? '' : ' (SKIPPED: ../shared is absent)',
].join('');

/** The golden of a folder: its rows, and labels token by token or row by row. */
function goldenOf(folder: string) {
  const file = readGolden(folder);
  const sequences = sequencesOf(file);
  return { file, sequences, tokens: () => tokenClassesOf(file, sequences, 'label.labels') };
}

const cases: readonly HeadCase[] = [
  {
    folder: 'qa',
    auto: 'AutoModelForQuestionAnswering',
    modelClass: 'BertForQuestionAnswering',
    outputs: { startLogits: 'start_logits', endLogits: 'end_logits' },
    async load(directory) {
      const { sequences } = goldenOf('qa');
      const model = await BertForQuestionAnswering.fromPretrained(directory);
      return {
        model,
        batch: model.batch(
          sequences,
          sequences.map(() => ({ start: 1, end: 2 })),
        ),
      };
    },
  },
  {
    folder: 'tokcls',
    auto: 'AutoModelForTokenClassification',
    modelClass: 'BertForTokenClassification',
    outputs: { logits: 'logits' },
    async load(directory) {
      const { sequences, tokens } = goldenOf('tokcls');
      const model = await BertForTokenClassification.fromPretrained(directory);
      return { model, batch: model.batch(sequences, tokens()) };
    },
  },
  {
    folder: 'mlm',
    auto: 'AutoModelForMaskedLM',
    modelClass: 'BertForMaskedLM',
    outputs: { logits: 'logits' },
    async load(directory) {
      const { sequences, tokens } = goldenOf('mlm');
      const model = await BertForMaskedLM.fromPretrained(directory);
      return { model, batch: model.batch(sequences, tokens()) };
    },
  },
  {
    folder: 'nsp',
    auto: 'AutoModelForNextSentencePrediction',
    modelClass: 'BertForNextSentencePrediction',
    outputs: { logits: 'logits' },
    async load(directory) {
      const { file, sequences } = goldenOf('nsp');
      const model = await BertForNextSentencePrediction.fromPretrained(directory);
      return { model, batch: model.batch(sequences, classesOf(file)) };
    },
  },
  {
    folder: 'pretraining',
    auto: 'AutoModelForPreTraining',
    modelClass: 'BertForPreTraining',
    outputs: { predictionLogits: 'prediction_logits', seqRelationshipLogits: 'seq_relationship_logits' },
    async load(directory) {
      const { file, sequences, tokens } = goldenOf('pretraining');
      const model = await BertForPreTraining.fromPretrained(directory);
      const labels = { labels: tokens(), nextSentenceLabel: classesOf(file, 'next_sentence_label') };
      return { model, batch: model.batch(sequences, labels) };
    },
  },
  {
    folder: 'multichoice',
    auto: 'AutoModelForMultipleChoice',
    modelClass: 'BertForMultipleChoice',
    outputs: { logits: 'logits' },
    async load(directory) {
      const { file, sequences } = goldenOf('multichoice');
      const model = await BertForMultipleChoice.fromPretrained(directory);
      return { model, batch: model.batch([sequences.slice(0, 3), sequences.slice(3)], classesOf(file)) };
    },
  },
];

describe.skipIf(skipNote !== '')(`Python loads every head as Fettle trained and saved it${skipNote}`, () => {
  let python: PythonProcess;

  beforeAll(() => {
    python = new PythonProcess('scripts/python/heads.py');
  });

  afterAll(() => python.close());

  test.each(cases)('$modelClass', async ({ folder, auto, modelClass, outputs, load }) => {
    const { model, batch } = await load(join(golden, folder));
    const training = await model.prepareTraining();
    await training.accumulate(batch, { seed: 1, step: 1, lossScale: 1 / batch.count });
    await training.update({ learningRate: 1e-2, maxGradNorm: 1, step: 1 });
    const word = 'bert.embeddings.word_embeddings.weight';
    const before = readGolden(folder, 'model.safetensors').toFloat32(word);
    expect(largestDifference(model.weight(word).data, before)).toBeGreaterThan(1e-3);
    const directory = await temporaryFolder();
    await model.savePretrained(directory);

    const file = readGolden(folder);
    const names = { inputIds: 'input_ids', attentionMask: 'attention_mask', tokenTypeIds: 'token_type_ids' };
    const tensors = Object.entries(names).map(([ours, theirs]) => {
      const key = `input.${theirs}`;
      return [ours, new Tensor('int64', file.view(key) as BigInt64Array, file.tensors.get(key)!.shape)] as const;
    });
    const ours = (await model.predict(Object.fromEntries(tensors) as unknown as ModelInputs)) as Outputs;
    const inputs = Object.fromEntries(
      tensors.map(([name, tensor]) => [names[name as keyof typeof names], tensor.tolist()]),
    );
    const theirs = await python.request<Answered>('answer', { directory, auto, inputs });

    expect(theirs.modelClass).toBe(modelClass);
    expect(theirs.misfits).toEqual({});
    expect(theirs.warnings).toEqual([]);
    for (const [name, pythonName] of Object.entries(outputs)) {
      const output = ours[name];
      const expected = theirs.outputs[pythonName];
      // Text by text: Python's rows are padded.
      const rows =
        output instanceof Tensor ? [[output, expected] as const] : output.map((t, i) => [t, expected[i]] as const);
      for (const [tensor, values] of rows) {
        const flat = (values.slice(0, tensor.dims[0]) as unknown[]).flat(3) as number[];
        expect(largestDifference(tensor.data, flat), name).toBeLessThan(1e-5);
      }
    }
    await model.dispose();
  });
});
