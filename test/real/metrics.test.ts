import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadDataset } from '../../src/data/index.ts';
import {
  confusionMatrix,
  type EntityScores,
  meanSquaredError,
  metricsFor,
  seqeval,
  seqevalReport,
  squad,
  squadV2,
} from '../../src/metrics/index.ts';

const glue = fileURLToPath(new URL('../../../shared/data/glue/', import.meta.url));

/** The share of words two sentences have in common: a rule simple enough to be the same in Python. */
function overlap(a: string, b: string): number {
  const words = new Set(a.split(' '));
  const others = new Set(b.split(' '));
  const common = [...words].filter((word) => others.has(word)).length;
  return common / (words.size + others.size - common);
}

function scoresOf(task: string, predictions: number[], references: number[]): Record<string, number> {
  return Object.assign({}, ...metricsFor(task).map((metric) => metric.compute(predictions, references)));
}

// Expected numbers: scripts/goldens/metrics_real.py (scikit-learn, SciPy).
describe.skipIf(!existsSync(glue))("GLUE's metrics on real data (skipped without ../shared)", () => {
  test('MRPC: accuracy and F1', async () => {
    type Pair = { sentence1: string; sentence2: string; label: number };
    const pairs = await loadDataset<Pair>(glue, 'mrpc', { split: 'validation' });
    const labels = pairs.column('label').toArray();
    const guesses = [...pairs].map((row) => (overlap(row.sentence1, row.sentence2) > 0.4 ? 1 : 0));
    const scores = scoresOf('mrpc', guesses, labels);
    expect(scores['accuracy']).toBeCloseTo(0.7328431372549019, 9);
    expect(scores['f1']).toBeCloseTo(0.8149405772495756, 9);
    expect(confusionMatrix.compute(guesses, labels).matrix).toEqual([
      [59, 70],
      [39, 240],
    ]);
  });

  test('CoLA: Matthews', async () => {
    type Judged = { sentence: string; label: number };
    const rows = await loadDataset<Judged>(glue, 'cola', { split: 'validation' });
    const guesses = [...rows].map((row) => (row.sentence.split(' ').length < 9 ? 1 : 0));
    const scores = scoresOf('cola', guesses, rows.column('label').toArray());
    expect(scores['matthews_correlation']).toBeCloseTo(-0.005647971005421963, 9);
  });

  test('STS-B: Pearson, Spearman, squared error', async () => {
    type Scored = { sentence1: string; sentence2: string; label: number };
    const rows = await loadDataset<Scored>(glue, 'stsb', { split: 'validation' });
    const labels = rows.column('label').toArray();
    const guesses = [...rows].map((row) => overlap(row.sentence1, row.sentence2) * 5);
    const scores = scoresOf('stsb', guesses, labels);
    expect(scores['pearson']).toBeCloseTo(0.5453353752720232, 9);
    expect(scores['spearmanr']).toBeCloseTo(0.552380119138952, 9);
    expect(meanSquaredError.compute(guesses, labels).mse).toBeCloseTo(2.623733856465531, 9);
  });
});

const squadFolder = fileURLToPath(new URL('../../../shared/data/squad/', import.meta.url));

describe.skipIf(!existsSync(squadFolder))(
  'SQuAD: a published system on the development set (skipped without ../shared)',
  () => {
    interface Question {
      id: string;
      answers: { text: string }[];
    }
    interface SquadFile {
      data: { paragraphs: { qas: Question[] }[] }[];
    }
    const read = (name: string): unknown => JSON.parse(readFileSync(`${squadFolder}${name}`, 'utf8'));
    const questions = () =>
      (read('dev-v1.1.json') as SquadFile).data.flatMap(({ paragraphs }) => paragraphs.flatMap(({ qas }) => qas));
    const answers = () =>
      Object.entries(read('predictions-dev-v1.1/match-lstm-ensemble.json') as Record<string, string>).map(
        ([id, predictionText]) => ({ id, predictionText }),
      );

    test('as published, and as the official script to the last digits', () => {
      const scores = squad.compute(answers(), questions());
      expect(scores.exact_match).toBeCloseTo(67.6348, 4);
      expect(scores.f1).toBeCloseTo(76.7556, 4);
      expect(scores.exact_match).toBeCloseTo(67.63481551561021, 9);
      expect(scores.f1).toBeCloseTo(76.75556184979695, 9);
    });

    test('version 2 says the same where every question has an answer', () => {
      const scores = squadV2.compute(answers(), questions());
      expect(scores).toMatchObject({ total: 10570, HasAns_total: 10570, HasAns_f1: scores.f1 });
      expect(scores.exact).toBeCloseTo(67.63481551561021, 9);
      expect(scores.f1).toBeCloseTo(76.75556184979695, 9);
    });
  },
);

const wnut = fileURLToPath(new URL('../../../shared/data/wnut17/', import.meta.url));

describe.skipIf(!existsSync(wnut))(
  'WNUT-17: two published systems, as seqeval 1.2.2 (skipped without ../shared)',
  () => {
    type Row = Record<'precision' | 'recall' | 'f1-score' | 'support', number>;
    interface Expected {
      precision: number;
      recall: number;
      f1: number;
      report: Record<string, Row>;
    }
    /** The sentences' tags: blank lines between sentences, a token's tag behind the tabulator. */
    const tags = (name: string): string[][] =>
      readFileSync(`${wnut}${name}`, 'utf8')
        .replaceAll('\r', '')
        .trimEnd()
        .split(/\n\n+/)
        .map((sentence) => sentence.split('\n').map((line) => line.split('\t')[1]));
    const expected = existsSync(wnut)
      ? (JSON.parse(readFileSync(`${wnut}expected-seqeval-1.2.2.json`, 'utf8')) as Record<string, Expected>)
      : {};

    test.each(Object.keys(expected))('%s', (system) => {
      const references = tags('emerging.test.annotated');
      const predictions = tags(system);
      const { precision, recall, f1, report } = expected[system];
      const scores = seqeval.compute(predictions, references);
      expect(scores.overall_precision).toBeCloseTo(precision, 12);
      expect(scores.overall_recall).toBeCloseTo(recall, 12);
      expect(scores.overall_f1).toBeCloseTo(f1, 12);
      const ours = seqevalReport.compute(predictions, references);
      const rows: Record<string, EntityScores> = {
        ...ours.types,
        'micro avg': ours.micro,
        'macro avg': ours.macro,
        'weighted avg': ours.weighted,
      };
      expect(Object.keys(rows).sort()).toEqual(Object.keys(report).sort());
      for (const [name, row] of Object.entries(report)) {
        expect(rows[name].precision, name).toBeCloseTo(row.precision, 12);
        expect(rows[name].recall, name).toBeCloseTo(row.recall, 12);
        expect(rows[name].f1, name).toBeCloseTo(row['f1-score'], 12);
        expect(rows[name].support, name).toBe(row.support);
      }
    });

    test('there are two systems', () => expect(Object.keys(expected)).toHaveLength(2));
  },
);
