import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { configureLog } from '../../src/core/log.ts';
import { RandomStream } from '../../src/core/random.ts';
import { Dataset } from '../../src/data/index.ts';
import {
  BertForSequenceClassification,
  type LabelOptions,
} from '../../src/models/bert/bertForSequenceClassification.ts';
import { type BertConfig, bertConfig } from '../../src/models/bert/configuration.ts';
import { BertTokenizer } from '../../src/tokenizers/index.ts';

const good = ['good', 'great', 'fine', 'lovely', 'superb', 'happy', 'warm', 'bright'];
const bad = ['bad', 'awful', 'poor', 'nasty', 'dull', 'sad', 'cold', 'dark'];
const middling = ['middling', 'average', 'usual', 'plain', 'normal', 'mean', 'common', 'grey'];
const others =
  'the a this that film book song day night cat dog tree house road river was is seems looks feels very quite'.split(
    ' ',
  );

/** Words of each class; the first two make the data of two classes. */
const families = [bad, good, middling];

export const tinyVocab: readonly string[] = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...families.flat(),
  ...others,
];

/** A BERT of a few thousand parameters; dropout as in the real one. */
export function tinyConfig(parts: Partial<BertConfig> = {}): BertConfig {
  return bertConfig({
    vocabSize: tinyVocab.length,
    hiddenSize: 16,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 32,
    maxPositionEmbeddings: 32,
    ...parts,
  });
}

export function tinyTokenizer(): BertTokenizer {
  return new BertTokenizer({ vocab: tinyVocab });
}

/** A tiny model of random weights, disposed of when the test ends. */
export async function tinyModel(parts: Partial<BertConfig> = {}, seed = 1): Promise<BertForSequenceClassification> {
  return disposedLater(await BertForSequenceClassification.fromConfig(tinyConfig(parts), { seed, threads: 1 }));
}

/** {@link BertForSequenceClassification.fromPretrained}, disposed of when the test ends. */
export async function loadTiny(
  directory: string,
  options: LabelOptions & { seed?: number; ignoreMismatchedSizes?: boolean } = {},
): Promise<BertForSequenceClassification> {
  return disposedLater(await BertForSequenceClassification.fromPretrained(directory, { threads: 1, ...options }));
}

function disposedLater(model: BertForSequenceClassification): BertForSequenceClassification {
  onTestFinished(() => model.dispose());
  return model;
}

/** Writes a tiny model with its tokenizer into a directory, as `saveModel` does. */
export async function writeTinyModel(directory: string, parts: Partial<BertConfig> = {}, seed = 1): Promise<void> {
  const model = await tinyModel(parts, seed);
  await model.savePretrained(directory);
  await tinyTokenizer().savePretrained(directory);
}

/** Short texts of many lengths, and the number of the family of words that one word of each is from. */
export function toyTexts(count: number, { seed = 1, classes = 2 } = {}): { text: string; label: number }[] {
  const random = new RandomStream(seed, 'toy');
  const pick = (words: readonly string[]) => words[Math.floor(random.uniform() * words.length)];
  return Array.from({ length: count }, (_, row) => {
    const label = row % classes;
    const words = Array.from({ length: 2 + Math.floor(random.uniform() * 8) }, () => pick(others));
    words[Math.floor(random.uniform() * words.length)] = pick(families[label]);
    return { text: words.join(' '), label };
  });
}

/** {@link toyTexts} with what `label` makes of the class: numbers by default. */
export function toyDataset<L extends string | number | boolean | null | readonly number[] = number>(
  count: number,
  {
    label = (id) => id as L,
    ...options
  }: { seed?: number; classes?: number; label?: (id: number, row: number) => L } = {},
): Dataset {
  return Dataset.fromRows(
    toyTexts(count, options).map(({ text, label: id }, row) => ({ text, label: label(id, row) })),
  ) as unknown as Dataset;
}

/** A new folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Gathers log lines, `warn: …`, in place of printing them, until the test ends. */
export function gatherLog(): string[] {
  const lines: string[] = [];
  onTestFinished(configureLog({ level: 'info', sink: (level, message) => lines.push(`${level}: ${message}`) }));
  return lines;
}

export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} numbers, expected ${expected.length}`);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(actual[i] - expected[i]));
  return largest;
}
