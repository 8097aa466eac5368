import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type GoldenCase,
  type GoldenWindow,
  goldenLogits,
  goldenSpan,
  unitsOf,
} from '../../test/testing/questionAnswering.ts';
import { gatherLog } from '../../test/testing/tiny.ts';
import type { DataError } from '../core/errors.ts';
import { Dataset } from '../data/index.ts';
import { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import { bertConfig } from '../models/bert/configuration.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { QuestionAnswering } from './questionAnswering.ts';
import type { QuestionAnsweringFeature } from './questionAnsweringFeatures.ts';
import type { TaskOptions } from './task.ts';
import { taskOfArchitecture, taskOfColumns } from './taskFor.ts';

interface GoldenRow {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  readonly answers: { readonly text: readonly string[]; readonly answer_start: readonly number[] };
}

const golden = JSON.parse(readFileSync(new URL('goldens/questionAnswering.json', import.meta.url), 'utf8')) as {
  readonly vocab: readonly string[];
  readonly rows: readonly GoldenRow[];
  readonly cases: readonly GoldenCase<
    GoldenWindow & { readonly ids: number[]; readonly typeIds: number[]; readonly offsets: number[] }
  >[];
};
const tokenizer = new BertTokenizer({ vocab: golden.vocab });
const rowsOf = (rows: readonly object[]) => Dataset.fromRows(rows as { id: string }[]) as unknown as Dataset;

async function taskOf(options: TaskOptions = {}, maxPositionEmbeddings = 384): Promise<QuestionAnswering> {
  const model = await BertForQuestionAnswering.fromConfig(
    bertConfig({
      vocabSize: golden.vocab.length,
      hiddenSize: 8,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 8,
      maxPositionEmbeddings,
    }),
    { threads: 1 },
  );
  onTestFinished(() => model.dispose());
  return new QuestionAnswering(model, tokenizer, options);
}

/** Feeds an evaluator with the goldens' logits, in batches of `size` windows. */
function answer(task: QuestionAnswering, features: readonly QuestionAnsweringFeature[], size = 3) {
  const evaluator = task.evaluator();
  for (let start = 0; start < features.length; start += size) {
    const batch = features.slice(start, start + size);
    const data = Float32Array.from(batch.flatMap(({ ids }, i) => [...goldenLogits(start + i, ids.length)]));
    evaluator.add({ logits: { type: 'float32', dims: [data.length / 2, 2], data } }, batch);
  }
  return { answers: evaluator.prediction().answers ?? [], evaluator };
}

const one = {
  question: 'Who lives?',
  context: 'Ada lives in the city.',
  answers: { text: ['Ada'], answer_start: [0] },
};

describe.each(golden.cases)('windows of $maxLength tokens that share $docStride', (expected) => {
  const { maxLength, docStride } = expected;

  test("have Python's ids, types and positions", async () => {
    gatherLog();
    const task = await taskOf({ maxLength, docStride });
    const dataset = rowsOf(golden.rows);
    await task.adapt(dataset);
    const features = await task.prepare(dataset, { labels: 'required' });
    expect(
      features.map(({ ids, typeIds, row, answer }) => ({
        row: row.index,
        ids: [...ids],
        typeIds: [...typeIds],
        ...answer,
      })),
    ).toEqual(
      expected.features.map((window) => ({
        row: window.row,
        ids: window.ids,
        typeIds: window.typeIds,
        ...goldenSpan(window),
      })),
    );
    // What the positions say, read back, is the answer and whatever its tokens hold beside it.
    for (const {
      row,
      context: [from],
      firstToken,
      answer: span,
    } of features) {
      const { context, answers } = golden.rows[row.index];
      if (span === undefined || span.start === 0) continue;
      const [encoding] = tokenizer(context, { addSpecialTokens: false }).encodings;
      const [start, end] = [span.start, span.end].map((token) => firstToken + token - from);
      expect(context.slice(encoding.offsets[start][0], encoding.offsets[end][1])).toContain(answers.text[0]);
    }
  });

  test.each(['v1', 'v2'] as const)("%s: answers, options and score differences are Python's", async (version) => {
    gatherLog();
    const task = await taskOf({ maxLength, docStride, versionTwoWithNegative: version === 'v2' });
    const features = await task.prepare(rowsOf(golden.rows), { labels: 'optional' });
    const { answers } = answer(task, features);
    expect(answers.map(({ id }) => id)).toEqual(golden.rows.map(({ id }) => id));
    answers.forEach((said, i) => {
      const { answer, text, difference, options, best } = expected[version][i];
      const { context } = golden.rows[i];
      expect(said.predictionText).toBe(text);
      expect([said.start, said.end]).toEqual(unitsOf(context, answer[0], answer[1]));
      expect(context.slice(said.start, said.end)).toBe(text);
      if (difference === undefined) expect(said.nullScoreDiff).toBeUndefined();
      else expect(said.nullScoreDiff).toBeCloseTo(difference, 5);
      expect(said.nBest).toHaveLength(options);
      best.forEach(([start, end, startLogit, endLogit, probability], k) => {
        const option = said.nBest[k];
        expect([option.start, option.end]).toEqual(unitsOf(context, start, end));
        expect(option.startLogit).toBeCloseTo(startLogit, 5);
        expect(option.endLogit).toBeCloseTo(endLogit, 5);
        expect(option.probability).toBeCloseTo(probability, 5);
      });
    });
  });
});

describe('the data', () => {
  test('is known by its columns, and so is the checkpoint by its head', () => {
    expect(taskOfColumns(rowsOf([one]).features)).toBe('question-answering');
    expect(taskOfColumns(rowsOf([{ text: 'a', label: 1 }]).features)).toBe('text-classification');
    expect(taskOfArchitecture('BertForQuestionAnswering')).toBe('question-answering');
    expect(taskOfArchitecture('BertModel')).toBeUndefined();
  });

  test('may have other names for its columns, answers as a list of objects, and no ids', async () => {
    const log = gatherLog();
    const task = await taskOf({ columns: { question: 'q', context: 'passage', answers: 'spans' } });
    const dataset = rowsOf([
      { q: one.question, passage: one.context, spans: [{ text: 'Ada', answer_start: 0 }], x: 1 },
    ]);
    await task.adapt(dataset);
    const [feature] = await task.prepare(dataset, { labels: 'required' });
    expect(feature.answer).toEqual({ start: 5, end: 5 });
    expect(log).toEqual(["info: columns: question 'q', context 'passage', answers 'spans'; not used: 'x'"]);
    const { answers, evaluator } = answer(task, [feature]);
    expect(answers[0].id).toBe('1');
    expect(Object.keys(evaluator.metrics())).toEqual(['exact_match', 'f1']);
  });

  test('may count starts in UTF-16 units where the text stands there, which is said', async () => {
    const log = gatherLog();
    const task = await taskOf();
    const context = 'The 😀😀 king lives.';
    const at = (start: number) => rowsOf([{ ...one, context, answers: { text: ['king'], answer_start: [start] } }]);
    const [units] = await task.prepare(at(context.indexOf('king')), { labels: 'required' });
    expect(log.at(-1)).toMatch(/^info: 1 answers have starts that count UTF-16 units/);
    const [points] = await task.prepare(at([...context.slice(0, context.indexOf('king'))].length), {
      labels: 'required',
    });
    expect(units.answer).toEqual(points.answer);
    expect(tokenizer.convertIdsToTokens([units.ids[units.answer!.start]])).toEqual(['king']);
  });

  test('with questions that have no answer turns version two on, and says so', async () => {
    const log = gatherLog();
    const task = await taskOf();
    const dataset = rowsOf([one, { ...one, answers: { text: [], answer_start: [] } }]);
    await task.adapt(dataset);
    const features = await task.prepare(dataset, { labels: 'required' });
    expect(log).toContain('info: row 2 has no answer: versionTwoWithNegative is on, questions may have none');
    expect(features[1].answer).toEqual({ start: 0, end: 0 });
    const { answers, evaluator } = answer(task, features);
    const metrics = evaluator.metrics();
    expect(Object.keys(metrics)).toEqual(
      expect.arrayContaining([
        'exact',
        'f1',
        'total',
        'HasAns_exact',
        'NoAns_exact',
        'best_exact',
        'best_exact_thresh',
      ]),
    );
    // Two answers: no threshold is better than one that lets each be right or wrong by itself.
    expect(metrics['best_exact']).toBeGreaterThanOrEqual(metrics['exact']);
    expect(answers.every(({ nullScoreDiff }) => typeof nullScoreDiff === 'number')).toBe(true);
    expect([...evaluator.prediction().labelIds.data]).toEqual([1n, 0n]);
  });
});

describe('errors name the row', () => {
  const failure = async (
    rows: readonly object[],
    options: TaskOptions = {},
    labels: 'required' | 'optional' = 'required',
  ) => {
    gatherLog();
    const task = await taskOf(options);
    return (await task.prepare(rowsOf(rows), { labels }).then(
      () => expect.unreachable(),
      (error: unknown) => error,
    )) as DataError;
  };

  test('of an answer that is not in its context', async () => {
    const wrong = await failure([one, { ...one, answers: { text: ['lives'], answer_start: [5] } }]);
    expect(wrong).toMatchObject({ code: 'ERR_ANSWER', row: 2, column: 'answers' });
    expect(wrong.message).toContain("the answer 'lives' does not stand in its context at 5");
    expect(wrong.message).toContain('expected its start, 4');
    const outside = await failure([{ ...one, answers: { text: ['Ada'], answer_start: [99] } }]);
    expect(outside.message).toContain("got 'a context of 22 characters'");
    expect((await failure([{ ...one, answers: { text: [''], answer_start: [0] } }])).message).toContain('has no text');
    // The second of several is checked too.
    const second = await failure([{ ...one, answers: { text: ['Ada', 'Bo'], answer_start: [0, 3] } }]);
    expect(second).toMatchObject({ code: 'ERR_ANSWER', row: 1 });
  });

  test('of an empty or missing text, and of answers that are missing', async () => {
    expect(await failure([one, { ...one, question: '  ' }])).toMatchObject({
      code: 'ERR_MISSING_TEXT',
      row: 2,
      column: 'question',
    });
    expect(await failure([one, { ...one, context: null }])).toMatchObject({
      code: 'ERR_MISSING_TEXT',
      column: 'context',
    });
    expect(await failure([one, { ...one, answers: null }])).toMatchObject({ code: 'ERR_LABEL', row: 2 });
    expect(await failure([one, { ...one, answers: { text: [], answer_start: [] } }])).toMatchObject({
      code: 'ERR_NO_ANSWER',
      row: 2,
    });
    const { answers: _, ...unlabelled } = one;
    expect(await failure([unlabelled])).toMatchObject({ code: 'ERR_NO_LABELS' });
  });

  test('of a question that leaves no room for the context', async () => {
    const long = { ...one, question: 'Who lives in the city and in the house of the king and of the queen?' };
    expect(await failure([one, long], { maxLength: 20, docStride: 4 })).toMatchObject({
      code: 'ERR_LONG_QUESTION',
      row: 2,
    });
    expect(
      await failure([one, { ...long, question: 'Who?' }], { maxLength: 10, docStride: 1, truncation: false }),
    ).toMatchObject({
      code: 'ERR_TOO_LONG',
      row: 1,
    });
  });

  test('or the columns and options', async () => {
    expect((await failure([{ questions: 'a', context: 'b' }])).message).toBe(
      "[question-answering] there is no column 'question', expected one of questions, context; did you mean 'questions'?",
    );
    expect((await failure([{ ...one, answers: 'Ada' }])).message).toContain(
      'expected { text: [...], answer_start: [...] }',
    );
    expect((await failure([one], { columns: { text: 'context' } })).message).toContain(
      "question answering reads no column for 'text'",
    );
    await expect(taskOf({ maxLength: 64, docStride: 61 })).rejects.toThrow(/docStride leaves no step/);
    await expect(taskOf({ maxLength: 999 })).rejects.toThrow(/maxLength is more than the model can take/);
    // Where nobody says, the stride is a third of a short window.
    expect((await taskOf({}, 90)).docStride).toBe(30);
  });
});

test('answers of rows that nobody can judge have no scores', async () => {
  const log = gatherLog();
  const task = await taskOf({ versionTwoWithNegative: false });
  const features = await task.prepare(rowsOf([one, { ...one, answers: { text: [], answer_start: [] } }]), {
    labels: 'optional',
  });
  expect(answer(task, features).evaluator.metrics()).toEqual({});
  expect(log.at(-1)).toMatch(/^warn: questions without an answer are not judged/);
});
