/**
 * One model, two tasks: a small BERT learns to tell spam from real mail; then low-rank pairs beside its frozen weights (LoRA)
 * learn something else, whether a mail answers another. What is saved of that is a small adapter, in the files of Python's
 * `peft`. All is made here, from SpamAssassin's public corpus; nothing is downloaded.
 */
import { stat } from 'node:fs/promises';
import { BertForSequenceClassification, BertTokenizer, bertConfig, Dataset, Trainer, trainWordPiece } from 'fettle';
import { loadMails } from './spam/mails.ts';

const mails = loadMails(240);
// They stand by group: every third of them has all groups.
const [train, validation] = [mails.train, mails.validation].map((rows) => [...rows].filter((_, i) => i % 3 === 0));
const vocab = trainWordPiece(
  train.map(({ text }) => String(text)),
  { vocabSize: 2000 },
);
const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 64 });
const args = { perDeviceTrainBatchSize: 16, learningRate: 1e-3, warmupSteps: 0.1, loggingSteps: 50 };

const base = await BertForSequenceClassification.fromConfig(
  bertConfig({
    vocabSize: vocab.length,
    hiddenSize: 96,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 192,
    maxPositionEmbeddings: 64,
    id2label: ['ham', 'spam'],
  }),
);
await new Trainer({
  model: base,
  tokenizer,
  trainDataset: Dataset.fromRows(train),
  args: { ...args, numTrainEpochs: 1 },
}).train();
await base.savePretrained('out/lora/base');
await tokenizer.savePretrained('out/lora/base');

/** Mails by whether they answer another: the subject comes first. */
const answers = (rows: typeof train) =>
  Dataset.fromRows(rows.map(({ text }) => ({ text, label: /^re:/i.test(String(text)) ? 'answer' : 'other' })));
const held = answers(validation);
const model = await BertForSequenceClassification.fromPretrained('out/lora/base', { id2label: ['answer', 'other'] });
await model.addAdapter({ r: 8, loraAlpha: 16, targetModules: ['query', 'value', 'dense'] });
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: answers(train),
  evalDataset: held,
  args: {
    ...args,
    numTrainEpochs: 3,
    learningRate: 3e-3,
    outputDir: 'out/lora/adapter',
    saveStrategy: 'no',
    overwriteOutputDir: true,
  },
});
await trainer.train();
await trainer.saveModel();

// From its folder, which names the base; then as one whole model.
const loaded = await BertForSequenceClassification.fromPretrained('out/lora/adapter');
await loaded.mergeAndUnload();
const metrics = await new Trainer({ model: loaded, tokenizer, evalDataset: held }).evaluate();
const [small, large] = await Promise.all(
  ['adapter/adapter_model.safetensors', 'base/model.safetensors'].map((file) => stat(`out/lora/${file}`)),
);
const others = [...held].filter(({ label }) => label === 'other').length / held.length;
const majority = Math.max(others, 1 - others);
console.log(`an adapter of ${Math.round(small.size / 1000)} kB beside a base of ${Math.round(large.size / 1000)} kB`);
console.log(`accuracy ${metrics['eval_accuracy'].toFixed(3)}; always the same answer: ${majority.toFixed(3)}`);
if (!(metrics['eval_accuracy'] > (1 + majority) / 2) || small.size > large.size / 4) {
  console.error('that is not halfway from the same answer to every right one, or the adapter is not small');
  process.exitCode = 1;
}
