/**
 * Regression: how good or bad does a word sound, from −5 to 5? AFINN (Nielsen 2011) has 3,400 words and phrases with the
 * valences that people gave them. The model reads words it never saw by their pieces: most have a relative among those it learned.
 *
 *   npm run build && npx tsx examples/regression.ts
 */
import { createRequire } from 'node:module';
import {
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  Dataset,
  pipeline,
  Trainer,
  trainWordPiece,
} from 'fettle';

const required = 0.55; // Pearson's correlation on words held out; guessing has 0
const valences: Record<string, number> = createRequire(import.meta.url)('sentiment/languages/en/labels.json');
const words = Dataset.fromRows(Object.entries(valences).map(([text, label]) => ({ text, label })));
const { train, test } = words.trainTestSplit({ testSize: 0.2, seed: 42 });

const vocab = trainWordPiece(train.column('text').toArray(), { vocabSize: 2000 });
const tokenizer = new BertTokenizer({ vocab });
await using model = await BertForSequenceClassification.fromConfig(
  bertConfig({
    vocabSize: vocab.length,
    hiddenSize: 128,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 256,
    maxPositionEmbeddings: 32,
    id2label: ['valence'],
    problemType: 'regression',
  }),
);
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: train,
  evalDataset: test,
  args: {
    numTrainEpochs: 8,
    perDeviceTrainBatchSize: 32,
    learningRate: 1e-3,
    warmupSteps: 0.1,
    weightDecay: 0.01,
    evalStrategy: 'epoch',
    loggingSteps: 100,
  },
});
await trainer.train();
const { eval_pearson: pearson, eval_mse: error } = await trainer.evaluate();

const rate = await pipeline('text-classification', model, { tokenizer });
for (const { text, label } of test.skip(5).take(8)) {
  const [{ score }] = await rate(text);
  console.log(`${score.toFixed(1).padStart(4)}, by people ${String(label).padStart(2)}  ${text}`);
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const usual = mean(train.column('label').toArray());
const plain = mean([...test].map(({ label }) => (label - usual) ** 2));
console.log(
  `${test.length} words held out: correlation ${pearson.toFixed(3)}, mean squared error ${error.toFixed(2)}; always the mean: ${plain.toFixed(2)}`,
);
if (!(pearson > required && error < plain)) {
  console.error(`that is not a correlation above ${required}, with less error than the mean's`);
  process.exitCode = 1;
}
