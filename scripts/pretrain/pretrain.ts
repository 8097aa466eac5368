/**
 * Makes assets/fettle-bert-small again: `npm run pretrain`, an hour or two on two cores. Every step leaves its result in
 * .cache/pretrain and is not repeated when that is there; a step that was interrupted goes on from its last checkpoint.
 *
 *   1. corpus: free texts (corpus.ts)
 *   2. a vocabulary of 8,000 word pieces
 *   3. masked language modelling, from random weights but for the word embeddings, which begin as all-MiniLM-L6-v2's in
 *      fewer dimensions (embeddings.ts)
 *   4. distillation: [CLS] learns what all-MiniLM-L6-v2 says of a text (teacher.ts)
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  BertForMaskedLM,
  BertForSequenceClassification,
  BertTokenizer,
  bertConfig,
  Dataset,
  Trainer,
  type TrainingArgumentsOptions,
  trainWordPiece,
} from 'fettle';
import { sources } from './corpus.ts';
import { takeWordEmbeddings } from './embeddings.ts';
import { packAsset } from './pack.ts';
import { embeddingWidth, embedTexts } from './teacher.ts';

const { values } = parseArgs({
  options: {
    teacher: { type: 'string', default: 'sentence-transformers/all-MiniLM-L6-v2' },
    cache: { type: 'string', default: '.cache/pretrain' },
    output: { type: 'string', default: 'assets/fettle-bert-small' },
    'language-steps': { type: 'string', default: '3000' },
    'distillation-steps': { type: 'string', default: '1600' },
    bf16: { type: 'boolean', default: false },
  },
});
const { cache } = values;
const at = (name: string) => join(cache, name);
mkdirSync(cache, { recursive: true });

/** Texts in an order that no source determines. */
const corpus = (): Dataset => {
  const texts = sources(cache).flatMap(({ name, licence, paragraphs }) => {
    const found = paragraphs();
    console.log(
      `${name} (${licence}): ${found.length} texts, ${found.reduce((sum, text) => sum + text.length, 0)} characters`,
    );
    return found;
  });
  return Dataset.fromRows([...new Set(texts)].map((text) => ({ text }))).shuffle(42);
};
const texts = corpus();
const heldOut = Math.round(0.01 * texts.length);
const validation = texts.select(Array.from({ length: heldOut }, (_, i) => i));
const train = texts.select(Array.from({ length: texts.length - heldOut }, (_, i) => heldOut + i));

if (!existsSync(at('tokenizer/vocab.txt'))) {
  const vocab = trainWordPiece(train.column('text').toArray() as string[], { vocabSize: 8000, limitAlphabet: 160 });
  await new BertTokenizer({ vocab, modelMaxLength: 256 }).savePretrained(at('tokenizer'));
}
const tokenizer = await BertTokenizer.fromPretrained(at('tokenizer'));

/** A small network in need of everything it can hold: no dropout (Lan et al. 2020, §4.8), and a high learning rate. */
const common: TrainingArgumentsOptions = {
  bf16: values.bf16,
  warmupSteps: 0.06,
  weightDecay: 0.01,
  evalStrategy: 'steps',
  evalSteps: 500,
  loggingSteps: 50,
  saveStrategy: 'steps',
  saveSteps: 500,
  saveTotalLimit: 1,
};
const resumable = (folder: string) =>
  existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('checkpoint-'));

if (!existsSync(at('start/model.safetensors'))) {
  const model = await BertForMaskedLM.fromConfig(
    bertConfig({
      vocabSize: tokenizer.size,
      hiddenSize: 256,
      numHiddenLayers: 4,
      numAttentionHeads: 4,
      intermediateSize: 1024,
      maxPositionEmbeddings: 256,
      hiddenDropoutProb: 0,
      attentionProbsDropoutProb: 0,
    }),
  );
  await model.savePretrained(at('begun'));
  await model.dispose();
  await tokenizer.savePretrained(at('begun'));
  await takeWordEmbeddings(at('begun'), values.teacher);
  renameSync(at('begun'), at('start'));
}

if (!existsSync(at('language/model.safetensors'))) {
  const model = await BertForMaskedLM.fromPretrained(at('start'));
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: train,
    evalDataset: validation,
    args: {
      ...common,
      outputDir: at('language-run'),
      maxSteps: Number(values['language-steps']),
      maxLength: 256,
      perDeviceTrainBatchSize: 16,
      perDeviceEvalBatchSize: 16,
      learningRate: 1e-3,
    },
  });
  await trainer.train({ resumeFromCheckpoint: resumable(at('language-run')) });
  writeFileSync(at('language-metrics.json'), JSON.stringify(await trainer.evaluate()));
  await trainer.saveModel(at('language'));
  await model.dispose();
}

if (!existsSync(at('distilled/model.safetensors'))) {
  /** Short texts, as people classify: what a text says is in its first words. */
  const shortened = (data: Dataset, from: number, to: number): Dataset =>
    Dataset.fromRows(
      (data.column('text').toArray() as string[]).slice(from, to).map((text) => ({ text: text.slice(0, 400) })),
    );
  const withTargets = async (data: Dataset, name: string) => {
    const rows = data.column('text').toArray() as string[];
    const file = at(`${name}.f32`);
    if (!existsSync(file)) writeFileSync(file, await embedTexts(values.teacher, rows));
    const targets = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
    return Dataset.fromRows(
      rows.map((text, i) => ({ text, label: [...targets.subarray(i * embeddingWidth, (i + 1) * embeddingWidth)] })),
    );
  };
  const model = await BertForSequenceClassification.fromPretrained(at('language'), {
    numLabels: embeddingWidth,
    problemType: 'regression',
  });
  const trainer = new Trainer({
    model,
    tokenizer,
    trainDataset: await withTargets(shortened(train, 0, 40_000), 'train'),
    evalDataset: await withTargets(shortened(validation, 0, 400), 'validation'),
    args: {
      ...common,
      outputDir: at('distilled-run'),
      maxSteps: Number(values['distillation-steps']),
      maxLength: 96,
      perDeviceTrainBatchSize: 32,
      perDeviceEvalBatchSize: 32,
      learningRate: 5e-4,
    },
  });
  await trainer.train({ resumeFromCheckpoint: resumable(at('distilled-run')) });
  writeFileSync(at('distilled-metrics.json'), JSON.stringify(await trainer.evaluate()));
  await trainer.saveModel(at('distilled'));
  await model.dispose();
}

rmSync(values.output, { recursive: true, force: true });
await packAsset(at('distilled'), values.output);
console.log(
  `${values.output}: ${readdirSync(values.output)
    .map((name) => `${name} ${readFileSync(join(values.output, name)).length} bytes`)
    .join(', ')}`,
);
