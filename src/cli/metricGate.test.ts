import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { fettle } from '../../test/testing/commandLine.ts';
import { temporaryFolder, toyTexts, writeTinyModel } from '../../test/testing/tiny.ts';
import { configureLog } from '../core/log.ts';
import { loadDataset } from '../data/index.ts';

beforeEach(() => configureLog({ level: 'silent' }));

async function workplace() {
  const folder = await temporaryFolder();
  const [model, data, out] = ['model', 'data', 'out'].map((name) => join(folder, name));
  await mkdir(data);
  await writeTinyModel(model, { id2label: ['bad', 'good'] });
  const csv = (count: number, seed: number) =>
    `text,label\n${toyTexts(count, { seed })
      .map(({ text, label }) => `${text},${['bad', 'good'][label]}\n`)
      .join('')}`;
  await writeFile(join(data, 'train.csv'), csv(16, 1));
  await writeFile(join(data, 'validation.csv'), csv(20, 2));
  const train = (...flags: string[]) =>
    fettle('train', data, '--model', model, '--output-dir', out, '--max-steps', '4', '--save-strategy', 'no', ...flags);
  const evaluate = (...flags: string[]) => fettle('evaluate', data, '--model', model, ...flags);
  return { folder, train, evaluate };
}

describe('fettle train', () => {
  test('--metrics and --require: the model is saved, and the exit code says what was missed', async () => {
    const { train } = await workplace();
    const flags = ['--metrics', 'accuracy,f1_macro', '--require', 'f1_macro=1.01,loss=100', '--logging-steps', '1'];
    const { code, output, errors } = await train(...flags);
    expect(code).toBe(5);
    expect(output).toMatch(/eval_accuracy .*eval_f1_macro .*\n\nThe model is in /);
    expect(errors).toMatch(/error: f1_macro is 0\.\d+, required: at least 1\.01\n$/);
    // The losses of the run, as a plot.
    expect(errors).toMatch(/step 1 +4\n +. training loss/);
  });

  test.each([
    [['--require', 'acuracy=0.5'], /got 'acuracy'.*did you mean 'accuracy'/],
    [['--metrics', 'f1_makro'], /did you mean 'f1_macro'/],
    [['--metrics', 'mse'], /\[mse\] the task gives no rows that this metric takes/],
    [['--require', 'accuracy'], /--require has a wrong value/],
  ])('refused before the first step: %j', async (flags, message) => {
    const { train } = await workplace();
    const { code, errors } = await train(...flags);
    expect(code).toBe(2);
    expect(errors).toMatch(message);
    expect(errors).not.toContain('step 1');
  });
});

describe('fettle evaluate', () => {
  test('--require: what is met, and what is missed, in one object', async () => {
    const { evaluate } = await workplace();
    const met = await evaluate('--json', '--require', 'accuracy=0', '--require', 'eval_loss=10');
    expect([met.code, JSON.parse(met.output).missed]).toEqual([0, []]);
    const missed = await evaluate('--json', '--require', 'loss=0.01');
    const { eval_loss, ...found } = JSON.parse(missed.output);
    expect([missed.code, found.missed]).toEqual([5, [{ metric: 'loss', bound: 0.01, value: eval_loss }]]);
  });

  test("--confidence: intervals of the task's own metrics, or of those asked for", async () => {
    const { evaluate } = await workplace();
    const own = JSON.parse((await evaluate('--json', '--confidence', '0.9')).output);
    expect(Object.keys(own.confidence)).toEqual(['level', 'eval_accuracy', 'eval_f1']);
    for (const name of ['eval_accuracy', 'eval_f1']) {
      const { score, low, high } = own.confidence[name];
      expect(score).toBeCloseTo(own[name], 12);
      expect(low).toBeLessThanOrEqual(score);
      expect(high).toBeGreaterThanOrEqual(score);
    }
    const { output } = await evaluate('--confidence', '0.9', '--metrics', 'roc_auc');
    expect(output).toMatch(/\n90 % confidence: eval_roc_auc 0\.\d+ to 0\.\d+\n/);
    expect((await evaluate('--confidence', '95')).errors).toMatch(/--confidence has a wrong value, got 95/);
  });

  test('--errors: as many rows as are wrong', async () => {
    const { folder, evaluate } = await workplace();
    const { output } = await evaluate('--json', '--errors', join(folder, 'errors.jsonl'));
    const { eval_accuracy: accuracy } = JSON.parse(output);
    const errors = await loadDataset(join(folder, 'errors.jsonl'), { split: 'train' });
    expect(errors.length).toBe(Math.round(20 * (1 - accuracy)));
    for (const row of errors) expect(row['true_label']).not.toBe(row['predicted_label']);
  });
});
