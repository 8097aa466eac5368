import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SquadPrediction, type SquadReference, squad, squadV2 } from './index.ts';
import { answerTokens } from './squadText.ts';

interface Row {
  id: string;
  prediction: string;
  answers: string[];
  probability?: number;
}

/** Scores by transformers' port of the official script: scripts/goldens/metrics_squad.py. */
const goldens = JSON.parse(readFileSync(new URL('./goldens/squad.json', import.meta.url), 'utf8')) as {
  normalized: [string, string][];
  v1: { rows: Row[]; scores: Record<string, number> }[];
  v2: { name: string; threshold: number; rows: Row[]; scores: Record<string, number> }[];
};

const predictionsOf = (rows: readonly Row[]): SquadPrediction[] =>
  rows.map(({ id, prediction, probability }) => ({ id, predictionText: prediction, noAnswerProbability: probability }));
const referencesOf = (rows: readonly Row[]): SquadReference[] =>
  rows.map(({ id, answers }) => ({ id, answers: { text: answers } }));

function close(actual: Readonly<Record<string, number>>, expected: Readonly<Record<string, number>>): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs(actual[name] - value), `${name}: ${actual[name]} against ${value}`).toBeLessThan(1e-9);
  }
}

test('answers are normalised as the official script does, in any script', () => {
  for (const [text, normalized] of goldens.normalized) {
    expect(answerTokens(text).join(' '), JSON.stringify(text)).toBe(normalized);
  }
});

test.each(goldens.v1)('SQuAD 1.1 as the official script, $rows.length questions', ({ rows, scores }) => {
  close({ ...squad.compute(predictionsOf(rows), referencesOf(rows)) }, scores);
});

test.each(goldens.v2)('SQuAD 2.0 as the official script: $name', ({ rows, scores, threshold }) => {
  close(squadV2.compute(predictionsOf(rows), referencesOf(rows), { noAnswerThreshold: threshold }), scores);
});

const word = fc.constantFrom('the', 'cat', 'Cat', 'sat', 'a', 'mat.', '!');
const answer = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
const row = fc.record({
  prediction: answer,
  answers: fc.array(answer, { minLength: 1, maxLength: 3 }),
  probability: fc.double({ min: 0, max: 1, noNaN: true }),
});
const table = fc
  .uniqueArray(row, { minLength: 1, maxLength: 12, selector: ({ probability }) => probability })
  .map((rows) => rows.map((one, i): Row => ({ id: `q${i}`, ...one })));

describe('properties', () => {
  test('scores are in [0, 100], exact match at most F1; the truth scores 100', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const v2 = squadV2.compute(predictionsOf(rows), referencesOf(rows));
        expect(v2.exact).toBeGreaterThanOrEqual(0);
        expect(v2.f1).toBeLessThanOrEqual(100 + 1e-9);
        expect(v2.exact).toBeLessThanOrEqual(v2.f1 + 1e-9);
        expect(v2['best_exact']).toBeGreaterThanOrEqual(v2.exact - 1e-9);
        const told = rows.map((one) => ({ ...one, prediction: one.answers[0] }));
        expect(squad.compute(predictionsOf(told), referencesOf(told)).exact_match).toBe(100);
      }),
      { numRuns: 50 },
    );
  });

  test('neither the order of rows nor the batches matter', () => {
    fc.assert(
      fc.property(table, fc.nat(12), (rows, cut) => {
        const back = [...rows].reverse();
        close(
          squadV2.compute(predictionsOf(back), referencesOf(back)),
          squadV2.compute(predictionsOf(rows), referencesOf(rows)),
        );
        const running = squad.create();
        running.add(predictionsOf(rows.slice(0, cut)), referencesOf(rows.slice(0, cut)));
        running.add(predictionsOf(rows.slice(cut)), referencesOf(rows.slice(cut)));
        close({ ...running.compute() }, { ...squad.compute(predictionsOf(rows), referencesOf(rows)) });
      }),
      { numRuns: 50 },
    );
  });
});

test('ids pair rows that stand in another order; the form of SQuAD files is taken', () => {
  const predictions = [
    { id: 'a', predictionText: 'one' },
    { id: 'b', predictionText: 'two' },
  ];
  const references = [
    { id: 'b', answers: [{ text: 'Two' }] },
    { id: 'a', answers: [{ text: 'one' }, { text: '1' }] },
  ];
  expect(squad.compute(predictions, references)).toEqual({ exact_match: 100, f1: 100 });
  const nameless = references.map(({ answers }) => ({ answers }));
  expect(squad.compute(predictions, nameless)).toEqual({ exact_match: 0, f1: 0 });
});

test('two answers without words: an exact match in both versions, F1 in 2.0 only', () => {
  const rows: [SquadPrediction[], SquadReference[]] = [[{ predictionText: 'the' }], [{ answers: { text: ['A'] } }]];
  expect(squad.compute(...rows)).toEqual({ exact_match: 100, f1: 0 });
  expect(squadV2.compute(...rows)).toMatchObject({ exact: 100, f1: 100 });
});

describe('what cannot be scored is refused, with its row', () => {
  const answers = { text: ['x'] };

  test('lengths, questions without answer, no text', () => {
    expect(() => squad.compute([], [])).toThrow('[squad] there are no rows to score');
    expect(() => squad.compute([], [{ answers }])).toThrow(/different lengths, got 0, expected 1 predictions/);
    expect(() => squad.compute([{ predictionText: 'x' }], [{ answers: { text: [] } }])).toThrow(
      /a question has no true answer \(row 1\), expected at least one; use the metric 'squad_v2'/,
    );
    const running = squadV2.create();
    running.add([{ predictionText: 'x' }], [{ answers }]);
    expect(() => running.add(JSON.parse('[{"prediction_text":"x"}]'), [{ answers }])).toThrow(
      /\[squad_v2\] a prediction has no answer text \(row 2\)/,
    );
  });

  test('ids that do not fit', () => {
    const a = { id: 'a', predictionText: 'x' };
    expect(() => squad.compute([a], [{ id: 'b', answers }])).toThrow(/no question.*\(row 1\), got 'a'/);
    const b = { id: 'b', answers };
    expect(() => squad.compute([a, a], [{ id: 'a', answers }, b])).toThrow(/the second for it \(row 2\), got 'a'/);
    expect(() => squad.compute([a, a], [b, b])).toThrow(/a question comes twice \(row 2\), got 'b'/);
  });

  test('probabilities of some predictions only', () => {
    const some = [{ predictionText: 'x', noAnswerProbability: 0.1 }, { predictionText: 'x' }];
    expect(() => squadV2.compute(some, [{ answers }, { answers }])).toThrow(/some have none \(row 2\), got 'none'/);
  });
});
