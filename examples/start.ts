/**
 * What `npm start` does: learns to tell spam from real mail, from 4,800 mails and nothing else. No network, no weights that
 * somebody else trained: the vocabulary and a small BERT are made from the mails themselves.
 */
import { BertForSequenceClassification, BertTokenizer, bertConfig, Trainer, trainWordPiece } from 'fettle';
import { loadMails } from './spam/mails.ts';

const { train, validation } = loadMails();
const labels = ['ham', 'spam'];
const share = (label: string) => validation.filter((row) => row['label'] === label).length / validation.length;
const majority = Math.max(...labels.map(share));
console.log(
  `${train.length} mails to learn from, ${validation.length} held out (${(100 * share('spam')).toFixed(1)} % spam)`,
);

const vocab = trainWordPiece(train.column('text').toArray() as string[], { vocabSize: 4000 });
const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 128 });
const model = await BertForSequenceClassification.fromConfig(
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
    evalStrategy: 'epoch',
    loggingSteps: 50,
  },
});
await trainer.train();
const metrics = await trainer.evaluate();
await trainer.saveModel();

const fresh = [
  'Congratulations! You have been selected to receive a FREE mortgage quote. Click here now, no obligation.',
  'The patch fixes the race in the folder scan. Could you rebuild from CVS and see whether it still hangs?',
  'Make money fast from home: $5000 a week, guaranteed, credit cards accepted!!!',
];
const { logits } = await model(tokenizer(fresh, { truncation: true }));
const answers = logits.argmax(-1).tolist() as number[];
fresh.forEach((text, i) => {
  console.log(`${labels[answers[i]].padEnd(5)} ${text}`);
});

const accuracy = metrics['eval_accuracy'];
console.log(
  `held-out accuracy ${(100 * accuracy).toFixed(1)} %, F1 ${metrics['eval_f1'].toFixed(3)}; always saying '${labels[0]}' gives ${(100 * majority).toFixed(1)} %`,
);
console.log('saved in out/spam; try: npx fettle predict --model out/spam --text "You have won a prize"');
if (!(accuracy > majority + 0.15)) {
  console.error('that is not 15 points above always giving the commoner answer');
  process.exitCode = 1;
}
