/**
 * What `npm start` does: fine-tunes the package's own small BERT to tell spam from real mail, and shows what pre-training is
 * worth where labels are few. No network, no Python. A bag of words stands beside it, printed whoever wins.
 *
 *     npm start -- --model bert-base-uncased --dataset glue/mrpc   # the tutorial's run; names are downloaded from the Hub
 */
import { parseArgs } from 'node:util';
import {
  BertForSequenceClassification,
  BertTokenizer,
  loadDataset,
  pipeline,
  plotLosses,
  smallBert,
  Trainer,
} from 'fettle';
import { bagOfWordsF1, learnFromFew } from './spam/fewMails.ts';
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

  const tokenizer = await BertTokenizer.fromPretrained(smallBert);
  await using model = await BertForSequenceClassification.fromPretrained(smallBert, { id2label: labels });

  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: train,
    evalDataset: validation,
    args: {
      outputDir: 'out/spam',
      numTrainEpochs: 1,
      perDeviceTrainBatchSize: 16,
      perDeviceEvalBatchSize: 32,
      learningRate: 3e-4,
      warmupSteps: 0.1,
      weightDecay: 0.01,
      maxLength: 48,
      evalStrategy: 'steps',
      evalSteps: 100,
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

  const few = await learnFromFew(smallBert, tokenizer, train, validation);
  const line = (learner: string, all: number | undefined, from200: number) =>
    console.log(`  ${learner.padEnd(28)} ${(all?.toFixed(3) ?? '').padEnd(13)} ${from200.toFixed(3)}`);
  console.log(`\nF1 of spam on the ${validation.length} mails held out, taught:`);
  console.log(`  ${''.padEnd(28)} ${`${train.length} mails`.padEnd(13)} 200 mails`);
  line('BERT, pre-trained', metrics['eval_f1'], few.pretrained);
  line('BERT, from random weights', undefined, few.random);
  line('bag of words', bagOfWordsF1(train, validation, 10), few.bagOfWords);

  const accuracy = metrics['eval_accuracy'];
  console.log(
    `accuracy ${(100 * accuracy).toFixed(1)} %; always saying '${labels[0]}' gives ${(100 * majority).toFixed(1)} %`,
  );
  console.log('saved in out/spam; try: npx fettle predict --model out/spam --text "You have won a prize"');
  if (!(accuracy > majority + 0.15)) {
    console.error('that is not 15 points above always giving the commoner answer');
    process.exitCode = 1;
  }
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
