/**
 * Question answering from nothing: a small BERT with a vocabulary of its own learns to find answers in short texts, and to say
 * that a text holds none. The questions are made here from templates, so that the program needs no data; of your own you would
 * write `loadDataset('squad.json')` and start from a pre-trained model.
 *
 *   npm run build && npx tsx examples/question-answering.ts
 */
import { BertForQuestionAnswering, BertTokenizer, bertConfig, Dataset, Trainer, trainWordPiece } from 'fettle';

const required = 85; // exact matches among 100 texts never seen
const kinds = {
  place: ['Where does NAME live?', 'NAME lives in', ['Oslo', 'the old mill', 'New York', 'a red house', 'Rome']],
  food: ['What does NAME eat?', 'NAME likes to eat', ['rice', 'cold soup', 'green apples', 'bread', 'a fried egg']],
  work: ['What is the work of NAME?', 'NAME works as', ['a baker', 'a night nurse', 'a judge', 'a painter', 'a clerk']],
  animal: ['Which animal has NAME?', 'NAME keeps', ['a black cat', 'two dogs', 'an owl', 'a small horse', 'bees']],
} as const;
const names = ['Ada', 'Bo', 'Chen', 'Dina', 'Emil', 'Fatima', 'Goran', 'Hana'];

// A generator of numbers that are the same in every run.
let state = 1;
const below = (count: number) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * count);
};
const pick = <T>(items: readonly T[]): T => items[below(items.length)];

/** A text of three facts and a question about one of four: every fourth question, or so, has no answer. */
function makeRow(_: unknown, number: number) {
  const name = pick(names);
  const untold = Object.keys(kinds) as (keyof typeof kinds)[];
  const asked = pick(untold);
  const facts = Array.from({ length: 3 }, () => {
    const [kind] = untold.splice(below(untold.length), 1);
    const [, words, answers] = kinds[kind];
    return { kind, start: `${words.replace('NAME', name)} `, answer: pick<string>(answers) };
  });
  let context = '';
  const answers = { text: [] as string[], answer_start: [] as number[] };
  for (const { kind, start, answer } of facts) {
    context += start;
    if (kind === asked) {
      answers.text.push(answer);
      answers.answer_start.push(context.length);
    }
    context += `${answer}. `;
  }
  return { id: String(number), question: kinds[asked][0].replace('NAME', name), context: context.trim(), answers };
}

const rows = Array.from({ length: 900 }, makeRow);
const trainDataset = Dataset.fromRows(rows.slice(0, 800));
const evalDataset = Dataset.fromRows(rows.slice(800));

const vocab = trainWordPiece(
  rows.flatMap(({ question, context }) => [question, context]),
  { vocabSize: 400, minFrequency: 1 },
);
const tokenizer = new BertTokenizer({ vocab });
const config = bertConfig({
  vocabSize: vocab.length,
  hiddenSize: 64,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  intermediateSize: 128,
  maxPositionEmbeddings: 64,
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
console.log(`exact ${metrics['eval_exact'].toFixed(1)}, F1 ${metrics['eval_f1'].toFixed(1)}`);

const { answers = [] } = await trainer.predict(evalDataset);
for (const { id, predictionText } of answers.slice(0, 5)) {
  const { context, question } = rows[Number(id)];
  console.log(`\n${context}\n  ${question}  ${predictionText === '' ? '(the text does not say)' : predictionText}`);
}
if (metrics['eval_exact'] < required) {
  console.error(`\nexact match is below ${required}`);
  process.exitCode = 1;
}
