import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadDataset } from '../../src/data/index.ts';
import { confusionMatrix, meanSquaredError, metricsFor } from '../../src/metrics/index.ts';

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
