import { expect, onTestFinished, test } from 'vitest';
import { gatherLog } from '../../test/testing/tiny.ts';
import { Dataset } from '../data/index.ts';
import { BertForQuestionAnswering } from '../models/bert/bertForQuestionAnswering.ts';
import { bertConfig } from '../models/bert/configuration.ts';
import { BertTokenizer } from '../tokenizers/index.ts';
import { Trainer } from '../training/trainer.ts';
import type { EvalPrediction, TaskSettings } from './task.ts';

const words = 'who lives where in the house city sea ada bo chen dina and . ?'.split(' ');
const tokenizer = new BertTokenizer({ vocab: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words] });

/** Who lives where: the answer is the first word, far enough before the end that some contexts need two windows. */
function rows(count: number): Dataset {
  const names = ['Ada', 'Bo', 'Chen', 'Dina'];
  const made = Array.from({ length: count }, (_, i) => {
    const name = names[i % 4];
    const context = `${i % 3 === 0 ? 'In the house and in the sea and ' : ''}${name} lives in the city.`;
    return { question: 'Who lives?', context, answers: { text: [name], answer_start: [context.indexOf(name)] } };
  });
  return Dataset.fromRows(made) as unknown as Dataset;
}

async function trainerOf(options: {
  taskOptions?: TaskSettings;
  computeMetrics?: (prediction: EvalPrediction) => Record<string, number>;
}): Promise<Trainer> {
  const model = await BertForQuestionAnswering.fromConfig(
    bertConfig({
      vocabSize: tokenizer.size,
      hiddenSize: 16,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 32,
      maxPositionEmbeddings: 32,
      hiddenDropoutProb: 0,
      attentionProbsDropoutProb: 0,
    }),
    { threads: 1 },
  );
  onTestFinished(() => model.dispose());
  return new Trainer({
    model,
    tokenizer,
    trainDataset: rows(48),
    evalDataset: rows(12),
    args: { maxLength: 16, numTrainEpochs: 12, learningRate: 1e-2, saveStrategy: 'no' },
    ...options,
  });
}

test('is learned, judged in percent and asked, with several windows a row', async () => {
  const log = gatherLog();
  const trainer = await trainerOf({ taskOptions: { docStride: 4, maxAnswerLength: 3 } });
  await trainer.train();
  expect(log.join('\n')).toContain('16 of 48 rows have more than 16 tokens');
  const metrics = await trainer.evaluate();
  expect(metrics).toMatchObject({ eval_exact_match: 100, eval_f1: 100 });
  expect(metrics['eval_loss']).toBeLessThan(0.2);
  const { answers = [], predictions, labelIds } = await trainer.predict(rows(5).removeColumns(['answers']));
  expect(answers.map(({ predictionText }) => predictionText)).toEqual(['Ada', 'Bo', 'Chen', 'Dina', 'Ada']);
  expect(predictions.dims).toEqual([5, 2]);
  expect([...labelIds.data]).toEqual([-1n, -1n, -1n, -1n, -1n]);
});

test('own metrics get the answers and the true ones', async () => {
  gatherLog();
  let seen: EvalPrediction | undefined;
  const trainer = await trainerOf({
    computeMetrics: (prediction) => {
      seen = prediction;
      return { mine: 1 };
    },
  });
  expect(await trainer.evaluate()).toMatchObject({ eval_mine: 1 });
  expect(seen?.answers).toHaveLength(12);
  expect(seen?.references?.[1].answers).toEqual({ text: ['Bo'] });
});

test('options of another task, misspelt ones and wrong values are refused before the first step', async () => {
  gatherLog();
  const refused = async (taskOptions: object) => expect((await trainerOf({ taskOptions })).train());
  await (await refused({ docstride: 3 })).rejects.toThrow(
    "[question-answering] there is no option 'docstride'; did you mean 'docStride'?",
  );
  await (await refused({ mlmProbability: 0.1 })).rejects.toThrow(
    /there is no option 'mlmProbability'; its options are docStride/,
  );
  await (await refused({ n_best_size: 0 })).rejects.toThrow(
    /'n_best_size' has a wrong value, got 0, expected a whole number of at least 1/,
  );
});
