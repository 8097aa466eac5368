import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Dataset, loadDataset } from '../../src/data/index.ts';
import { BertForQuestionAnswering } from '../../src/models/bert/bertForQuestionAnswering.ts';
import { bertConfig } from '../../src/models/bert/configuration.ts';
import { QuestionAnswering } from '../../src/tasks/questionAnswering.ts';
import { answersIn } from '../../src/tasks/questionAnsweringColumns.ts';
import type { TaskOptions } from '../../src/tasks/task.ts';
import { BertTokenizer } from '../../src/tokenizers/index.ts';
import { type GoldenCase, type GoldenWindow, goldenLogits, goldenSpan, unitsOf } from '../testing/questionAnswering.ts';
import { gatherLog } from '../testing/tiny.ts';
import { hasShared, shared, skipNote } from './shared.ts';

const golden = JSON.parse(readFileSync(new URL('goldens/squad.json', import.meta.url), 'utf8')) as {
  readonly every: number;
  readonly cases: readonly GoldenCase<GoldenWindow & { readonly sum: string; readonly tokens: number }>[];
};

/** Every so many-th question of SQuAD's development set, without answers where the goldens have none. */
async function rows(): Promise<Dataset> {
  const all = await loadDataset(join(shared, 'data/squad/dev-v1.1.json'), { split: 'train' });
  const picked = all.select(Array.from({ length: Math.ceil(all.length / golden.every) }, (_, i) => i * golden.every));
  return picked.map((row, i) => (i % 4 === 3 ? { ...row, answers: { text: [], answer_start: [] } } : row)) as Dataset;
}

/** The task with a model too small to be of use: its logits are the goldens'. */
async function taskOf(tokenizer: BertTokenizer, options: TaskOptions): Promise<QuestionAnswering> {
  const model = await BertForQuestionAnswering.fromConfig(
    bertConfig({
      vocabSize: tokenizer.size,
      hiddenSize: 2,
      numHiddenLayers: 1,
      numAttentionHeads: 1,
      intermediateSize: 2,
      maxPositionEmbeddings: 512,
    }),
    { threads: 1 },
  );
  onTestFinished(() => model.dispose());
  return new QuestionAnswering(model, tokenizer, options);
}

describe.skipIf(!hasShared)(`133 questions of SQuAD${skipNote}`, () => {
  describe.each(golden.cases)('in windows of $maxLength tokens that share $docStride', (expected) => {
    const { maxLength, docStride } = expected;

    test("tokens, offsets and answer positions are Python's", async () => {
      gatherLog();
      const tokenizer = await BertTokenizer.fromPretrained(join(shared, 'models/all-MiniLM-L6-v2'));
      const task = await taskOf(tokenizer, { maxLength, docStride, versionTwoWithNegative: true });
      const dataset = await rows();
      const features = await task.prepare(dataset, { labels: 'required' });
      expect(features.map(({ row, answer }) => ({ row: row.index, ...answer }))).toEqual(
        expected.features.map((window) => ({ row: window.row, ...goldenSpan(window) })),
      );
      // The windows again, by the tokenizer alone, for their offsets.
      const texts = (column: string) => [...dataset.column(column)] as string[];
      const { encodings } = tokenizer(texts('question'), texts('context'), {
        truncation: 'only_second',
        maxLength,
        stride: docStride,
        returnOverflowingTokens: true,
      });
      const sums = encodings.map((encoding, i) => {
        expect([...encoding.ids]).toEqual([...features[i].ids]);
        const text = `${[...encoding.ids].join()}|${encoding.codePointOffsets.flat().join()}`;
        return createHash('sha1').update(text).digest('hex').slice(0, 16);
      });
      expect(sums).toEqual(expected.features.map(({ sum }) => sum));
    });

    test.each(['v1', 'v2'] as const)("%s: answers and their options are Python's", async (version) => {
      gatherLog();
      const tokenizer = await BertTokenizer.fromPretrained(join(shared, 'models/all-MiniLM-L6-v2'));
      const options = { maxLength, docStride, versionTwoWithNegative: version === 'v2' };
      const task = await taskOf(tokenizer, options);
      const dataset = await rows();
      const features = await task.prepare(dataset, { labels: 'optional' });
      const evaluator = task.evaluator();
      features.forEach((feature, i) => {
        const data = goldenLogits(i, feature.ids.length);
        evaluator.add({ logits: { type: 'float32', dims: [data.length / 2, 2], data } }, [feature]);
      });
      const { answers = [] } = evaluator.prediction();
      expect(answers).toHaveLength(expected[version].length);
      answers.forEach((said, i) => {
        const context = dataset.column('context').at(i) as string;
        const { answer, difference, options, best } = expected[version][i];
        expect([said.start, said.end]).toEqual(unitsOf(context, answer[0], answer[1]));
        expect(said.predictionText).toBe(context.slice(said.start, said.end));
        expect(said.nBest).toHaveLength(options);
        if (difference !== undefined) expect(said.nullScoreDiff).toBeCloseTo(difference, 4);
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

  test('all answers of the development set stand where they say', async () => {
    const dataset = await loadDataset(join(shared, 'data/squad/dev-v1.1.json'), { split: 'train' });
    expect(dataset.length).toBe(10570);
    const contexts = dataset.column('context');
    const answers = dataset.column('answers');
    let checked = 0;
    for (let row = 0; row < dataset.length; row++) {
      const context = [...(contexts.at(row) as string)];
      const { text, answerStart } = answersIn(answers.at(row))!;
      text.forEach((answer, i) => {
        expect(context.slice(answerStart[i], answerStart[i] + [...answer].length).join('')).toBe(answer);
        checked++;
      });
    }
    expect(checked).toBeGreaterThan(30000);
  });
});
