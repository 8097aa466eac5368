import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BertTokenizer, loadDataset } from 'fettle';
import { repository } from './python.ts';

/** Token sequences of any lengths with their classes: what both sides are given. */
export interface Batch {
  readonly inputIds: readonly (readonly number[])[];
  readonly tokenTypeIds: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

/** Where the pre-trained MiniLM and MRPC lie, if they are there. */
export const miniLmFolder = join(repository, '..', 'shared', 'models', 'all-MiniLM-L6-v2');
export const mrpcFolder = join(repository, '..', 'shared', 'data', 'glue', 'MRPC');

export const hasMiniLm = existsSync(miniLmFolder);
export const hasMrpc = hasMiniLm && existsSync(mrpcFolder);

/** Shapes by Python's names of the fields; what is not said is bert-base-uncased's. */
export const shapes = {
  'bert-base': {},
  MiniLM: { hidden_size: 384, num_hidden_layers: 6, num_attention_heads: 12, intermediate_size: 1536 },
} as const;

export type ModelName = keyof typeof shapes;

/** A generator of numbers in [0, 1) from a seed (mulberry32, by Tommy Ettinger, public domain). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Batches without padding: `[CLS]`, random ordinary tokens in two halves, `[SEP]` after each; random classes. */
export function fullBatches(count: number, sequences: number, length: number, seed = 1): Batch[] {
  const random = randomNumbers(seed);
  const middle = length / 2 - 1;
  const row = () =>
    Array.from({ length }, (_, i) => {
      if (i === 0) return 101;
      if (i === middle || i === length - 1) return 102;
      return 1000 + Math.floor(random() * 29000);
    });
  const types = Array.from({ length }, (_, i) => (i <= middle ? 0 : 1));
  return Array.from({ length: count }, () => ({
    inputIds: Array.from({ length: sequences }, row),
    tokenTypeIds: Array.from({ length: sequences }, () => types),
    labels: Array.from({ length: sequences }, () => Math.floor(random() * 2)),
  }));
}

/** Batches of MRPC's training rows in a shuffled order, tokenized by Fettle's tokenizer. */
export async function mrpcBatches(count: number, sequences: number, seed = 1): Promise<Batch[]> {
  const tokenizer = await BertTokenizer.fromPretrained(miniLmFolder);
  const { train } = await loadDataset(mrpcFolder);
  const random = randomNumbers(seed);
  const order = Array.from({ length: train.length }, (_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return Array.from({ length: count }, (_, batch) => {
    const rows = Array.from({ length: sequences }, (_, i) => train.row(order[(batch * sequences + i) % order.length]));
    const { encodings } = tokenizer(
      rows.map((row) => String(row['sentence1'])),
      rows.map((row) => String(row['sentence2'])),
      { truncation: true },
    );
    return {
      inputIds: encodings.map(({ ids }) => [...ids]),
      tokenTypeIds: encodings.map(({ typeIds }) => [...typeIds]),
      labels: rows.map((row) => Number(row['label'])),
    };
  });
}
