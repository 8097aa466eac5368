import { expect, test } from 'vitest';
import { tinyModel, tinyTokenizer } from '../../test/testing/tiny.ts';
import { withClassWeights } from './classWeights.ts';
import type { EvaluatorOptions, Task } from './task.ts';
import { TextClassification } from './textClassification.ts';

test('the task is told what an evaluation wants', async () => {
  const task = new TextClassification(await tinyModel(), tinyTokenizer());
  const asked: (EvaluatorOptions | undefined)[] = [];
  const listening: Task = {
    name: task.name,
    adapt: (dataset) => task.adapt(dataset),
    prepare: (dataset, options) => task.prepare(dataset, options),
    sequences: () => [],
    batch: () => {
      throw new Error('nothing is batched here');
    },
    evaluator: (options) => {
      asked.push(options);
      return task.evaluator() as ReturnType<Task['evaluator']>;
    },
  };
  withClassWeights(listening, [1, 3]).evaluator({ keepAnswers: false });
  expect(asked).toEqual([{ keepAnswers: false }]);
});
