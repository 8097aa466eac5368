import { ArgumentError } from '../core/errors.ts';
import type { EngineTensor } from '../engine/engine.ts';
import type { Value } from '../graph/value.ts';
import { crossEntropy, weightedTotal } from '../nn/losses.ts';
import type { PackedBatch, PackOptions, TokenSequence } from '../nn/packing.ts';
import type { ModelBatch } from './programs.ts';

/*
 * The loss over classes that most heads have, and what it is fed. −100 never reaches a graph: a token without a label is
 * not read, and filler has the weight 0.
 */

/** The label of a token that no loss reads (Hugging Face's, from PyTorch's `ignore_index`). */
export const ignoredLabel = -100;

/** How a head lays its batches out; what is read of them is the head's own business. */
export type BatchOptions = Omit<PackOptions, 'reads' | 'readPositions'>;

/**
 * Cross-entropy of the rows of logits `[rows, classes]`, Σ weight · loss · `loss_scale`. Adds the inputs `labels` (int64
 * `[rows]`), `label_weights` `[rows]` (0 for filler) and `loss_scale` to the graph.
 */
export function classificationLoss(logits: Value): Value {
  const { graph } = logits;
  const rows = [logits.shape[0]];
  const losses = crossEntropy(logits, graph.input('labels', 'int64', rows));
  return weightedTotal(losses, graph.input('label_weights', 'float32', rows), graph.input('loss_scale', 'float32', []));
}

/** Labels of a batch's first rows as the graph takes them, for `rows` rows. */
export function classFeeds(labels: ArrayLike<number>, rows: number): Record<'labels' | 'label_weights', EngineTensor> {
  return { labels: int64(labels, rows), label_weights: rowWeights(labels.length, rows) };
}

/** 1 for each of the first `real` of `rows` rows, 0 for the filler behind them. */
export function rowWeights(real: number, rows: number): EngineTensor {
  return { type: 'float32', dims: [rows], data: new Float32Array(rows).fill(1, 0, real) };
}

/** The numbers as int64 `[rows]`, with 0 behind them. */
export function int64(numbers: ArrayLike<number>, rows = numbers.length): EngineTensor {
  const data = new BigInt64Array(rows);
  for (let i = 0; i < numbers.length; i++) data[i] = BigInt(numbers[i]);
  return { type: 'int64', dims: [rows], data };
}

/** Fails unless there is one whole number from 0 to `classes` − 1 for each of `rows` rows. */
export function checkClasses(owner: string, labels: ArrayLike<number>, rows: number, classes: number): void {
  requireLabels(owner, labels.length, rows);
  for (let row = 0; row < rows; row++) if (!isClass(labels[row], classes)) refuse(owner, labels[row], classes, row);
}

/** Fails unless there are as many labels, or lists of them, as rows. */
export function requireLabels(owner: string, labels: number, rows: number): void {
  if (labels === rows) return;
  throw new ArgumentError('ERR_BATCH_LABELS', {
    owner,
    what: 'the rows and their labels are not equally many',
    got: labels,
    expected: `${rows}`,
  });
}

/** The tokens of a batch that have a label. */
export interface LabelledTokens {
  /** Row by row, rising. */
  readonly positions: readonly (readonly number[])[];
  /** In that order. */
  readonly labels: readonly number[];
}

/**
 * Finds the tokens that have a label.
 * @param labels a label a token, row by row; −100 where a token has none.
 * @throws ArgumentError that names the row, where labels do not fit its tokens or are no class.
 */
export function labelledTokens(
  owner: string,
  sequences: readonly TokenSequence[],
  labels: readonly ArrayLike<number>[],
  classes: number,
): LabelledTokens {
  requireLabels(owner, labels.length, sequences.length);
  const found: number[] = [];
  const positions = sequences.map(({ ids }, row) => {
    const ofRow = labels[row];
    if (ofRow.length !== ids.length) {
      throw new ArgumentError('ERR_BATCH_LABELS', {
        owner,
        what: 'a row has not a label for each token',
        row: row + 1,
        got: ofRow.length,
        expected: `${ids.length}`,
        hint: `give ${ignoredLabel} to tokens without a label`,
      });
    }
    const own: number[] = [];
    for (let at = 0; at < ofRow.length; at++) {
      if (ofRow[at] === ignoredLabel) continue;
      if (!isClass(ofRow[at], classes)) refuse(owner, ofRow[at], classes, row);
      own.push(at);
      found.push(ofRow[at]);
    }
    return own;
  });
  return { positions, labels: found };
}

/** A batch of which only the labelled tokens are read. */
export function tokenBatch(
  pack: (sequences: readonly TokenSequence[], options: PackOptions) => PackedBatch,
  sequences: readonly TokenSequence[],
  { positions, labels }: LabelledTokens,
  options: BatchOptions,
): ModelBatch {
  const packed = pack(sequences, { ...options, reads: 'some', readPositions: positions });
  return { packed, labels: classFeeds(labels, packed.lengths['reads']), count: labels.length };
}

function isClass(label: number, classes: number): boolean {
  return Number.isInteger(label) && label >= 0 && label < classes;
}

function refuse(owner: string, label: number, classes: number, row: number): never {
  throw new ArgumentError('ERR_BATCH_LABELS', {
    owner,
    what: 'a label is no class of the model',
    row: row + 1,
    got: label,
    expected: `0 to ${classes - 1}`,
  });
}
