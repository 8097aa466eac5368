/**
 * The tutorial: fine-tune BERT to tell paraphrases on GLUE's MRPC, then ask it.
 * The model and the data set are found by name in Hugging Face's cache, where Python's libraries leave what they download.
 *
 *   npm run build && npx tsx examples/mrpc.ts
 */
import { BertForSequenceClassification, BertTokenizer, loadDataset, Trainer, TrainingArguments } from 'fettle';

const tokenizer = await BertTokenizer.fromPretrained('bert-base-uncased');
const dataset = await loadDataset('glue', 'mrpc');
const model = await BertForSequenceClassification.fromPretrained('bert-base-uncased', { numLabels: 2 });

const args = new TrainingArguments({
  outputDir: './results',
  numTrainEpochs: 3,
  perDeviceTrainBatchSize: 8,
  perDeviceEvalBatchSize: 8,
  warmupSteps: 500,
  weightDecay: 0.01,
  loggingDir: './logs',
});
const trainer = new Trainer({
  model,
  args,
  trainDataset: dataset['train'],
  evalDataset: dataset['validation'],
});

await trainer.train();
const metrics = await trainer.evaluate();
console.log(metrics);
const { predictions } = await trainer.predict(dataset['test']);
console.log(`predicted ${predictions.dims[0]} rows`);
await trainer.saveModel('./results/model');

const inputs = tokenizer('This is an amazing experience!');
const outputs = await model(inputs);
console.log(outputs.logits.argmax(-1).item());

// An example is a test: two thirds of the pairs are paraphrases, so anything that learned is well above that.
if (!(metrics['eval_accuracy'] > 0.75)) {
  console.error(`accuracy ${metrics['eval_accuracy']} is not above 0.75`);
  process.exitCode = 1;
}
