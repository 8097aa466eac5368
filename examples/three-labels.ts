/**
 * Three labels: what is a sentence of a review about, a product, a film or a restaurant? The sentences are those of
 * sentiment.ts, without their sentiment: which shop's or site's file a sentence stands in is its label.
 *
 *   npm run build && npx tsx examples/three-labels.ts
 */
import {
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  concatenateDatasets,
  dropDuplicates,
  loadDataset,
  pipeline,
  Trainer,
  trainWordPiece,
} from 'fettle';

const required = 0.78; // of the sentences held out; a third are of each label
const files = { product: 'amazon', film: 'imdb', restaurant: 'yelp' };
const parts = await Promise.all(
  Object.entries(files).map(async ([label, file]) => {
    const rows = await loadDataset(`node_modules/sentiment/test/fixtures/${file}.json`, { split: 'train' });
    return rows.filter(({ text }) => text !== '').map(({ text }) => ({ text, label }));
  }),
);
const sentences = dropDuplicates(concatenateDatasets(parts), ['text']);
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
    id2label: Object.keys(files),
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
const { eval_accuracy: accuracy, eval_f1: f1 } = await trainer.evaluate();

const classify = await pipeline('text-classification', model, { tokenizer });
for (const text of ['The battery died after a week.', 'The waiter forgot our dessert.', 'The actors are wooden.']) {
  const scores = await classify(text, { topK: null });
  console.log(`${scores.map(({ label, score }) => `${label} ${score.toFixed(2)}`).join(', ')}  ${text}`);
}
console.log(
  `accuracy on ${test.length} sentences held out: ${accuracy.toFixed(3)}, mean F1 of the labels ${f1.toFixed(3)}; always the same answer: 0.333`,
);
if (!(accuracy > required)) {
  console.error(`that is not above ${required}`);
  process.exitCode = 1;
}
