import { describe, expect, test } from 'vitest';
import { checkRequirements, describeMissed, missedRequirements, readRequirements } from './metricFlags.ts';

const metrics = { eval_loss: 0.6, eval_accuracy: 0.7125, eval_f1: Number.NaN, eval_runtime: 2 };

describe('--require', () => {
  test('more of a metric is better, less of a loss', () => {
    const asked = readRequirements({
      require: ['accuracy=0.8', 'eval_accuracy = 0.7', 'loss=0.5', 'eval_loss=0.6', 'f1=0'],
    });
    expect(missedRequirements(asked, metrics).map(describeMissed)).toEqual([
      'accuracy is 0.7125, required: at least 0.8',
      'loss is 0.6, required: at most 0.5',
      'f1 is NaN, required: at least 0',
    ]);
  });

  test.each(['accuracy', 'accuracy=', 'accuracy=high', '=0.5', 'accuracy>0.5'])('%s is no requirement', (text) => {
    expect(() => readRequirements({ require: [text] })).toThrow(
      /--require has a wrong value, got '.*', expected .*accuracy=0\.8/,
    );
  });

  test('an unknown metric is refused, with the nearest', () => {
    const check = (text: string) => () =>
      checkRequirements(readRequirements({ require: [text] }), Object.keys(metrics));
    expect(check('acuracy=0.8')).toThrow(
      "--require names none of the metrics of the evaluation, got 'acuracy', expected one of loss, accuracy, f1; did you mean 'accuracy'?",
    );
    expect(check('bleu=1')).toThrow(/ask for it with --metrics/);
    expect(check('eval_f1=1')).not.toThrow();
  });
});
