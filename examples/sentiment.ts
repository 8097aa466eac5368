/**
 * Sentiment: does a sentence of a review praise or complain? 3,000 sentences about products, films and restaurants
 * (Kotzias et al. 2015, "From Group to Individual Labels"), as the npm package `sentiment` brings them. Vocabulary and BERT are
 * made from these sentences alone; a pre-trained BERT knows more. Beside it the package's own way: valences of words, added up.
 *
 *   npm run build && npx tsx examples/sentiment.ts
 */
import { createRequire } from 'node:module';
import {
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  classLabel,
  dropDuplicates,
  loadDataset,
  pipeline,
  Trainer,
  trainWordPiece,
} from 'fettle';

const required = 0.72; // of the sentences held out; half of them praise
const reviews = await loadDataset('json', {
  dataFiles: 'node_modules/sentiment/test/fixtures/{amazon,imdb,yelp}.json',
  split: 'train',
});
const labels = ['negative', 'positive'];
const sentences = dropDuplicates(reviews, ['text'])
  .filter(({ text }) => text !== '') // each file ends with an empty one
  .renameColumn('class', 'label')
  .castColumn('label', classLabel(labels));
const { train, test } = sentences.trainTestSplit({ testSize: 0.2, seed: 42, stratifyByColumn: 'label' });

const vocab = trainWordPiece(train.column('text').toArray() as string[], { vocabSize: 2000 });
const tokenizer = new BertTokenizer({ vocab });
await using model = await BertForSequenceClassification.fromConfig(
  bertConfig({
    vocabSize: vocab.length,
    hiddenSize: 128,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 256,
    maxPositionEmbeddings: 128,
    id2label: labels,
  }),
);
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: train,
  evalDataset: test,
  args: {
    numTrainEpochs: 3,
    perDeviceTrainBatchSize: 16,
    learningRate: 1e-3,
    warmupSteps: 0.1,
    weightDecay: 0.01,
    evalStrategy: 'epoch',
    loggingSteps: 50,
  },
});
await trainer.train();
const { eval_accuracy: accuracy } = await trainer.evaluate();

const classify = await pipeline('sentiment-analysis', model, { tokenizer });
for (const { text, label } of test.take(8)) {
  const [answer] = await classify(String(text));
  console.log(`${answer.label} ${answer.score.toFixed(2)} (in truth ${labels[Number(label)]})  ${text}`);
}

type Lexicon = new () => { analyze(text: string): { score: number } };
const lexicon = new (createRequire(import.meta.url)('sentiment') as Lexicon)();
const agrees = test.filter(({ text, label }) => lexicon.analyze(String(text)).score > 0 === (label === 1));
console.log(
  `accuracy on ${test.length} sentences held out: ${accuracy.toFixed(3)}; words' valences added up: ${(agrees.length / test.length).toFixed(3)}; always the same answer: 0.5`,
);
if (!(accuracy > required)) {
  console.error(`that is not above ${required}`);
  process.exitCode = 1;
}
