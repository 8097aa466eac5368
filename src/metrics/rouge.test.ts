import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type RougeType, rouge, rougeScores } from './index.ts';
import { porterStem } from './porterStemmer.ts';

type Three = [precision: number, recall: number, fmeasure: number];
interface Row {
  prediction: string;
  references: string[];
  words: Record<string, Three>;
  stems: Record<string, Three>;
}

/** Scores by rouge_score, stems by NLTK: scripts/goldens/metrics_rouge.py. */
const goldens = JSON.parse(readFileSync(new URL('./goldens/rouge.json', import.meta.url), 'utf8')) as {
  stems: string;
  rows: Row[];
};

test("stems are NLTK's", () => {
  const words = goldens.stems.split(' ');
  expect(words.length).toBeGreaterThan(5000);
  for (let i = 0; i < words.length; i += 2) expect(porterStem(words[i]), words[i]).toBe(words[i + 1]);
});

test.each(['words', 'stems'] as const)('as rouge_score, by %s', (kind) => {
  const rougeTypes = Object.keys(goldens.rows[0][kind]) as RougeType[];
  const options = { rougeTypes, useStemmer: kind === 'stems' };
  const sums = Object.fromEntries(rougeTypes.map((type) => [type, 0]));
  for (const { prediction, references, [kind]: expected } of goldens.rows) {
    const scores = rougeScores(prediction, references, options);
    for (const [type, [precision, recall, fmeasure]] of Object.entries(expected)) {
      const what = `${type} of ${JSON.stringify({ prediction, references })}`;
      expect(scores[type].precision, what).toBeCloseTo(precision, 12);
      expect(scores[type].recall, what).toBeCloseTo(recall, 12);
      expect(scores[type].fmeasure, what).toBeCloseTo(fmeasure, 12);
      sums[type] += fmeasure;
    }
  }
  const mean = rouge.compute(
    goldens.rows.map(({ prediction }) => prediction),
    goldens.rows.map(({ references }) => references),
    options,
  );
  for (const type of rougeTypes) expect(mean[type]).toBeCloseTo(sums[type] / goldens.rows.length, 12);
});

const word = fc.constantFrom('the', 'cat', 'cats', 'sat', 'on', 'mat', '\n');
const text = fc.array(word, { minLength: 1, maxLength: 10 }).map((words) => words.join(' '));
const rows = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 6 });

test('scores are in [0, 1]; the reference itself scores 1; neither order nor batches matter', () => {
  fc.assert(
    fc.property(rows, fc.nat(6), (pairs, cut) => {
      const predictions = pairs.map(([prediction]) => prediction);
      const references = pairs.map(([, reference]) => reference);
      const whole = rouge.compute(predictions, references);
      const running = rouge.create();
      running.add(predictions.slice(cut), references.slice(cut));
      running.add(predictions.slice(0, cut), references.slice(0, cut));
      const parts = running.compute();
      for (const [type, score] of Object.entries(whole)) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1 + 1e-12);
        expect(parts[type]).toBeCloseTo(score, 12);
      }
      for (const reference of references.filter((one) => /\w/.test(one))) {
        const scores = rougeScores(reference, reference);
        expect([scores['rouge1'].fmeasure, scores['rougeL'].fmeasure, scores['rougeLsum'].fmeasure]).toEqual([1, 1, 1]);
      }
    }),
    { numRuns: 50 },
  );
});

describe('what cannot be scored is refused, with its row', () => {
  test('types, references, texts', () => {
    expect(() => rouge.create(JSON.parse('{"rougeTypes":["rougeLsun"]}'))).toThrow(
      /no such type of ROUGE, got 'rougeLsun'.*did you mean 'rougeLsum'/,
    );
    expect(() => rouge.compute(['a', 'b'], ['a', []])).toThrow(/a row has no reference \(row 2\)/);
    expect(() => rouge.compute(JSON.parse('[1]'), ['a'])).toThrow(/a row is no text \(row 1\), got '1'/);
    expect(() => rouge.compute(JSON.parse('[null]'), ['a'])).toThrow(/a row is no text \(row 1\), got 'null'/);
    expect(() => rouge.compute(['a'], [])).toThrow(/different lengths, got 1, expected 0/);
    expect(() => rougeScores('a', [])).toThrow(/there is no reference/);
  });
});
