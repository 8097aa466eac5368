import { BertForSequenceClassification, type BertTokenizer, configureLog, type Dataset, Trainer } from 'fettle';
import { f1 } from 'fettle/metrics';
import { BagOfWords } from './bagOfWords.ts';

/** The F1 of spam on the mails held out, of each way to learn from a few. */
export interface FewMails {
  readonly pretrained: number;
  readonly random: number;
  readonly bagOfWords: number;
}

const isSpam = (data: Dataset) =>
  data
    .column('label')
    .toArray()
    .map((label) => (label === 'spam' ? 1 : 0));

/** The F1 of spam by {@link BagOfWords}: logistic regression over words. */
export function bagOfWordsF1(train: Dataset, validation: Dataset, epochs?: number): number {
  const texts = (data: Dataset) => data.column('text').toArray() as string[];
  const bag = new BagOfWords(texts(train), isSpam(train), { epochs });
  return f1.compute(
    texts(validation).map((text) => bag.predict(text)),
    isSpam(validation),
  )['f1'];
}

/** Fine-tunes a model on a few mails, with the arguments that one would take first. @returns the F1 of spam. */
async function tunedF1(
  model: BertForSequenceClassification,
  tokenizer: BertTokenizer,
  trainDataset: Dataset,
  evalDataset: Dataset,
  seed: number,
): Promise<number> {
  // That mails are cut is said of the run on all of them.
  const restoreLog = configureLog({ level: 'silent' });
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset,
    evalDataset,
    args: {
      numTrainEpochs: 6,
      perDeviceTrainBatchSize: 16,
      perDeviceEvalBatchSize: 32,
      learningRate: 3e-4,
      warmupSteps: 0.1,
      weightDecay: 0.01,
      maxLength: 64,
      saveStrategy: 'no',
      seed,
    },
  });
  await trainer.train();
  const { eval_f1: score } = await trainer.evaluate();
  restoreLog();
  return score;
}

/**
 * What pre-training is worth where labels are few: the same network from pre-trained and from random weights, with the same
 * arguments, and a bag of words, each taught the same `size` mails (drawn by `seed`).
 */
export async function learnFromFew(
  pretrained: string,
  tokenizer: BertTokenizer,
  train: Dataset,
  validation: Dataset,
  { size = 200, seed = 42 } = {},
): Promise<FewMails> {
  const few = train.shuffle(seed).slice(0, size);
  await using begun = await BertForSequenceClassification.fromPretrained(pretrained, {
    id2label: ['ham', 'spam'],
    seed,
  });
  await using empty = await BertForSequenceClassification.fromConfig(begun.config, { seed });
  return {
    pretrained: await tunedF1(begun, tokenizer, few, validation, seed),
    random: await tunedF1(empty, tokenizer, few, validation, seed),
    bagOfWords: bagOfWordsF1(few, validation),
  };
}
