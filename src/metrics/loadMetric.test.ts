import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  type AnyMetric,
  accuracy,
  type ClassScores,
  type ClassTruth,
  combine,
  f1,
  type GlueTask,
  glueMetrics,
  loadMetric,
  type Metric,
  type MetricName,
  metricNames,
  metricsFor,
  precision,
  rocAuc,
  type Scores,
  seqeval,
  spearman,
} from './index.ts';

const predictions = [0, 1, 2, 2, 1];
const references = [0, 1, 2, 1, 0];

describe('loadMetric', () => {
  test('by name, by another name, with options, with the average in the name', () => {
    expect(loadMetric('accuracy')).toBe(accuracy);
    expect(loadMetric('spearman')).toBe(spearman);
    expect(loadMetric('auc')).toBe(rocAuc);
    expect(loadMetric('seqeval')).toBe(seqeval);
    const macro = f1.compute(predictions, references, { average: 'macro' }).f1;
    expect(loadMetric('f1', { average: 'macro' }).compute(predictions, references)).toEqual({ f1: macro });
    expect(loadMetric('f1_macro').compute(predictions, references)).toEqual({ f1_macro: macro });
    const micro = loadMetric('f1', { average: 'macro' }).compute(predictions, references, { average: 'micro' });
    expect(micro).toEqual(f1.compute(predictions, references, { average: 'micro' }));
    const weighted = loadMetric('precision_weighted', { zeroDivision: 1 }).create();
    weighted.add([0, 0], [0, 1]);
    const whole = precision.compute([0, 0], [0, 1], { average: 'weighted', zeroDivision: 1 });
    expect(weighted.compute()).toEqual({ precision_weighted: whole.precision });
    expect(loadMetric('roc_auc_micro').compute([[0.2, 0.8]], [[0, 1]])).toEqual({ roc_auc_micro: 1 });
    expect(loadMetric('rmse').compute([1, 2], [4, 6]).rmse).toBeCloseTo(Math.sqrt(12.5), 12);
  });

  test("GLUE's tasks come as one metric", () => {
    for (const [task, own] of Object.entries(glueMetrics)) {
      const metric = loadMetric('glue', task as GlueTask);
      expect(metric.name).toBe(`glue/${task}`);
      const rows: [number[], number[]] = [
        [1, 0, 1, 1],
        [1, 0, 0, 1],
      ];
      const scores = metric.compute(...rows);
      expect(scores).toEqual(Object.assign({}, ...own.map((one) => one.compute(...rows))));
    }
    expect(Object.keys(loadMetric('glue', 'mrpc').compute([1], [1]))).toEqual(['accuracy', 'f1']);
    expect(Object.keys(loadMetric('glue', 'stsb').compute([1, 2], [1, 3]))).toEqual(['pearson', 'spearmanr']);
    const named: string = 'cola';
    const dynamic = loadMetric(named);
    expect(dynamic.takes === 'classes' && dynamic.compute([1, 0], [1, 0])).toEqual({ matthews_correlation: 1 });
  });

  test('every name loads a metric that says what its rows are, and errors of every kind say the nearest', () => {
    for (const name of metricNames) {
      const metric: AnyMetric = loadMetric(name as string);
      expect(['classes', 'numbers', 'scores', 'tags', 'answers', 'texts', 'losses']).toContain(metric.takes);
      expect(typeof metric.create).toBe('function');
    }
    expect(() => loadMetric('f1_makro' as string)).toThrow(/no such metric, got 'f1_makro'.*did you mean 'f1_macro'\?/);
    expect(() => loadMetric('qnly' as string)).toThrow(/did you mean 'qnli'\?/);
    expect(() => loadMetric('glue', JSON.parse('"stbs"'))).toThrow(
      /needs the name of one of its tasks, got 'stbs'.*'stsb'\?/,
    );
    expect(() => loadMetric('glue' as string)).toThrow(/needs the name of one of its tasks, expected one of cola/);
    expect(() => loadMetric('f1' as string, 'macro')).toThrow(/only 'glue' has tasks, 'f1' has none, got 'macro'/);
    expect(() => loadMetric('x' as string)).toThrow(
      /expected one of accuracy, precision, recall, f1, precision_recall_f1, matthews.*roc_auc, average_precision also with/,
    );
    expect(() => loadMetric('toString' as string)).toThrow(/no such metric/);
  });

  test('types follow the name', () => {
    expectTypeOf(loadMetric('roc_auc')).toEqualTypeOf<typeof rocAuc>();
    expectTypeOf(loadMetric('auc')).toEqualTypeOf<typeof rocAuc>();
    expectTypeOf(loadMetric('f1' as string)).toEqualTypeOf<AnyMetric>();
    expectTypeOf(combine(['roc_auc', 'log_loss'])).toEqualTypeOf<Metric<object, Scores, ClassScores, ClassTruth>>();
    expectTypeOf<'f1_macro'>().toExtend<MetricName>();
  });
});

describe('combine', () => {
  test('scores come together, in one pass too', () => {
    const clf = combine(['accuracy', 'f1_macro', 'precision_macro']);
    const expected = {
      accuracy: 3 / 5,
      f1_macro: f1.compute(predictions, references, { average: 'macro' }).f1,
      precision_macro: precision.compute(predictions, references, { average: 'macro' }).precision,
    };
    expect(clf.compute(predictions, references)).toEqual(expected);
    const running = clf.create();
    running.add(predictions.slice(0, 2), references.slice(0, 2));
    running.add(predictions.slice(2), references.slice(2));
    expect(running.compute()).toEqual(expected);
    expect(clf.name).toBe('accuracy+f1_macro+precision_macro');
  });

  test('names that clash get the metric in front', () => {
    const both = combine([f1, loadMetric('precision_recall_f1')]);
    expect(both.compute([1, 0], [1, 1])).toEqual({
      f1_f1: 2 / 3,
      precision_recall_f1_f1: 2 / 3,
      precision: 1,
      recall: 0.5,
    });
  });

  test('what cannot be combined is refused', () => {
    expect(() => combine([])).toThrow(/\[combine\] there are no metrics/);
    expect(() => combine(['f1', 'f1'])).toThrow(/comes twice, got 'f1'/);
    expect(() => combine(['accuracy', 'roc_auc'])).toThrow(
      /take different rows, got 'accuracy takes classes, roc_auc takes scores'/,
    );
    expect(() => combine(['acuracy' as string])).toThrow(/did you mean 'accuracy'/);
  });
});

test('metricsFor takes the names whose rows are numbers', () => {
  expect(metricsFor('f1_macro')[0].compute(predictions, references)).toHaveProperty('f1_macro');
  expect(metricsFor('hans').map(({ name }) => name)).toEqual(['accuracy']);
  expect(() => metricsFor('rouge')).toThrow(
    /a row of this metric is no number: it takes texts.*use loadMetric\(name\)/,
  );
});
