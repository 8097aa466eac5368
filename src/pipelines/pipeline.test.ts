import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePipelineModels } from '../../test/testing/pipelineModels.ts';
import { BertForSequenceClassification } from '../models/bert/bertForSequenceClassification.ts';
import type { AggregationStrategy } from './entities.ts';
import { type Answer, type FilledMask, pipeline, type QuestionAndContext } from './index.ts';

type Values = Readonly<Record<string, unknown>>;

/** What Python's pipelines say (scripts/goldens/pipelines.ts). */
interface Golden {
  readonly inputs: {
    readonly text: readonly string[];
    readonly tokens: readonly string[];
    readonly questions: readonly QuestionAndContext[];
    readonly masks: readonly string[];
    readonly features: readonly string[];
  };
  readonly answers: {
    readonly text: readonly Values[][];
    readonly tokens: readonly { readonly strategy: AggregationStrategy; readonly entities: readonly Values[] }[];
    readonly questions: readonly (Values | readonly Values[])[];
    readonly masks: readonly unknown[];
    readonly features: readonly { readonly tokens: number; readonly mean: readonly number[] }[];
  };
}

let folder: string;
let golden: Golden;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-pipelines-'));
  await writePipelineModels(folder);
  golden = JSON.parse(await readFile(new URL('goldens/pipelines.json', import.meta.url), 'utf8')) as Golden;
});
afterAll(() => rm(folder, { recursive: true }));

const model = (name: string) => join(folder, name);
const one = { threads: 1 };

/** Equal but for the last digits of numbers: Python's scores are float32. */
function expectClose(got: unknown, wanted: unknown, place: string): void {
  if (typeof wanted === 'number' && !Number.isInteger(wanted)) {
    expect(Math.abs((got as number) - wanted), `${place}: ${String(got)} and ${wanted}`).toBeLessThan(2e-5);
  } else if (typeof wanted === 'object' && wanted !== null) {
    expect(Object.keys(got as object).sort(), place).toEqual(Object.keys(wanted).sort());
    for (const [key, value] of Object.entries(wanted)) expectClose((got as Values)[key], value, `${place}.${key}`);
  } else expect(got, place).toBe(wanted);
}

describe('the same answers as Python’s pipelines on 200 inputs', () => {
  test('text-classification', async () => {
    const ask = await pipeline('text-classification', model('text'), one);
    expectClose(await ask(golden.inputs.text, { topK: null }), golden.answers.text, 'text');
  });

  test('token-classification, with each way to group', async () => {
    const ask = await pipeline('token-classification', model('tokens'), one);
    for (const strategy of ['none', 'simple', 'first', 'average', 'max'] as const) {
      const places = golden.answers.tokens.flatMap((answer, i) => (answer.strategy === strategy ? [i] : []));
      const answers = await ask(
        places.map((i) => golden.inputs.tokens[i]),
        { aggregationStrategy: strategy },
      );
      expect(places.length).toBe(40);
      places.forEach((place, i) => {
        expectClose(answers[i], golden.answers.tokens[place].entities, `${strategy} ${place}`);
      });
    }
  });

  test('question-answering, over windows', async () => {
    const ask = await pipeline('question-answering', model('questions'), one);
    let windows = 0;
    for (let kind = 0; kind < 4; kind++) {
      const places = golden.inputs.questions.flatMap((_, i) => (i % 4 === kind ? [i] : []));
      const answers = await ask(
        places.map((i) => golden.inputs.questions[i]),
        { maxLength: 48, docStride: 12, handleImpossibleAnswer: kind === 3, topK: 1 + (kind % 2) },
      );
      places.forEach((place, i) => {
        if (golden.inputs.questions[place].context.length > 300) windows++;
        const wanted = golden.answers.questions[place];
        // Python gives a list of one as that one.
        const got = Array.isArray(answers[i]) && !Array.isArray(wanted) ? (answers[i] as Answer[])[0] : answers[i];
        expectClose(got, wanted, `questions ${place}`);
      });
    }
    expect(windows).toBeGreaterThan(50);
  });

  test('fill-mask', async () => {
    const ask = await pipeline('fill-mask', model('masks'), one);
    expectClose(await ask(golden.inputs.masks, { topK: 2 }), golden.answers.masks, 'masks');
  });

  test('feature-extraction', async () => {
    const ask = await pipeline('feature-extraction', model('features'), one);
    const pooled = await ask(golden.inputs.features, { pooling: 'mean' });
    const [texts, width] = pooled.dims;
    expect([texts, width]).toEqual([200, 16]);
    golden.answers.features.forEach(({ mean }, i) => {
      expectClose([...pooled.data.subarray(i * width, i * width + 6)], mean, `features ${i}`);
    });
    const all = await ask(golden.inputs.features[1]);
    expect(all.dims).toEqual([1, golden.answers.features[1].tokens, 16]);
    const unit = await ask(golden.inputs.features[1], { pooling: 'cls', normalize: true });
    expect(Math.hypot(...unit.data)).toBeCloseTo(1, 6);
    expect(unit.data[0] / unit.data[1]).toBeCloseTo(all.data[0] / all.data[1], 4);
  });
});

describe('shapes of input and output', () => {
  test('a text gets a list, several texts one label each, a stream answers in order', async () => {
    const ask = await pipeline('sentiment-analysis', model('text'), one);
    const texts = golden.inputs.text.slice(0, 5);
    const single = await ask(texts[0]);
    expect(single.map(({ label }) => label)).toEqual([golden.answers.text[0][0]['label']]);
    const labels = golden.answers.text.slice(0, 5).map(([{ label }]) => label);
    expect((await ask(texts)).map(({ label }) => label)).toEqual(labels);
    expect((await ask(texts, { topK: 2 })).map((answer) => (Array.isArray(answer) ? answer.length : 0))).toEqual(
      texts.map(() => 2),
    );
    async function* stream() {
      yield* texts;
    }
    const streamed: unknown[] = [];
    for await (const [{ label }] of ask(stream())) streamed.push(label);
    expect(streamed).toEqual(labels);
    expect(await ask([])).toEqual([]);
  });

  test('batches and their order change nothing but the last bits', async () => {
    const texts = golden.inputs.text.slice(0, 20);
    const wide = await pipeline('text-classification', model('text'), one);
    const narrow = await pipeline('text-classification', model('text'), { ...one, batchSize: 3 });
    expectClose(await narrow([...texts].reverse(), { topK: null }), (await wide(texts, { topK: null })).reverse(), 'x');
  });

  test('a model that is loaded, pairs, and other functions', async () => {
    const loaded = await BertForSequenceClassification.fromPretrained(model('text'), one);
    const ask = await pipeline('text-classification', loaded);
    expect(ask.model).toBe(loaded);
    const [pair] = await ask([{ text: 'Ada wrote', textPair: 'the program' }]);
    const [alone] = await ask(['Ada wrote']);
    expect(pair.score).not.toBe(alone.score);
    const [raw] = await ask('Ada wrote', { functionToApply: 'none' });
    const [sigmoid] = await ask('Ada wrote', { functionToApply: 'sigmoid' });
    expect(sigmoid.score).toBeCloseTo(1 / (1 + Math.exp(-raw.score)), 6);
  });

  test('words among targets', async () => {
    const ask = await pipeline('fill-mask', model('masks'), one);
    const filled = (await ask('Ada [MASK] first', { targets: ['old', 'ab'] })) as FilledMask[];
    expect(filled.map(({ token_str }) => token_str).sort()).toEqual(['ab', 'old']);
    await expect(ask('Ada [MASK]', { targets: ['unheardofness'] })).rejects.toThrow(/single word of the vocabulary/);
  });
});

describe('errors', () => {
  test.each([
    [
      'a task that there is not',
      () => pipeline('sentiment-analyses' as 'ner', 'x'),
      /did you mean 'sentiment-analysis'/,
    ],
    ['no model', () => pipeline('ner', undefined as never), /there is no model/],
    ['a batch size of 0', () => pipeline('ner', model('tokens'), { batchSize: 0 }), /batchSize/],
  ])('%s', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });

  test('inputs that cannot be', async () => {
    const ask = await pipeline('text-classification', model('text'), one);
    await expect(ask(['fine', 3 as never])).rejects.toThrow(
      /an input is no text, got 3, expected a string.*row 2|row 2/,
    );
    expect(() => ask('x', { topK: 0 })).toThrow(/topK/);
    const fill = await pipeline('fill-mask', model('masks'), one);
    await expect(fill('no mask here')).rejects.toThrow(/\[MASK\]/);
    const answer = await pipeline('question-answering', model('questions'), one);
    expect(() => answer('Who?' as never)).toThrow(/context/);
    const entities = await pipeline('ner', model('tokens'), one);
    expect(() => entities('x', { aggregationStrategy: 'mean' as never })).toThrow(/none, simple, first, average, max/);
  });
});
