/**
 * Question answering from nothing: a small BERT with a vocabulary of its own finds in real mails who wrote what is quoted, and
 * when, and says where a mail does not tell. The mails are SpamAssassin's public corpus; the answers come from a rule over "On …,
 * … wrote:", so that nothing needs to be downloaded: of your own you would write `loadDataset('squad.json')` and start from a
 * pre-trained model.
 *
 *   npm run build && npx tsx examples/question-answering.ts
 */
import { BertForQuestionAnswering, BertTokenizer, bertConfig, Dataset, Trainer, trainWordPiece } from 'fettle';
import { loadMails } from './spam/mails.ts';

const required = 60; // exact matches in 100 questions on mails held out; a third have no answer
const quotes = /\bOn (?<when>[^>:]{6,30}\d[^>]{0,25}?), (?<who>[A-Z][\w.'-]*( [A-Z][\w.'-]*){0,3}) wrote:/;
const questions = { who: 'Who wrote this?', when: 'When was this written?' };

interface QuestionRow {
  id: string;
  question: string;
  context: string;
  answers: { text: string[]; answer_start: number[] };
}

/** Both questions on each mail that quotes another, and one on as many that do not. */
function makeRows(mails: Dataset) {
  const rows: QuestionRow[] = [];
  let untold = 0;
  for (const { text } of mails) {
    const found = quotes.exec(String(text));
    const start = Math.max(0, (found?.index ?? 0) - 40);
    const context = String(text).slice(start, start + 200);
    for (const [kind, question] of Object.entries(questions)) {
      const id = String(rows.length);
      const answer = found?.groups?.[kind];
      const at = answer === undefined ? -1 : context.indexOf(answer);
      if (answer !== undefined && at >= 0) {
        rows.push({ id, question, context, answers: { text: [answer], answer_start: [at] } });
        untold += 0.5;
      } else if (untold >= 1) {
        rows.push({ id, question, context, answers: { text: [], answer_start: [] } });
        untold -= 1;
      }
    }
  }
  return rows;
}

const mails = loadMails();
const trainRows = makeRows(mails.train);
const rows = makeRows(mails.validation);
const trainDataset = Dataset.fromRows(trainRows);
const evalDataset = Dataset.fromRows(rows);
const untold = (100 * rows.filter(({ answers }) => answers.text.length === 0).length) / rows.length;
console.log(`${trainRows.length} questions to learn from, ${rows.length} on mails held out`);

const vocab = trainWordPiece(
  trainRows.flatMap(({ question, context }) => [question, context]),
  { vocabSize: 1500 },
);
const tokenizer = new BertTokenizer({ vocab });
const config = bertConfig({
  vocabSize: vocab.length,
  hiddenSize: 64,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  intermediateSize: 128,
  maxPositionEmbeddings: 160,
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
});
await using model = await BertForQuestionAnswering.fromConfig(config);
const trainer = new Trainer({
  model,
  tokenizer,
  trainDataset,
  evalDataset,
  args: { numTrainEpochs: 10, perDeviceTrainBatchSize: 16, learningRate: 2e-3, warmupSteps: 0.1, loggingSteps: 50 },
});
await trainer.train();
const metrics = await trainer.evaluate();

const { answers = [] } = await trainer.predict(evalDataset);
for (const { id, predictionText } of answers.slice(0, 5)) {
  const { context, question } = rows[Number(id)];
  console.log(`\n${context}\n  ${question}  ${predictionText === '' ? '(the mail does not say)' : predictionText}`);
}
console.log(
  `\nexact ${metrics['eval_exact'].toFixed(1)}, F1 ${metrics['eval_f1'].toFixed(1)}; always "the mail does not say": ${untold.toFixed(1)}`,
);
if (!(metrics['eval_exact'] > required)) {
  console.error(`that is not an exact match above ${required}`);
  process.exitCode = 1;
}
