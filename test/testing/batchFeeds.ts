import { hashName } from '../../src/core/random.ts';
import type { DropoutMask, Graph } from '../../src/graph/graph.ts';
import { type NdArray, ndarray } from '../../src/graph/ndarray.ts';
import type { Value } from '../../src/graph/value.ts';
import type { PackedBatch } from '../../src/nn/packing.ts';
import { concrete, fromEngineTensor, randomArray } from './arrays.ts';

/** Which sample a row of the batch is, whatever place it has there: what dropout's bits and weights go by. */
export type SampleOf = (sampleNumber: number) => number;

/**
 * What a traced BERT is fed: the batch's layout, parameters (the same for the same name), dropout masks whose elements are
 * a function of (site, sample, position, unit) or (site, sample, head, query, key), and whatever else is given by name.
 */
export function batchFeeds(
  graph: Graph,
  batch: PackedBatch,
  sampleOf: SampleOf,
  others: Readonly<Record<string, NdArray>>,
): Map<Value, NdArray> {
  const feeds = new Map<Value, NdArray>();
  for (const [name, value] of graph.inputs) {
    const given = others[name] ?? (batch.feeds[name] && fromEngineTensor(batch.feeds[name]));
    if (given === undefined) throw new Error(`the test gives nothing for the input '${name}'`);
    feeds.set(value, given);
  }
  for (const value of graph.parameters.values()) {
    feeds.set(value, randomArray(value.shape as number[], value.name!, -1, 1));
  }
  for (const mask of graph.dropoutMasks) feeds.set(mask.value, maskOf(mask, batch, sampleOf));
  return feeds;
}

function maskOf({ site, probability, value }: DropoutMask, batch: PackedBatch, sampleOf: SampleOf): NdArray {
  const shape = concrete(value.shape, batch.lengths);
  const element = (...place: number[]) =>
    hashName(`${site} ${place.join(' ')}`) / 2 ** 32 < probability ? 0 : 1 / (1 - probability);
  if (shape.length === 2) {
    const { sample, position } = batch.places[value.shape[0]];
    const width = shape[1];
    return ndarray(shape, (i) => {
      const row = Math.floor(i / width);
      return element(sampleOf(sample[row]), position[row], i % width);
    });
  }
  const [, heads, queries, keys] = shape;
  const positions = batch.queryPositions[value.shape[2]];
  return ndarray(shape, (i) => {
    const query = Math.floor(i / keys) % queries;
    const head = Math.floor(i / (keys * queries)) % heads;
    const sequence = Math.floor(i / (keys * queries * heads));
    return element(sampleOf(batch.samples[sequence]), head, positions[sequence * queries + query], i % keys);
  });
}
