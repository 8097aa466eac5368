/**
 * Masked language modelling on texts of one's own: a vocabulary and a small BERT learn language from one half of real mails, are
 * saved, and then go on with the other half, as one goes on from `bert-base-uncased` with the texts of one's own field.
 */
import {
  BertForMaskedLM,
  BertTokenizer,
  bertConfig,
  DataCollatorForWholeWordMask,
  Dataset,
  pipeline,
  Trainer,
  trainWordPiece,
} from 'fettle';
import { loadMails } from './spam/mails.ts';

const { train, validation } = loadMails();
const texts = (label: string, data: typeof train, most: number) =>
  Dataset.fromRows(
    [...data]
      .filter((row) => row['label'] === label)
      .slice(0, most)
      .map((row) => ({ text: row['text'] })),
  );
const general = texts('ham', train, 600);
const own = texts('spam', train, 400);
const held = texts('spam', validation, 100);

const vocab = trainWordPiece(
  [...general, ...own].map(({ text }) => String(text)),
  { vocabSize: 2000 },
);
const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 64 });
const fresh = await BertForMaskedLM.fromConfig(
  bertConfig({
    vocabSize: vocab.length,
    hiddenSize: 96,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 192,
    maxPositionEmbeddings: 64,
  }),
);
const args = {
  perDeviceTrainBatchSize: 16,
  perDeviceEvalBatchSize: 32,
  learningRate: 1e-3,
  warmupSteps: 0.1,
  loggingSteps: 100,
  saveStrategy: 'no' as const,
};

// The first half: mails that people wrote to each other.
const first = new Trainer({
  model: fresh,
  tokenizer,
  trainDataset: general,
  evalDataset: held,
  args: { ...args, numTrainEpochs: 2, outputDir: 'out/mails' },
});
const { eval_perplexity: unknowing } = await first.evaluate();
await first.train();
const { eval_perplexity: before } = await first.evaluate();
await first.saveModel();
await fresh.dispose();

// The second: one's own field, from the saved model. Words are hidden whole.
const model = await BertForMaskedLM.fromPretrained('out/mails');
const second = new Trainer({
  model,
  trainDataset: own,
  evalDataset: held,
  args: { ...args, numTrainEpochs: 3, outputDir: 'out/spam-mails' },
  taskOptions: { dataCollator: new DataCollatorForWholeWordMask({ tokenizer, mlmProbability: 0.15 }) },
});
const { eval_perplexity: wholeWords } = await second.evaluate();
await second.train();
const { eval_perplexity: after } = await second.evaluate();
await second.saveModel();

const fill = await pipeline('fill-mask', 'out/spam-mails');
for (const word of (await fill('Click [MASK] to be removed from this list.', { topK: 3 })).flat()) {
  console.log(`${word.score.toFixed(3)} ${word.sequence}`);
}
console.log(`perplexity of held-out spam: ${unknowing.toFixed(0)} at first, ${before.toFixed(0)} after other mails`);
console.log(
  `with whole words hidden: ${wholeWords.toFixed(0)} before, ${after.toFixed(0)} after mails of its own kind`,
);
if (!(before < unknowing / 2 && after < wholeWords / 2)) {
  console.error('that is not half the perplexity at first, and half once more');
  process.exitCode = 1;
}
