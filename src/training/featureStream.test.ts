import { describe, expect, onTestFinished, test } from 'vitest';
import { gatherLog, tinyConfig, tinyTokenizer, toyTexts } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { Dataset } from '../data/index.ts';
import { BertForMaskedLM } from '../models/bert/bertForMaskedLM.ts';
import { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import { BertForTokenClassification } from '../models/bert/bertForTokenClassification.ts';
import type { TaskOptions } from '../tasks/task.ts';
import { type TrainableModel, taskFor } from '../tasks/taskFor.ts';
import { evaluateFeatures, inBatches } from './evaluation.ts';
import { FeatureStream } from './featureStream.ts';

configureLog({ level: 'silent' });

const texts = toyTexts(23).map(({ text }) => text);
/** Of several words that may be an answer, and longer than a window here and there. */
const questions = texts.map((text, i) => {
  const context = `${i % 3 === 0 ? `${texts[(i + 1) % 23]} ${texts[(i + 2) % 23]} ` : ''}${text}`;
  const [answer] = text.split(' ');
  return { question: 'the dog is?', context, answers: { text: [answer], answer_start: [context.indexOf(answer)] } };
});
const tagged = texts.map((text) => {
  const tokens = text.split(' ');
  return { tokens, ner_tags: tokens.map((word) => (word === 'the' ? 'B-X' : 'O')) };
});
const options = { seed: 1, threads: 1 } as const;

interface Tried {
  readonly make: () => Promise<TrainableModel>;
  readonly rows: readonly object[];
  readonly own: TaskOptions;
}

const tried: Record<string, Tried> = {
  'question-answering': {
    make: () => BertForQuestionAnswering.fromConfig(tinyConfig(), options),
    rows: questions,
    own: { maxLength: 14, docStride: 3 },
  },
  'token-classification': {
    make: () => BertForTokenClassification.fromConfig(tinyConfig(), options),
    rows: tagged,
    own: { maxLength: 6, windows: true },
  },
  'fill-mask': {
    make: () => BertForMaskedLM.fromConfig(tinyConfig(), options),
    rows: texts.map((text) => ({ text })),
    own: { lineByLine: true },
  },
};

describe('features of a stream are judged as those of the same rows in memory', () => {
  test.each(Object.keys(tried))('%s', async (name) => {
    const { make, rows, own } = tried[name];
    const dataset = Dataset.fromRows(rows as never) as unknown as Dataset;
    const model = await make();
    onTestFinished(() => model.dispose());
    const task = taskFor(model, tinyTokenizer(), own);
    await task.adapt(dataset);
    const how = { prefix: 'eval', computeMetrics: undefined, signal: undefined, keepAnswers: name !== 'fill-mask' };
    const judge = async (batches: Parameters<typeof evaluateFeatures<unknown>>[2]) => {
      const { metrics, evaluator } = await evaluateFeatures(model, task, batches, how);
      const numbers = Object.entries(metrics).filter(([metric]) => !/runtime|second/.test(metric));
      return [numbers, how.keepAnswers ? evaluator.prediction() : undefined];
    };
    const features = { ...dataset.features };
    const stream = new FeatureStream(task, dataset.toIterableDataset(), {
      labels: 'required',
      features,
      rowsAtOnce: 4,
    });
    const whole = await task.prepare(dataset, { labels: 'required' });
    expect(whole.length).toBeGreaterThanOrEqual(rows.length);
    expect(await judge(stream.batches(5))).toEqual(await judge(inBatches(whole, 5)));
  });
});

test('what a task says is said once, with the rows that it is of', async () => {
  const { make, rows, own } = tried['question-answering'];
  const model = await make();
  onTestFinished(() => model.dispose());
  const dataset = Dataset.fromRows(rows as never) as unknown as Dataset;
  const task = taskFor(model, tinyTokenizer(), own);
  await task.adapt(dataset);
  const lines = gatherLog();
  const how = { labels: 'required', features: dataset.features, rowsAtOnce: 4 } as const;
  const stream = new FeatureStream(task, dataset.toIterableDataset(), how);
  for (let pass = 0; pass < 2; pass++) for await (const _ of stream.batches(3));
  expect(lines.filter((line) => line.includes('have more than'))).toEqual([
    expect.stringMatching(/^info: rows 1 to 4 of the stream: \d of 4 rows have more than 14 tokens/),
  ]);
});

test('texts that are joined are joined within a part, and masked as if numbered through', async () => {
  const model = await BertForMaskedLM.fromConfig(tinyConfig(), options);
  onTestFinished(() => model.dispose());
  const dataset = Dataset.fromRows(texts.map((text) => ({ text }))) as unknown as Dataset;
  const task = taskFor(model, tinyTokenizer(), { maxLength: 8 });
  const how = { labels: 'required', features: dataset.features, rowsAtOnce: 6 } as const;
  const numbers: number[] = [];
  for await (const { features } of new FeatureStream(task, dataset.toIterableDataset(), how).parts(0))
    numbers.push(...features.map((feature) => (feature as { row: number }).row));
  expect(numbers).toEqual(numbers.map((_, i) => i));
});
