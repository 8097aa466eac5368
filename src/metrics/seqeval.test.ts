import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configureLog } from '../core/log.ts';
import { type EntityScheme, type EntityScores, type SeqevalReport, seqeval, seqevalReport } from './index.ts';

type Four = [precision: number, recall: number, f1: number, support: number];
interface Mode {
  types: Record<string, Four>;
  micro: Four;
  macro: Four;
  weighted: Four;
}
interface Case {
  name: string;
  suffix: boolean;
  zeroDivision: 0 | 1;
  references: string[][];
  predictions: string[][];
  accuracy: number;
  default?: Mode;
  strict?: Mode;
}

/** Scores by seqeval 1.2.2: scripts/goldens/metrics_seqeval.py. */
const goldens = JSON.parse(readFileSync(new URL('./goldens/seqeval.json', import.meta.url), 'utf8')) as Case[];

function close(actual: EntityScores, expected: Four, what: string): void {
  const ours = [actual.precision, actual.recall, actual.f1, actual.support];
  expected.forEach((value, k) => {
    expect(Math.abs(ours[k] - value), `${what}: ${ours.join(' ')} against ${expected.join(' ')}`).toBeLessThan(1e-9);
  });
}

function closeReport(report: SeqevalReport, mode: Mode): void {
  expect(Object.keys(report.types).sort()).toEqual(Object.keys(mode.types).sort());
  for (const [type, scores] of Object.entries(mode.types)) close(report.types[type], scores, type);
  for (const key of ['micro', 'macro', 'weighted'] as const) close(report[key], mode[key], key);
}

test.each(goldens.map((golden, number) => ({ ...golden, number })))(
  'as seqeval: $number, $name, suffix $suffix, zeroDivision $zeroDivision',
  (golden) => {
    const { predictions, references, suffix, zeroDivision } = golden;
    if (golden.default !== undefined) {
      const report = seqevalReport.compute(predictions, references, { suffix, zeroDivision });
      closeReport(report, golden.default);
      expect(report.accuracy).toBeCloseTo(golden.accuracy, 12);
      for (const average of ['micro', 'macro', 'weighted'] as const) {
        const options = { suffix, zeroDivision, average, entityLevelMetrics: true };
        const flat = seqeval.compute(predictions, references, options);
        expect(flat.overall_f1).toBe(report[average].f1);
        expect(flat.overall_precision).toBe(report[average].precision);
        expect(flat.overall_recall).toBe(report[average].recall);
        expect(flat.overall_accuracy).toBe(report.accuracy);
        for (const [type, { f1, support }] of Object.entries(report.types)) {
          expect([flat[`${type}_f1`], flat[`${type}_number`]]).toEqual([f1, support]);
        }
      }
    }
    if (golden.strict !== undefined) {
      const options = { suffix, zeroDivision, mode: 'strict' as const, scheme: golden.name as EntityScheme };
      closeReport(seqevalReport.compute(predictions, references, options), golden.strict);
    }
  },
);

const tag = fc.constantFrom('O', 'O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC');
const sentence = fc.array(fc.tuple(tag, tag), { minLength: 1, maxLength: 8 });
const table = fc.array(sentence, { minLength: 1, maxLength: 8 });
const split = (sentences: readonly (readonly [string, string])[][]): [string[][], string[][]] => [
  sentences.map((tokens) => tokens.map(([prediction]) => prediction)),
  sentences.map((tokens) => tokens.map(([, reference]) => reference)),
];

describe('properties', () => {
  test('scores are in [0, 1]; the truth scores 1; neither order nor batches matter', () => {
    fc.assert(
      fc.property(table, fc.nat(8), fc.boolean(), (sentences, cut, strict) => {
        const options = strict ? ({ mode: 'strict', scheme: 'IOB2' } as const) : {};
        const [predictions, references] = split(sentences);
        const whole = seqevalReport.compute(predictions, references, options);
        for (const { precision, recall, f1 } of [whole.micro, whole.macro, whole.weighted]) {
          for (const score of [precision, recall, f1]) {
            expect(score).toBeGreaterThanOrEqual(0);
            expect(score).toBeLessThanOrEqual(1 + 1e-12);
          }
        }
        const running = seqevalReport.create(options);
        running.add(predictions.slice(cut), references.slice(cut));
        running.add(predictions.slice(0, cut), references.slice(0, cut));
        expect(running.compute()).toEqual(whole);
        const told = seqevalReport.compute(references, references, options);
        const entities = Object.keys(told.types).length;
        expect(told.micro.f1).toBe(entities === 0 ? 0 : 1);
        expect(told.macro.f1).toBe(entities === 0 ? 0 : 1);
        expect(told.accuracy).toBe(1);
      }),
      { numRuns: 100 },
    );
  });
});

test('strict mode does not count an entity without its beginning; the default does', () => {
  const rows: [string[][], string[][]] = [[['I-PER', 'O']], [['I-PER', 'O']]];
  expect(seqeval.compute(...rows).overall_f1).toBe(1);
  expect(seqeval.compute(...rows, { mode: 'strict', scheme: 'IOB2' }).overall_f1).toBe(0);
});

describe('what cannot be scored is refused or said', () => {
  test('lengths, inside a sentence too; no tags', () => {
    expect(() => seqeval.compute([['O']], [])).toThrow(/\[seqeval\].*different lengths, got 1, expected 0 predictions/);
    const running = seqeval.create();
    running.add([['O']], [['O']]);
    expect(() => running.add([['O']], [['O', 'O']])).toThrow(/different lengths \(row 2\), got 1, expected 2 pred/);
    expect(() => seqeval.compute([['']], [['O']])).toThrow(/a token has no tag \(row 1\), got ''/);
    expect(() => seqeval.compute([[]], [[]])).toThrow('[seqeval] there are no tokens to score');
  });

  test('modes and schemes', () => {
    expect(() => seqeval.create({ scheme: 'IOB2' })).toThrow(/means nothing without mode 'strict'/);
    expect(() => seqeval.create({ mode: 'strict' })).toThrow(/needs a scheme, expected one of IOB1, IOB2/);
    const wrong = JSON.parse('{"mode":"strict","scheme":"IOBS"}');
    expect(() => seqeval.create(wrong)).toThrow(/no such scheme, got 'IOBS'.*did you mean 'IOB1'/);
    expect(() => seqeval.create(JSON.parse('{"average":"binary"}'))).toThrow(/no such average, got 'binary'/);
    expect(() => seqeval.compute([['E-PER']], [['O']], { mode: 'strict', scheme: 'IOB2' })).toThrow(
      /a tag does not belong to the scheme IOB2 \(row 1\), got 'E-PER', expected one of the prefixes I, O, B/,
    );
  });

  test('a tag that is none is said once', () => {
    const said: string[] = [];
    const restore = configureLog({ sink: (_, message) => said.push(message) });
    seqeval.compute([['U-PER', 'U-PER']], [['O', 'O']]);
    restore();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("'U-PER' (row 1) does not look like an entity tag");
  });
});
