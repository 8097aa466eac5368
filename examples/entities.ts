/**
 * Learns to find names in mails: who writes, and which addresses, hosts and days are named. The words are those of real mails
 * (SpamAssassin's public corpus); the tags come from rules, so that nothing needs to be downloaded: with your own data they are
 * the `ner_tags` of a file in CoNLL's format. The model and its vocabulary are made here, too.
 */
import {
  BertForTokenClassification,
  BertTokenizer,
  bertConfig,
  Dataset,
  pipeline,
  Trainer,
  trainWordPiece,
} from 'fettle';
import { loadMails } from './spam/mails.ts';

const days = /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day$|^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)$/;
const months = /^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*$/;
const number = /^\d{1,2}(st|nd|rd|th)?$/;

/** Words with tags: a date is a day or month with the numbers that follow it; a link is a word with an address in it. */
function tagged(text: string): { tokens: string[]; ner_tags: string[] } {
  const tokens = text.match(/\w[\w@./:'-]*\w|\w|[^\w\s]/g) ?? [];
  let inDate = false;
  const ner_tags = tokens.map((token) => {
    const begins = days.test(token) || months.test(token);
    const goesOn = inDate && (number.test(token) || months.test(token));
    inDate = begins || goesOn;
    if (goesOn) return 'I-DATE';
    if (begins) return 'B-DATE';
    return /^https?:|@\w+\.|^www\./.test(token) ? 'B-LINK' : 'O';
  });
  return { tokens, ner_tags };
}

/** Mails in pieces of forty words; most without a name are left out, so that there is more to learn from the rest. */
function sentences(texts: Iterable<unknown>, most: number) {
  const rows = [];
  for (const text of texts) {
    const { tokens, ner_tags } = tagged(String(text));
    for (let start = 0; start < tokens.length && rows.length < most; start += 40) {
      const row = { tokens: tokens.slice(start, start + 40), ner_tags: ner_tags.slice(start, start + 40) };
      if (row.ner_tags.some((tag) => tag !== 'O') || rows.length % 5 === 0) rows.push(row);
    }
  }
  return Dataset.fromRows(rows);
}

const mails = loadMails();
const train = sentences(mails.train.column('text'), 1600);
const validation = sentences(mails.validation.column('text'), 300);
const entities = [...validation].flatMap((row) => row.ner_tags).filter((tag) => tag.startsWith('B-')).length;
console.log(`${train.length} pieces of mails to learn from, ${validation.length} held out with ${entities} entities`);

const vocab = trainWordPiece(
  [...train].map(({ tokens }) => tokens.join(' ')),
  { vocabSize: 2000 },
);
const tokenizer = new BertTokenizer({ vocab, modelMaxLength: 128 });
const id2label = ['B-DATE', 'B-LINK', 'I-DATE', 'O'];
const model = await BertForTokenClassification.fromConfig(
  bertConfig({
    vocabSize: vocab.length,
    hiddenSize: 96,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 192,
    maxPositionEmbeddings: 128,
    id2label,
  }),
);
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset: train,
  evalDataset: validation,
  args: { numTrainEpochs: 3, perDeviceTrainBatchSize: 16, learningRate: 1e-3, warmupSteps: 0.1, loggingSteps: 50 },
});
await trainer.train();
const metrics = await trainer.evaluate();

const find = await pipeline('token-classification', model, { tokenizer });
const text = 'The meeting on Friday is moved to Monday, 12 Aug at noon';
for (const { entity_group, start, end, score } of await find(text, { aggregationStrategy: 'first' })) {
  console.log(`${entity_group.padEnd(5)} ${score.toFixed(3)} ${text.slice(start, end)}`);
}
console.log(
  `held out: precision ${metrics['eval_precision'].toFixed(3)}, recall ${metrics['eval_recall'].toFixed(3)}, F1 ${metrics['eval_f1'].toFixed(3)}`,
);
if (!(metrics['eval_f1'] > 0.75)) {
  console.error('that is not an F1 above 0.75');
  process.exitCode = 1;
}
