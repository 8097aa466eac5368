/**
 * What `npm start` does: learns to tell spam from real mail, from 4,700 mails and nothing else. No network, no weights that
 * somebody else trained: the vocabulary and a small BERT are made from the mails themselves. Beside it a bag of words,
 * printed whoever wins.
 *
 *     npm start -- --model bert-base-uncased --dataset glue/mrpc   # the tutorial's run; names are downloaded from the Hub
 */
import { parseArgs } from 'node:util';
import {
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  type Dataset,
  loadDataset,
  pipeline,
  plotLosses,
  Trainer,
  trainWordPiece,
} from 'fettle';
import { f1 } from 'fettle/metrics';
import { BagOfWords } from './spam/bagOfWords.ts';
import { loadMails } from './spam/mails.ts';

const { values } = parseArgs({ options: { model: { type: 'string' }, dataset: { type: 'string' } } });
if (values.model === undefined && values.dataset === undefined) await spam();
else await tutorial(values.model ?? 'bert-base-uncased', values.dataset ?? 'glue/mrpc');

async function spam(): Promise<void> {
  const { train, validation } = loadMails();
  const labels = ['ham', 'spam'];
  const share = (label: string) => validation.filter((row) => row['label'] === label).length / validation.length;
  const majority = Math.max(...labels.map(share));
  console.log(
    `${train.length} mails to learn from, ${validation.length} held out (${(100 * share('spam')).toFixed(1)} % spam)`,
  );

  const vocab = trainWordPiece(train.column('text').toArray() as string[], { vocabSize: 4000 });
  const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 128 });
  await using model = await BertForSequenceClassification.fromConfig(
    bertConfig({
      vocabSize: vocab.length,
      hiddenSize: 128,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      intermediateSize: 512,
      maxPositionEmbeddings: 128,
      id2label: labels,
    }),
  );
  console.log(
    `a vocabulary of ${vocab.length} word pieces, a BERT of ${(model.numParameters / 1e6).toFixed(1)} million parameters`,
  );

  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: train,
    evalDataset: validation,
    args: {
      outputDir: 'out/spam',
      numTrainEpochs: 2,
      perDeviceTrainBatchSize: 16,
      perDeviceEvalBatchSize: 32,
      learningRate: 5e-4,
      warmupSteps: 0.1,
      weightDecay: 0.01,
      evalStrategy: 'steps',
      evalSteps: 150,
      loggingSteps: 25,
      saveStrategy: 'no',
    },
  });
  await trainer.train();
  console.log(`\n${plotLosses(trainer.state.logHistory)}`);
  const metrics = await trainer.evaluate();
  await trainer.saveModel();

  const classify = await pipeline('text-classification', model, { tokenizer });
  for (const mail of [
    'Congratulations! You have been selected to receive a FREE mortgage quote. Click here now, no obligation.',
    'The patch fixes the race in the folder scan. Could you rebuild from CVS and see whether it still hangs?',
    'Make money fast from home: $5000 a week, guaranteed, credit cards accepted!!!',
  ]) {
    const [{ label, score }] = await classify(mail);
    console.log(`${label.padEnd(4)} ${(100 * score).toFixed(0).padStart(3)} %  ${mail}`);
  }

  const accuracy = metrics['eval_accuracy'];
  console.log(`\nF1 of spam on the ${validation.length} mails held out:`);
  console.log(`  BERT, from nothing                ${metrics['eval_f1'].toFixed(3)}`);
  console.log(`  bag of words, logistic regression ${bagOfWordsF1(train, validation).toFixed(3)}`);
  console.log(
    `accuracy ${(100 * accuracy).toFixed(1)} %; always saying '${labels[0]}' gives ${(100 * majority).toFixed(1)} %`,
  );
  console.log('saved in out/spam; try: npx fettle predict --model out/spam --text "You have won a prize"');
  if (!(accuracy > majority + 0.15)) {
    console.error('that is not 15 points above always giving the commoner answer');
    process.exitCode = 1;
  }
}

/** The F1 of spam by {@link BagOfWords}. */
function bagOfWordsF1(train: Dataset, validation: Dataset): number {
  const texts = (data: Dataset) => data.column('text').toArray() as string[];
  const isSpam = (data: Dataset) =>
    data
      .column('label')
      .toArray()
      .map((label) => (label === 'spam' ? 1 : 0));
  const bag = new BagOfWords(texts(train), isSpam(train), { epochs: 10 });
  return f1.compute(
    texts(validation).map((text) => bag.predict(text)),
    isSpam(validation),
  )['f1'];
}

/** The tutorial's run with a model and a data set by name. Without a network, and without them in the cache, the error says what to do. */
async function tutorial(name: string, data: string): Promise<void> {
  const [repository, configuration] = data.startsWith('glue/') ? data.split('/') : [data];
  const dataset = await loadDataset(repository, configuration);
  await using model = await BertForSequenceClassification.fromPretrained(name);
  const trainer = new Trainer({
    model,
    args: {
      outputDir: './results',
      numTrainEpochs: 3,
      perDeviceTrainBatchSize: 8,
      perDeviceEvalBatchSize: 8,
      warmupSteps: 500,
      weightDecay: 0.01,
      loggingDir: './logs',
      evalStrategy: 'epoch',
    },
    trainDataset: dataset['train'],
    evalDataset: dataset['validation'] ?? dataset['test'],
  });
  await trainer.train();
  console.log(await trainer.evaluate());
  await trainer.saveModel();
}
