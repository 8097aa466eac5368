/**
 * What the pre-trained weights are worth: five samples of 200 mails, each taught to the network from pre-trained and from random
 * weights, and to a bag of words. `npm run build && npx tsx --tsconfig examples/tsconfig.json scripts/pretrain/compare.ts [DIR]`
 */
import { BertTokenizer, configureLog, smallBert } from 'fettle';
import { learnFromFew } from '../../examples/spam/fewMails.ts';
import { loadMails } from '../../examples/spam/mails.ts';

const model = process.argv[2] ?? smallBert;
configureLog({ level: 'warn' });
const tokenizer = await BertTokenizer.fromPretrained(model);
const { train, validation } = loadMails();
const scores = [];
for (const seed of [1, 2, 3, 4, 5]) {
  scores.push(await learnFromFew(model, tokenizer, train, validation, { seed }));
  console.log(scores.at(-1));
}
for (const name of ['pretrained', 'random', 'bagOfWords'] as const) {
  const mean = scores.reduce((sum, score) => sum + score[name], 0) / scores.length;
  console.log(`${name.padEnd(10)} ${mean.toFixed(3)} (${scores.map((score) => score[name].toFixed(3)).join(', ')})`);
}
