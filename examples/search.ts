/**
 * Searches for good training options: a small BERT learns to tell spam from real mail, ten times, each time with another
 * learning rate, batch size and dropout. Bad trials are ended early. Checks itself: the model that is trained with the best
 * options is as good as the best trial was, to the last digit, and far better than always saying the same.
 */
import {
  ashaPruner,
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  Dataset,
  type ModelInitTrial,
  Trainer,
  trainWordPiece,
} from 'fettle';
import { loadMails } from './spam/mails.ts';

const mails = loadMails(200);
// They stand by group: every fifth of them has all groups.
const [train, validation] = [mails.train, mails.validation].map((rows) => [...rows].filter((_, i) => i % 5 === 0));
const vocab = trainWordPiece(
  train.map(({ text }) => String(text)),
  { vocabSize: 1500 },
);

/** A new model; the search says which dropout, which is no training option. */
function makeModel(trial?: ModelInitTrial): Promise<BertForSequenceClassification> {
  return BertForSequenceClassification.fromConfig(
    bertConfig({
      vocabSize: vocab.length,
      hiddenSize: 64,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 128,
      maxPositionEmbeddings: 64,
      hiddenDropoutProb: Number(trial?.params['dropout'] ?? 0.1),
      id2label: ['ham', 'spam'],
    }),
    { seed: trial?.args.seed },
  );
}

const parts = {
  tokenizer: new BertTokenizer({ vocab, modelMaxLength: 64 }),
  trainDataset: Dataset.fromRows(train),
  evalDataset: Dataset.fromRows(validation),
};
const trainer = new Trainer({
  ...parts,
  modelInit: makeModel,
  args: { numTrainEpochs: 2, evalStrategy: 'steps', evalSteps: 0.25 },
});
const best = await trainer.hyperparameterSearch({
  hpSpace: (trial) => {
    trial.suggestFloat('dropout', 0, 0.4);
    return {
      learningRate: trial.suggestFloat('learning_rate', 1e-5, 1e-2, { log: true }),
      perDeviceTrainBatchSize: trial.suggestCategorical('batch_size', [8, 16, 32]),
    };
  },
  nTrials: 10,
  pruner: ashaPruner({ reductionFactor: 2 }),
});
console.log(`${best.runSummary}\n`);

const model = await makeModel({ number: Number(best.runId), params: best.hyperparameters, args: best.args });
const final = new Trainer({ ...parts, model, args: best.args });
await final.train();
const { eval_loss: loss, eval_accuracy: accuracy } = await final.evaluate();
const spam = validation.filter(({ label }) => label === 'spam').length / validation.length;
const majority = Math.max(spam, 1 - spam);
console.log(
  `trained with the best options: loss ${loss.toFixed(4)}, accuracy ${accuracy.toFixed(3)}; always the same answer: ${majority.toFixed(3)}`,
);
if (loss !== best.objective || !(accuracy > majority + 0.1)) {
  console.error('that is not what the best trial had, or not 10 points above always giving the commoner answer');
  process.exitCode = 1;
}
